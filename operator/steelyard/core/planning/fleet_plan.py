"""Replicas for the whole fleet, with the prices of what is short and a bound that no plan can beat."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from steelyard.core.planning.columns import Columns
from steelyard.core.planning.fleet import Fleet, Reals, Whole
from steelyard.core.planning.mixes import Index, mixes, singles
from steelyard.core.planning.pool_prices import climb
from steelyard.core.planning.share_out import share_out

SMOOTHINGS = (3e-2, 3e-3, 3e-4, 3e-4)
_SLACK = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlanned:
    """replicas: (W, P). cost: money per hour; bound <= optimum <= cost. prices: (P,) money per hour and device.

    without: workloads that no mix was found for, whatever the pools had; they get no replicas here and are in neither figure.
    """

    replicas: Whole
    without: tuple[int, ...]
    cost: float
    bound: float
    prices: Reals

    @property
    def gap(self) -> float:
        """(cost - bound) / cost; 0 at cost 0."""
        return 0.0 if self.cost == 0 else (self.cost - self.bound) / self.cost


def share_pools(fleet: Fleet) -> FleetPlanned | None:
    """A plan for all workloads; None where none was found, which proves nothing."""
    prices = np.zeros(fleet.pools)
    found = mixes(fleet, prices)
    row, replicas = singles(fleet)
    served = np.unique(np.concatenate([row, found.row]))
    without = np.setdiff1d(np.arange(fleet.workloads), served)
    if without.size:
        part = share_pools(fleet.only(served)) if served.size else _nothing(fleet)
        return part and _among(part, fleet, served, without)

    limited = np.isfinite(fleet.limit)
    limit = fleet.limit[limited]
    bound, best = float(found.bound.sum()), prices
    columns = Columns.of(fleet, np.concatenate([row, found.row]), np.concatenate([replicas, found.replicas]))
    chosen = columns.cheapest(prices[limited])
    if (columns.devices[chosen].sum(axis=0) > limit + _SLACK * np.maximum(1.0, limit)).any():
        for smoothing in SMOOTHINGS:
            prices = prices.copy()
            prices[limited] = climb(columns, limit, prices[limited], smoothing)
            found = mixes(fleet, prices)
            value = float(found.bound.sum() - prices[limited] @ limit)
            if value > bound:
                bound, best = value, prices
            columns = columns.and_(fleet, found.row, found.replicas)
        plans = [plan for at in (best, prices) if (plan := share_out(columns, limit, at[limited])) is not None]
        if not plans:
            return None
        chosen = min(plans, key=lambda plan: float(columns.cost[plan].sum()))
    cost = float(columns.cost[chosen].sum())
    return FleetPlanned(replicas=columns.replicas[chosen], without=(), cost=cost, bound=min(bound, cost), prices=best)


def _among(part: FleetPlanned, fleet: Fleet, served: Index, without: Index) -> FleetPlanned:
    replicas = np.zeros((fleet.workloads, fleet.pools), dtype=np.int64)
    replicas[served] = part.replicas
    return replace(part, replicas=replicas, without=tuple(int(w) for w in without))


def _nothing(fleet: Fleet) -> FleetPlanned:
    none = np.zeros((0, fleet.pools), dtype=np.int64)
    return FleetPlanned(replicas=none, without=(), cost=0.0, bound=0.0, prices=np.zeros(fleet.pools))
