"""From the steps of a probe to what one replica carries, with both ends, and to what it completes at most.

Which part of the requests misses the objective rises with the load, so steps that say otherwise are pooled with their neighbours (isotonic
regression; Ayer and others, An empirical distribution function for sampling with incomplete information, 1955). The capacity lies between the
highest load that kept the promise and the lowest that broke it. Three doubts widen that. A step has few requests, so that what it missed is known
within binomial bounds (Wilson, 1927). Late requests come in clusters. And a step is short and begins with an empty queue: what arrives in it is
more or less than its rate, and a load that is a little too much shows only after a while.

So a short step tells too much of a server that is nearly full: near saturation a queue grows for longer than the step lasts. How near a load may come
follows from what the server completes when it is full: the wait of requests that come by chance and are completed at an even pace has an exponential
tail (M/D/1; Tijms, A First Course in Stochastic Models, 2003, 9.6), and where several are served at once fewer wait at all (Sakasegawa, An
approximation formula Lq = alpha rho^beta / (1 - rho), 1977). That bounds what the steps say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from math import ceil, exp, expm1, inf, log, sqrt
from statistics import fmean, pvariance, stdev

from steelyard.core.facts.capacity import CLAIM_SPREAD, Basis, Capacity, Saturation
from steelyard.core.facts.memory import Known
from steelyard.core.facts.probe import Probe, ProbeState, ProbeStep
from steelyard.core.facts.snapshot import LatencyObjective
from steelyard.core.performance.capacity import FULL
from steelyard.core.performance.fit import student
from steelyard.core.statistics.interval import Interval
from steelyard.core.statistics.sequential import wilson
from steelyard.core.statistics.significant import significant

RISES = 3.0
"""The part that is late rises at least with this power of the load where it is about what a promise allows: of one server that takes requests in turn
and may take three service times (M/D/1); any other rises faster. So a load that may have been late with more than is allowed bounds a lower one."""
NEAR = 1.25
"""Times the limit, either way, within which a step tells of it."""
SHORT = 4.8
"""Times 1 / sqrt(requests) that the limit is uncertain by since steps are short: 1.96 standard errors of a count with six times the variance of a
Poisson one. Found with simulated servers (tests/property/core/test_ramps.py)."""
TOGETHER = 2.0
"""Requests that are taken to be late together."""
UNLIKE = 4.0
"""Standard errors by which a step's count may differ from its rate times its length, and TENTH beside."""
TENTH = 0.1
NEARLY_FULL = 0.65
"""Utilisation from which a queue remembers for longer than a step lasts."""
INEXACT, ONE = 1.03, 1.5
"""Times that the law may be off, and requests that are in a full server, below which they are served one at a time."""
UNEVEN = 0.5
"""Variance of the number of completions over its mean, at most, that the lower end of a capacity near saturation allows for."""
SETTLING, LEAST_PARTS = 4, 8
"""Parts of a step that a server takes until it is full, at least, and those that tell how sure its saturation is, at least."""
LEAST_VARIANCE = 0.35
"""Of independent parts: so much is chance however neighbours even out."""


@dataclass(frozen=True, slots=True)
class _Point:
    """Of one step: `load` as it came, in requests per second; `missed` of `sent` missed the objective; `part` as pooled."""

    load: float
    sent: int
    missed: int
    part: float = 0.0


def told(steps: Sequence[ProbeStep]) -> tuple[ProbeStep, ...]:
    """The steps whose requests are as many as their rate and length say, in order of load. Another one is of a generator that could not keep up, or
    of other units, and says nothing."""
    fitting = (s for s in steps if s.seconds > 0 and s.offered > 0 and _fits(s))
    # Of the same load that first which kept the promise less: the two are pooled.
    return tuple(sorted(fitting, key=lambda s: (_load(s), s.good / s.offered, s.offered, s.slow, s.shed, s.p99_milliseconds or 0.0)))


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
    if broken is None:
        top = significant(kept)
        return Capacity(Interval(top, top, significant(CLAIM_SPREAD * kept)), Basis.CARRIED, good)
    doubt = min(0.5, SHORT / sqrt(sum(p.sent for p in points if kept / NEAR <= p.load <= broken * NEAR)))
    lower = min(kept * (1 - doubt), _surely_kept(points, allowed))
    upper = max(broken * (1 + doubt), _surely_broken(points, allowed))
    # What was never surely broken has an upper end all the same: the load above would have been broken by twice as much.
    upper = broken * CLAIM_SPREAD if upper == inf else upper
    rate = Interval(kept, lower, upper)
    for law in _borne(steps, promised):
        rate = law.beside(rate)
    return Capacity(Interval(significant(rate.point), significant(rate.lower), significant(rate.upper)), Basis.PROBED, good)


