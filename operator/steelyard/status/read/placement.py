"""What is measured, and what stands, at one (pool, revision)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from steelyard.status.raw import Raw
from steelyard.status.read.field import UNSHOWN, moment, number, part, parts, text, truth, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCost:
    """All of the cost per 1M tokens of one kind that good requests had, with its 95 % interval."""

    value: Decimal
    lower: Decimal | None
    upper: Decimal | None
    tokens: int | None
    cached: int | None
    """Of input tokens: how many a prefix cache kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Tokens of a good request, as a mean with its 95 % interval."""

    mean: Decimal
    lower: Decimal | None
    upper: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitCost:
    """Cost per 1,000 good requests as observed, with its 95 % interval, over the time from `since` to `until`."""

    value: Decimal
    lower: Decimal | None
    upper: Decimal | None
    n: int | None
    """Good requests behind it."""
    since: datetime | None
    until: datetime | None
    cost: Decimal | None
    """Money spent in that time."""
    good: int | None
    replicas: int | None
    """How many served in that time; None where the number changed."""
    basis: str | None
    """Share: the requested share of the node's price."""
    output_tokens: TokenCost | None
    """The same money over output tokens."""
    input_tokens: TokenCost | None
    """The same money over input tokens."""

    def by(self, unit: str) -> UnitCost | TokenCost | None:
        """The figure by a word of spec.objective.unit; None where the servers do not tell."""
        return {"OutputTokens": self.output_tokens, "InputTokens": self.input_tokens}.get(unit, self)

    def behind(self, unit: str) -> int | None:
        """How many of that unit the figure rests on."""
        found = self.by(unit)
        return found.tokens if isinstance(found, TokenCost) else found.n if found is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """What is reached at the lowest load seen there, in percent of the requests; `most`: what a still lower one could make of it."""

    percent: Decimal | None
    lower: Decimal | None
    upper: Decimal | None
    most: Decimal | None
    requests_per_second: Decimal | None
    n: int | None
    time: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Saturation:
    """Requests per second that one replica completes at most, with its 95 % interval."""

    per_replica: Decimal | None
    lower: Decimal | None
    upper: Decimal | None
    n: int | None
    """Answers behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitEnergy:
    """Joules per good request and watts of a replica, each with its 95 % interval, while it answered so many requests per second."""

    joules: Decimal | None
    lower: Decimal | None
    upper: Decimal | None
    watts: Decimal | None
    watts_lower: Decimal | None
    watts_upper: Decimal | None
    requests_per_second: Decimal | None
    n: int | None
    """Good requests behind it."""
    method: str | None
    """Measured or Estimated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentile:
    """Milliseconds that the objective's percent of the answers stayed below at a usual load, by bounds that hold at every look."""

    percent: Decimal | None
    milliseconds: Decimal | None
    lower: Decimal | None
    upper: Decimal | None
    requests_per_second: Decimal | None
    n: int | None
    """Answers behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Replicas and evidence of one pool and revision."""

    pool: str
    revision: str | None
    desired_replicas: int | None
    ready_replicas: int | None
    weight: int | None
    """What the workload's route sends here, of 1000; null where requests do not come by a route, or all go to one InferencePool."""
    artifact_digest: str | None
    capacity: Decimal | None
    """Good requests per second that one replica serves within the objective."""
    capacity_lower: Decimal | None
    capacity_upper: Decimal | None
    capacity_basis: str | None
    """Claimed, Carried, Measured, Planned, Fitted or Probed."""
    capacity_requests: int | None
    """Requests behind the capacity."""
    unit_cost: UnitCost | None
    good_percent: Decimal | None
    """Share of requests within the objective."""
    p50_milliseconds: Decimal | None
    p95_milliseconds: Decimal | None
    p99_milliseconds: Decimal | None
    floor: Floor | None
    saturation: Saturation | None
    energy: UnitEnergy | None
    latency: Percentile | None
    start_seconds: Decimal | None
    """From the order of a replica until it was ready."""
    priced_by: str | None
    """Where the price of a node is from; None: the AcceleratorPool."""
    probed: datetime | None
    """When the ramp ended that the capacity rests on."""
    input_tokens: Tokens | None
    """Of the requests that the capacity was measured with."""
    output_tokens: Tokens | None
    steady: bool | None = field(metadata=UNSHOWN)


