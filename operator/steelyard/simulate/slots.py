"""A server of slots: one first-come queue in front of them, each request at its own pace (G/G/c)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True, kw_only=True, eq=False)
class Slots:
    """`free_at` by slot: until when it works on what it has. `service` and `bound`: mean seconds of a request, and the longest wait before one
    is shed. `given`: seconds of service that it was given so far."""

    free_at: NDArray[np.float64]
    service: float
    spread: float
    bound: float
    given: float = 0.0

    @property
    def many(self) -> int:
        """Requests that it works on at the same time."""
        return len(self.free_at)

    def worked(self, now: float) -> float:
        """Seconds of its slots that went into requests until `now`: what it was given, less what is left."""
        if len(self.free_at) == 1:
            return self.given - max(0.0, float(self.free_at[0]) - now)
        return self.given - float(np.maximum(self.free_at - now, 0.0).sum())

    def drop(self, now: float) -> None:
        """What it works on is lost."""
        self.given = self.worked(now)
        self.free_at = np.full(len(self.free_at), now)
