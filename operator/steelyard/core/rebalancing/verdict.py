"""Verdicts on claims: Confirmed, Refuted or Inconclusive, with n. No data is never a pass."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.core.facts.memory import ClaimVerdict, VerdictWord
from steelyard.core.statistics.confidence_sequence import WRONG, always_valid, at_one_look
from steelyard.core.statistics.interval import Interval
from steelyard.core.vocabulary.reason import Reason, Refusal

TOLERANCE = 0.10
"""A claim may be off by this much and still count as confirmed."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A measured figure with its interval and the requests behind it. `once`: it is of one experiment, and not measured on with each window.
    `sure`: its interval is one that holds at every look already. `low`, `high`: times the ends of the interval, how far off the figure may be at the
    operating point for having been measured beside it. `full`: part of what a replica completes at most that it was asked for meanwhile, where the
    figure depends on it."""

    value: Interval
    n: int
    once: bool = False
    sure: bool = False
    low: float = 1.0
    high: float = 1.0
    full: Interval | None = None

    @property
    def by_chance(self) -> Interval:
        """What the figure may be as it was measured, by bounds that are wrong with a chance of WRONG."""
        if self.sure:
            return self.value
        return at_one_look(self.value, WRONG) if self.once else always_valid(self.value, WRONG)

    @property
    def bounds(self) -> Interval:
        """The same at the operating point."""
        value = self.by_chance
        return Interval(value.point, value.lower * self.low, value.upper * self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A claimed figure beside the measured one of the same quantity, or why there is none."""

    what: str
    claimed: float
    seen: Seen | Refusal
    lower_is_better: bool

    def word(self, measured: Interval) -> VerdictWord:
        """Inconclusive while the interval covers the end of the claim's tolerance."""
        limit = self.claimed * (1 + TOLERANCE if self.lower_is_better else 1 - TOLERANCE)
        if measured.upper <= limit if self.lower_is_better else measured.lower >= limit:
            return VerdictWord.CONFIRMED
        if measured.lower > limit if self.lower_is_better else measured.upper < limit:
            return VerdictWord.REFUTED
        return VerdictWord.INCONCLUSIVE


def on_claim(pool: str, name: str, beside: Comparison, least: int) -> ClaimVerdict:
    """Verdict on an advertised figure, by bounds that hold at every look; Inconclusive below `least` good requests."""
    seen = beside.seen
    if isinstance(seen, Seen) and seen.n < least:
        seen = Refusal(Reason.TOO_FEW_REQUESTS, f"{seen.n} good requests of {least} measured")
    if isinstance(seen, Refusal):
        n = beside.seen.n if isinstance(beside.seen, Seen) else 0
        return ClaimVerdict(
            pool=pool,
            name=name,
            verdict=VerdictWord.INCONCLUSIVE,
            n=n,
            claimed=beside.claimed,
            measured=None,
            lower=None,
            upper=None,
            message=f"{beside.what}: claimed {beside.claimed:.3g}; {seen.message}",
            reason=seen.reason.value,
        )
    value = seen.bounds
    word = beside.word(value)
    beside_it = word is VerdictWord.INCONCLUSIVE and beside.word(seen.by_chance) is not VerdictWord.INCONCLUSIVE
    lacking = Reason.NOT_COMPARABLE if beside_it else Reason.TOO_FEW_REQUESTS
    return ClaimVerdict(
        pool=pool,
        name=name,
        verdict=word,
        n=seen.n,
        claimed=beside.claimed,
        measured=value.point,
        lower=value.lower,
        upper=value.upper,
        message=f"{beside.what}: claimed {beside.claimed:.3g}, measured {value.point:.3g} [{value.lower:.3g}, {value.upper:.3g}], n = {seen.n}",
        reason=lacking.value if word is VerdictWord.INCONCLUSIVE else "",
    )
