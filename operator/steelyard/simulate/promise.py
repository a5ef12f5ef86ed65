"""The promise of a simulated workload, and which answers keep it: a good request keeps all of it, as with the real servers."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from steelyard.simulate.requests import BETWEEN, FIRST, Requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """Seconds that may pass to the end of an answer, to its first token, and on average between its tokens; infinite where not promised."""

    e2e: float = inf
    ttft: float = inf
    itl: float = inf

    def broken(self, answers: Requests) -> NDArray[np.bool_]:
        """Which answers are slow. One without two tokens has no time between them, and keeps that part."""
        late = answers.latency > self.e2e
        if answers.tokens.shape[1] and min(self.ttft, self.itl) < inf:
            late |= (answers.tokens[:, FIRST] > self.ttft) | (answers.tokens[:, BETWEEN] > self.itl)
        return late
