"""The exact cheapest mix for what came in the last step, at every step: what planners do that solve an integer program and look at nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from bench.loop.mix import Mixes, mixes
from bench.loop.policy import STEP, USABLE, Observation, Pool

LEAST = 1e-6
"""Requests per second that are planned for at least: one replica stays."""


class IntegerProgram:
    """target: the part of what a replica carries that is planned on; 1 plans without room."""

    every_seconds = STEP

    def __init__(self, target: float = 1.0) -> None:
        self._target = target

    def start(self, pools: Sequence[Pool], *, allowance: float, seed: int) -> None:
        """Believes what it is told."""
        self._carried = [USABLE * self._target * p.capacity for p in pools]
        self._known: dict[object, Mixes] = {}

    def step(self, seen: Observation) -> Sequence[int]:
        """The program's answer."""
        if not seen.seconds:
            return seen.ready
        load = max(seen.requests / seen.seconds, LEAST)
        key = seen.prices, seen.limits
        if key not in self._known or self._known[key].carried[-1] < load:
            self._known[key] = mixes(self._carried, seen.prices, seen.limits, 2 * load)
        return self._known[key].cheapest(load)
