"""Invariant I6."""

from __future__ import annotations

from property.simulate.laws.look import Look
from property.simulate.stage import orders

HOLD = "Hold"


def every_act_is_told(look: Look) -> None:
    """I6: Every action, and every refusal that changed state, has a decision record and an event."""
    before, after = look.snapshot.memory, look.decision.memory
    turned = look.begun is not None or look.ended is not None
    refused = after.last is not None and after.last.verdict == HOLD and look.decision.verdict == HOLD
    new_refusal = refused and (before.last is None or (before.last.verdict, before.last.reason) != (HOLD, look.decision.reason.value))
    if not (orders(look.decision.intent) or turned or new_refusal):
        return
    assert look.decision.notes, f"I6: no event: {look}"
    assert after.last is not None and after.last != before.last, f"I6: no record: {look}"
