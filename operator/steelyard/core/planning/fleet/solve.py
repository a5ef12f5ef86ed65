"""Replicas for the whole fleet, with the prices of what is short and a bound that no plan can beat; or the proof that there is none.

Column generation on the Lagrangian of what is shared: prices, each workload's best mixes at them, better prices. Any prices give a bound. Of few
workloads all mixes that an optimal plan may use are then listed and chosen from exactly (bound = optimum = cost).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from steelyard.core.planning.fleet.column_generation import SMOOTHINGS, Ascent, generate
from steelyard.core.planning.fleet.columns import Columns
from steelyard.core.planning.fleet.effort import USUAL, Effort
from steelyard.core.planning.fleet.exact import finish
from steelyard.core.planning.fleet.fleet import TOLERANCE, Flags, Fleet, Index, Whole
from steelyard.core.planning.fleet.infeasibility import Proof, prove
from steelyard.core.planning.fleet.outcome import FleetInfeasible, FleetOutcome, FleetPlanned, FleetUndecided
from steelyard.core.planning.fleet.polishing import polish
from steelyard.core.planning.fleet.pricing import mixes, singles
from steelyard.core.planning.fleet.rounding import cheaper, rounded
from steelyard.core.planning.fleet.warm_start import WarmStart, changed

LOWER = (0.98, 0.95)
"""Parts of the best prices at which a plan is rounded in turn, where exchanges find none at the full ones and one may be."""


def share_pools(fleet: Fleet, warm_start: WarmStart | None = None, effort: Effort = USUAL) -> FleetOutcome:
    """A plan for all workloads that any mix carries. warm_start: of an earlier plan; what has not changed since is not computed again."""
    if warm_start is not None and fleet.workloads > effort.exact:
        again = _warm(fleet, warm_start, effort)
        if again is not None:
            return again
    found = mixes(fleet, np.zeros(fleet.limits.size))
    row, replicas = singles(fleet)
    served = np.unique(found.row)
    if served.size < fleet.workloads:
        part = share_pools(fleet.only(served), effort=effort) if served.size else _empty(fleet)
        return _among(part, fleet, served, np.isinf(found.bound))
    # Where something is short, mixes of one pool are no more than a beginning.
    columns = Columns.of(fleet, np.concatenate([row, found.row]), np.concatenate([replicas, found.replicas]))
    begin = Ascent(columns=columns, prices=np.zeros(fleet.limits.size), least=found.bound, bound=float(found.bound.sum()), replicas=None)
    return _plan(fleet, begin, SMOOTHINGS, effort)


def _plan(fleet: Fleet, begin: Ascent, smoothings: tuple[float, ...], effort: Effort) -> FleetOutcome:
    """Ascend, prove or round, and finish exactly what is small enough."""
    top = generate(fleet, begin, smoothings, effort)
    proof: Proof | None = None
    if top.replicas is None:
        proof = prove(fleet, top.columns)
        if proof.missing > TOLERANCE:
            return FleetInfeasible(missing=proof.missing, prices=proof.prices)
        top = replace(top, columns=proof.columns, replicas=_at_lower_prices(fleet, proof, top, effort))
    if fleet.workloads <= effort.exact:
        end = finish(fleet, top, proof, effort)
        if end.replicas is None and end.bound == np.inf:
            return FleetInfeasible(missing=0.0, prices=np.zeros(fleet.limits.size) if proof is None else proof.prices)
        top = end
    return _outcome(fleet, top)


def _outcome(fleet: Fleet, top: Ascent) -> FleetOutcome:
    if top.replicas is None:
        return FleetUndecided(bound=top.bound, prices=top.prices)
    cost = float(fleet.price(np.arange(fleet.workloads), top.replicas).sum())
    kept = WarmStart(fleet=fleet, replicas=top.replicas, columns=top.columns, prices=top.prices, least=top.least)
    return FleetPlanned(replicas=top.replicas, cost=cost, bound=min(max(top.bound, 0.0), cost), prices=top.prices, warm_start=kept)


def _at_lower_prices(fleet: Fleet, proof: Proof, top: Ascent, effort: Effort) -> Whole | None:
    """A plan where exchanges find none at the best prices: the cheaper of the first at lower ones and one that begins from what uses least of what
    is short."""
    limited = np.isfinite(fleet.limits)
    limit, columns = fleet.limits[limited], proof.columns
    at_lower = (rounded(columns, limit, top.prices[limited] * part) for part in LOWER)
    sparing = rounded(columns.costing(proof.epsilon), limit, proof.prices[limited])
    if sparing is not None:
        sparing = rounded(columns, limit, np.zeros(limit.size), sparing)
    chosen = cheaper(columns, next((plan for plan in at_lower if plan is not None), None), sparing)
    return None if chosen is None else polish(fleet, columns, top.prices, columns.replicas[chosen], top.bound, effort)


def _warm(fleet: Fleet, before: WarmStart, effort: Effort) -> FleetOutcome | None:
    """Prices and columns of the earlier plan where they still do; None where they do not."""
    rows = changed(before.fleet, fleet)
    if rows is None:
        return None
    part = fleet.only(rows)
    found = mixes(part, before.prices)
    if np.unique(found.row).size < rows.size:
        return None
    alone, replicas = singles(part)
    least = before.least.copy()
    least[rows] = found.bound
    # The earlier plan is among the columns of those that have not changed.
    kept = np.setdiff1d(np.arange(fleet.workloads), rows)
    row = np.concatenate([rows[alone], rows[found.row], kept])
    columns = before.columns.instead(fleet, rows, row, np.concatenate([replicas, found.replicas, before.replicas[kept]]))
    limited = np.isfinite(fleet.limits)
    limit = fleet.limits[limited]
    bound = float(least.sum() - before.prices[limited] @ limit)
    begin = columns.cheapest(before.prices[limited])
    begin[kept] = columns.places(fleet, before.replicas)[kept]
    chosen = rounded(columns, limit, before.prices[limited], begin)
    top = Ascent(
        columns=columns, prices=before.prices, least=least, bound=bound, replicas=None if chosen is None else columns.replicas[chosen]
    )
    if chosen is not None and bound >= float(columns.cost[chosen].sum()) * (1 - effort.warm_gap):
        return _outcome(fleet, top)
    return _plan(fleet, top, SMOOTHINGS[1:], effort)


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
        warm_start=None,
    )


def _empty(fleet: Fleet) -> FleetPlanned:
    none = np.zeros((0, fleet.pools), dtype=np.int64)
    return FleetPlanned(replicas=none, cost=0.0, bound=0.0, prices=np.zeros(fleet.limits.size))
