"""One look of the operator at a workload: what it saw, what it decided, and what came of that at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from property.simulate.stage import Stage
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Move, MoveKind
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.placing.decision import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """`before`, `after`: replicas that took requests when it was decided, and when that was done."""

    stage: Stage
    workload: str
    snapshot: Snapshot
    decision: Decision
    before: Mapping[PlacementKey, int]
    after: Mapping[PlacementKey, int]

    @property
    def begun(self) -> Move | None:
        """A move that it begins."""
        return self.decision.memory.move if self.snapshot.memory.move is None else None

    @property
    def voluntary(self) -> Move | None:
        """A move that it begins for the sake of cost: a new revision is its user's wish, and a rescue is for the sake of the promise."""
        return self.begun if self.begun is not None and self.begun.kind not in {MoveKind.REVISION, MoveKind.RESCUE} else None

    @property
    def ended(self) -> Move | None:
        """A move that it ends."""
        return self.snapshot.memory.move if self.decision.memory.move is None else None

    def __str__(self) -> str:
        intent = self.decision.intent
        made = {tuple(c.key): c.replicas for c in intent.create}
        scaled = {tuple(k): n for k, n in (intent.scale or {}).items()}
        gone = [tuple(k) for k in intent.gone]
        return (
            f"{self.workload} at {self.stage.now:.0f} s: {self.decision.verdict} ({self.decision.message}); create {made}, scale {scaled}, "
            f"gone {gone}; {self.snapshot.memory.move} then {self.decision.memory.move}"
        )
