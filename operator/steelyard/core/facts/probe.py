"""A probe: an open-loop ramp on one replica that serves nobody, so that what it carries is known before a user's request comes there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import ceil, log

from steelyard.core.facts.identity import PlacementKey


class ProbeState(StrEnum):
    """Where the probe's Job stands."""

    STARTING = "Starting"
    """Made, and its server is not ready yet."""
    RUNNING = "Running"
    """The ramp runs."""
    DONE = "Done"
    """The ramp has ended, and its steps are told."""
    FAILED = "Failed"
    """It ended without a result: the server did not start, the generator failed, the pod was lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeStep:
    """One step: `rate` requests per second were sent for so many seconds, and what became of those sent in it. `finished`: answers that came in each
    of equal parts of these seconds, where the server was behind; else empty."""

    rate: float
    seconds: float
    good: int
    slow: int
    error: int
    shed: int
    p50_milliseconds: float | None = None
    p99_milliseconds: float | None = None
    finished: tuple[int, ...] = ()

    @property
    def offered(self) -> int:
        """All that were sent."""
        return self.good + self.slow + self.error + self.shed


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The probe of one placement for one move, as its Job tells. `ready_seconds`: from the Job's making, or from when its pod had quota, until its
    server was ready; None before, and where it is not known when it had. `steps`: in the order in which they were taken. `message`: why it failed,
    what it waits for, or why it ended before its end. `queued`: whether its pod waits for quota, or ended without any."""

    move: str
    key: PlacementKey
    state: ProbeState
    started: datetime
    ready_seconds: float | None = None
    steps: tuple[ProbeStep, ...] = ()
    message: str = ""
    queued: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """How long requests were where the workload serves: cumulative counts of requests by upper edge, in tokens, last edge infinite. `output` is
    empty of models that answer in one piece."""

    input: tuple[tuple[float, int], ...]
    output: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthRamps:
    """What a trial sends beside its ramp: a shorter one for each of `factors`, with all lengths times it, from `growth` times below what a replica is
    expected to carry then up to as much above, and `halvings` between. Steps of `step_seconds` each, and of `between_seconds` for a halving."""

    factors: tuple[float, ...]
    growth: float
    halvings: int
    step_seconds: int
    between_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """What a probe sends: steps of `step_seconds` each that grow from `first` requests per second until the promise breaks or `most` is reached,
    then `halvings` of them, each halfway between the highest load that kept it and the lowest that did not; no load at all keeps it. A step keeps
    it where it misses no more than chance makes of what is allowed. Where none filled the server, more of them double until one does. `lengths` None: as the generator's default has them."""

    first: float
    most: float
    step_seconds: int
    halvings: int
    lengths: Lengths | None = None
    between_seconds: int | None = None
    """Of each halving, which tells most; None: as of the others."""
    growth: float = 2.0
    """Times the last rate that the next one is, until the promise breaks."""

    @property
    def steps(self) -> int:
        """As many as are counted with: one beyond the ramp fills most servers that none of it has filled."""
        return 1 + ceil(log(max(1.0, self.most / self.first), self.growth)) + self.halvings + 1

    @property
    def seconds(self) -> int:
        """How long all of them take."""
        return self.steps * self.step_seconds
