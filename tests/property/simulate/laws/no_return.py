"""Invariant I4."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from property.simulate.laws.look import Look
from steelyard.core.facts.memory import MoveKind, Outcome


@dataclass(slots=True)
class Left:
    """When each pool was left by a move, when the last move ended, and which pool it took from where it was made to save; forgotten with the status,
    without which nobody can know."""

    pools: dict[str, datetime] = field(default_factory=dict)
    rested: datetime | None = None
    taken_from: str | None = None

    def nobody_returns_at_once(self, look: Look) -> None:
        """I4: No A to B to A within the cool-down except a rollback for SLO regression; and after a move, rest, but to take more
        from the same pool."""
        cooldown = timedelta(seconds=look.snapshot.workload.rebalancing.cooldown_seconds)
        now, move = look.stage.moment, look.voluntary
        if move is not None:
            left = self.pools.get(move.target.pool)
            assert left is None or now - left >= cooldown, f"I4: back to {move.target.pool}, left at {left}: {look}"
            rests = self.rested is None or now - self.rested >= cooldown
            assert rests or move.source.pool == self.taken_from, f"I4: begun within the cool-down of {self.rested}: {look}"
        # What a move saved is written to it later: that is no end of a move.
        if [p.time for p in look.decision.memory.history] != [p.time for p in look.snapshot.memory.history]:
            past = look.decision.memory.history[-1]
            # An exploration that has found what it could is no move: other pools are explored as long as there is money for it.
            if past.outcome is not Outcome.EXPLORED:
                saved = past.outcome is Outcome.MOVED and past.kind is MoveKind.REBALANCE
                self.rested, self.taken_from = now, past.source_pool if saved else None
            if past.outcome is Outcome.MOVED and past.source_pool != past.target_pool:
                self.pools[past.source_pool] = now
