"""A trial that a person asked for: what is compared, what its replicas tell, and what is remembered of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from steelyard.core.facts.accuracy import Accuracy
from steelyard.core.facts.capacity import Capacity, Saturation
from steelyard.core.facts.claim import Claim
from steelyard.core.facts.energy import UnitEnergy
from steelyard.core.facts.identity import TrialKey, WorkloadKey
from steelyard.core.facts.memory import ClaimVerdict, VerdictWord
from steelyard.core.facts.percentile import Percentile
from steelyard.core.facts.price import PriceClass
from steelyard.core.facts.probe import Lengths, Probe, ProbeStep
from steelyard.core.statistics.interval import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolClaim:
    """A claim about a pool, as the trial's spec has it."""

    pool: str
    claim: Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedLoad:
    """What the pools are asked for where nobody serves whose load it could be. `rate`: requests per second, None: no steady loads. `lengths` None: as
    the generator's default has them."""

    rate: float | None = None
    lengths: Lengths | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """An AcceleratorTrial's spec and identity. `budget` None: nothing is bought for it, so a pool needs no price. `duration_seconds` None: as long as
    the budget pays for. `load` None: the workload's own. `claims` empty: those of the pools."""

    key: WorkloadKey
    uid: str
    generation: int
    created: datetime
    workload: str
    pools: tuple[str, ...]
    budget: float | None
    deadline_seconds: int
    duration_seconds: int | None = None
    load: AskedLoad | None = None
    length_factors: tuple[float, ...] = ()
    """Times all lengths of the requests, at which the pools are measured as well."""
    claims: tuple[PoolClaim, ...] = ()
    stop: bool = False
    live: bool = False
    """Whether a part of the workload's own requests is measured, by a move of the workload; else requests that are made for it."""

    @property
    def mine(self) -> TrialKey:
        """As moves of the workload are marked that it asked for."""
        return TrialKey(self.key.name, self.uid)


@dataclass(frozen=True, slots=True, kw_only=True)
class SteadyStep:
    """A steady load after the ramp. `load`: requests per second of the whole workload, which so many replicas would share; `step`: what became of one
    replica's part of it. `joules`: what the server's counter rose by in `drawn` seconds; `input`, `output`: tokens of its good requests; `took`:
    milliseconds below which `percent` of its answers stayed, the objective's for the whole of a request, with bounds that are wrong with a chance of
    1 %; None where none tells."""

    load: float
    replicas: int
    step: ProbeStep
    p95_milliseconds: float | None = None
    mean_milliseconds: float | None = None
    joules: float | None = None
    drawn: float | None = None
    percent: float | None = None
    took: Interval | None = None
    input: int | None = None
    output: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthRamp:
    """A ramp with all lengths times `factor`, as far as its generator tells. `over`: no more of it is sent; `message`: why it was not sent to its end,
    or says nothing."""

    factor: float
    steps: tuple[ProbeStep, ...] = ()
    over: bool = False
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialReplica:
    """The replica of a trial on one pool, as its Job tells. `scheduled`: when it got its node; `ended`: when it ended; both None before. `address`:
    where its generator is told to begin; None while nobody listens there."""

    probe: Probe
    ramped: bool = False
    """Its ramp is over: the steps of the probe are all of it. Until then they are those that have ended."""
    steady: tuple[SteadyStep, ...] = ()
    lengths: tuple[LengthRamp, ...] = ()
    began: datetime | None = None
    """When its first request was sent."""
    scheduled: datetime | None = None
    ended: datetime | None = None
    address: str | None = None
    neighbours: tuple[str, ...] = ()
    """Pods of workloads on its node, as namespace/name, while it measures."""
    others_cpu: float = 0.0
    """Cores that pods of others ask for there, agents of the node aside, by the last look at them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Who is on the nodes of replicas beside these. `pods`: of workloads, as namespace/name; `others_cpu`: cores that pods of others ask for there, agents
    of the nodes aside, by the last look at them; `nodes`: on how many nodes the replicas are."""

    pods: tuple[str, ...] = ()
    others_cpu: float = 0.0
    nodes: int = 1


class TrialPhase(StrEnum):
    """How far a trial is on one pool."""

    WAITING = "Waiting"
    STARTING = "Starting"
    MEASURING = "Measuring"
    MEASURED = "Measured"
    FAILED = "Failed"
    REFUSED = "Refused"

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return self in {TrialPhase.MEASURED, TrialPhase.FAILED, TrialPhase.REFUSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class AtLength:
    """What a replica carries with all lengths times `factor`. No capacity: not known yet, or never, as `message` says."""

    factor: float
    capacity: Capacity | None = None
    saturation: Saturation | None = None
    message: str = ""

    @property
    def is_known(self) -> bool:
        """Whether there is a figure, or will be none."""
        return self.capacity is not None or self.message != ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRow:
    """What the trial found on one pool. `backend`, `image`: what serves there; `devices`: that a replica has, parts of them where a node hands out
    parts. `each`: money per hour of the replica. `spent`: money so far."""

    pool: str
    phase: TrialPhase
    message: str = ""
    revision: str | None = None
    backend: str | None = None
    image: str | None = None
    devices: float | None = None
    compile_seconds: int | None = None
    start_seconds: float | None = None
    began: datetime | None = None
    ended: datetime | None = None
    each: float | None = None
    price_class: PriceClass | None = None
    accuracy: Accuracy | None = None
    beside: str = ""
    """Who else was on its node while it measured, as a sentence; empty for nobody."""
    capacity: Capacity | None = None
    saturation: Saturation | None = None
    energy: UnitEnergy | None = None
    percentile: Percentile | None = None
    steady: tuple[SteadyStep, ...] = ()
    lengths: tuple[AtLength, ...] = ()
    """One for each factor that was asked for."""
    spent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimAtLength:
    """A claim's word with all lengths times `factor`."""

    factor: float
    verdict: VerdictWord
    n: int
    measured: float | None = None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialVerdict:
    """A verdict, at which loads it would be another, and what it is at each other length that was asked for."""

    verdict: ClaimVerdict
    flips: str = ""
    lengths: tuple[ClaimAtLength, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialMemory:
    """What a trial's status remembers. `reserved`: money that it can cost at most; `load`: of the workload when it began, in requests per second;
    `length_seconds`: of load at other lengths, beside those of `load_seconds`; None where none is asked for. `begin`: from when on all measure together; `answered`: when all that was asked had its answer, with load left to send. `finished`: the word of
    why it ended, empty while it goes on; `said`: the sentence."""

    reserved: float | None = None
    load: float | None = None
    load_seconds: int | None = None
    length_seconds: int | None = None
    started: datetime | None = None
    begin: datetime | None = None
    answered: datetime | None = None
    ended: datetime | None = None
    finished: str = ""
    said: str = ""
    rows: tuple[TrialRow, ...] = ()
    verdicts: tuple[TrialVerdict, ...] = field(default=())

    def row(self, pool: str) -> TrialRow | None:
        """What is remembered of a pool."""
        return next((row for row in self.rows if row.pool == pool), None)
