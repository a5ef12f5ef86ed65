"""All conditions of a workload from one situation; the messages hold no number that drifts."""

from __future__ import annotations

from dataclasses import replace

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Memory
from steelyard.core.facts.snapshot import Placement, RefusedWrite
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.outcome import Outcome
from steelyard.core.placing.unreachable import unreachable
from steelyard.core.statistics.sequential import Result
from steelyard.core.vocabulary.condition import Condition, ConditionType
from steelyard.core.vocabulary.reading import Fresh, Stale, Unknown
from steelyard.core.vocabulary.reason import SETTLED, STUCK, Reason, Refusal

COMPILED_MODEL = "CompiledModel"
ASIDE = frozenset({COMPILED_MODEL, "Job"})
"""Kinds of which none is needed by what serves: a Job of a workload is a probe."""
FRONT = frozenset({"Service", "PodDisruptionBudget"})
"""Kinds of which one object has the workload's name."""


def conditions(seen: Analysis, outcome: Outcome, memory: Memory, *, awaited: bool = False) -> tuple[Condition, ...]:
    """Ready summarises: replicas are serving. Order is that of design section 5. `awaited`: readings are, so what was said by them stands."""
    placed = _placed(seen, outcome, memory)
    by_readings = (_slo_met(seen), _observed(seen), _balanced(seen, memory, outcome), _held(outcome.held))
    return (_ready(seen, placed), _compiled(seen), placed, *(replace(each, awaited=awaited) for each in by_readings))


def _ready(seen: Analysis, placed: Condition) -> Condition:
    taken = next((write for write in seen.snapshot.refused if _is_front(write, seen) and write.taken), None)
    if taken is not None:
        return Condition(ConditionType.READY, False, Reason.ENDPOINT_TAKEN, str(taken))
    if sum(p.ready for p in seen.snapshot.placements) > 0:
        if not seen.snapshot.has_front:
            refused = next((write for write in seen.snapshot.refused if _is_front(write, seen) and write.kind == "Service"), None)
            return _no_front(seen, refused)
        return Condition(ConditionType.READY, True, Reason.SERVING, "replicas are ready and serving")
    return Condition(ConditionType.READY, False, placed.reason, placed.message)


def _is_front(write: RefusedWrite, seen: Analysis) -> bool:
    return write.kind in FRONT and write.name == seen.snapshot.workload.key.name


def _no_front(seen: Analysis, refused: RefusedWrite | None) -> Condition:
    if refused is not None:
        return Condition(ConditionType.READY, False, Reason.OBJECT_INVALID, str(refused))
    message = f"replicas are ready, and Service {seen.snapshot.workload.key.name}, which clients call, is being made"
    return Condition(ConditionType.READY, False, Reason.PLACING, message)


def _compiled(seen: Analysis) -> Condition:
    chosen = [c for c in seen.candidates if c.pool.selected and c.inputs is not None]
    if not chosen:
        return Condition(
            ConditionType.COMPILED,
            False,
            Reason.NO_POOL,
            seen.missing or "no selected pool has a back end with a toolchain: see `kubectl steelyard explain`",
        )
    written = [write for write in seen.snapshot.refused if write.kind == COMPILED_MODEL]
    if written:
        return Condition(ConditionType.COMPILED, False, Reason.OBJECT_INVALID, str(written[0]))
    refused = [(c.name, c.refusal) for c in chosen if c.refusal is not None]
    # What somebody has to mend comes first, then what waits for a node.
    for reasons in (STUCK, frozenset({Reason.UNPLACED})):
        waits = next((why for _, why in refused if why.reason in reasons), None)
        if waits is not None:
            return Condition(ConditionType.COMPILED, False, waits.reason, waits.message)
    waiting = [c for c in chosen if c.refusal is not None and c.refusal.reason is Reason.COMPILING]
    if waiting:
        names = ", ".join(c.name for c in waiting)
        queued = [c.refusal.message for c in waiting if c.refusal is not None and c.artifact is not None and c.artifact.waits is not None]
        message = f"compiling for {names}: `kubectl get cmodel` shows the progress"
        return Condition(ConditionType.COMPILED, False, Reason.COMPILING, queued[0] if len(queued) == len(waiting) else message)
    failed = [(name, why.message) for name, why in refused if why.reason is Reason.COMPILE_FAILED]
    if failed:
        names = ", ".join(name for name, _ in failed)
        message = f"no artifact for {names}: {failed[0][1]}; `kubectl describe cmodel` says when it is tried again"
        return Condition(ConditionType.COMPILED, False, Reason.COMPILE_FAILED, message)
    return Condition(ConditionType.COMPILED, True, Reason.COMPILED, "an artifact is verified for every eligible pool")


