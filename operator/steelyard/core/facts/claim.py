"""An advertised number: a prior, never ground truth, and something to give a verdict on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from steelyard.core.facts.capacity import CLAIM_SPREAD


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
TOKENS = frozenset({"TokensPerSecond", "PerMillionTokens"})
"""Units that count tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One advertised figure of a pool: a ratio to another pool, or a value with a unit.

    UnitCost ratio 0.5 relative to P: one good request costs half of what it costs on P. Throughput value is requests per second and
    replica; UnitCost value is money per 1,000 good requests; both are of tokens where `unit` says so. spread: the factor that it may be off
    by, either way.
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
        return self.unit not in TOKENS

    @property
    def figure(self) -> float:
        """The claimed number: its ratio or its value; 0 where it has neither and claims nothing."""
        return self.ratio if self.ratio is not None else self.value if self.value is not None else 0.0

    def speaks_of(self, model: str) -> bool:
        """Whether the claim's glob matches the model's URI, with its scheme or without it."""
        return fnmatchcase(model, self.model) or fnmatchcase(model.partition("://")[2], self.model)