@dataclass(frozen=True, slots=True)
class _Law:
    """What the law of waits says of the capacity. `alone`: requests are served one at a time, so that it is what the capacity is; else what that is at
    most, since what is served together may be late without a wait."""

    rate: Interval
    alone: bool

    def beside(self, seen: Interval) -> Interval:
        """With what short steps show."""
        if seen.point >= self.rate.point or seen.lower <= 0:
            return self.rate
        if not self.alone:
            return Interval(seen.point, seen.lower, max(seen.point, min(seen.upper, self.rate.upper)))
        weights = [(4 / log(each.upper / each.lower) ** 2, log(each.point)) for each in (seen, self.rate)]
        total = sum(weight for weight, _ in weights)
        middle, reach = exp(sum(weight * at for weight, at in weights) / total), exp(1 / sqrt(total))
        return Interval(middle, middle / reach, middle * reach)


def _borne(steps: Sequence[ProbeStep], promised: Sequence[LatencyObjective]) -> list[_Law]:
    """What a server that was full while it was probed bears for long, by each objective that a wait breaks; its saturation where there is none."""
    full, first = probed_saturation(steps), lowest(steps)
    if full is None or first is None or not promised or not any(s.finished for s in told(steps)):
        return []
    alone = (first.p50_milliseconds or 0.0) / 1000
    waits = [(o.allowed, o.milliseconds / 1000 - (alone if o.metric == "e2e" else 0.0)) for o in promised if o.metric in {"e2e", "ttft"}]
    if not waits:
        return [_Law(full.rate, alone=False)]
    slots = max(1.0, full.rate.point * alone)
    # A promise that is broken far below saturation, or without a queue, is broken within a step.
    bounds = [_borne_by(full.rate, late, wait, slots) for late, wait in waits if late > 0 and wait > 0]
    return [_Law(each, alone=alone > 0 and slots < ONE) for each in bounds if each.point >= NEARLY_FULL * full.rate.point]


def _borne_by(full: Interval, late: float, wait: float, slots: float) -> Interval:
    """The rates at which the part `late` waits longer than `wait` seconds. Its completions come at an even pace, or are as uneven as UNEVEN."""
    point, upper = full.point * busy(late, wait * full.point, slots), full.upper * busy(late, wait * full.upper, slots)
    lower = full.lower * busy(late, wait * full.lower / (1 + UNEVEN), 1.0)
    return Interval(point, min(lower, point / INEXACT), max(upper, point * INEXACT))


def busy(late: float, wait: float, slots: float) -> float:
    """The utilisation at which the part `late` of the requests waits for longer than `wait` mean times between two completions of a full server.

    slots: requests that are served at once, at least 1.
    """
    low, high = 1e-4, 5.0
    for _ in range(40):
        # With x = theta / mu the wait of M/D/1 ends like exp(-theta t), where rho (exp(x) - 1) = x.
        x = (low + high) / 2
        rho = x / expm1(x)
        waiting = (1 - rho) / (rho * exp(x) - 1) * rho ** (sqrt(2 * (slots + 1)) - 2)
        low, high = (x, high) if waiting * exp(-x * wait) > late else (low, x)
    return high / expm1(high)


def probed_saturation(steps: Sequence[ProbeStep]) -> Saturation | None:
    """Requests per second that were completed where visibly fewer were answered than sent; None where none were.

    A step that tells when its answers came tells how much was completed in each of its parts, and how alike these are says how sure that is
    (Student, 1908). Of one that does not, what was answered was completed while it lasted and while its last requests still waited, which is at most
    about as long as the slowest took: the figure lies between both.
    """
    full = [s for s in told(steps) if len(s.finished) >= LEAST_PARTS]
    if full:
        first = lowest(steps)
        longest = (first.p99_milliseconds or 0.0) / 1000 if first is not None else 0.0
        rates = [len(s.finished) * count / s.seconds for s in full for count in s.finished[_settled(s, longest) :]]
        return _by_parts(rates, sum(sum(s.finished) for s in full))
    over = [s for s in told(steps) if 0 < s.good + s.slow < FULL * s.offered]
    if not over:
        return None
    done = sum(s.good + s.slow for s in over)
    most = done / sum(s.seconds for s in over)
    least = done / sum(s.seconds + (s.p99_milliseconds or 0.0) / 1000 for s in over)
    doubt = 1.96 / sqrt(done)
    rate = Interval(significant((least + most) / 2), significant(least * max(0.0, 1 - doubt)), significant(most * (1 + doubt)))
    return Saturation(rate, done)


