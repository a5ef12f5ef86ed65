"""The status of an InferenceWorkload."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.status.raw import Raw
from steelyard.status.read.claim import Verdict, verdicts
from steelyard.status.read.condition import Condition, conditions
from steelyard.status.read.cost import PoolCost, costs
from steelyard.status.read.decision import Decision, decision
from steelyard.status.read.exit_drill import ExitDrill, exit_drill
from steelyard.status.read.field import text, whole
from steelyard.status.read.move import Move, PastMove, Quarantine, history, move, quarantine
from steelyard.status.read.placement import Placement, placements
from steelyard.status.read.rises import Rises, rises


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadStatus:
    """Empty tuples and None: nothing is known of it yet."""

    observed_generation: int | None
    currency: str | None
    """Of all its money."""
    endpoint: str | None
    conditions: tuple[Condition, ...]
    placements: tuple[Placement, ...]
    """Those that hold the load first."""
    costs: tuple[PoolCost, ...]
    claims: tuple[Verdict, ...]
    move: Move | None
    quarantine: tuple[Quarantine, ...]
    history: tuple[PastMove, ...]
    decision: Decision | None
    exit_drill: ExitDrill | None
    rises: Rises

    @property
    def allocation(self) -> tuple[Placement, ...]:
        """The placements that hold the load outside of the move under way: where replicas are wanted, and the source that it empties; of its
        target what was there before. In the order of the status."""
        move = self.move
        source = (move.source, move.source_revision) if move else None
        target = (move.target, move.target_revision) if move and not move.target_base else None
        return tuple(
            place
            for place in self.placements
            if (key := (place.pool, place.revision)) != target and (place.desired_replicas or key == source)
        )


def workload_status(status: Raw) -> WorkloadStatus:
    """Everything that it says."""
    return WorkloadStatus(
        observed_generation=whole(status, "observedGeneration"),
        currency=text(status, "currency"),
        endpoint=text(status, "endpoint"),
        conditions=conditions(status),
        placements=placements(status),
        costs=costs(status),
        claims=verdicts(status),
        move=move(status),
        quarantine=quarantine(status),
        history=history(status),
        decision=decision(status),
        exit_drill=exit_drill(status),
        rises=rises(status),
    )
