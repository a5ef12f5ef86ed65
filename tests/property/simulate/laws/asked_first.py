"""A move that asks for capacity."""

from __future__ import annotations

from property.simulate.laws.look import Look
from steelyard.core.facts.capacity_request import Answer


def nothing_is_paid_before_the_answer(look: Look) -> None:
    """While a move asks, nothing is made, scaled up or probed for it, and it goes on only by an answer that there is room. What it asked with is gone
    with the wait."""
    before, move, intent = look.snapshot.memory.move, look.decision.memory.move, look.decision.intent
    assert intent.capacity is None or (move is not None and move.asking), f"a request without a move that asks: {look}"
    if move is None:
        return
    if move.asking:
        standing = {p.key: p.desired for p in look.snapshot.placements}
        grown = (intent.scale or {}).get(move.target, 0) > standing.get(move.target, 0)
        assert not grown and all(order.key != move.target for order in intent.create), f"made before it was answered: {look}"
        assert intent.probe is None, f"probed before it was answered: {look}"
    if before is not None and before.asking and not move.asking and before.id == move.id:
        pool = look.snapshot.pool(move.target.pool)
        given = look.snapshot.capacity is not None and look.snapshot.capacity.answer is Answer.GIVEN
        assert given or (pool is not None and pool.ask is None), f"went on without room: {look}"
