"""All conditions of a workload from one situation; the messages hold no number that drifts."""

from __future__ import annotations

from collections.abc import Mapping

from steelyard.core.condition import Condition, ConditionType
from steelyard.core.memory import Memory
from steelyard.core.reading import Fresh, Stale, Unknown
from steelyard.core.rebalancing.reason import SETTLED, Reason, Refusal
from steelyard.core.rebalancing.verdict import Result
from steelyard.core.situation import Situation
from steelyard.core.snapshot import Placement, PlacementKey


def conditions(
    seen: Situation,
    desired: Mapping[PlacementKey, int],
    home: PlacementKey | None,
    memory: Memory,
    refusal: Refusal | None,
    *,
    held: Refusal | None,
    target: str | None,
    beside: tuple[PlacementKey, ...] = (),
) -> tuple[Condition, ...]:
    """Ready summarises: replicas are serving. Order is that of design section 5."""
    placed = _placed(seen, desired, home, beside, refusal)
    return (
        _ready(seen, placed),
        _compiled(seen),
        placed,
        _slo_met(seen),
        _observed(seen, home),
        _balanced(memory, refusal, target),
        _held(held),
    )


def _ready(seen: Situation, placed: Condition) -> Condition:
    if sum(p.ready for p in seen.snapshot.placements) > 0:
        return Condition(ConditionType.READY, True, Reason.SERVING, "replicas are ready and serving")
    return Condition(ConditionType.READY, False, placed.reason, placed.message)


def _compiled(seen: Situation) -> Condition:
    chosen = [c for c in seen.candidates if c.pool.selected and c.inputs is not None]
    failed = [c.name for c in chosen if c.refusal and c.refusal.reason is Reason.COMPILE_FAILED]
    waiting = [c.name for c in chosen if c.refusal and c.refusal.reason is Reason.COMPILING]
    if not chosen:
        return Condition(
            ConditionType.COMPILED,
            False,
            Reason.NO_POOL,
            "no selected pool has a back end with a toolchain: see `kubectl steelyard explain`",
        )
    if waiting:
        return Condition(
            ConditionType.COMPILED, False, Reason.COMPILING, f"compiling for {', '.join(waiting)}: `kubectl get cmodel` shows the progress"
        )
    if failed:
        return Condition(
            ConditionType.COMPILED,
            False,
            Reason.COMPILE_FAILED,
            f"no artifact for {', '.join(failed)}: `kubectl describe cmodel` says why and when it is tried again",
        )
    return Condition(ConditionType.COMPILED, True, Reason.COMPILED, "an artifact is verified for every eligible pool")


def _placed(
    seen: Situation,
    desired: Mapping[PlacementKey, int],
    home: PlacementKey | None,
    beside: tuple[PlacementKey, ...],
    refusal: Refusal | None,
) -> Condition:
    if home is None:
        reason, why = (refusal.reason, refusal.message) if refusal else (Reason.NO_POOL, "no pool is eligible")
        return Condition(ConditionType.PLACED, False, reason, why)
    standing = seen.snapshot.placement(home)
    wanted = max(1, desired.get(home, standing.desired)) if standing is not None else 1
    if standing is not None and standing.crashing > 0 and standing.ready < wanted:
        which = "some replicas" if standing.ready > 0 else "replicas"
        return Condition(
            ConditionType.PLACED, False, Reason.TARGET_CRASHED, f"{which} on pool {home.pool} keep ending: {standing.crash_message}"
        )
    if standing is not None and standing.ready >= wanted:
        parts = {key: seen.snapshot.placement(key) for key in beside}
        late = [key.pool for key, p in parts.items() if p is None or p.ready < desired.get(key, p.desired)]
        if late:
            waiting = [p for p in parts.values() if p is not None and p.key.pool in late and p.unplaced > 0]
            if waiting:
                return Condition(ConditionType.PLACED, False, Reason.UNPLACED, _unplaced(waiting[0]))
            return Condition(ConditionType.PLACED, False, Reason.PLACING, f"replicas are starting on pool {', '.join(late)}")
        names = " and ".join([home.pool, *(key.pool for key in parts)])
        ready = f"replicas are ready on pool {names}"
        dear = [key.pool for key in (home, *beside) if _too_dear(seen, key)]
        if dear:
            said = f"{ready}; good requests cost more on {' and '.join(dear)} than spec.objective.maxUnitCost: see status.placements"
            return Condition(ConditionType.PLACED, True, Reason.ABOVE_MAX_UNIT_COST, said)
        return Condition(ConditionType.PLACED, True, Reason.PLACED, ready)
    if standing is not None and standing.unplaced > 0:
        return Condition(ConditionType.PLACED, False, Reason.UNPLACED, _unplaced(standing))
    return Condition(ConditionType.PLACED, False, Reason.PLACING, f"replicas are starting on pool {home.pool}")