def _settled(step: ProbeStep, longest: float) -> int:
    """Parts until as much leaves as comes in: a request that takes long is not done before. So many are left that their spread is seen."""
    filling = ceil(len(step.finished) * longest / step.seconds)
    return min(max(SETTLING, filling), len(step.finished) - LEAST_PARTS)


def _by_parts(rates: Sequence[float], done: int) -> Saturation | None:
    """From what was completed per second in parts of equal length. One request more or less in all of them is always chance."""
    mean, many = fmean(rates), len(rates)
    if mean <= 0:
        return None
    half = max(student(many - 1) * stdev(rates) * sqrt(_beside_chance(rates) / many), mean / done)
    return Saturation(Interval(significant(mean), significant(max(0.0, mean - half)), significant(mean + half)), done)


def _beside_chance(rates: Sequence[float]) -> float:
    """Variance of the mean over that of independent parts, by the correlation of neighbours: what is completed in batches evens out over a few parts."""
    mean, spread = fmean(rates), pvariance(rates)
    together = fmean([(one - mean) * (other - mean) for one, other in pairwise(rates)])
    return max(LEAST_VARIANCE, 1 + 2 * together / spread) if spread > 0 else 1.0


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
    """The evidence with what a probe found. The same probe says nothing new twice: what live traffic made of it since stays."""
    if old is None or old.probed == found.probed:
        return old or found
    return replace(old, capacity=found.capacity, saturation=found.saturation or old.saturation, probed=found.probed)


def lowest(steps: Sequence[ProbeStep]) -> ProbeStep | None:
    """The step of the lowest load that tells anything."""
    return next(iter(told(steps)), None)


def _load(step: ProbeStep) -> float:
    return step.offered / step.seconds


def _fits(step: ProbeStep) -> bool:
    if sum(step.finished) > step.good + step.slow:
        return False
    expected = step.rate * step.seconds
    return abs(step.offered - expected) <= max(UNLIKE * sqrt(max(0.0, expected)), TENTH * expected)


def _pooled(steps: Sequence[ProbeStep]) -> list[_Point]:
    """With the missed part that rises with the load and fits best: neighbours that fall are one."""
    blocks: list[list[_Point]] = []
    for step in steps:
        blocks.append([_Point(_load(step), step.offered, step.offered - step.good)])
        while len(blocks) > 1 and _part(blocks[-2]) >= _part(blocks[-1]):
            last = blocks.pop()
            blocks[-1] += last
    return [_Point(p.load, p.sent, p.missed, _part(block)) for block in blocks for p in block]


def _part(points: Sequence[_Point]) -> float:
    return sum(p.missed for p in points) / sum(p.sent for p in points)


def _surely_kept(points: Sequence[_Point], allowed: float) -> float:
    """The highest load that is surely within the promise: what a step may have missed at most is brought down to what is allowed by the load."""
    bounds = ((p.load, min(_bounds(points[i:k])[1] for k in range(i + 1, len(points) + 1))) for i, p in enumerate(points))
    return max(load * float(min(1.0, allowed / most) ** (1 / RISES)) for load, most in bounds)


def _surely_broken(points: Sequence[_Point], allowed: float) -> float:
    """The lowest load that surely breaks it; infinite where none does."""
    bounds = ((p.load, max(_bounds(points[j : i + 1])[0] for j in range(i + 1))) for i, p in enumerate(points))
    return min((load for load, least in bounds if least > allowed), default=inf)


def _bounds(points: Sequence[_Point]) -> tuple[float, float]:
    """95 % bounds of the missed part of all together, as of so many fewer as come in clusters."""
    return wilson(sum(p.missed for p in points) / TOGETHER, sum(p.sent for p in points) / TOGETHER)