def placements(status: Raw) -> tuple[Placement, ...]:
    """In the order of the status."""
    return tuple(
        Placement(
            pool=text(raw, "pool") or "",
            revision=text(raw, "revision"),
            desired_replicas=whole(raw, "desiredReplicas"),
            ready_replicas=whole(raw, "readyReplicas"),
            weight=whole(raw, "weight"),
            artifact_digest=text(raw, "artifactDigest"),
            capacity=number(raw, "capacityPerReplica"),
            capacity_lower=number(raw, "capacityLower"),
            capacity_upper=number(raw, "capacityUpper"),
            capacity_basis=text(raw, "capacityBasis"),
            capacity_requests=whole(raw, "capacityRequests"),
            unit_cost=unit_cost(part(raw, "unitCost")),
            good_percent=number(raw, "goodPercent"),
            p50_milliseconds=number(raw, "p50Milliseconds"),
            p95_milliseconds=number(raw, "p95Milliseconds"),
            p99_milliseconds=number(raw, "p99Milliseconds"),
            floor=_floor(part(raw, "floor")),
            saturation=saturation(part(raw, "saturation")),
            energy=unit_energy(part(raw, "energy")),
            latency=percentile(part(raw, "latency")),
            start_seconds=number(raw, "startSeconds"),
            priced_by=text(raw, "pricedBy"),
            probed=moment(raw, "probedTime"),
            input_tokens=_tokens(part(raw, "inputTokensPerRequest")),
            output_tokens=_tokens(part(raw, "outputTokensPerRequest")),
            steady=truth(raw, "steady"),
        )
        for raw in parts(status, "placements")
    )


def _floor(raw: Raw) -> Floor | None:
    if not raw:
        return None
    return Floor(
        percent=number(raw, "percent"),
        lower=number(raw, "lower"),
        upper=number(raw, "upper"),
        most=number(raw, "most"),
        requests_per_second=number(raw, "requestsPerSecond"),
        n=whole(raw, "requests"),
        time=moment(raw, "time"),
    )


def saturation(raw: Raw) -> Saturation | None:
    """None where there is none."""
    if not raw:
        return None
    return Saturation(
        per_replica=number(raw, "perReplica"), lower=number(raw, "lower"), upper=number(raw, "upper"), n=whole(raw, "requests")
    )


def unit_energy(raw: Raw) -> UnitEnergy | None:
    """What a good request draws."""
    if not raw:
        return None
    return UnitEnergy(
        joules=number(raw, "joulesPerRequest"),
        lower=number(raw, "lower"),
        upper=number(raw, "upper"),
        watts=number(raw, "watts"),
        watts_lower=number(raw, "wattsLower"),
        watts_upper=number(raw, "wattsUpper"),
        requests_per_second=number(raw, "requestsPerSecond"),
        n=whole(raw, "n"),
        method=text(raw, "method"),
    )


def percentile(raw: Raw) -> Percentile | None:
    """How long requests take."""
    if not raw:
        return None
    return Percentile(
        percent=number(raw, "percent"),
        milliseconds=number(raw, "milliseconds"),
        lower=number(raw, "lower"),
        upper=number(raw, "upper"),
        requests_per_second=number(raw, "requestsPerSecond"),
        n=whole(raw, "n"),
    )


def _tokens(raw: Raw) -> Tokens | None:
    mean = number(raw, "mean")
    return None if mean is None else Tokens(mean=mean, lower=number(raw, "lower"), upper=number(raw, "upper"))


def _token_cost(raw: Raw) -> TokenCost | None:
    value = number(raw, "value")
    if value is None:
        return None
    return TokenCost(
        value=value, lower=number(raw, "lower"), upper=number(raw, "upper"), tokens=whole(raw, "tokens"), cached=whole(raw, "cached")
    )


def unit_cost(raw: Raw) -> UnitCost | None:
    """None without a value."""
    value = number(raw, "value")
    if value is None:
        return None
    return UnitCost(
        value=value,
        lower=number(raw, "lower"),
        upper=number(raw, "upper"),
        n=whole(raw, "n"),
        since=moment(raw, "from"),
        until=moment(raw, "to"),
        cost=number(raw, "cost"),
        good=whole(raw, "good"),
        replicas=whole(raw, "replicas"),
        basis=text(raw, "basis"),
        output_tokens=_token_cost(part(raw, "outputTokens")),
        input_tokens=_token_cost(part(raw, "inputTokens")),
    )
