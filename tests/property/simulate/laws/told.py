"""Invariant I6."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from property.simulate.laws.look import Look
from property.simulate.stage import orders
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.vocabulary.reason import Reason

HOLD = "Hold"


@dataclass(slots=True)
class Told:
    """Of one workload: the replicas that its last record speaks of."""

    recorded: Mapping[PlacementKey, int] = field(default_factory=dict)

    def every_act_is_told(self, look: Look) -> None:
        """I6: Every action, and every refusal that changed state, has a decision record and an event. What others undid is done again on
        the record that there is."""
        before, after = look.snapshot.memory, look.decision.memory
        turned = look.begun is not None or look.ended is not None
        # On half a view nothing is remembered, and so nothing changed.
        refused = look.snapshot.synced and look.decision.verdict == HOLD
        new_refusal = refused and (before.last is None or (before.last.verdict, before.last.reason) != (HOLD, look.decision.reason.value))
        if after.last != before.last:
            self.recorded = look.decision.desired
        if not (orders(look.decision.intent) or turned or new_refusal):
            return
        assert look.decision.notes, f"I6: no event: {look}"
        removed = [n for n in look.decision.notes if n.reason is Reason.REMOVED]
        assert len(removed) == len(look.decision.intent.gone), f"I6: a removal has no event: {look}"
        recorded = after.last != before.last or (look.decision.desired == self.recorded and not (turned or new_refusal))
        assert recorded, f"I6: no record: {look}"
