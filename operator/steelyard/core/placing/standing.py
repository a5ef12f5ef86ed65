"""What holds the load outside of moves: home, and what stands beside it."""

from __future__ import annotations

from steelyard.core.facts.snapshot import ArtifactState, Placement, PlacementKey
from steelyard.core.placing.situation import Situation


def beside(seen: Situation) -> tuple[Placement, ...]:
    """What holds a part of the load beside home, as far as it stands."""
    wanted = {PlacementKey(*key) for key in seen.snapshot.memory.beside}
    return tuple(sorted((p for p in seen.snapshot.placements if p.key in wanted and p.key != seen.home), key=lambda p: p.key))


def outlived(seen: Situation, placement: Placement) -> bool:
    """Whether a placement is of an artifact that the store has no more, so that no new pod of it can start, and another can be made instead.

    A compile of the same key need not give the same bytes, and a template is never written again (docs/adr/0024-a-corrupt-artifact-is-compiled-again.md).
    """
    found = seen.snapshot.artifacts.get(placement.artifact_key or "")
    if found is None or (found.state is ArtifactState.READY and found.digest == placement.artifact_digest):
        return False
    candidate = seen.candidate(placement.key.pool)
    return candidate is not None and candidate.refusal is None and candidate.revision != placement.key.revision


def others_of_move(seen: Situation) -> tuple[int, float | None]:
    """(ready replicas, the smallest capacity) of what holds a part of the load and is neither end of the move under way.

    Replicas whose capacity is not known are not counted: nothing that serves is taken away because of what they might carry.
    """
    move = seen.snapshot.memory.move
    ends = {PlacementKey(move.source_pool, move.source_revision), PlacementKey(move.target_pool, move.target_revision)} if move else set()
    home = seen.home_placement()
    rest = [p for p in (*((home,) if home else ()), *beside(seen)) if p.key not in ends and p.ready > 0]
    known = [(p.ready, capacity) for p in rest if (capacity := seen.capacity(p.key))]
    return sum(ready for ready, _ in known), min((capacity for _, capacity in known), default=None)
