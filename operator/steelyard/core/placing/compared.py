"""The two ends of the move under way, compared over the same minutes: the promise, and what a good request costs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Move, MoveKind
from steelyard.core.facts.unit_cost import Unit
from steelyard.core.facts.window import Window, since, undisturbed
from steelyard.core.performance.batching import batch_law
from steelyard.core.performance.capacity import RHO, busy_at_capacity
from steelyard.core.performance.kept import kept
from steelyard.core.performance.per_request import per_request
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.others import others_of
from steelyard.core.placing.room import price
from steelyard.core.planning.counting import Counting, units_in
from steelyard.core.planning.option import UNBOUNDED
from steelyard.core.planning.sizing import need
from steelyard.core.rebalancing.break_even import break_even
from steelyard.core.rebalancing.cost_test import CostTest, Laws, cost_ratio, judge, log_ratios
from steelyard.core.statistics.interval import Interval
from steelyard.core.statistics.sequential import Result, Test
from steelyard.core.vocabulary.reading import Fresh


def judged_by(seen: Analysis, move: Move) -> tuple[tuple[Window, ...], tuple[Window, ...]]:
    """Windows of the target and of the source since the step began by which the target is judged: those that are evidence. Where a revision is rolled
    out of a server that never tells which requests were in time, all that is read of both: what surely failed is what anybody sees there."""
    ends = (move.target, move.source)
    found = [seen.windows(key) for key in ends]
    if move.kind is MoveKind.REVISION and not any(found):
        found = [undisturbed(seen.every_window(key)) for key in ends]
    theirs, ours = (since(windows, move.step_time) for windows in found)
    return theirs, ours


def promise_test(seen: Analysis, move: Move) -> Test:
    """Violations of the target against the source's since the step began."""
    theirs, ours = judged_by(seen, move)
    allowed = seen.snapshot.workload.allowed
    if move.kind is MoveKind.RESCUE:  # What is left is no measure of what is looked for.
        return kept(theirs, allowed).test
    test = kept(theirs, allowed, ours).test
    if move.kind is MoveKind.REVISION and theirs and not any(w.offered for w in (*theirs, *ours)):
        return Test(Result.PASS, 0, 0, test.p0, test.p1)  # Proven idle: nothing to wait for.
    if seen.snapshot.workload.sized_elsewhere and theirs:
        source = kept(ours, allowed).test
        if 2 * source.bad >= source.n:
            # What both miss, and what is missed when the source is gone, are too few replicas, which are somebody else's to add. Beside a source that
            # keeps the promise better the target has had its verdict.
            return replace(test, result=Result.PASS)
    return test


def cost_test(seen: Analysis, move: Move) -> CostTest:
    """Cost per good request, or per token where the objective counts these, at capacity: of the target against the source's since the step began, at
    today's prices and load.

    Where a server does not tell how much of a replica a request takes, or computes texts together, of which each takes less of it the more there are,
    the capacity of the target is what is known of it: by its batches, its iterations, or by the loads that it carried and that broke its promise.
    """
    nothing = judge(None, 0, (0.0, 0.0))
    here, there, capacity = seen.option(move.source.pool), seen.option(move.target.pool), seen.capacity(move.source)
    if here is None or there is None or not here.each or not there.each or not capacity or seen.load is None:
        return nothing
    if not isinstance(here.price, Fresh) or not isinstance(there.price, Fresh):
        return nothing
    # As the plan had it when the move began: what the target takes is allotted to it, and what the source leaves is not. A later plan may have others
    # there, which are as good for the fleet; a move that goes back for it is good for nobody.
    left = price(seen, here)
    prices = price(seen, there).each / (left.each + left.worth)
    theirs, ours = since(seen.windows(move.target), move.step_time), since(seen.windows(move.source), move.step_time)
    if not theirs or not ours:
        return nothing
    unit = _counted_by(seen.snapshot.workload.unit, theirs, ours)
    laws = Laws(*(batch_law(seen.windows(key)) for key in (move.target, move.source)))
    ratios = log_ratios(theirs, ours, unit, laws)
    told = all(
        any(w.occupied_seconds is not None for w in side) and not any(w.streams is not None for w in side) for side in (theirs, ours)
    )
    ratio, n = (
        (cost_ratio(ratios, prices * _busier(seen, move), laws), len(ratios))
        if told
        else (_by_bounds(seen, move.target, prices * capacity / _longer(theirs, ours, unit)), len(theirs))
    )
    # As the allocation was chosen: what is kept ready is paid too.
    ratio = None if ratio is None else ratio.times(there.reserve / here.reserve)
    return judge(ratio, n, _limits(seen, move, capacity, prices))


def _busier(seen: Analysis, move: Move) -> float:
    """How many times as busy a replica of the source may be as one of the target: of two servers the faster one waits less at the same part of its
    time, and carries a larger part of what it would when full."""
    source, target = (busy_at_capacity(seen.windows(key), seen.snapshot.workload.promise) or RHO for key in (move.source, move.target))
    return source / target


def _counted_by(unit: Unit, theirs: Sequence[Window], ours: Sequence[Window]) -> Unit:
    """What the objective counts, where both sides tell it; else requests, on both."""
    return unit if all(units_in(w, unit) is not None for w in (*theirs, *ours)) else Unit.GOOD_REQUESTS


def _longer(theirs: Sequence[Window], ours: Sequence[Window], unit: Unit) -> float:
    """How many of the source's requests one of the target's is over the same minutes."""
    there, here = (per_request(side, random.Random(side[-1].end.isoformat())) for side in (theirs, ours))
    return Counting(unit, here).worth(there)


def _limits(seen: Analysis, move: Move, capacity: float, prices: float) -> tuple[float, float]:
    """Ratios of cost below which the move saves, at usual loads: at most of them, and at any. Of a part, any that is below one: the numbers on both
    pools follow the load, and those that cost less stay."""
    assert seen.load is not None
    if move.source_goal:
        return 1.0, 1.0
    scaling, staying = seen.snapshot.workload.scaling, others_of(seen, move).ready + move.target_base
    least = max(scaling.least, seen.snapshot.workload.choice(move.target.pool).minimum) - staying
    limits = []
    for rate in seen.load.usual:
        # Beside others the replicas that stand count; of all of it those that the load needs, as when the move was begun.
        given = move.source_replicas if staying else need(rate, capacity, scaling.least, UNBOUNDED)
        limits.append(break_even(rate, given, staying, capacity, prices, least))
    return median(limits), max(limits)


def _by_bounds(seen: Analysis, target: PlacementKey, worth: float) -> Interval | None:
    """worth: the ratio of prices times the capacity that the source is taken to have."""
    known = seen.kept.get(target)
    if known is None or known.capacity is None or not known.capacity.observed:
        return None
    rate = known.capacity.rate
    # What was only carried may carry any more: nothing says that it is not cheaper.
    cheapest = 0.0 if known.capacity.at_least else worth / rate.upper
    return Interval(worth / rate.point, cheapest, worth / rate.lower)