def _unplaced(placement: Placement) -> str:
    return f"replicas on pool {placement.key.pool} wait: {placement.unplaced_message or 'no node has room for them'}"


def _too_dear(seen: Situation, key: PlacementKey) -> bool:
    """By the remembered figure, which stays while the traffic does; its whole interval has to be above what the user asked for."""
    limit, known = seen.snapshot.workload.max_unit_cost, seen.kept.get(key)
    return limit is not None and known is not None and known.unit_cost is not None and known.unit_cost.interval.lower > limit


def _slo_met(seen: Situation) -> Condition:
    if seen.load is None:
        return Condition(ConditionType.SLO_MET, None, Reason.OBSERVATIONS_STALE, "no complete and recent window of traffic")
    if seen.promise.n == 0:
        return Condition(ConditionType.SLO_MET, None, Reason.NO_TRAFFIC, "no requests in the last windows")
    if seen.promise.result is Result.FAIL:
        return Condition(ConditionType.SLO_MET, False, Reason.VIOLATES_SLO, "more requests miss the objective than it allows")
    return Condition(ConditionType.SLO_MET, True, Reason.WITHIN_SLO, "the objective is met on the traffic of the last windows")


def _observed(seen: Situation, home: PlacementKey | None) -> Condition:
    for placement in seen.snapshot.placements:
        if placement.ready == 0:
            continue
        match seen.traffic(placement.key):
            case Fresh():
                continue
            case Unknown(why, pending=True):
                return Condition(ConditionType.OBSERVED, None, Reason.WAITING, why)
            case Stale(_, _, why) | Unknown(why):
                return Condition(ConditionType.OBSERVED, False, Reason.OBSERVATIONS_STALE, why)
    if home is None or not any(p.ready for p in seen.snapshot.placements):
        return Condition(ConditionType.OBSERVED, None, Reason.NO_TRAFFIC, "no replica is serving yet")
    return Condition(ConditionType.OBSERVED, True, Reason.OBSERVED, "every serving replica was read lately")


def _balanced(memory: Memory, refusal: Refusal | None, target: str | None) -> Condition:
    if memory.home_pool is None:
        return Condition(ConditionType.BALANCED, None, Reason.PLACING, "nothing is placed yet")
    if memory.move is not None:
        return Condition(
            ConditionType.BALANCED,
            False,
            Reason.MOVING,
            f"{memory.move.kind.value.lower()} from {memory.move.source_pool} to {memory.move.target_pool}: {memory.move.step.value}",
        )
    if refusal is None:
        return Condition(ConditionType.BALANCED, None, Reason.PLACING, "not decided yet")
    if refusal.reason in SETTLED:
        return Condition(
            ConditionType.BALANCED, True, Reason.BALANCED, f"pool {_together(memory)} is the cheapest known that pays for a move"
        )
    if target is not None:
        return Condition(
            ConditionType.BALANCED, False, Reason.CHEAPER_KNOWN, f"pool {target} may be cheaper; kept by {refusal.reason.value}"
        )
    return Condition(ConditionType.BALANCED, None, refusal.reason, "not decided: see condition Held and `kubectl steelyard explain`")


def _together(memory: Memory) -> str:
    return " with ".join([memory.home_pool or "", *(pool for pool, _ in memory.beside)])


def _held(held: Refusal | None) -> Condition:
    if held is None:
        return Condition(ConditionType.HELD, False, Reason.NOT_HELD, "nothing holds the workload")
    return Condition(ConditionType.HELD, True, held.reason, _steady(held))


def _steady(held: Refusal) -> str:
    """A message without numbers that change by the second where the reason alone says enough."""
    return "the promise is broken: sizing adds replicas before any move" if held.reason is Reason.SLO_AT_RISK else held.message
