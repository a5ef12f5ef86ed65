"""How long each played pod existed, as the played kubelet saw it: what a bill would be made from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Lifetime:
    """One serving pod. Times are seconds since the epoch."""

    name: str
    pool: str
    created: float
    ended: float | None = None

    def within(self, start: float, end: float) -> float:
        """Seconds of existence between two moments."""
        until = end if self.ended is None else min(self.ended, end)
        return max(0.0, until - max(self.created, start))
