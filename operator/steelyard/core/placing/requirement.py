"""The load that the replicas have to carry: what is asked now, what may be asked when a replica that is ordered now is ready, and one replica more
where the promise is broken with all that there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import sqrt

from steelyard.core.facts.memory import MoveKind
from steelyard.core.facts.snapshot import Placement
from steelyard.core.facts.window import Window
from steelyard.core.performance.capacity import without_backlog
from steelyard.core.performance.kept import kept
from steelyard.core.placing.analysis import Analysis, of_load
from steelyard.core.placing.supply import coming
from steelyard.core.planning.enough import Stand, carried
from steelyard.core.planning.load import RECENT, chance_peak
from steelyard.core.planning.sizing import PROBE, ROUNDING
from steelyard.core.statistics.sequential import Result, Test

UNUSED = 900.0
"""Seconds after which what is not needed goes though it may soon be needed again: a replica is paid for two or three minutes until it is back."""
HIDDEN_SIGMAS = 2.0
"""Standard deviations by which the load's mean over that time may be more than it was: what is near a whole number of replicas stays there."""
HEADROOM = 0.5
"""Part of the objective's time that the slowest hundredth may take where a replica less is tried."""


def needed(seen: Analysis, stands: Sequence[Stand], promise: Test) -> float:
    """Requests per second that must be carried; where nothing is read, what was wanted when something last was. promise: as it is kept now."""
    if seen.load is None:
        wanted = {"/".join(p.key): p.desired for p in seen.members}
        return _carried(seen, [replace(s, replicas=wanted[s.name]) for s in stands]) * (1 - ROUNDING)
    asked = seen.asked * (1 - ROUNDING)
    if promise.result is Result.FAIL and _may_help(seen):
        # Whatever the capacities are taken for: one replica more than there are.
        return max(asked, _carried(seen, stands) * (1 + ROUNDING))
    # A replica less that is being tried has shown nothing yet: added again at once, it would be taken away again at once.
    return min(asked, _carried(seen, stands)) if _is_tried(seen, stands, promise) else asked


def kept_for(seen: Analysis, stands: Sequence[Stand], load: float, slack: float) -> float:
    """Requests per second that must stay carried when replicas go, where `load` must be, `slack` of a replica included, as far as chance may show so
    much more within RECENT windows. Of capacities that are only loads which were carried, what chance may show of the load is that."""
    assert seen.load is not None
    held = seen.load.peak if seen.is_a_guess else seen.load.held
    seconds = RECENT * seen.snapshot.workload.rebalancing.window_seconds
    chance = chance_peak(seen.load.mean, seconds) - seen.load.mean
    spare = min(slack * min((s.capacity for s in stands if s.replicas), default=0.0), chance)
    return max(load, held * (1 - ROUNDING)) + spare


def needed_lately(seen: Analysis, load: float) -> float | None:
    """Requests per second that had to be carried at most within UNUSED, where `load` must be, and what chance may hide of them; None where that is not
    known, or rests on a guess."""
    if seen.load is None or seen.is_a_guess or (most := seen.load.most_within(UNUSED)) is None:
        return None
    return max(load, most * (1 - ROUNDING)) + HIDDEN_SIGMAS * sqrt(seen.load.mean / UNUSED)


def may_try_less(seen: Analysis, promise: Test) -> bool:
    """Whether one replica less may be tried, since what one can carry is not known: all that serve answer in half the time that they may take,
    the promise holds, and the step loads the others by no more than PROBE."""
    total = sum(p.desired for p in seen.members)
    if total < 2 or total / (total - 1) > PROBE or total <= seen.snapshot.workload.scaling.least:
        return False
    if promise.result is not Result.PASS:
        return False
    return all(p.ready == p.desired and seen.only_carried(p.key) and answers_fast(seen, p) for p in seen.members)


def answers_fast(seen: Analysis, placement: Placement) -> bool:
    """Whether even the slowest hundredth took no more than HEADROOM of its time in every recent window. Not told is not fast."""
    times = [w.p99_milliseconds for w in seen.windows(placement.key)[-RECENT:]]
    most = min((o.milliseconds for o in seen.snapshot.workload.latency), default=None)
    return most is not None and bool(times) and all(t is not None and t <= HEADROOM * most for t in times)


def promise_now(seen: Analysis) -> Test:
    """The promise over those of the last windows in which as many replicas ran as are ready or surely coming: an older one would ask for a replica
    at every look until it is forgotten, and one while some are starting for more of them."""
    allowed = seen.snapshot.workload.allowed
    parts = [(without_backlog(of_load(seen.every_window(p.key)[-RECENT:]), allowed), n) for p in seen.members if (n := coming(seen, p))]
    ran: list[Window] = []
    for back in range(1, RECENT + 1):
        then = [(windows[-back], wanted) for windows, wanted in parts if len(windows) >= back]
        if len(then) < len(parts) or any(abs(w.replicas - wanted) > 0.5 for w, wanted in then):
            break
        ran += [w for w, _ in then]
    return kept(ran, allowed).test


def _may_help(seen: Analysis) -> bool:
    """Whether a replica more may mend a broken promise: not where a pool keeps it at no load, nor while one is left for that."""
    move = seen.snapshot.memory.move
    return not (move is not None and move.kind is MoveKind.RESCUE) and not any(seen.is_hopeless(p.key) for p in seen.members)


def _is_tried(seen: Analysis, stands: Sequence[Stand], promise: Test) -> bool:
    if seen.load is None or seen.load.n == 0 or not seen.members or promise.n > 0:
        return False
    if not all(seen.only_carried(p.key) for p in seen.members):
        return False
    return seen.load.now <= PROBE * _carried(seen, stands)


def _carried(seen: Analysis, stands: Sequence[Stand]) -> float:
    return carried(stands, weighted=seen.snapshot.weighted)
