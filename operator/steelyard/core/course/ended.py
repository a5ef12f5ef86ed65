"""A move that is over, as it is remembered."""

from __future__ import annotations

from steelyard.core.memory import Move, MoveKind, Outcome, PastMove
from steelyard.core.rebalancing.reason import Reason
from steelyard.core.situation import Situation


def past_move(seen: Situation, move: Move, outcome: Outcome, reason: Reason) -> PastMove:
    """The move with how it ended; a trial with what it cost: one replica at today's price since it was ordered."""
    cost = None
    if move.kind is MoveKind.EXPLORATION:
        option = seen.option(move.target_pool)
        if option is not None and option.each is not None:
            cost = float(f"{option.each * max(0.0, (seen.now - move.started).total_seconds()) / 3600:.6g}")
    return PastMove(
        source_pool=move.source_pool,
        target_pool=move.target_pool,
        target_revision=move.target_revision,
        time=seen.now,
        outcome=outcome,
        reason=reason.value,
        kind=move.kind,
        cost=cost,
    )
