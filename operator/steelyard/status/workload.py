"""The status of an InferenceWorkload, written from a decision. What it holds is read back without loss (`memory.py`).

Numbers are decimal strings of at most six significant digits, times RFC 3339.

Whatever is remembered, the API server takes what is written: a status that it refuses would hold back every act that comes after. So lists
are cut to the room that the schema has for them, and numbers to what it can hold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from math import ceil
from typing import Any

from steelyard.api.inference_workload import InferenceWorkloadStatus
from steelyard.api.last_decision import LastDecision as LastDecisionStatus
from steelyard.api.model import StatusModel
from steelyard.api.placement_status import PricedBy
from steelyard.core.economics.hourly_cost import HourlyCost
from steelyard.core.facts.floor import Floor
from steelyard.core.facts.identity import PlacementKey, TrialKey
from steelyard.core.facts.memory import Known, LastDecision, Move, OptionLine, PastMove
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.facts.tokens import PerRequest
from steelyard.core.facts.unit_cost import Unit, UnitCost
from steelyard.core.placing.decision import Decision
from steelyard.core.statistics.interval import Interval
from steelyard.core.statistics.significant import significant
from steelyard.status.accuracy import written_accuracy
from steelyard.status.claim import counted, written_claim
from steelyard.status.condition import written_condition
from steelyard.status.cost import written_costs
from steelyard.status.energy import written_energy
from steelyard.status.exit_drill import written_exit_drill
from steelyard.status.percentile import written_percentile
from steelyard.status.raw import Raw
from steelyard.status.rises import written_rises
from steelyard.status.scalar import all_decimals, count, decimal, decimals, time_text

EVEN = 0.1
"""By how much of an interval's width its two sides may differ for one number of percent to stand for both."""
BASIS_OF_COST = "Share"
"""What a placement's windows cost is allocated cost: the requested share of the node's price."""


def _room(model: type[StatusModel], field: str) -> int:
    """How many entries of a list the API server takes."""
    return next(int(note.max_length) for note in model.model_fields[field].metadata if hasattr(note, "max_length"))


PLACEMENTS, COSTS, CLAIMS, QUARANTINE, HISTORY = (
    _room(InferenceWorkloadStatus, field) for field in ("placements", "costs", "claims", "quarantine", "history")
)
BOARD, OPTIONS = _room(LastDecisionStatus, "board"), _room(LastDecisionStatus, "options")


def status_of(
    decision: Decision,
    snapshot: Snapshot,
    old: Mapping[str, Any],
    endpoint: str,
    now: datetime,
    *,
    costs: Mapping[str, HourlyCost] | None = None,
) -> Raw:
    """The whole status as it should stand. Fields that are not known are left out. costs: by pool; None while they are not known."""
    memory, generation = decision.memory, snapshot.workload.generation
    status: Raw = {
        "summary": _summary(decision, snapshot),
        "observedGeneration": generation,
        "conditions": [written_condition(c, generation, old, now) for c in decision.conditions],
        "currency": snapshot.settings.currency,
        # What is not seen yet is not gone.
        "placements": _placements(decision, snapshot) if snapshot.synced else old.get("placements") or [],
        "costs": written_costs(costs, old, COSTS),
        "claims": [written_claim(v) for v in memory.claims[:CLAIMS]],
        "quarantine": [
            {"pool": q.pool, "revision": q.revision, "until": time_text(q.until), "failures": q.failures, "reason": q.reason}
            for q in memory.quarantine[:QUARANTINE]
        ],
        "history": [_past_out(m) for m in memory.history[-HISTORY:]],
    }
    if snapshot.has_front:
        status["endpoint"] = endpoint
    if memory.move is not None:
        status["move"] = _move_out(memory.move)
    if memory.exit_drill is not None:
        status["exitDrill"] = written_exit_drill(memory.exit_drill)
    if memory.rises is not None:
        status["rises"] = written_rises(memory.rises)
    if memory.last is not None:
        status["lastDecision"] = _last(memory.last, old)
    return status


FOR = {Unit.OUTPUT_TOKENS: " /1M out", Unit.INPUT_TOKENS: " /1M in"}
"""What a cost in `kubectl get` is for, where it is not for 1,000 good requests."""


def _summary(decision: Decision, snapshot: Snapshot) -> Raw:
    """What `kubectl get` shows."""
    existing, custom = snapshot.workload.existing, snapshot.workload.custom
    other = existing.name if existing is not None else custom.title if custom is not None else ""
    model = snapshot.workload.model.uri.rstrip("/").rsplit("/", 1)[-1] or other
    used = sorted((n, k) for k, n in decision.desired.items() if n > 0)
    pool = used[-1][1].pool + (f"+{len(used) - 1}" if len(used) > 1 else "") if used else "-"
    shown = decision.memory.of(*used[-1][1]) if used else None
    cost = "-"
    unit = snapshot.workload.unit
    interval = shown.unit_cost.by(unit) if shown is not None and shown.unit_cost is not None else None
    if interval is not None:
        cost = f"{_short(interval, snapshot.settings.currency)}{FOR.get(unit, '')}"
    return {"model": model[:24], "pool": pool[:24], "unitCost": cost}


