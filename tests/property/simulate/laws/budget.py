"""Invariant I3."""

from __future__ import annotations

from property.simulate.laws.look import Look
from steelyard.core.facts.memory import MoveKind


def moves_stay_within_the_budget(look: Look) -> None:
    """I3: Moves in flight are at most the global budget (config.movesAtOnce), and at most one of a workload. A new revision is its user's
    wish and does not count."""
    before, after = look.snapshot.memory.move, look.decision.memory.move
    assert before is None or after is None or before.id == after.id, f"I3: a second move of one workload: {look}"
    moving = [n for n, t in look.stage.tenants.items() if t.memory.move is not None and t.memory.move.kind is not MoveKind.REVISION]
    allowed = look.stage.scenario.moves_at_once
    assert look.voluntary is None or len(moving) <= allowed, f"I3: {moving} move at once and {allowed} may: {look}"
