"""What the catalogue expects of a model on an accelerator."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What is counted per second."""

    REQUESTS = "RequestsPerSecond"
    TOKENS = "OutputTokensPerSecond"


class Kind(StrEnum):
    """How an estimate came about, nearest first."""

    SAME = "Same"
    """Claims for the same model on as many devices of the accelerator, under whatever conditions."""
    OTHER_SIZE = "OtherSize"
    """Claims for the same model on another number of them, in proportion to the devices."""
    SIMILAR_MODEL = "SimilarModel"
    """Claims for the model of the nearest size that does the same task there, in inverse proportion to the parameters."""
    OTHER_ACCELERATOR = "OtherAccelerator"
    """Claims for the same model on other accelerators, in proportion to a fact of the hardware."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """`throughput` in `unit` of all devices asked for; right within the factor `spread` nine times in ten. `because` is for people."""

    throughput: float
    unit: Unit
    spread: float
    kind: Kind
    n: int
    because: str
