"""How much is asked for: requests per second over all placements of a workload."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from steelyard.core.performance.window import Window

RECENT = 5
"""Windows that sizing looks back over; going down waits for the busiest of them to pass (HPA's stabilisation, in windows)."""


@dataclass(frozen=True, slots=True)
class Load:
    """Requests per second: in the newest window, and in the busiest of the last RECENT."""

    now: float
    busiest: float
    n: int


def load(placements: Iterable[Sequence[Window]]) -> Load | None:
    """Sum over placements, window by window counted from the newest; None without any window."""
    each = [tuple(w for w in windows if w.seconds > 0)[-RECENT:] for windows in placements]
    depth = max((len(w) for w in each), default=0)
    if depth == 0:
        return None
    rates = [sum(w[-1 - back].offered / w[-1 - back].seconds for w in each if len(w) > back) for back in range(depth)]
    return Load(rates[0], max(rates), sum(w.offered for windows in each for w in windows))