def _short(interval: Interval, currency: str) -> str:
    """A figure with its doubt. Percent say it only where both sides are about equal, and an interval of one point says nothing."""
    below, above = interval.point - interval.lower, interval.upper - interval.point
    if below + above == 0:
        return f"{_three(interval.point)} {currency}"
    if interval.lower > 0 and abs(above - below) <= EVEN * (above + below):
        return f"{_three(interval.point)} {currency} ±{ceil(100 * max(above, below) / interval.point)}%"
    return f"{_three(interval.lower)} to {_three(interval.upper)} {currency}"


def _three(value: float) -> str:
    """Three significant digits."""
    return decimal(significant(value, 3))


def _placements(decision: Decision, snapshot: Snapshot) -> list[Raw]:
    """Those that hold the load in the order in which they are remembered, then what else is there or wanted, then what is only known."""
    standing, made = {p.key: p for p in snapshot.placements}, {p.name for p in snapshot.pools if p.made}
    known = {PlacementKey(k.pool, k.revision): k for k in decision.memory.known}
    present = {*standing, *decision.desired}
    holding = [key for key in decision.memory.allocation if key in present]
    rest = sorted({*known, *present}.difference(holding), key=lambda key: (key not in present, key))
    keys = [*holding, *rest][:PLACEMENTS]
    found = []
    for key in keys:
        place, wanted = standing.get(key), decision.desired.get(key)
        out: Raw = {
            **key._asdict(),
            "desiredReplicas": wanted if wanted is not None else (place.desired if place else 0),
            "readyReplicas": place.ready if place else 0,
            "capacityRequests": 0,
        }
        if place is not None and place.artifact_digest:
            out["artifactDigest"] = place.artifact_digest
        if decision.intent.route is not None and key in decision.intent.route.weights and not decision.intent.route.one_for_all:
            out["weight"] = decision.intent.route.weights[key]
        if key.pool in made:
            out["pricedBy"] = PricedBy.CATALOGUE.value
        out |= _figures(known.get(key))
        found.append(out)
    return found


def _figures(known: Known | None) -> Raw:
    if known is None:
        return {}
    out: Raw = {"steady": known.steady}
    if known.capacity is not None and _is_told(known.capacity.rate):
        rate = known.capacity.rate
        out |= decimals(capacityPerReplica=rate.point, capacityLower=rate.lower, capacityUpper=rate.upper)
        out |= {"capacityBasis": known.capacity.basis.value, "capacityRequests": count(known.capacity.n)}
    if known.probed is not None:
        out["probedTime"] = time_text(known.probed)
    if known.saturation is not None and _is_told(known.saturation.rate):
        rate = known.saturation.rate
        out["saturation"] = {**decimals(perReplica=rate.point, lower=rate.lower, upper=rate.upper), "requests": count(known.saturation.n)}
    if known.unit_cost is not None and _is_told(known.unit_cost.interval):
        cost = known.unit_cost
        out["unitCost"] = {
            **decimals(value=cost.interval.point, lower=cost.interval.lower, upper=cost.interval.upper, cost=cost.cost),
            "n": count(cost.good),
            "from": time_text(cost.start),
            "to": time_text(cost.end),
            "good": count(cost.good),
            "basis": BASIS_OF_COST,
        }
        if cost.replicas is not None:
            out["unitCost"]["replicas"] = cost.replicas
        out["unitCost"] |= _token_costs(cost)
    if known.energy is not None and (energy := written_energy(known.energy)):
        out["energy"] = energy
    if known.percentile is not None and (latency := written_percentile(known.percentile)):
        out["latency"] = latency
    if known.tokens is not None:
        out |= _tokens_out(known.tokens)
    if known.start_seconds is not None:
        out |= decimals(startSeconds=known.start_seconds)
    if known.within is not None:
        out |= decimals(goodPercent=known.within * 100)
    if known.floor is not None and _is_told(known.floor.share) and not math.isnan(known.floor.most + known.floor.load):
        out["floor"] = _floor_out(known.floor)
    return out | _percentiles(known)


def _percentiles(known: Known) -> Raw:
    told = {"p50Milliseconds": known.p50_milliseconds, "p95Milliseconds": known.p95_milliseconds, "p99Milliseconds": known.p99_milliseconds}
    return {name: count(took) for name, took in told.items() if took is not None and not math.isnan(took)}


