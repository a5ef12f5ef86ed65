"""What was decided of placement: replicas wanted, what remains of the move, why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from steelyard.core.decision import Note
from steelyard.core.memory import Move, PastMove, Quarantine
from steelyard.core.rebalancing.chain import Review
from steelyard.core.rebalancing.reason import Refusal
from steelyard.core.situation import Situation
from steelyard.core.snapshot import PlacementKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What was decided of placement: replicas wanted, what remains of the move, why."""

    desired: Mapping[PlacementKey, int]
    home: PlacementKey | None
    move: Move | None
    past: PastMove | None
    quarantine: Quarantine | None
    verdict: str
    refusal: Refusal | None
    review: Review | None
    target: str | None
    notes: tuple[Note, ...]


def stay(
    seen: Situation,
    desired: Mapping[PlacementKey, int],
    home: PlacementKey | None,
    refusal: Refusal | None,
    looked: Review | None,
    verdict: str,
    target: str | None = None,
) -> Course:
    """Keep the move as remembered, and want these replicas."""
    return Course(
        desired=desired,
        home=home,
        move=seen.snapshot.memory.move,
        past=None,
        quarantine=None,
        verdict=verdict,
        refusal=refusal,
        review=looked,
        target=target,
        notes=(),
    )
