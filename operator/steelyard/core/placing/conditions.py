"""All conditions of a workload from one situation; the messages hold no number that drifts while nothing is wrong, and few digits where something is."""

from __future__ import annotations

from dataclasses import replace

from steelyard.core.compiling.candidate import COMPILED
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Memory
from steelyard.core.facts.snapshot import RefusedWrite
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.compiled import compiled
from steelyard.core.placing.device_order import better_order
from steelyard.core.placing.outcome import Outcome
from steelyard.core.placing.placed import is_front, placed, why_late
from steelyard.core.placing.routed import overloaded
from steelyard.core.placing.unreachable import unreachable
from steelyard.core.planning.option import Eligible
from steelyard.core.planning.weights import SAFE
from steelyard.core.statistics.sequential import Result
from steelyard.core.statistics.significant import significant
from steelyard.core.vocabulary.condition import Condition, ConditionType
from steelyard.core.vocabulary.reading import Fresh, Stale, Unknown
from steelyard.core.vocabulary.reason import AWAITED, SETTLED, Reason, Refusal


def conditions(seen: Analysis, outcome: Outcome, memory: Memory, *, awaited: bool = False) -> tuple[Condition, ...]:
    """Ready summarises: replicas are serving. Order is that of design section 5. `awaited`: readings are, so what was said by them stands."""
    there = placed(seen, outcome, memory)
    by_readings = (_slo_met(seen), _observed(seen), _balanced(seen, memory, outcome), _held(outcome.held))
    # Of a server that is not ours nothing is compiled.
    built = (compiled(seen),) if seen.snapshot.workload.server in COMPILED else ()
    return (_ready(seen, there), *built, there, *(replace(each, awaited=awaited) for each in by_readings))


def _ready(seen: Analysis, there: Condition) -> Condition:
    taken = next((write for write in seen.snapshot.refused if is_front(write, seen) and write.taken), None)
    if taken is not None:
        return Condition(ConditionType.READY, False, Reason.ENDPOINT_TAKEN, str(taken))
    if sum(p.ready for p in seen.snapshot.placements) > 0:
        if not seen.snapshot.has_front and seen.snapshot.workload.existing is None:
            refused = next((write for write in seen.snapshot.refused if is_front(write, seen) and write.kind == "Service"), None)
            return _no_front(seen, refused)
        return Condition(ConditionType.READY, True, Reason.SERVING, "replicas are ready and serving")
    return Condition(ConditionType.READY, False, there.reason, there.message)


def _no_front(seen: Analysis, refused: RefusedWrite | None) -> Condition:
    if refused is not None:
        return Condition(ConditionType.READY, False, Reason.OBJECT_INVALID, str(refused))
    message = f"replicas are ready, and Service {seen.snapshot.workload.key.name}, which clients call, is being made"
    return Condition(ConditionType.READY, False, Reason.PLACING, message)


def _slo_met(seen: Analysis) -> Condition:
    if seen.load is None:
        return Condition(ConditionType.SLO_MET, None, Reason.OBSERVATIONS_STALE, "no complete and recent window of traffic")
    if seen.promise.n == 0:
        return Condition(ConditionType.SLO_MET, None, Reason.NO_TRAFFIC, "no requests in the last windows")
    if seen.blind and seen.promise.result is not Result.FAIL:
        return Condition(ConditionType.SLO_MET, None, Reason.LATENCY_UNOBSERVABLE, f"{seen.blind}{seen.each_request}")
    if seen.promise.result is Result.FAIL and seen.kept_at_best.result is not Result.FAIL:
        return Condition(
            ConditionType.SLO_MET,
            None,
            Reason.LATENCY_UNOBSERVABLE,
            "no bucket of the server's histogram ends at the objective, so that it may be met or not: "
            "let one end there, or move the objective to an edge",
        )
    if seen.promise.result is Result.FAIL:
        nowhere = unreachable(seen)
        if nowhere is not None:
            return Condition(ConditionType.SLO_MET, False, nowhere.reason, nowhere.message)
        return Condition(
            ConditionType.SLO_MET, False, Reason.VIOLATES_SLO, f"more requests miss the objective than it allows: {_missed(seen)}"
        )
    return Condition(ConditionType.SLO_MET, True, Reason.WITHIN_SLO, "the objective is met on the traffic of the last windows")


