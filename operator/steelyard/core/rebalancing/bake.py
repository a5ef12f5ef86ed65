"""How long both ends of a move carry the load before the source is drained."""

from __future__ import annotations

from datetime import datetime, timedelta

from steelyard.core.facts.memory import Known
from steelyard.core.facts.snapshot import Rebalancing
from steelyard.core.rebalancing.cost_test import AMPLE

PROVEN_FOR = timedelta(days=1)
"""A placement that served outside of a move within this time has shown what a bake would show."""


def bake_seconds(policy: Rebalancing, known: Known | None, now: datetime) -> int:
    """Seconds: the policy's; where this revision has served on the target's pool outside of a move lately, at most what a comparison of costs takes.

    known: evidence of the target. What has served there since its own bake, or since the workload began there, would hardly show in half an
    hour what it has not shown before.
    """
    return min(policy.bake_seconds, AMPLE * policy.window_seconds) if is_proven(known, now) else policy.bake_seconds


def is_proven(known: Known | None, now: datetime) -> bool:
    """Whether this revision has served there outside of a move lately."""
    cost = known.unit_cost if known is not None and known.steady else None
    return cost is not None and now - cost.end <= PROVEN_FOR
