"""What one pass decides. Status, events, metrics and the record are all made from this one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Memory
from steelyard.core.placing.intent import Intent
from steelyard.core.planning.demand import Demand
from steelyard.core.planning.load import Load
from steelyard.core.planning.measured_cost import MeasuredCost
from steelyard.core.planning.option import Option
from steelyard.core.rebalancing.chain import Review
from steelyard.core.vocabulary.condition import Condition, ConditionType
from steelyard.core.vocabulary.reason import Reason
from steelyard.core.vocabulary.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth an Event. `warning` marks what a person should look at."""

    reason: Reason
    message: str
    warning: bool = False


def is_observed(decision: Decision) -> bool:
    """Whether its load is known, and all that serves was read lately."""
    observed = next((c.status for c in decision.conditions if c.type is ConditionType.OBSERVED), None)
    return decision.load is not None and observed is True


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """intent: what should exist; memory: what status remembers; desired: replicas by placement, for status; review: why it moves or holds;
    verdict: the word of the review (Move, Stay, Hold); options and load: the operands, for the record and for metrics; demand: what it asks of the fleet's plan;
    measured: what good requests of the workload were measured to cost, by pool."""

    intent: Intent
    memory: Memory
    desired: Mapping[PlacementKey, int]
    conditions: tuple[Condition, ...]
    notes: tuple[Note, ...]
    verdict: Verdict
    reason: Reason
    message: str
    review: Review | None
    options: tuple[Option, ...]
    load: Load | None
    demand: Demand | None
    measured: tuple[MeasuredCost, ...]
    reconsider_at: datetime
    stands_until: datetime
    """Before when it need not be made again on the same facts, nor on windows that show what it expected (`expected`)."""
