"""Are the replicas that hold the load where they are wanted? What speaks against it, or besides, the first of an ordered list of checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Memory
from steelyard.core.facts.snapshot import Placement, RefusedWrite
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.compiled import COMPILED_MODEL
from steelyard.core.placing.outcome import Outcome
from steelyard.core.vocabulary.condition import Condition, ConditionType
from steelyard.core.vocabulary.reason import Reason, Refusal

ASIDE = frozenset({COMPILED_MODEL, "Job", "AcceleratorTrial", "HTTPRoute", "InferencePool"})
"""Kinds of which none is needed by what serves: a Job of a workload is a probe, and a trial is an exit drill. Of a route and its InferencePools, Held tells."""
FRONT = frozenset({"Service", "PodDisruptionBudget"})
"""Kinds of which one object has the workload's name."""


@dataclass(frozen=True, slots=True)
class Placing:
    """What is looked at: the facts, what was decided on them, and what is remembered of it."""

    seen: Analysis
    outcome: Outcome
    memory: Memory

    @property
    def wanted(self) -> Mapping[PlacementKey, int]:
        """Replicas of the placements that hold the load outside of moves."""
        return {key: self.outcome.allocation.get(key, 0) for key in self.memory.allocation}

    @property
    def parts(self) -> Mapping[PlacementKey, Placement | None]:
        """Those of them with replicas, as they stand; at the end of a drain the target alone holds the load."""
        used = [key for key, n in self.wanted.items() if n > 0] or [key for key, n in self.outcome.allocation.items() if n > 0]
        return {key: self.seen.snapshot.placement(key) for key in used}


Check: TypeAlias = Callable[[Placing], Condition | None]


def placed(seen: Analysis, outcome: Outcome, memory: Memory) -> Condition:
    """The condition Placed."""
    placing = Placing(seen, outcome, memory)
    told = next((found for check in CHECKS if (found := check(placing)) is not None), None)
    return told or Condition(ConditionType.PLACED, True, Reason.PLACED, _ready(placing))


def nowhere(placing: Placing) -> Condition | None:
    """Something must be wanted somewhere."""
    if placing.wanted:
        return None
    return _no(placing.outcome.refusal or Refusal(Reason.NO_POOL, "no pool is eligible"))


def not_written(placing: Placing) -> Condition | None:
    """The API server must take what serves. Of a front that is somebody else's, Ready tells."""
    writes = (w for w in placing.seen.snapshot.refused if w.kind not in ASIDE and not (w.taken and is_front(w, placing.seen)))
    refused = next(writes, None)
    if refused is None:
        return None
    return _no(Refusal(Reason.NOT_OURS if refused.taken else Reason.OBJECT_INVALID, str(refused)))


def late(placing: Placing) -> Condition | None:
    """All replicas must be ready. What keeps them from it comes before that they start."""
    waits = {key: p for key, p in placing.parts.items() if p is None or p.ready < placing.outcome.allocation[key]}
    if not waits:
        return None
    known = next((found for p in waits.values() if p is not None and (found := why_late(p)) is not None), None)
    return _no(known or Refusal(Reason.PLACING, f"replicas are starting on pool {', '.join(key.pool for key in waits)}"))


def too_expensive(placing: Placing) -> Condition | None:
    """A unit should cost no more than the user asked for; requests are served all the same."""
    dear = [key.pool for key in placing.parts if _costs_more(placing.seen, key)]
    if not dear:
        return None
    unit = placing.seen.snapshot.workload.unit
    said = f"{_ready(placing)}; {unit} cost more on {' and '.join(dear)} than spec.objective.maxUnitCost: see status.placements"
    return Condition(ConditionType.PLACED, True, Reason.ABOVE_MAX_UNIT_COST, said)


CHECKS: tuple[Check, ...] = (nowhere, not_written, late, too_expensive)


def is_front(write: RefusedWrite, seen: Analysis) -> bool:
    """Whether it was of an object that clients need."""
    return write.kind in FRONT and write.name == seen.snapshot.workload.key.name


def why_late(placement: Placement) -> Refusal | None:
    """What keeps its replicas from serving, the cause before what follows of it; None while they just start."""
    if placement.trouble is not None:
        return placement.trouble
    pool, which = placement.key.pool, "some replicas" if placement.ready > 0 else "replicas"
    if placement.crashing > 0:
        return Refusal(Reason.TARGET_CRASHED, f"{which} on pool {pool} keep ending: {placement.crash_message}")
    if placement.unplaced > 0:
        return Refusal(Reason.UNPLACED, f"replicas on pool {pool} wait: {placement.unplaced_message or 'no node has room for them'}")
    if placement.queued > 0:
        return Refusal(Reason.WAITING_FOR_QUOTA, f"{which} on pool {pool} {placement.queued_message}")
    return None


def _no(refusal: Refusal) -> Condition:
    return Condition(ConditionType.PLACED, False, refusal.reason, refusal.message)


def _ready(placing: Placing) -> str:
    ready = f"replicas are ready on pool {' and '.join(key.pool for key in placing.parts)}"
    return "; ".join(filter(None, [ready, placing.seen.missing]))


def _costs_more(seen: Analysis, key: PlacementKey) -> bool:
    """By the remembered figure, which stays while the traffic does; its whole interval has to be above what the user asked for."""
    workload, known = seen.snapshot.workload, seen.kept.get(key)
    cost = known.unit_cost.by(workload.unit) if known is not None and known.unit_cost is not None else None
    return workload.max_unit_cost is not None and cost is not None and cost.lower > workload.max_unit_cost
