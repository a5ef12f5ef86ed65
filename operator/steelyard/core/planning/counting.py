"""What a workload's costs are counted by (`spec.objective.unit`), and how many of it one of its requests is now.

Pools are compared at the load of the whole workload. Where it counts tokens, a pool that was measured with longer answers is no slower for
that: its capacity is taken in tokens, and brought back to requests as they are now.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from steelyard.core.facts.tokens import PerRequest
from steelyard.core.facts.unit_cost import PER, Unit
from steelyard.core.facts.window import Window
from steelyard.core.performance.per_request import per_request
from steelyard.core.statistics.interval import Interval

ONE = Interval(1.0, 1.0, 1.0)


def units_of(tokens: PerRequest | None, unit: Unit) -> Interval | None:
    """How many of what the unit counts a good request has, 1 for requests themselves; None where it is not told."""
    if unit is Unit.GOOD_REQUESTS:
        return ONE
    if tokens is None:
        return None
    return tokens.output if unit is Unit.OUTPUT_TOKENS else tokens.input


def units_in(window: Window, unit: Unit) -> int | None:
    """How many of what the unit counts the good requests of a window had; None where it is not told."""
    if unit is Unit.GOOD_REQUESTS:
        return window.good
    good = window.tokens.good if window.tokens is not None else None
    if good is None:
        return None
    return good.output if unit is Unit.OUTPUT_TOKENS else good.input


@dataclass(frozen=True, slots=True)
class Counting:
    """`now`: tokens of a good request of the workload, over all its pools; None where its servers do not tell."""

    unit: Unit = Unit.GOOD_REQUESTS
    now: PerRequest | None = None

    def worth(self, measured: PerRequest | None) -> float:
        """How many requests of now one is that a capacity was measured with. 1 where that is not told, and where chance explains the difference."""
        then, now = units_of(measured, self.unit), units_of(self.now, self.unit)
        if then is None or now is None or (then.lower <= now.upper and now.lower <= then.upper):
            return 1.0
        return then.point / now.point

    def costs(self, of_requests: Interval) -> Mapping[Unit, Interval]:
        """Money per unit, of money per 1,000 good requests as they are now, for each unit that is told."""
        told = ((unit, units_of(self.now, unit)) for unit in Unit)
        return {unit: of_requests.times(unit.per / (PER * now.point)) for unit, now in told if now is not None}


def counting(unit: Unit, windows: Iterable[Window], chance: random.Random) -> Counting:
    """By what the placements that serve have shown."""
    return Counting(unit, per_request(windows, chance))
