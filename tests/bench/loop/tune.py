"""Policies are compared at equal misses: a knob set for an allowance, and what another setting would have cost at the same misses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log

from bench.loop.entrants import Entrant
from bench.loop.world import World, run

HALVINGS = 9
NO_MISS = 1e-6
"""Where costs are interpolated over the logarithm of what is missed, less than this counts as this."""


def tuned(entrant: Entrant, world: World, allowance: float) -> float:
    """The highest setting of its knob that keeps the allowance in this world, by bisection; the lowest there is where none does."""
    if entrant.knob is None:
        raise ValueError(f"{entrant.name} has no knob")
    least, most = entrant.knob
    for _ in range(HALVINGS):
        middle = (least + most) / 2
        outcome = run(world, entrant.make(world, middle), allowance=allowance)
        least, most = (middle, most) if outcome.missed_part <= allowance else (least, middle)
    return least


@dataclass(frozen=True, slots=True)
class Frontier:
    """What a policy costs at what it misses, over the settings of its knob: both (N,), misses rising."""

    missed: tuple[float, ...]
    cost: tuple[float, ...]

    def cost_at(self, missed: float) -> float | None:
        """Money at that part of requests missed; None outside of what was run."""
        at = max(missed, NO_MISS)
        for (low, dear), (high, cheap) in pairwise(zip(self.missed, self.cost, strict=True)):
            if low <= at <= high and low < high:
                return dear + (cheap - dear) * log(at / low) / log(high / low)
        return None


def frontier(entrant: Entrant, world: World, settings: Sequence[float]) -> Frontier:
    """Run the policy at each setting. A setting that costs more and misses as much as another is left out."""
    outcomes = [run(world, entrant.make(world, setting), allowance=0.0) for setting in settings]
    points = sorted((max(o.missed_part, NO_MISS), o.cost) for o in outcomes)
    kept: list[tuple[float, float]] = []
    for missed, cost in points:
        if not kept or cost < kept[-1][1]:
            kept.append((missed, cost))
    return Frontier(tuple(m for m, _ in kept), tuple(c for _, c in kept))
