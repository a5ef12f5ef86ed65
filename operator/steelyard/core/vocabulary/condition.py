"""Conditions of a workload: adjectives with a reason and a message that stays the same while the facts do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from steelyard.core.vocabulary.reason import Reason


class ConditionType(StrEnum):
    """No others."""

    READY = "Ready"
    COMPILED = "Compiled"
    PLACED = "Placed"
    SLO_MET = "SLOMet"
    OBSERVED = "Observed"
    BALANCED = "Balanced"
    HELD = "Held"


class TrialConditionType(StrEnum):
    """Of a trial."""

    FINISHED = "Finished"


@dataclass(frozen=True, slots=True)
class Condition:
    """`status` None is Unknown. Times and generations are added where it is written. `awaited`: what was written of the same spec before stands
    until the readings are there that this one lacks."""

    type: ConditionType | TrialConditionType
    status: bool | None
    reason: Reason
    message: str
    awaited: bool = False
