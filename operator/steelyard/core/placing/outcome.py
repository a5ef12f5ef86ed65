"""What one look decides of a workload's replicas: an allocation, what becomes of the move, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Move, PastMove, Quarantine
from steelyard.core.placing.decision import Note
from steelyard.core.planning.wish import Wish
from steelyard.core.rebalancing.chain import Review
from steelyard.core.vocabulary.reason import HOLDS, Refusal
from steelyard.core.vocabulary.verdict import Verdict

Allocation: TypeAlias = Mapping[PlacementKey, int]
"""Replicas wanted, by placement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`allocation`: every placement that holds the load or is an end of the move, with the replicas wanted there. `move`: the one under way
    afterwards; None where there is none. `past`, `quarantine`: to be remembered. `refusal`: why nothing more is done; `review`: the gates
    that were asked; `target`: the pool that was considered; `wishes`: moves that wait for room or for their turn alone."""

    verdict: Verdict
    allocation: Allocation
    move: Move | None = None
    past: PastMove | None = None
    quarantine: Quarantine | None = None
    refusal: Refusal | None = None
    review: Review | None = None
    target: str | None = None
    notes: tuple[Note, ...] = ()
    wishes: tuple[Wish, ...] = ()

    @property
    def held(self) -> Refusal | None:
        """The refusal that holds the workload, if it is held."""
        return self.refusal if self.verdict is Verdict.HOLD else None

    @classmethod
    def stay(cls, allocation: Allocation, refusal: Refusal, review: Review | None = None, target: str | None = None) -> Outcome:
        """Nothing voluntary happens: because it is right so, or because something holds the workload."""
        verdict = Verdict.HOLD if refusal.reason in HOLDS else Verdict.STAY
        return cls(verdict=verdict, allocation=allocation, refusal=refusal, review=review, target=target)

    @classmethod
    def hold(cls, allocation: Allocation, refusal: Refusal, target: str | None = None) -> Outcome:
        """Nothing can be done until somebody acts, or an input comes back."""
        return cls(verdict=Verdict.HOLD, allocation=allocation, refusal=refusal, target=target)

    @classmethod
    def wait(cls, allocation: Allocation, refusal: Refusal, target: str | None = None) -> Outcome:
        """What is needed comes by itself."""
        return cls(verdict=Verdict.WAIT, allocation=allocation, refusal=refusal, target=target)

    @classmethod
    def place(cls, allocation: Allocation, note: Note, *, target: str | None = None, quarantine: Quarantine | None = None) -> Outcome:
        """Replicas are put where something is missing; `note` says what and why."""
        return cls(verdict=Verdict.PLACE, allocation=allocation, quarantine=quarantine, target=target, notes=(note,))

    @classmethod
    def scale(cls, allocation: Allocation, settling: Refusal, notes: tuple[Note, ...]) -> Outcome:
        """The replicas follow the load; what that costs is seen before anything is compared with it."""
        verdict = Verdict.HOLD if settling.reason in HOLDS else Verdict.STAY
        return cls(verdict=verdict, allocation=allocation, refusal=settling, notes=notes)

    @classmethod
    def begin(cls, allocation: Allocation, move: Move, note: Note, review: Review | None = None) -> Outcome:
        """A move begins, and with it its first step, unless capacity is asked for before."""
        ends = {} if move.asking else {move.source: move.source_replicas, move.target: move.target_replicas}
        return cls(
            verdict=Verdict.MOVE, allocation={**allocation, **ends}, move=move, review=review, target=move.target.pool, notes=(note,)
        )
