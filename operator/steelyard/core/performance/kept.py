"""Is the promise kept? Each of several is tested with the share of misses that it allows itself, and the worst answer is that of all.

A request is good if it keeps all of them, which is what costs are counted by; how many may miss each of them is the promise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steelyard.core.facts.missed import Missed
from steelyard.core.facts.window import Window
from steelyard.core.statistics.sequential import Result, Test, steady, violations

_WORST = (Result.PASS, Result.INCONCLUSIVE, Result.FAIL)


@dataclass(frozen=True, slots=True)
class Kept:
    """`metric`: which of several promises the test is of: the one that is missed most for what it allows; None where they are told together."""

    test: Test
    metric: str | None = None


def kept(windows: Sequence[Window], allowed: float, beside: Sequence[Window] = (), *, at_best: bool = False) -> Kept:
    """The test of requests that missed the promise (`sequential.violations`).

    allowed: the fraction that may miss what is not told apart, or the strictest of several. beside: windows of the source over the same minutes. at_best:
    as if all had kept it that may have; what nobody can see is taken so in any case, since neither more replicas nor another pool would make it known.
    """
    promised = _promised(windows, allowed)
    tests = [(_test(windows, metric, part, beside, at_best), metric) for metric, part in promised.items()]
    return Kept(*max(tests, key=lambda found: (_WORST.index(found[0].result), _times(found[0], promised[found[1]]))))


def kept_lately(recent: Sequence[Window], windows: Sequence[Window], allowed: float, *, at_best: bool = False) -> Kept:
    """The same of what is recent, which fails what is missed three times as often as it may, within minutes; and of `windows`, all that are remembered,
    which fails what is missed steadily and is now, however little more it is than may be."""
    now = kept(recent, allowed, at_best=at_best)
    if now.test.result is Result.FAIL:
        return now
    for metric, part in _promised(recent, allowed).items():
        bad, n = _missed(recent, metric, at_best)
        found = steady([_missed([w], metric, at_best) for w in windows], part) if bad > part * n else None
        if found is not None:
            return Kept(found, metric)
    return now


def _promised(windows: Sequence[Window], allowed: float) -> Mapping[str | None, float]:
    """The part that may miss each promise that is told apart, else all of them."""
    return {each.metric: each.allowed for w in windows for each in w.apart} or {None: allowed}


def _test(windows: Sequence[Window], metric: str | None, allowed: float, beside: Sequence[Window], at_best: bool) -> Test:
    bad, n = _missed(windows, metric, at_best)
    source_bad, source_n = _missed(beside, metric, at_best)
    return violations(bad, n, source_bad, source_n, allowed)


def _times(test: Test, allowed: float) -> float:
    """How many times as many missed it as may."""
    return test.bad / (test.n * allowed) if test.n and allowed > 0 else 0.0


def _missed(windows: Sequence[Window], metric: str | None, at_best: bool) -> tuple[int, int]:
    """(requests that missed it, all of them)."""
    bad = 0
    for window in windows:
        told: Missed | None = next((each for each in window.apart if each.metric == metric), None)
        late, unsure = (window.slow, window.unsure) if told is None else (told.late, told.unsure)
        sees = told is not None or not window.blind
        bad += window.error + window.shed + (late - unsure if at_best or not sees else late)
    return bad, sum(w.offered for w in windows)
