"""The first thing that is wrong with a workload: what nobody may have to look for."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.cli.facts.workload import Workload
from steelyard.cli.view.sentence import ended, meaning
from steelyard.core.vocabulary.reason import WISHED, Reason


@dataclass(frozen=True, slots=True)
class Wrong:
    """A condition that asks for somebody. `message` is the condition's own: what was seen, and what to do."""

    condition: str
    reason: str | None
    message: str
    sentence: str
    """The same as a sentence about the workload."""


CHECKS = (
    ("Ready", "False", "is not ready"),
    ("Placed", "False", "has too few replicas ready"),
    ("SLOMet", "False", "misses its objective"),
    ("Compiled", "False", "is not compiled for every pool"),
    ("Balanced", "False", "is stopped in a move"),
    ("Held", "True", "is held, no voluntary action is taken"),
    ("Observed", "False", "is not observed"),
)
"""(condition, the status that is bad, what that means), the most important one first."""

GOES_ON = frozenset({Reason.COMPILING, Reason.PLACING, Reason.MOVING, Reason.CHEAPER_KNOWN, Reason.WAITING, *WISHED})
"""Reasons of what goes on by itself, or is as the user wants it."""


def first_wrong(workload: Workload) -> Wrong | None:
    """None where every condition is as it should be, or on its way there."""
    for kind, bad, means in CHECKS:
        found = workload.condition(kind)
        if found is not None and found.status == bad and found.reason not in GOES_ON:
            message = found.message or meaning(found.reason) or found.reason or "the operator does not say why"
            return Wrong(kind, found.reason, message, ended(f"{workload.name} {means}: {message}"))
    return None
