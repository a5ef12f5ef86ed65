"""Replicas for the whole fleet, with the prices of what is short and a bound that no plan can beat; or the proof that there is none.

Column generation on the Lagrangian of what is shared: prices, each workload's best mixes at them, better prices. Any prices give a bound. Up to
EXACT workloads all mixes that an optimal plan may use are then listed and chosen from exactly (bound = optimum = cost).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from steelyard.core.planning.columns import Columns
from steelyard.core.planning.finishing import Finishing
from steelyard.core.planning.fleet import SLACK, Flags, Fleet, Index, Reals, Whole
from steelyard.core.planning.knapsack import FEW_WALKED, MOST_WALKED
from steelyard.core.planning.mixes import mixes, singles
from steelyard.core.planning.pool_prices import climb
from steelyard.core.planning.share_out import share_out
from steelyard.core.planning.shortage import Shortage, shortage
from steelyard.core.planning.warm import Trail, changed

SMOOTHINGS = (3e-2, 3e-3, 5e-4)
AGAIN = 2
"""Rounds more at the same smoothing: while mixes were missing that change the value by FAR, and at last while the gap is not ENOUGH."""
FAR = 3e-2
EXACT = 100
"""Workloads up to which the plan is finished exactly."""
ENOUGH = 1e-3
"""Gap that a plan may have before better prices are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlanned:
    """replicas: (W, P). cost: money per hour; bound <= optimum <= cost. prices: (P + B,) money per hour and device, money per money.

    without: workloads that no mix carries, whatever the pools had; unknown: those that none was found for. They get no replicas here and are
    in neither figure. trail: what a next plan begins from.
    """

    replicas: Whole
    without: tuple[int, ...] = ()
    unknown: tuple[int, ...] = ()
    cost: float
    bound: float
    prices: Reals
    trail: Trail | None = None

    @property
    def gap(self) -> float:
        """(cost - bound) / cost; 0 at cost 0."""
        return 0.0 if self.cost == 0 else (self.cost - self.bound) / self.cost


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetInfeasible:
    """No plan exists. prices: (P + B,) in [0, 1] of what is short. missing: units of it that are missing at least; 0 where only the choice
    among all mixes proved it."""

    missing: float
    prices: Reals


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetUndecided:
    """No plan was found, and no proof that there is none. bound: no plan costs less. prices: at which that holds."""

    bound: float
    prices: Reals


FleetOutcome: TypeAlias = FleetPlanned | FleetInfeasible | FleetUndecided


