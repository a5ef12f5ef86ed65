"""Where a claimed ratio of costs depends on the load: half the cost of a request is not half the bill where one replica is enough on either pool."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import groupby

from steelyard.core.facts.claim import Claim, ClaimMetric, OperatingPoint
from steelyard.core.facts.trial import TrialRow
from steelyard.core.rebalancing.verdict import TOLERANCE
from steelyard.core.statistics.interval import Interval
from steelyard.core.trials.shares import replicas_for

AROUND, LOADS = 4.0, 97
"""Times the workload's load, either way, within which it is looked where a claim flips, and at how many loads."""


class _Word(StrEnum):
    TRUE = "true"
    OPEN = "open"
    FALSE = "false"


def flips(claim: Claim, mine: TrialRow | None, theirs: TrialRow | None, load: float | None) -> str:
    """The loads at which it would be true, and those at which the bounds of both capacities allow either; as a sentence. Empty where it is the same at all
    of them, for a claim that is not of a ratio of costs at the objective, and where a capacity is only a load that was carried."""
    if not _is_of_cost(claim) or mine is None or theirs is None or not load:
        return ""
    loads = [load / AROUND * AROUND ** (2 * step / (LOADS - 1)) for step in range(LOADS)]
    words = [_word(claim, costs_at(mine, each), costs_at(theirs, each)) for each in loads]
    return "" if None in words or len(set(words)) == 1 else _told(words, loads)


def _is_of_cost(claim: Claim) -> bool:
    """It claims a ratio of costs, at the objective."""
    return claim.metric is ClaimMetric.UNIT_COST and claim.at is OperatingPoint.OBJECTIVE and claim.ratio is not None


def _told(words: Sequence[_Word | None], loads: Sequence[float]) -> str:
    """A sentence that lists the loads of each word, except the last word, which holds at all other loads."""
    rest = _Word.FALSE if _Word.FALSE in words else _Word.TRUE
    told = [f"{word} {', '.join(_ranges(word, words, loads))}" for word in (_Word.TRUE, _Word.OPEN) if word in words and word is not rest]
    first, *others = told
    return f"{'; '.join([f'{first} requests/s', *others])}; {rest} elsewhere between {loads[0]:.3g} and {loads[-1]:.3g}: replicas are whole"


def costs_at(row: TrialRow, load: float) -> Interval | None:
    """Money per hour of the whole replicas that the load needs there, as the trial's steady loads are shared among them, by both ends of what one carries;
    None where price or capacity is not known, or the capacity is only a load that was carried."""
    capacity = row.capacity
    if row.each is None or capacity is None or capacity.at_least or capacity.rate.lower <= 0:
        return None
    rate = capacity.rate
    return Interval(*(row.each * replicas_for(load, bound) for bound in (rate.point, rate.upper, rate.lower)))


def _word(claim: Claim, mine: Interval | None, theirs: Interval | None) -> _Word | None:
    if mine is None or theirs is None or theirs.lower <= 0:
        return None
    ratio, most = mine.over(theirs), claim.figure * (1 + TOLERANCE)
    return _Word.TRUE if ratio.upper <= most else _Word.FALSE if ratio.lower > most else _Word.OPEN


def _ranges(word: _Word, words: Iterable[_Word | None], loads: Iterable[float]) -> Iterator[str]:
    for found, run in groupby(zip(words, loads, strict=True), key=lambda each: each[0]):
        if found is word:
            within = [load for _, load in run]
            yield f"from {within[0]:.3g} to {within[-1]:.3g}" if len(within) > 1 else f"at {within[0]:.3g}"