def _placed(seen: Analysis, outcome: Outcome, memory: Memory) -> Condition:
    refusal, wanted = outcome.refusal, {key: outcome.allocation.get(key, 0) for key in memory.allocation}
    if not wanted:
        reason, why = (refusal.reason, refusal.message) if refusal else (Reason.NO_POOL, "no pool is eligible")
        return Condition(ConditionType.PLACED, False, reason, why)
    refused = [w for w in seen.snapshot.refused if w.kind not in ASIDE and not (w.taken and _is_front(w, seen))]
    if refused:
        why = Reason.NOT_OURS if refused[0].taken else Reason.OBJECT_INVALID
        return Condition(ConditionType.PLACED, False, why, str(refused[0]))
    parts = {key: seen.snapshot.placement(key) for key, n in wanted.items() if n > 0} or _rest(seen, outcome)
    late = {key: p for key, p in parts.items() if p is None or p.ready < outcome.allocation[key]}
    if late:
        known = next((found for p in late.values() if p is not None and (found := _why_late(p)) is not None), None)
        if known is not None:
            return Condition(ConditionType.PLACED, False, known.reason, known.message)
        return Condition(
            ConditionType.PLACED, False, Reason.PLACING, f"replicas are starting on pool {', '.join(key.pool for key in late)}"
        )
    ready = "; ".join(filter(None, [f"replicas are ready on pool {' and '.join(key.pool for key in parts)}", seen.missing]))
    dear = [key.pool for key in parts if _too_expensive(seen, key)]
    if dear:
        said = f"{ready}; good requests cost more on {' and '.join(dear)} than spec.objective.maxUnitCost: see status.placements"
        return Condition(ConditionType.PLACED, True, Reason.ABOVE_MAX_UNIT_COST, said)
    return Condition(ConditionType.PLACED, True, Reason.PLACED, ready)


def _rest(seen: Analysis, outcome: Outcome) -> dict[PlacementKey, Placement | None]:
    """At the end of a drain the target alone holds the load."""
    return {key: seen.snapshot.placement(key) for key, n in outcome.allocation.items() if n > 0}


def _why_late(placement: Placement) -> Refusal | None:
    """What keeps its replicas from serving, the cause before what follows of it; None while they just start."""
    if placement.trouble is not None:
        return placement.trouble
    pool, which = placement.key.pool, "some replicas" if placement.ready > 0 else "replicas"
    if placement.crashing > 0:
        return Refusal(Reason.TARGET_CRASHED, f"{which} on pool {pool} keep ending: {placement.crash_message}")
    if placement.unplaced > 0:
        return Refusal(Reason.UNPLACED, f"replicas on pool {pool} wait: {placement.unplaced_message or 'no node has room for them'}")
    return None


def _too_expensive(seen: Analysis, key: PlacementKey) -> bool:
    """By the remembered figure, which stays while the traffic does; its whole interval has to be above what the user asked for."""
    limit, known = seen.snapshot.workload.max_unit_cost, seen.kept.get(key)
    return limit is not None and known is not None and known.unit_cost is not None and known.unit_cost.interval.lower > limit


def _slo_met(seen: Analysis) -> Condition:
    if seen.load is None:
        return Condition(ConditionType.SLO_MET, None, Reason.OBSERVATIONS_STALE, "no complete and recent window of traffic")
    if seen.promise.n == 0:
        return Condition(ConditionType.SLO_MET, None, Reason.NO_TRAFFIC, "no requests in the last windows")
    if seen.promise.result is Result.FAIL:
        nowhere = unreachable(seen)
        if nowhere is not None:
            return Condition(ConditionType.SLO_MET, False, nowhere.reason, nowhere.message)
        return Condition(ConditionType.SLO_MET, False, Reason.VIOLATES_SLO, "more requests miss the objective than it allows")
    return Condition(ConditionType.SLO_MET, True, Reason.WITHIN_SLO, "the objective is met on the traffic of the last windows")


def _observed(seen: Analysis) -> Condition:
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
    if not any(p.ready for p in seen.snapshot.placements):
        return Condition(ConditionType.OBSERVED, None, Reason.NO_TRAFFIC, "no replica is serving yet")
    return Condition(ConditionType.OBSERVED, True, Reason.OBSERVED, "every serving replica was read lately")


def _balanced(seen: Analysis, memory: Memory, outcome: Outcome) -> Condition:
    refusal, target = outcome.refusal, outcome.target
    if not memory.allocation:
        return Condition(ConditionType.BALANCED, None, Reason.PLACING, "nothing is placed yet")
    if memory.move is not None:
        move = memory.move
        under_way = f"{move.kind.value.lower()} from {move.source.pool} to {move.target.pool}: {move.step.value}"
        target_now = seen.snapshot.placement(PlacementKey(move.target.pool, move.target.revision))
        late = target_now is not None and target_now.ready < move.target_replicas
        stuck = _why_late(target_now) if target_now is not None and late else None
        if stuck is not None:
            return Condition(ConditionType.BALANCED, False, stuck.reason, f"{under_way}; {stuck.message}")
        return Condition(ConditionType.BALANCED, False, Reason.MOVING, under_way)
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
    return " with ".join(key.pool for key in memory.allocation)


def _held(held: Refusal | None) -> Condition:
    if held is None:
        return Condition(ConditionType.HELD, False, Reason.NOT_HELD, "nothing holds the workload")
    return Condition(ConditionType.HELD, True, held.reason, _steady(held))


def _steady(held: Refusal) -> str:
    """A message without numbers that change by the second where the reason alone says enough."""
    return "the promise is broken: sizing adds replicas before any move" if held.reason is Reason.SLO_AT_RISK else held.message
