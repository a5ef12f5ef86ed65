"""What was decided of placement: replicas wanted, what remains of the move, why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from steelyard.core.facts.memory import Move, PastMove, Quarantine
from steelyard.core.facts.snapshot import PlacementKey
from steelyard.core.placing.decision import Note
from steelyard.core.placing.situation import Situation
from steelyard.core.rebalancing.chain import Review
from steelyard.core.vocabulary.reason import Refusal


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
    beside: tuple[PlacementKey, ...] = ()
    """What holds a part of the load beside home."""

    @property
    def held(self) -> Refusal | None:
        """The refusal that holds the workload, if it is held."""
        return self.refusal if self.verdict == "Hold" else None


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
        beside=_beside(seen, desired, home),
    )


def _beside(seen: Situation, desired: Mapping[PlacementKey, int], home: PlacementKey | None) -> tuple[PlacementKey, ...]:
    """As remembered, as far as it is still wanted."""
    remembered = (PlacementKey(*key) for key in seen.snapshot.memory.beside)
    return tuple(sorted(key for key in remembered if key != home and desired.get(key, 0) > 0))
