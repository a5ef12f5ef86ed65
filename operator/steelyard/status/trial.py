"""The status of an AcceleratorTrial, written from a decision and read back.

What was found on a pool once its part is over is written once, and stands as it was written: the figures that decide are read back from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from steelyard.core.decide_trial import TrialDecision
from steelyard.core.facts.capacity import Capacity
from steelyard.core.facts.price import PriceClass
from steelyard.core.facts.snapshot import Settings
from steelyard.core.facts.trial import SteadyStep, TrialMemory, TrialPhase, TrialRow, TrialVerdict
from steelyard.core.facts.unit_cost import PER, PER_TOKENS
from steelyard.core.planning.option import PER_HOUR
from steelyard.core.statistics.interval import Interval
from steelyard.core.statistics.significant import significant
from steelyard.core.trials.verdicts import unit_cost_of
from steelyard.core.vocabulary.reason import Reason
from steelyard.status.accuracy import remembered_accuracy, written_accuracy
from steelyard.status.claim import remembered_claim, written_claim
from steelyard.status.condition import written_condition
from steelyard.status.energy import remembered_energy, written_energy
from steelyard.status.percentile import remembered_percentile, written_percentile
from steelyard.status.raw import Raw
from steelyard.status.read.field import parts, text, whole
from steelyard.status.read.trial import TrialPool, trial_status
from steelyard.status.scalar import MESSAGE, count, decimal, decimals, time_text
from steelyard.status.trial_length import (
    remembered_claim_length,
    remembered_length,
    remembered_saturation,
    written_capacity,
    written_claim_lengths,
    written_lengths,
)
from steelyard.status.trial_pool import remembered_capacity, remembered_price
from steelyard.status.value import real, word

SPENT_DIGITS = 2
"""Of money that is being spent: a status is no meter, and every value is a write."""
LONGEST_LOAD = 604_800
"""Seconds: of more no moment can be worked out, and no trial or exploration takes so long."""


def status_of_trial(
    decision: TrialDecision, settings: Settings, jobs: Mapping[str, str], old: Mapping[str, Any], generation: int, now: datetime
) -> Raw:
    """The whole status as it should stand. jobs: the name of that of each pool, where it has one; old: the status so far."""
    memory = decision.memory
    before = {text(raw, "pool"): raw for raw in parts(dict(old), "pools")}
    spent = [each for row in memory.rows if (each := _spent(row)) is not None]
    status: Raw = {
        "observedGeneration": generation,
        "conditions": [written_condition(decision.finished, generation, old, now)],
        "digest": decision.digest,
        "currency": settings.currency,
        "summary": _summary(memory.verdicts, ended=bool(memory.finished)),
        "pools": [_row(row, jobs.get(row.pool), memory, before.get(row.pool)) for row in memory.rows],
        "claims": [_claim(each) for each in memory.verdicts],
        **decimals(reserved=_money(memory.reserved), load=memory.load, spent=_money(sum(spent)) if memory.reserved is not None else None),
    }
    times = {"startedTime": memory.started, "beginTime": memory.begin, "answeredTime": memory.answered, "endedTime": memory.ended}
    status |= {field: time_text(at) for field, at in times.items() if at is not None}
    if memory.load_seconds is not None:
        status["loadSeconds"] = memory.load_seconds
    if memory.length_seconds is not None:
        status["lengthSeconds"] = memory.length_seconds
    return status


def _claim(found: TrialVerdict) -> Raw:
    lengths = written_claim_lengths(found.lengths)
    return {**written_claim(found.verdict), **({"flips": found.flips} if found.flips else {}), **({"lengths": lengths} if lengths else {})}


def _summary(found: Sequence[TrialVerdict], *, ended: bool) -> str:
    """The first verdict, for `kubectl get`."""
    first = next((each.verdict for each in found if each.verdict.measured is not None or ended), None)
    if first is None:
        return ""
    bounds = "" if first.lower is None or first.upper is None else f" [{first.lower:.3g}, {first.upper:.3g}]"
    measured = "" if first.measured is None else f"{first.measured:.3g}{bounds} "
    return f"{first.pool}: claimed {first.claimed:.3g}, {measured}{first.verdict.value}"[:80]


def _money(value: float | None) -> float | None:
    return None if value is None else significant(value, SPENT_DIGITS)


def _spent(row: TrialRow) -> float | None:
    """Exactly once it is over: with others it is compared with the budget."""
    return significant(row.spent) if row.phase.is_over and row.spent is not None else _money(row.spent)


def _row(row: TrialRow, job: str | None, memory: TrialMemory, before: Raw | None) -> Raw:
    if before is not None and memory.started is not None and row.phase.is_over and before.get("phase") == row.phase.value:
        return before
    out: Raw = {"pool": row.pool, "phase": row.phase.value, "message": row.message[:MESSAGE]}
    known = {"revision": row.revision, "backend": row.backend, "image": row.image}
    out |= {field: value for field, value in known.items() if value}
    if memory.started is not None and job is not None and row.phase is not TrialPhase.REFUSED:
        out["jobName"] = job
    if row.compile_seconds is not None:
        out["compileSeconds"] = row.compile_seconds
    if row.price_class is not None:
        out["priceClass"] = row.price_class.value
    if row.beside:
        out["beside"] = row.beside[:MESSAGE]
    out |= written_accuracy(row.accuracy)
    out |= decimals(devices=row.devices, pricePerHour=row.each, startSeconds=row.start_seconds, spent=_spent(row))
    out |= {field: time_text(at) for field, at in (("from", row.began), ("to", row.ended)) if at is not None}
    out |= _measured(row)
    # Steps are not read back: what was told once of the same capacity, and is not told now, stays.
    same = before if before is not None and before.get("capacityPerReplica") == out.get("capacityPerReplica") else {}
    told = [_step(each, row, memory.load) for each in row.steady]
    steps = _of_more(told, [*parts(same if job is not None else before or {}, "steps")])
    if steps:
        out["steps"] = steps
    if not told and "unitCost" in same:
        out["unitCost"] = same["unitCost"]
    lengths = written_lengths(row, lambda *each: _unit_cost(row, *each), [*parts(before or {}, "lengths")])
    return {**out, **({"lengths": lengths} if lengths else {})}


def _of_more(told: list[Raw], stood: list[Raw]) -> list[Raw]:
    """What was shown once is told no more once its replica is gone, or to an operator that begins: what stands is not replaced by less."""
    return stood if sum(whole(each, "requests") or 0 for each in stood) > sum(each["requests"] for each in told) else told


def _measured(row: TrialRow) -> Raw:
    """What was found of a replica, as far as it is known."""
    out = written_capacity(row.capacity, row.saturation)
    if row.energy is not None and (energy := written_energy(row.energy)):
        out["energy"] = energy
    if row.percentile is not None and (latency := written_percentile(row.percentile)):
        out["latency"] = latency
    if (cost := unit_cost_of(row)) is not None and row.capacity is not None:
        out["unitCost"] = _unit_cost(row, row.capacity, cost)
    return out


def _unit_cost(row: TrialRow, capacity: Capacity, cost: Interval, factor: float = 1.0) -> Raw:
    """factor: times all lengths, with which the capacity was measured."""
    value = {**decimals(value=cost.point, lower=cost.lower, upper=cost.upper), "n": count(capacity.n), "basis": capacity.basis.value}
    return {**value, **_token_costs(row, cost, factor)}


def _token_costs(row: TrialRow, cost: Interval, factor: float) -> Raw:
    """The same money over the tokens of the good requests of the steady steps, where their server tells them. factor: times these."""
    good = sum(each.step.good for each in row.steady)
    told = {
        "inputTokens": [each.input for each in row.steady],
        "outputTokens": [each.output for each in row.steady],
    }
    out: Raw = {}
    for field, counts in told.items():
        tokens = sum(n for n in counts if n is not None)
        if good and tokens and None not in counts:
            each = cost.times(PER_TOKENS / PER * good / (tokens * factor))
            out[field] = {**decimals(value=each.point, lower=each.lower, upper=each.upper), "tokens": count(tokens)}
    return out


def _step(steady: SteadyStep, row: TrialRow, present: float | None) -> Raw:
    step = steady.step
    good = step.good / step.offered if step.offered else 0.0
    return {
        "load": decimal(steady.load),
        "ofPresent": decimal(round(steady.load / present, 3) if present else 1.0),
        "replicas": steady.replicas,
        "rate": decimal(step.rate),
        "seconds": decimal(step.seconds),
        "requests": count(step.offered),
        "failed": count(step.error + step.shed),
        "goodPercent": decimal(100 * good),
        **decimals(
            meanMilliseconds=steady.mean_milliseconds,
            p50Milliseconds=step.p50_milliseconds,
            p95Milliseconds=steady.p95_milliseconds,
            p99Milliseconds=step.p99_milliseconds,
            unitCost=steady.replicas * row.each / (PER_HOUR * steady.load * good) if row.each is not None and good else None,
            joulesPerRequest=_each(steady.joules, step.good),
            inputTokens=_each(steady.input, step.good),
            outputTokens=_each(steady.output, step.good) or None,
        ),
    }


def _each(of_all: float | None, good: int) -> float | None:
    """Of one good request in the mean."""
    return of_all / good if of_all is not None and good else None


def trial_memory_of(status: Raw) -> TrialMemory:
    """What the status remembers. What cannot be read back is treated as not remembered."""
    told = trial_status(status)
    end = told.end
    return TrialMemory(
        reserved=real(told.reserved),
        load=real(told.load),
        load_seconds=_seconds(told.load_seconds),
        length_seconds=_seconds(told.length_seconds),
        started=told.started,
        begin=told.begin,
        answered=told.answered,
        ended=told.ended,
        # What has ended is never begun again, whatever word somebody wrote for it.
        finished=(word(Reason, end.reason) or Reason.STOPPED).value if end is not None else "",
        said=(end.message or "") if end is not None else "",
        rows=tuple(row for each in told.pools if (row := _remembered(each)) is not None),
        verdicts=tuple(
            TrialVerdict(
                verdict=found,
                flips=each.flips or "",
                lengths=tuple(at for length in each.lengths if (at := remembered_claim_length(length)) is not None),
            )
            for each in told.claims
            if (found := remembered_claim(each)) is not None
        ),
    )


def _seconds(told: int | None) -> int | None:
    return told if told is not None and told <= LONGEST_LOAD else None


def _remembered(told: TrialPool) -> TrialRow | None:
    phase = word(TrialPhase, told.phase)
    if not told.pool or phase is None:
        return None
    return TrialRow(
        pool=told.pool,
        phase=phase,
        message=told.message or "",
        revision=told.revision,
        backend=told.backend,
        image=told.image,
        devices=real(told.devices),
        compile_seconds=told.compile_seconds,
        beside=told.beside or "",
        start_seconds=real(told.start_seconds),
        began=told.since,
        ended=told.until,
        each=remembered_price(told),
        price_class=word(PriceClass, told.price_class),
        accuracy=remembered_accuracy(told.accuracy),
        capacity=remembered_capacity(told),
        saturation=remembered_saturation(told.saturation),
        energy=remembered_energy(told.energy),
        percentile=remembered_percentile(told.latency),
        lengths=tuple(at for length in told.lengths if (at := remembered_length(length)) is not None),
        spent=real(told.spent),
    )
