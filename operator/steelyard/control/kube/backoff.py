"""How long to wait after a failure, and after the next one."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delay after the n-th failure in a row: doubled each time up to a cap, then shortened by chance so that keys spread out."""

    base: float = 0.5
    cap: float = 120.0
    spread: float = 0.5

    def delay(self, failures: int, chance: random.Random) -> float:
        """Seconds; `failures` counts from 1."""
        full = min(self.cap, self.base * 2.0 ** min(failures - 1, 60))
        return full * (1.0 - self.spread * chance.random())
