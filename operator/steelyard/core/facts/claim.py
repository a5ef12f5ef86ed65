"""An advertised number: a prior, never ground truth, and something to give a verdict on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from types import MappingProxyType

from steelyard.core.facts.capacity import CLAIM_SPREAD
from steelyard.core.facts.unit_cost import PER, PER_TOKENS, Unit
from steelyard.core.statistics.interval import Interval


class ClaimMetric(StrEnum):
    """What is advertised."""

    UNIT_COST = "UnitCost"
    THROUGHPUT = "Throughput"
    LATENCY = "Latency"
    POWER = "Power"


class OperatingPoint(StrEnum):
    """The load at which a figure holds."""

    OBJECTIVE = "Objective"
    """The highest at which the objective is kept."""
    SATURATION = "Saturation"
    """The most that is completed, late or not."""


USUAL = {ClaimMetric.THROUGHPUT: OperatingPoint.SATURATION}
"""Where a claim does not say: vendors tell what a device completes at most; a cost is worth nothing where the objective is missed."""
COUNTED: Mapping[str, Unit] = MappingProxyType(
    {
        "RequestsPerSecond": Unit.GOOD_REQUESTS,
        "PerThousandRequests": Unit.GOOD_REQUESTS,
        "TokensPerSecond": Unit.OUTPUT_TOKENS,
        "PerMillionTokens": Unit.OUTPUT_TOKENS,
        "InputTokensPerSecond": Unit.INPUT_TOKENS,
        "PerMillionInputTokens": Unit.INPUT_TOKENS,
    }
)
"""What the units of claims count. Vendors who say tokens mean generated ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One advertised figure of a pool: a ratio to another pool, or a value with a unit.

    UnitCost ratio 0.5 relative to P: one good request costs half of what it costs on P. Throughput value is requests per second and
    replica; UnitCost value is money per 1,000 good requests; both are of tokens where `unit` says so, and so is a ratio. spread: the factor that
    it may be off by, either way.
    """

    name: str
    metric: ClaimMetric
    model: str = "*"
    ratio: float | None = None
    relative_to: str | None = None
    value: float | None = None
    unit: str | None = None
    source: str = ""
    spread: float = CLAIM_SPREAD
    stated: OperatingPoint | None = None
    """The operating point, where the claim says one."""

    @property
    def at(self) -> OperatingPoint:
        """The operating point that it speaks of."""
        return self.stated or USUAL.get(self.metric, OperatingPoint.OBJECTIVE)

    @property
    def of_requests(self) -> bool:
        """Whether it is a figure of requests, and not of tokens."""
        return self.counted(Unit.GOOD_REQUESTS) is Unit.GOOD_REQUESTS

    def counted(self, objective: Unit) -> Unit:
        """What its figure counts. A ratio that does not say is of what the workload's objective counts."""
        of_units = self.metric in {ClaimMetric.UNIT_COST, ClaimMetric.THROUGHPUT}
        left_out = objective if self.ratio is not None and of_units else Unit.GOOD_REQUESTS
        return left_out if self.unit is None else COUNTED.get(self.unit, Unit.GOOD_REQUESTS)

    def in_requests(self, units: Interval | None) -> Claim:
        """A value of tokens as one of requests that have so many of them; itself where that is not told, or it is one of requests."""
        if self.of_requests or self.value is None or units is None:
            return self
        if self.metric is ClaimMetric.THROUGHPUT:
            return replace(self, value=self.value / units.point, unit="RequestsPerSecond")
        return replace(self, value=self.value * units.point * PER / PER_TOKENS, unit="PerThousandRequests")

    @property
    def figure(self) -> float:
        """The claimed number: its ratio or its value; 0 where it has neither and claims nothing."""
        return self.ratio if self.ratio is not None else self.value if self.value is not None else 0.0

    def speaks_of(self, model: str) -> bool:
        """Whether the claim's glob matches the model's URI, with its scheme or without it."""
        return fnmatchcase(model, self.model) or fnmatchcase(model.partition("://")[2], self.model)
