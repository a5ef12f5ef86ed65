"""What is played, whoever decides: an hour of a recorded load, the promise, and two pools whose replicas are alike but for their price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.loop.traces import recorded
from steelyard_runtime.load.schedule import Step

TRACE = "azure-conv"
TIMES = 7.5
"""As fast as it was recorded; so are the windows and periods of those who decide."""
REPLICAS = 4
"""The load's mean, in what a replica carries within the promise."""
WARM_UP_SECONDS = 90.0
"""Real ones, before what is counted."""
RISE = (0.4, 0.7, 1.0)
"""Of the trace's beginning, in thirds of the warm-up."""
BEGINNING = 6
"""Steps of the trace that the warm-up leads to: a minute."""
QUICK_STEPS = 30

MILLISECONDS, PERCENT = 600, 98
RESOURCES = {"cpu": "125m", "memory": "768Mi"}
"""Of a replica."""
BACKEND = "openvino"
CHEAP, DEAR = "cheap", "dear"
NODES = {CHEAP: "pool-a", DEAR: "pool-b"}
PRICES = {CHEAP: "0.40", DEAR: "0.80"}
"""Of a node, per real hour."""
LIMIT = 3
"""Replicas that the cheap pool can have."""
LEAST, MOST = 2, 12
"""Replicas of the workload."""


@dataclass(frozen=True, slots=True)
class Hour:
    """The schedule of one client. warm_up: seconds of it that are not counted."""

    steps: tuple[Step, ...]
    warm_up: float

    @property
    def seconds(self) -> float:
        """All of it."""
        return sum(step.seconds for step in self.steps)


def schedule(steps: Sequence[Step]) -> str:
    """As the load generator reads it, to the last bit: its arrivals are told again from the steps."""
    return ",".join(f"{step.rate!r}:{step.seconds!r}" for step in steps)


def load(carried: float, *, quick: bool) -> Hour:
    """The load for replicas that carry so many requests per second within the promise. quick: five minutes of it."""
    trace = recorded()[TRACE]
    rates = REPLICAS * carried * trace.shape[: QUICK_STEPS if quick else None]
    warm_up = WARM_UP_SECONDS / 3 if quick else WARM_UP_SECONDS
    first = float(rates[:BEGINNING].mean())
    rise = [Step(part * first, warm_up / len(RISE)) for part in RISE]
    return Hour((*rise, *(Step(float(rate), trace.step / TIMES) for rate in rates)), warm_up)
