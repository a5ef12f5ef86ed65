"""Invariant I7."""

from __future__ import annotations

from property.simulate.laws.look import Look
from property.simulate.stage import orders

LOOKS = 6


def comes_to_rest(looks: list[Look]) -> bool:
    """I7: With constant inputs there are zero moves and zero spec writes, and status is written only when its content changes: looking
    again and again at one moment, at what only its own orders have changed, the operator soon has nothing to do. True: it has."""
    last = looks[-1]
    still = not orders(last.decision.intent) and last.decision.memory == last.snapshot.memory and not last.decision.notes
    assert still or len(looks) < LOOKS, "I7: no rest at one moment:\n" + "\n".join(map(str, looks))
    return still
