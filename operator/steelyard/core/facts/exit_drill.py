"""An exit drill: what a user asks for, what its trial tells, and what is remembered of it. Each drill is an AcceleratorTrial that the workload
owns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from steelyard.core.facts.capacity import Basis, Capacity
from steelyard.core.statistics.interval import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitDrill:
    """What is asked for. budget: money for each drill."""

    every_seconds: int
    budget: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DrilledPool:
    """What the trial found on one pool. `each`: money per hour of one replica. `replicas`, `requests` and `bad`: of its step at the workload's own
    load, None where none was sent."""

    pool: str
    measured: bool
    message: str = ""
    compile_seconds: int | None = None
    start_seconds: float | None = None
    each: float | None = None
    capacity: Capacity | None = None
    replicas: int | None = None
    requests: int | None = None
    bad: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillTrial:
    """An AcceleratorTrial that the workload owns. `finished`: the word of why it ended, empty while it goes on; `began`: whether its replicas were
    ordered; `load`: of the workload then, in requests per second."""

    name: str
    created: datetime
    pools: tuple[str, ...]
    finished: str = ""
    said: str = ""
    began: bool = False
    ended: datetime | None = None
    spent: float | None = None
    load: float | None = None
    rows: tuple[DrilledPool, ...] = ()

    def row(self, pool: str) -> DrilledPool | None:
        """What it found there."""
        return next((row for row in self.rows if row.pool == pool), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """One drill. `source`: the pool in use; `compares`: whether that is measured beside `target`. `seen`: whether its trial was ever there. `reason`:
    how it ended, empty while it goes on."""

    name: str
    source: str
    target: str
    compares: bool
    time: datetime
    duration_seconds: int
    seen: bool = False
    began: bool = False
    reason: str = ""
    message: str = ""
    spent: float | None = None

    @property
    def pools(self) -> tuple[str, ...]:
        """Those that its trial has."""
        return (self.source, self.target) if self.compares else (self.target,)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitProof:
    """That one accelerator family could be left for another. `cost`: percent that the replicas there cost more than those in use, by what is known as
    `basis` of these."""

    source_family: str
    target_family: str
    source: str
    target: str
    trial: str
    time: datetime
    within_seconds: int
    compile_seconds: int | None = None
    replicas: int | None = None
    cost: Interval | None = None
    basis: Basis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillMemory:
    """What the status remembers. `family`: the one in use, None while nothing serves; `wanted`: since when a proof for it is wanted; `next`: when the
    next drill is due, None while one is under way. `proofs`: one for each pair of families, newest first."""

    wanted: datetime
    reason: str
    message: str = ""
    family: str | None = None
    next: datetime | None = None
    last: Drill | None = None
    proofs: tuple[ExitProof, ...] = ()

    @property
    def under_way(self) -> Drill | None:
        """The drill that goes on."""
        return self.last if self.last is not None and not self.last.reason else None

    @property
    def proof(self) -> ExitProof | None:
        """The newest that the family in use could be left."""
        return next((each for each in self.proofs if each.source_family == self.family), None)