def _missed(seen: Analysis) -> str:
    """Which promise is broken, in figures that do not change by the second."""
    promised = [o for o in seen.snapshot.workload.latency if seen.tightest in {None, o.metric}]
    told = " and ".join(f"{o.metric} within {o.milliseconds} ms" for o in promised)
    allowed = min((o.allowed for o in promised), default=seen.snapshot.workload.allowed)
    test = seen.promise
    return f"{told}: about {100 * significant(test.bad / test.n, 2):g} % of the requests miss it, {100 * allowed:.6g} % may"


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
    doubts = dict.fromkeys(doubt for p in seen.snapshot.placements for doubt in seen.doubts(p.key))
    if doubts:
        return Condition(ConditionType.OBSERVED, True, Reason.METRIC_MISSING, "; ".join(doubts))
    return Condition(ConditionType.OBSERVED, True, Reason.OBSERVED, "every serving replica was read lately")


def _balanced(seen: Analysis, memory: Memory, outcome: Outcome) -> Condition:
    refusal, target, few = outcome.refusal, outcome.target, _too_few_families(seen)
    if few is not None and memory.move is None:
        return Condition(ConditionType.BALANCED, False, few.reason, few.message)
    if not memory.allocation:
        return Condition(ConditionType.BALANCED, None, Reason.PLACING, "nothing is placed yet")
    if memory.move is not None:
        move = memory.move
        under_way = f"{move.kind.value.lower()} from {move.source.pool} to {move.target.pool}: {move.step.value}"
        target_now = seen.snapshot.placement(PlacementKey(move.target.pool, move.target.revision))
        if overloaded(seen, outcome.allocation, move):
            under_way += f"; what is ready carries less than the load by {1 / SAFE:.3g}, so that each pool is sent its part by capacity"
        late = target_now is not None and target_now.ready < move.target_replicas
        stuck = why_late(target_now) if target_now is not None and late else None
        if stuck is not None:
            return Condition(ConditionType.BALANCED, False, stuck.reason, f"{under_way}; {stuck.message}")
        return Condition(ConditionType.BALANCED, False, Reason.MOVING, under_way)
    order = better_order(seen)
    if order is not None:
        return Condition(ConditionType.BALANCED, False, Reason.CHEAPER_KNOWN, order)
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


def _too_few_families(seen: Analysis) -> Refusal | None:
    """A rule that no placement can keep is not waited for: what can be served is."""
    asked = seen.snapshot.workload.min_families
    there = {o.candidate.pool.family for o in seen.options if isinstance(o, Eligible) or o.only_for_part or o.refusal.reason in AWAITED}
    # Where no pool may be used, no number of families is what is wrong.
    if not there or len(there) >= asked:
        return None
    return Refusal(
        Reason.TOO_FEW_FAMILIES,
        f"spec.placement.minAcceleratorFamilies is {asked}, and the pools that may be used are of {', '.join(sorted(there))}: "
        "lower it, or add a pool of another family",
    )


def _together(memory: Memory) -> str:
    return " with ".join(key.pool for key in memory.allocation)


def _held(held: Refusal | None) -> Condition:
    if held is None:
        return Condition(ConditionType.HELD, False, Reason.NOT_HELD, "nothing holds the workload")
    return Condition(ConditionType.HELD, True, held.reason, _steady(held))


def _steady(held: Refusal) -> str:
    """A message without numbers that change by the second where the reason alone says enough."""
    return "the promise is broken: more replicas come before any move" if held.reason is Reason.SLO_AT_RISK else held.message
