"""Invariant I8."""

from __future__ import annotations

from property.simulate.laws.look import Look


def others_fields_are_left_alone(look: Look) -> None:
    """I8: Never write a field of which another manager is the owner: no order goes to a placement whose replicas another one writes."""
    owned = {p.key for p in look.snapshot.placements if p.replicas_owner is not None}
    ordered = {*(look.decision.intent.scale or {}), *look.decision.intent.gone, *(c.key for c in look.decision.intent.create)}
    assert not owned & ordered, f"I8: {owned & ordered} belongs to somebody else: {look}"