def share_pools(fleet: Fleet, trail: Trail | None = None) -> FleetOutcome:
    """A plan for all workloads that any mix carries. trail: of an earlier plan; what has not changed since is not computed again."""
    if trail is not None and fleet.workloads > EXACT:
        again = _warm(fleet, trail)
        if again is not None:
            return again
    nothing = np.zeros(fleet.limits.size)
    row, replicas = singles(fleet)
    # Where something is short these are no more than a beginning.
    for walked in (FEW_WALKED, MOST_WALKED):
        found = mixes(fleet, nothing, walked=walked)
        served = np.unique(np.concatenate([row, found.row]))
        if served.size == fleet.workloads:
            columns = Columns.of(fleet, np.concatenate([row, found.row]), np.concatenate([replicas, found.replicas]))
            if found.exact.all() or not _fits(fleet, columns, columns.cheapest(nothing[: columns.taken.shape[1]])):
                break
    if served.size < fleet.workloads:
        part = share_pools(fleet.only(served)) if served.size else _empty(fleet)
        return _among(part, fleet, served, np.isinf(found.bound))
    return _plan(fleet, columns, nothing, found.bound, SMOOTHINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ascent:
    """columns: all that were found. prices, least: those of the best `bound`. chosen: the cheapest plan seen, if any."""

    columns: Columns
    prices: Reals
    least: Reals
    bound: float
    chosen: Index | None


def _plan(fleet: Fleet, columns: Columns, prices: Reals, least: Reals, smoothings: tuple[float, ...]) -> FleetOutcome:
    """From prices and each workload's `least` (W,) priced cost there."""
    top = _ascend(fleet, columns, prices, least, smoothings)
    short: Shortage | None = None
    if top.chosen is None:
        short = shortage(fleet, top.columns)
        if short.missing > SLACK:
            return FleetInfeasible(missing=short.missing, prices=short.prices)
        top = replace(top, columns=short.columns, chosen=_thrifty(fleet, short, top.prices))
    columns, replicas = top.columns, None if top.chosen is None else top.columns.replicas[top.chosen]
    prices, least, bound = top.prices, top.least, top.bound
    if fleet.workloads <= EXACT:
        end = Finishing(fleet, columns, replicas, prices, least, bound)
        end.finish(short)
        if end.replicas is None and end.bound == np.inf:
            assert short is not None
            return FleetInfeasible(missing=0.0, prices=short.prices)
        columns, replicas, prices, least, bound = end.columns, end.replicas, end.prices, end.least, end.bound
    if replicas is None:
        return FleetUndecided(bound=bound, prices=prices)
    cost = float(fleet.price(np.arange(fleet.workloads), replicas).sum())
    trail = Trail(fleet=fleet, columns=columns, prices=prices, least=least)
    return FleetPlanned(replicas=replicas, cost=cost, bound=min(bound, cost), prices=prices, trail=trail)


def _ascend(fleet: Fleet, columns: Columns, prices: Reals, least: Reals, smoothings: tuple[float, ...]) -> _Ascent:
    """Better prices at ever less smoothing, and the mixes that are best at each; done at once where nothing is short."""
    limited = np.isfinite(fleet.limits)
    limit = fleet.limits[limited]
    best, bound = (prices, least), float(least.sum() - prices[limited] @ limit)
    cheapest = columns.cheapest(prices[limited])
    if not prices.any() and _fits(fleet, columns, cheapest):
        return _Ascent(columns=columns, prices=prices, least=least, bound=bound, chosen=cheapest)
    chosen: Index | None = None
    step, again = 0, AGAIN
    while step < len(smoothings):
        smoothing, last = smoothings[step], step == len(smoothings) - 1
        temperature = smoothing * np.minimum.reduceat(columns.cost, columns.start)
        prices = prices.copy()
        prices[limited] = climb(columns, limit, prices[limited], temperature, precision=1e-7 if last else 1e-5)
        # Only the last prices have to prove something.
        found = mixes(fleet, prices, walked=MOST_WALKED if last else FEW_WALKED)
        value = float(found.bound.sum() - prices[limited] @ limit)
        if value > bound:
            bound, best = value, (prices, found.bound)
        far = value < columns.value(prices[limited], limit) * (1 - FAR)
        columns = columns.and_(fleet, found.row, found.replicas)
        if last:
            chosen = _cheaper(columns, *(share_out(columns, limit, p[limited]) for p in _distinct(prices, best[0])))
            far = chosen is None or bound < float(columns.cost[chosen].sum()) * (1 - ENOUGH)
        if far and again:
            again -= 1
        else:
            step += 1
    return _Ascent(columns=columns, prices=best[0], least=best[1], bound=bound, chosen=chosen)


def _distinct(prices: Reals, best: Reals) -> tuple[Reals, ...]:
    return (prices,) if best is prices else (prices, best)


def _thrifty(fleet: Fleet, short: Shortage, prices: Reals) -> Index | None:
    """The cheaper of two plans: one that begins from what takes least of what is short, and one at the best prices."""
    limited = np.isfinite(fleet.limits)
    limit, columns = fleet.limits[limited], short.columns
    thrifty = share_out(columns.costing(short.epsilon), limit, short.prices[limited])
    if thrifty is not None:
        thrifty = share_out(columns, limit, np.zeros(limit.size), thrifty)
    return _cheaper(columns, thrifty, share_out(columns, limit, prices[limited]))


def _warm(fleet: Fleet, trail: Trail) -> FleetOutcome | None:
    """Prices and columns of the earlier plan where they still do; None where they do not."""
    rows = changed(trail.fleet, fleet)
    if rows is None:
        return None
    part = fleet.only(rows)
    found = mixes(part, trail.prices)
    alone, replicas = singles(part)
    if np.unique(np.concatenate([alone, found.row])).size < rows.size:
        return None
    least = trail.least.copy()
    least[rows] = found.bound
    columns = trail.columns.instead(fleet, rows, np.concatenate([rows[alone], rows[found.row]]), np.concatenate([replicas, found.replicas]))
    limited = np.isfinite(fleet.limits)
    limit = fleet.limits[limited]
    bound = float(least.sum() - trail.prices[limited] @ limit)
    chosen = share_out(columns, limit, trail.prices[limited])
    if chosen is not None:
        cost = float(columns.cost[chosen].sum())
        if bound >= cost * (1 - ENOUGH):
            kept = Trail(fleet=fleet, columns=columns, prices=trail.prices, least=least)
            return FleetPlanned(replicas=columns.replicas[chosen], cost=cost, bound=min(bound, cost), prices=trail.prices, trail=kept)
    return _plan(fleet, columns, trail.prices, least, SMOOTHINGS[1:])


def _fits(fleet: Fleet, columns: Columns, chosen: Index) -> bool:
    limit = fleet.limits[np.isfinite(fleet.limits)]
    return bool((columns.taken[chosen].sum(axis=0) <= limit + SLACK * np.maximum(1.0, limit)).all())


def _cheaper(columns: Columns, *plans: Index | None) -> Index | None:
    found = [plan for plan in plans if plan is not None]
    return min(found, key=lambda plan: float(columns.cost[plan].sum()), default=None)


def _among(part: FleetOutcome, fleet: Fleet, served: Index, impossible: Flags) -> FleetOutcome:
    if not isinstance(part, FleetPlanned):
        return part
    replicas = np.zeros((fleet.workloads, fleet.pools), dtype=np.int64)
    replicas[served] = part.replicas
    rest = np.setdiff1d(np.arange(fleet.workloads), served)
    return replace(
        part,
        replicas=replicas,
        without=tuple(int(w) for w in rest if impossible[w]),
        unknown=tuple(int(w) for w in rest if not impossible[w]),
        trail=None,
    )


def _empty(fleet: Fleet) -> FleetPlanned:
    none = np.zeros((0, fleet.pools), dtype=np.int64)
    return FleetPlanned(replicas=none, cost=0.0, bound=0.0, prices=np.zeros(fleet.limits.size))
