"""A probe of the world: a replica that serves nobody, and requests of its own that come ever faster.

Its pod is no part of the cluster's: it takes no room of a node, and it is paid for as any replica. What happens to the pool while the ramp runs is not
played; where no node could be had when it began, or its server crashes, there is no result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate

import numpy as np

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.probe import Probe, ProbeState, ProbeStep, Ramp
from steelyard.core.performance.probe_steps import is_kept
from steelyard.core.placing.intent import ProbeIntent
from steelyard.simulate.requests import ERROR, GOOD, SHED, SLOW, Floats, Requests

Serve = Callable[[Floats, float], Requests]
"""What becomes of requests that come at these seconds, until that second."""
AFTERWARDS = 600.0
"""Seconds after a step in which its last requests are answered."""
BEHIND, PARTS, FULLER = 0.8, 20, 8.0
"""As the real generator has them: a server that answers no more than so much of what is sent is full, and what it answers is counted in so many parts of
a step; ever more is sent until it is full, up to so many times what broke the promise."""


@dataclass(slots=True, kw_only=True)
class Ramping:
    """The Job of one probe. `ready_at`, `ends_at`: seconds of the world; infinite where that never comes."""

    intent: ProbeIntent
    made_at: float
    made: datetime
    ready_at: float
    steps: tuple[ProbeStep, ...]
    failed: str = ""
    ends_at: float = field(init=False)

    def __post_init__(self) -> None:
        over = self.made_at + self.intent.seconds
        # Of a ramp that is cut off the steps that were done are told.
        self.steps = tuple(step for step, ends in zip(self.steps, self._ends(), strict=True) if ends <= over)
        self.ends_at = self._ends()[-1] if self.steps else max(over, self.ready_at)

    def _ends(self) -> list[float]:
        return [self.ready_at + seconds for seconds in accumulate(step.seconds for step in self.steps)]

    def told(self, now: float) -> Probe:
        """As the Job tells at a second of the world."""
        late = not self.steps and now >= self.made_at + self.intent.seconds
        state = ProbeState.STARTING if now < self.ready_at else ProbeState.RUNNING if now < self.ends_at else ProbeState.DONE
        if self.failed or late:
            state = ProbeState.FAILED
        return Probe(
            move=self.intent.move,
            key=self.key,
            state=state,
            started=self.made,
            ready_seconds=self.ready_at - self.made_at if now >= self.ready_at else None,
            steps=self.steps if state is ProbeState.DONE else (),
            message=(self.failed or "its time was over before its end") if state is ProbeState.FAILED else "",
        )

    @property
    def key(self) -> PlacementKey:
        """What is probed."""
        return self.intent.placement.key

    def is_of(self, intent: ProbeIntent | None) -> bool:
        """Whether this is the Job that is asked for."""
        return intent is not None and (intent.move, intent.placement.key) == (self.intent.move, self.key)


@dataclass(slots=True)
class Sender:
    """Requests for one replica that serves nobody else, one step after the other. `serve`: by that replica; `at`: seconds since the first."""

    serve: Serve
    chance: np.random.Generator
    at: float = 0.0

    def step(self, rate: float, seconds: float) -> ProbeStep:
        """So many requests per second for so long, and what became of them."""
        arrivals = self.at + np.sort(self.chance.random(self.chance.poisson(rate * seconds))) * seconds
        answered = self.serve(arrivals, self.at + seconds + AFTERWARDS)
        counted = _counted(rate, seconds, self.at, answered)
        self.at += seconds + AFTERWARDS
        return counted


def ramp_up(ramp: Ramp, serve: Serve, allowed: float, chance: np.random.Generator) -> tuple[ProbeStep, ...]:
    """The steps that a generator takes, one after the other. serve: by one replica that serves nobody else."""
    sender = Sender(serve, chance)

    def step(rate: float) -> ProbeStep:
        return sender.step(rate, ramp.step_seconds)

    def kept(one: ProbeStep) -> bool:
        return is_kept(one, allowed)

    steps = [step(ramp.first)]
    while kept(steps[-1]) and steps[-1].rate < ramp.most:
        steps.append(step(min(ramp.most, 2 * steps[-1].rate)))
    if kept(steps[-1]):
        return tuple(steps)
    low, high = max((s.rate for s in steps if kept(s)), default=0.0), steps[-1].rate
    top = high
    for _ in range(ramp.halvings):
        steps.append(step((low + high) / 2))
        low, high = (steps[-1].rate, high) if kept(steps[-1]) else (low, steps[-1].rate)
    while top < FULLER * high and not any(s.finished for s in steps):
        top *= 2
        steps.append(step(top))
    return tuple(steps)


def _counted(rate: float, seconds: float, began: float, answered: Requests) -> ProbeStep:
    counts = np.bincount(answered.outcome, minlength=4)
    told = (answered.outcome == GOOD) | (answered.outcome == SLOW)
    took, places = answered.latency[told], np.floor(PARTS * (answered.done[told] - began) / seconds).astype(int)
    finished = np.bincount(places[places < PARTS], minlength=PARTS)
    behind = finished.sum() <= BEHIND * counts.sum()
    return ProbeStep(
        rate=rate,
        seconds=float(seconds),
        good=int(counts[GOOD]),
        slow=int(counts[SLOW]),
        error=int(counts[ERROR]),
        shed=int(counts[SHED]),
        p50_milliseconds=float(np.quantile(took, 0.5)) * 1000 if len(took) else None,
        p99_milliseconds=float(np.quantile(took, 0.99)) * 1000 if len(took) else None,
        finished=tuple(finished.tolist()) if behind else (),
    )
