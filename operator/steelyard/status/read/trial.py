"""The status of an AcceleratorTrial."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from steelyard.status.raw import Raw
from steelyard.status.read.claim import Verdict, verdicts
from steelyard.status.read.compiled_model import ToldAccuracy, accuracy
from steelyard.status.read.condition import Condition, conditions
from steelyard.status.read.field import moment, number, part, parts, text, whole
from steelyard.status.read.placement import Percentile, Saturation, UnitCost, UnitEnergy, percentile, saturation, unit_cost, unit_energy

PRESENT = Decimal(1)
"""The load that a workload had when its trial began, as a multiple of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStep:
    """What became of a steady load."""

    load: Decimal | None
    """Requests per second of the whole workload."""
    of_present: Decimal | None
    """That, as a multiple of the workload's load when the trial began."""
    replicas: int | None
    """That this load needs there."""
    rate: Decimal | None
    """Requests per second that one replica was asked for."""
    seconds: Decimal | None
    """For which they were sent."""
    requests: int | None
    """That were sent."""
    failed: int | None
    """Of them, those that got an error or were turned away."""
    good_percent: Decimal | None
    mean_milliseconds: Decimal | None
    p50_milliseconds: Decimal | None
    p95_milliseconds: Decimal | None
    p99_milliseconds: Decimal | None
    unit_cost: Decimal | None
    """Cost of 1,000 good requests at this load with that many replicas."""
    joules_per_request: Decimal | None
    """Of a good one."""
    input_tokens: Decimal | None
    """Of a good one, in the mean."""
    output_tokens: Decimal | None
    """Of its answer, in the mean; null of models that answer in one piece."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLength:
    """What was found with all lengths of the requests times `factor`."""

    factor: Decimal | None
    message: str | None
    """Why nothing was measured, or less than was asked for."""
    capacity: Decimal | None
    """Good requests per second that one replica serves within the objective."""
    capacity_lower: Decimal | None
    capacity_upper: Decimal | None
    capacity_basis: str | None
    """Probed, or Carried where the objective held up to the highest load that was sent."""
    capacity_requests: int | None
    """Good requests behind the capacity."""
    saturation: Saturation | None
    unit_cost: UnitCost | None
    """Where the objective is just kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPool:
    """What was found on one pool."""

    pool: str
    phase: str | None
    """Waiting, Starting, Measuring, Measured, Failed or Refused."""
    message: str | None
    """What it waits for, or why it ended so."""
    revision: str | None
    backend: str | None
    """What serves there: vllm, openvino and so on."""
    image: str | None
    """Of the server and its generator."""
    devices: Decimal | None
    """That a replica has: parts of them where a node hands out parts."""
    job_name: str | None
    compile_seconds: int | None
    beside: str | None
    """Who else was on its node while it measured."""
    start_seconds: Decimal | None
    """From the order of its replica until it was ready."""
    since: datetime | None
    """When its first request was sent."""
    until: datetime | None
    """When its last request was answered."""
    price_per_hour: Decimal | None
    """Of one replica."""
    price_class: str | None
    """Effective, Contracted, SpotMarket, List or Static."""
    accuracy: ToldAccuracy | None
    """Of its artifact, against the reference."""
    capacity: Decimal | None
    """Good requests per second that one replica serves within the objective."""
    capacity_lower: Decimal | None
    capacity_upper: Decimal | None
    capacity_basis: str | None
    """Probed, or Carried where the objective held up to the highest load that was sent."""
    capacity_requests: int | None
    """Good requests behind the capacity."""
    saturation: Saturation | None
    unit_cost: UnitCost | None
    """Where the objective is just kept."""
    energy: UnitEnergy | None
    """At the highest steady load whose joules are known."""
    latency: Percentile | None
    """At the highest steady load that a replica is meant for."""
    steps: tuple[TrialStep, ...]
    lengths: tuple[TrialLength, ...]
    """At each other length that was asked for."""
    spent: Decimal | None

    def at(self, of_present: Decimal) -> TrialStep | None:
        """The step at that multiple of the workload's load."""
        return next((step for step in self.steps if step.of_present == of_present), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStatus:
    """Empty tuples and None: nothing is known of it yet."""

    observed_generation: int | None
    conditions: tuple[Condition, ...]
    summary: str | None
    digest: str | None
    currency: str | None
    reserved: Decimal | None
    spent: Decimal | None
    load: Decimal | None
    load_seconds: int | None
    length_seconds: int | None
    started: datetime | None
    begin: datetime | None
    answered: datetime | None
    ended: datetime | None
    pools: tuple[TrialPool, ...]
    claims: tuple[Verdict, ...]

    @property
    def seconds(self) -> int | None:
        """Of all load together, on each pool."""
        return None if self.load_seconds is None else self.load_seconds + (self.length_seconds or 0)

    @property
    def end(self) -> Condition | None:
        """How it ended; None while it goes on."""
        return next((each for each in self.conditions if each.type == "Finished" and each.status == "True"), None)


def trial_status(status: Raw) -> TrialStatus:
    """Everything that it says."""
    return TrialStatus(
        observed_generation=whole(status, "observedGeneration"),
        conditions=conditions(status),
        summary=text(status, "summary"),
        digest=text(status, "digest"),
        currency=text(status, "currency"),
        reserved=number(status, "reserved"),
        spent=number(status, "spent"),
        load=number(status, "load"),
        load_seconds=whole(status, "loadSeconds"),
        length_seconds=whole(status, "lengthSeconds"),
        started=moment(status, "startedTime"),
        begin=moment(status, "beginTime"),
        answered=moment(status, "answeredTime"),
        ended=moment(status, "endedTime"),
        pools=tuple(trial_pool(raw) for raw in parts(status, "pools")),
        claims=verdicts(status),
    )


def trial_pool(raw: Raw) -> TrialPool:
    """One of its pools."""
    return TrialPool(
        pool=text(raw, "pool") or "",
        phase=text(raw, "phase"),
        message=text(raw, "message"),
        revision=text(raw, "revision"),
        backend=text(raw, "backend"),
        image=text(raw, "image"),
        devices=number(raw, "devices"),
        job_name=text(raw, "jobName"),
        compile_seconds=whole(raw, "compileSeconds"),
        beside=text(raw, "beside"),
        start_seconds=number(raw, "startSeconds"),
        since=moment(raw, "from"),
        until=moment(raw, "to"),
        price_per_hour=number(raw, "pricePerHour"),
        price_class=text(raw, "priceClass"),
        accuracy=accuracy(part(raw, "accuracy")),
        capacity=number(raw, "capacityPerReplica"),
        capacity_lower=number(raw, "capacityLower"),
        capacity_upper=number(raw, "capacityUpper"),
        capacity_basis=text(raw, "capacityBasis"),
        capacity_requests=whole(raw, "capacityRequests"),
        saturation=saturation(part(raw, "saturation")),
        unit_cost=unit_cost(part(raw, "unitCost")),
        energy=unit_energy(part(raw, "energy")),
        latency=percentile(part(raw, "latency")),
        steps=tuple(_step(each) for each in parts(raw, "steps")),
        lengths=tuple(_length(each) for each in parts(raw, "lengths")),
        spent=number(raw, "spent"),
    )


def _length(raw: Raw) -> TrialLength:
    return TrialLength(
        factor=number(raw, "factor"),
        message=text(raw, "message"),
        capacity=number(raw, "capacityPerReplica"),
        capacity_lower=number(raw, "capacityLower"),
        capacity_upper=number(raw, "capacityUpper"),
        capacity_basis=text(raw, "capacityBasis"),
        capacity_requests=whole(raw, "capacityRequests"),
        saturation=saturation(part(raw, "saturation")),
        unit_cost=unit_cost(part(raw, "unitCost")),
    )


def _step(raw: Raw) -> TrialStep:
    return TrialStep(
        load=number(raw, "load"),
        of_present=number(raw, "ofPresent"),
        replicas=whole(raw, "replicas"),
        rate=number(raw, "rate"),
        seconds=number(raw, "seconds"),
        requests=whole(raw, "requests"),
        failed=whole(raw, "failed"),
        good_percent=number(raw, "goodPercent"),
        mean_milliseconds=number(raw, "meanMilliseconds"),
        p50_milliseconds=number(raw, "p50Milliseconds"),
        p95_milliseconds=number(raw, "p95Milliseconds"),
        p99_milliseconds=number(raw, "p99Milliseconds"),
        unit_cost=number(raw, "unitCost"),
        joules_per_request=number(raw, "joulesPerRequest"),
        input_tokens=number(raw, "inputTokens"),
        output_tokens=number(raw, "outputTokens"),
    )
