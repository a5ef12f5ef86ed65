"""Sequential tests: Pass, Fail or Inconclusive, with n. No data is never a pass."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.core.facts.memory import ClaimVerdict, VerdictWord
from steelyard.core.statistics.interval import Interval

TOLERANCE = 0.10
"""A claim may be off by this much and still count as confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A claimed figure beside the measured one, with the good requests behind it; `measured` is None where there is none yet."""

    what: str
    claimed: float
    measured: Interval | None
    n: int
    lower_is_better: bool

    @property
    def word(self) -> VerdictWord:
        """Inconclusive while the interval covers the end of the claim's tolerance."""
        if self.measured is None:
            return VerdictWord.INCONCLUSIVE
        limit = self.claimed * (1 + TOLERANCE if self.lower_is_better else 1 - TOLERANCE)
        if self.measured.upper <= limit if self.lower_is_better else self.measured.lower >= limit:
            return VerdictWord.CONFIRMED
        if self.measured.lower > limit if self.lower_is_better else self.measured.upper < limit:
            return VerdictWord.REFUTED
        return VerdictWord.INCONCLUSIVE


def on_claim(pool: str, name: str, seen: Comparison, least: int) -> ClaimVerdict:
    """Verdict on an advertised figure; Inconclusive below `least` good requests."""
    measured = seen.measured if seen.n >= least else None
    if measured is not None:
        found = f"measured {measured.point:.3g} [{measured.lower:.3g}, {measured.upper:.3g}], n = {seen.n}"
    else:
        found = f"{seen.n} good requests of {least} measured" if seen.n else "not measured yet"
    return ClaimVerdict(
        pool=pool,
        name=name,
        verdict=VerdictWord.INCONCLUSIVE if measured is None else seen.word,
        n=seen.n,
        claimed=seen.claimed,
        measured=None if measured is None else measured.point,
        lower=None if measured is None else measured.lower,
        upper=None if measured is None else measured.upper,
        message=f"{seen.what}: claimed {seen.claimed:.3g}{',' if measured else ';'} {found}",
    )
