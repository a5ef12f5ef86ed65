"""A move that is over, as it is remembered."""

from __future__ import annotations

from steelyard.core.economics.money import written
from steelyard.core.facts.memory import Move, MoveKind, Outcome, PastMove
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.realised import cost_before
from steelyard.core.rebalancing.asked import spent_on
from steelyard.core.vocabulary.reason import Reason


def past_move(seen: Analysis, move: Move, outcome: Outcome, reason: Reason) -> PastMove:
    """The move with how it ended; a trial with what it cost: the part of the money reserved for it that its time is of the time until its
    deadline. So the cost is known whatever became of the pool and its price meanwhile."""
    cost = None
    if move.kind is MoveKind.EXPLORATION and move.reserved is not None and move.deadline > move.started:
        cost = written(spent_on(move, seen.now))
    return PastMove(
        source_pool=move.source.pool,
        target_pool=move.target.pool,
        target_revision=move.target.revision,
        time=seen.now,
        outcome=outcome,
        reason=reason.value,
        kind=move.kind,
        cost=cost,
        cost_before=cost_before(seen, move.started) if move.kind is MoveKind.REBALANCE and outcome is Outcome.MOVED else None,
        unit=seen.snapshot.workload.unit,
        trial=move.trial,
    )