def _token_costs(cost: UnitCost) -> Raw:
    """The same money over tokens."""
    told = {"outputTokens": cost.output, "inputTokens": cost.input}
    out: Raw = {
        name: {**figures, "tokens": count(each.tokens)}
        for name, each in told.items()
        if each is not None and (figures := all_decimals(value=each.interval.point, lower=each.interval.lower, upper=each.interval.upper))
    }
    if cost.cached is not None and "inputTokens" in out:
        out["inputTokens"]["cached"] = count(cost.cached)
    return out


def _tokens_out(tokens: PerRequest) -> Raw:
    told = {"inputTokensPerRequest": tokens.input, "outputTokensPerRequest": tokens.output}
    return {
        name: figures
        for name, each in told.items()
        if each is not None and (figures := all_decimals(mean=each.point, lower=each.lower, upper=each.upper))
    }


def _floor_out(floor: Floor) -> Raw:
    share = floor.share.times(100)
    percents = decimals(percent=share.point, lower=share.lower, upper=share.upper, most=100 * floor.most)
    return {**percents, **decimals(requestsPerSecond=floor.load), "requests": count(floor.n), "time": time_text(floor.at)}


def _is_told(interval: Interval) -> bool:
    """Whether it is one: a figure without its bounds could not be read back."""
    return not (math.isnan(interval.point) or math.isnan(interval.lower) or math.isnan(interval.upper))


def _move_out(move: Move) -> Raw:
    out: Raw = {
        "id": move.id,
        "kind": move.kind.value,
        "from": move.source.pool,
        "fromRevision": move.source.revision,
        "to": move.target.pool,
        "toRevision": move.target.revision,
        "step": move.step.value,
        "sourceReplicas": move.source_replicas,
        "targetReplicas": move.target_replicas,
        "targetGoal": move.target_goal,
        "sourceGoal": move.source_goal,
        "targetBase": move.target_base,
        "startedTime": time_text(move.started),
        "stepTime": time_text(move.step_time),
        "deadlineTime": time_text(move.deadline),
        "reason": move.reason.value,
        "message": move.message[:512],
        "asking": move.asking,
    }
    out |= decimals(reserved=move.reserved) | _trial_out(move.trial)
    if move.share is not None:
        out["sharePercent"] = move.share
    if move.back_reason:
        out["backReason"] = move.back_reason.value
    return out


def _past_out(past: PastMove) -> Raw:
    out: Raw = {
        "from": past.source_pool,
        "to": past.target_pool,
        "toRevision": past.target_revision,
        "time": time_text(past.time),
        "outcome": past.outcome.value,
        "reason": past.reason,
        **counted(past.unit),
    }
    if past.kind is not None:
        out["kind"] = past.kind.value
    if past.cost_before is not None and _is_told(past.cost_before):
        out["unitCostBefore"] = decimals(value=past.cost_before.point, lower=past.cost_before.lower, upper=past.cost_before.upper)
    if past.saved is not None and _is_told(past.saved.money) and not math.isnan(past.saved.paid):
        saved = past.saved
        out["saved"] = {
            **decimals(value=saved.money.point, lower=saved.money.lower, upper=saved.money.upper, paid=saved.paid),
            "good": count(saved.good),
            "from": time_text(saved.start),
            "to": time_text(saved.end),
        }
    return out | decimals(cost=past.cost) | _trial_out(past.trial)


def _trial_out(trial: TrialKey | None) -> Raw:
    return {} if trial is None else {"trial": "/".join(trial)}


def _last(last: LastDecision, old: Mapping[str, Any]) -> Raw:
    """As it stands where it is the same decision: of that one the operator may hold no more than how to tell it from another."""
    standing = old.get("lastDecision")
    return standing if isinstance(standing, dict) and standing.get("digest") == last.digest else _last_out(last)


def _last_out(last: LastDecision) -> Raw:
    return {
        "time": time_text(last.time),
        "verdict": last.verdict,
        "reason": last.reason,
        "message": last.message[:1024],
        "digest": last.digest,
        "board": [{"gate": b.gate, "passed": b.passed, "reason": b.reason, "message": b.message[:256]} for b in last.board[:BOARD]],
        "options": [_option_out(o) for o in last.options[:OPTIONS]],
        **counted(last.unit),
    }


def _option_out(option: OptionLine) -> Raw:
    out: Raw = {
        "pool": option.pool,
        "feasible": option.feasible,
        "reason": option.reason,
        "message": option.message[:256],
        "n": count(option.n),
    }
    if option.replicas is not None:
        out["replicas"] = option.replicas
    if option.basis is not None:
        out["basis"] = option.basis
    if option.cost_basis is not None:
        out["costBasis"] = option.cost_basis
    return {**out, **written_accuracy(option.accuracy)} | decimals(
        costPerHour=option.cost_per_hour,
        unitCost=option.unit_cost,
        lower=option.lower,
        upper=option.upper,
        cheapestBelow=option.cheapest_below,
    )
