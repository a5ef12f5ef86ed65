"""How long a drill's load lasts, and whether its budget pays for that."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.core.placing.analysis import Analysis
from steelyard.core.planning.option import Option
from steelyard.core.trials.sent import SHORTEST, least_seconds, load_seconds, pays_for, reserved, start_seconds
from steelyard.core.vocabulary.reason import Reason, Refusal

USUAL = 900
"""Seconds of load where the budget pays for more: what a drill asks needs no narrow interval."""
LONGEST = 43_200
"""Which a trial takes at most."""


def reserve(seen: Analysis, options: Sequence[Option], budget: float) -> int | Refusal:
    """Seconds of load on each of these pools, which have a price, by one replica on each."""
    each = [option.listed or 0.0 for option in options]
    start = max(start_seconds(seen, option) for option in options)
    least = max(SHORTEST, least_seconds(seen.snapshot.workload))
    paid = load_seconds(None, least, pays_for(budget, each, start))
    if paid is None or least > LONGEST:
        needs = reserved(each, start + least)
        return Refusal(
            Reason.BUDGET_TOO_SMALL,
            f"a drill on {' and '.join(option.pool for option in options)} reserves {needs:.3g} at least, and spec.placement.exitDrill.budget is "
            f"{budget:.3g}: give it more",
        )
    return max(least, min(paid, USUAL))
