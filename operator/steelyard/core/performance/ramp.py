"""From the steps of a probe to what one replica carries, with both ends, and to what it completes at most.

Which part of the requests misses the objective rises with the load, so steps that say otherwise are pooled with their neighbours (isotonic
regression; Ayer and others, An empirical distribution function for sampling with incomplete information, 1955). The capacity lies between the
highest load that kept the promise and the lowest that broke it. Three doubts widen that. A step has few requests, so that what it missed is known
within binomial bounds (Wilson, 1927). Late requests come in clusters. And a step is short and begins with an empty queue: what arrives in it is
more or less than its rate, and a load that is a little too much shows only after a while.

A server that was full bounds what the steps say (`borne.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import accumulate
from math import inf, sqrt

from steelyard.core.facts.capacity import CLAIM_SPREAD, Basis, Capacity, Saturation
from steelyard.core.facts.memory import Known
from steelyard.core.facts.probe import Probe, ProbeState, ProbeStep
from steelyard.core.facts.snapshot import LatencyObjective
from steelyard.core.performance.ageing import SURE_FOR
from steelyard.core.performance.borne import borne
from steelyard.core.performance.capacity import FULL
from steelyard.core.performance.probe_steps import load_of, told
from steelyard.core.performance.when_full import when_full
from steelyard.core.statistics.interval import Interval
from steelyard.core.statistics.sequential import wilson
from steelyard.core.statistics.significant import significant

RISES = 3.0
"""The part that is late rises at least with this power of the load where it is about what a promise allows: of one server that takes requests in turn
and may take three service times (M/D/1); any other rises faster. So a load that may have been late with more than is allowed bounds a lower one."""
SLIGHTLY = 2.0
"""Times what is allowed, that about what a promise allows is."""
NEAR = 1.25
"""Times the limit, either way, within which a step tells of it."""
SHORT = 4.8
"""Times 1 / sqrt(requests) that the limit is uncertain by since steps are short: 1.96 standard errors of a count with six times the variance of a
Poisson one. Found with simulated servers (tests/property/core/test_ramps.py)."""
TOGETHER = 2.0
"""Requests that are taken to be late together."""


@dataclass(frozen=True, slots=True)
class _Point:
    """Of one step: `load` as it came, in requests per second; `missed` of `sent` missed the objective; `part` as pooled."""

    load: float
    sent: int
    missed: int
    part: float = 0.0


def probed_capacity(steps: Sequence[ProbeStep], allowed: float, promised: Sequence[LatencyObjective] = ()) -> Capacity | None:
    """Requests per second at which the promise is just kept; None where it was broken at the lowest load, or nothing was told.

    allowed: part of the requests that may miss it. promised: for how long a request may wait. Where it was kept up to the highest load, that load was
    carried and there is no upper end.
    """
    points = _pooled(told(steps))
    kept = max((p.load for p in points if p.part <= allowed), default=None)
    if kept is None:
        return None
    good = sum(s.good for s in told(steps))
    broken = min((p.load for p in points if p.part > allowed), default=None)
    if broken is not None and broken > NEAR * kept and allowed > 0:
        # Far apart: a load that broke it by a little says that a little less keeps it.
        slightly = (p for p in points if p.part <= SLIGHTLY * allowed)
        kept = min(broken, max(p.load * (allowed / max(p.part, allowed)) ** (1 / RISES) for p in slightly))
    if broken is None:
        top = significant(kept)
        return Capacity(Interval(top, top, significant(CLAIM_SPREAD * kept)), Basis.CARRIED, good)
    doubt = min(0.5, SHORT / sqrt(sum(p.sent for p in points if kept / NEAR <= p.load <= broken * NEAR)))
    lower = min(kept * (1 - doubt), _surely_kept(points, allowed))
    upper = max(broken * (1 + doubt), _surely_broken(points, allowed))
    # What was never surely broken has an upper end all the same: the load above would have been broken by twice as much.
    upper = broken * CLAIM_SPREAD if upper == inf else upper
    rate = Interval(kept, lower, upper)
    for each in borne(steps, promised):
        rate = each.beside(rate)
    return Capacity(_rounded(rate), Basis.PROBED, good)


def probed_saturation(steps: Sequence[ProbeStep]) -> Saturation | None:
    """Requests per second that were completed where visibly fewer were answered than sent; None where none were.

    Of a step that does not tell when its answers came, what was answered was completed while it lasted and while its last requests still waited, which
    is at most about as long as the slowest took: the figure lies between both.
    """
    full = when_full(steps)
    if full is not None:
        return Saturation(_rounded(full.rate), full.done)
    over = [s for s in told(steps) if 0 < s.good + s.slow < FULL * s.offered]
    if not over:
        return None
    done = sum(s.good + s.slow for s in over)
    most = done / sum(s.seconds for s in over)
    least = done / sum(s.seconds + (s.p99_milliseconds or 0.0) / 1000 for s in over)
    doubt = 1.96 / sqrt(done)
    return Saturation(_rounded(Interval((least + most) / 2, least * max(0.0, 1 - doubt), most * (1 + doubt))), done)


def _rounded(rate: Interval) -> Interval:
    return Interval(significant(rate.point), significant(rate.lower), significant(rate.upper))


def probe_evidence(probe: Probe, allowed: float, promised: Sequence[LatencyObjective]) -> Known | None:
    """What a probe that is done found; None where it found no load that keeps the promise.

    Its date is that of the ramp's end, by what the probe tells: the same at every look.
    """
    capacity = probed_capacity(probe.steps, allowed, promised) if probe.state is ProbeState.DONE else None
    if capacity is None:
        return None
    ended = probe.started + timedelta(seconds=round((probe.ready_seconds or 0.0) + sum(s.seconds for s in probe.steps)))
    # Status holds milliseconds: what is remembered must survive being written and read.
    ended = ended.replace(microsecond=ended.microsecond // 1000 * 1000)
    full = probed_saturation(probe.steps)
    return Known(pool=probe.key.pool, revision=probe.key.revision, capacity=capacity, saturation=full, probed=ended)


def with_probe(old: Known | None, found: Known) -> Known:
    """The evidence with what a probe found, which is taken together with that of an earlier one. The same probe says nothing new twice: what live
    traffic made of it since stays."""
    if old is None or old.probed == found.probed:
        return old or found
    capacity = _by_both(old, found)
    return replace(old, capacity=capacity, saturation=found.saturation or old.saturation, probed=found.probed, tokens=None)


def _by_both(old: Known, found: Known) -> Capacity | None:
    """The capacity by both probes; by the later one alone where the earlier was long before, told no upper end, or says something else."""
    before, after = old.capacity, found.capacity
    if before is None or after is None or old.probed is None or found.probed is None or found.probed - old.probed > SURE_FOR:
        return after
    apart = before.rate.upper < after.rate.lower or after.rate.upper < before.rate.lower
    # A status that somebody wrote by hand may say anything.
    if apart or before.rate.lower <= 0 or not before.basis is after.basis is Basis.PROBED:
        return after
    return Capacity(_rounded(before.rate.pooled(after.rate)), Basis.PROBED, before.n + after.n)


def _pooled(steps: Sequence[ProbeStep]) -> list[_Point]:
    """With the missed part that rises with the load and fits best: neighbours that fall are one."""
    blocks: list[list[_Point]] = []
    for step in steps:
        blocks.append([_Point(load_of(step), step.offered, step.offered - step.good)])
        while len(blocks) > 1 and _part(blocks[-2]) >= _part(blocks[-1]):
            last = blocks.pop()
            blocks[-1] += last
    return [_Point(p.load, p.sent, p.missed, _part(block)) for block in blocks for p in block]


def _part(points: Sequence[_Point]) -> float:
    return sum(p.missed for p in points) / sum(p.sent for p in points)


def _surely_kept(points: Sequence[_Point], allowed: float) -> float:
    """The highest load that is surely within the promise: what a step may have missed at most is brought down to what is allowed by the load."""
    between = _bounds(points)
    bounds = ((p.load, min(between(i, k)[1] for k in range(i + 1, len(points) + 1))) for i, p in enumerate(points))
    return max(load * float(min(1.0, allowed / most) ** (1 / RISES)) for load, most in bounds)


def _surely_broken(points: Sequence[_Point], allowed: float) -> float:
    """The lowest load that surely breaks it; infinite where none does."""
    between = _bounds(points)
    bounds = ((p.load, max(between(j, i + 1)[0] for j in range(i + 1))) for i, p in enumerate(points))
    return min((load for load, least in bounds if least > allowed), default=inf)


def _bounds(points: Sequence[_Point]) -> Callable[[int, int], tuple[float, float]]:
    """95 % bounds of the missed part of all from one point to before another together, as of so many fewer as come in clusters."""
    sent, missed = ([0, *accumulate(counts)] for counts in ((p.sent for p in points), (p.missed for p in points)))
    return lambda first, end: wilson((missed[end] - missed[first]) / TOGETHER, (sent[end] - sent[first]) / TOGETHER)
