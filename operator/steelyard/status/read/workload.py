"""The status of an InferenceWorkload."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.status.raw import Raw
from steelyard.status.read.claim import Verdict, verdicts
from steelyard.status.read.condition import Condition, conditions
from steelyard.status.read.decision import Decision, decision
from steelyard.status.read.field import part, parts, text, whole
from steelyard.status.read.move import Move, PastMove, Quarantine, history, move, quarantine
from steelyard.status.read.placement import Placement, placements


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadStatus:
    """Empty tuples and None: nothing is known of it yet."""

    observed_generation: int | None
    currency: str | None
    """Of all its money."""
    endpoint: str | None
    home_pool: str | None
    home_revision: str | None
    beside: tuple[tuple[str, str | None], ...]
    """Pool and revision of those that carry a part of the load beside home."""
    conditions: tuple[Condition, ...]
    placements: tuple[Placement, ...]
    claims: tuple[Verdict, ...]
    move: Move | None
    quarantine: tuple[Quarantine, ...]
    history: tuple[PastMove, ...]
    decision: Decision | None


def workload_status(status: Raw) -> WorkloadStatus:
    """Everything that it says."""
    home = part(status, "home")
    return WorkloadStatus(
        observed_generation=whole(status, "observedGeneration"),
        currency=text(status, "currency"),
        endpoint=text(status, "endpoint"),
        home_pool=text(home, "pool"),
        home_revision=text(home, "revision"),
        beside=tuple((pool, text(b, "revision")) for b in parts(status, "beside") if (pool := text(b, "pool"))),
        conditions=conditions(status),
        placements=placements(status),
        claims=verdicts(status),
        move=move(status),
        quarantine=quarantine(status),
        history=history(status),
        decision=decision(status),
    )
