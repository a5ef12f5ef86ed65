"""A move that is over, as it is remembered."""

from __future__ import annotations

from steelyard.core.memory import Move, MoveKind, Outcome, PastMove
from steelyard.core.rebalancing.reason import Reason
from steelyard.core.situation import Situation


def past_move(seen: Situation, move: Move, outcome: Outcome, reason: Reason) -> PastMove:
    """The move with how it ended; a trial with what it cost: one replica at today's price since it was ordered, and
    as long what the source had beyond its own need."""
    cost = None
    if move.kind is MoveKind.EXPLORATION:
        option, source = seen.option(move.target_pool), seen.option(move.source_pool)
        extra = max(0, move.source_replicas - (source.replicas or 0)) if source else 0
        if option is not None and option.each is not None:
            hourly = option.each + extra * (source.each or 0.0 if source else 0.0)
            cost = float(f"{hourly * max(0.0, (seen.now - move.started).total_seconds()) / 3600:.6g}")
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
