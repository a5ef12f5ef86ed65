"""What the trial of a drill proves: that one pool would carry the workload's load within its promise, how soon and at which cost; or why not."""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

from steelyard.core.facts.capacity import Basis, Capacity
from steelyard.core.facts.exit_drill import Drill, DrilledPool, DrillTrial, ExitProof
from steelyard.core.placing.analysis import Analysis
from steelyard.core.planning.option import Option
from steelyard.core.statistics.interval import Interval
from steelyard.core.statistics.sequential import Result, violations
from steelyard.core.statistics.significant import significant
from steelyard.core.trials.shares import replicas_for
from steelyard.core.vocabulary.reason import Reason, Refusal

DIGITS = 3
"""Of a cost in percent."""


def proof_of(seen: Analysis, drill: Drill, trial: DrillTrial) -> ExitProof | Refusal:
    """Of a trial that has ended."""
    row, option, source = trial.row(drill.target), seen.option(drill.target), seen.option(drill.source)
    if row is None or not row.measured:
        return _unmeasured(row, trial)
    if option is None:
        return _gone(drill.target)
    if source is None:
        return _gone(drill.source)
    replicas = _replicas(seen, row, trial.load)
    lacks = _lacks(seen, row, option, replicas)
    if lacks is not None:
        return lacks
    cost, basis = _cost(seen, replicas, row, trial, source)
    return ExitProof(
        source_family=source.candidate.pool.family,
        target_family=option.candidate.pool.family,
        source=drill.source,
        target=drill.target,
        trial=drill.name,
        time=trial.ended or seen.now,
        within_seconds=ceil(row.start_seconds or 0.0),
        compile_seconds=row.compile_seconds,
        replicas=None if replicas is None else round(replicas.point),
        cost=cost,
        basis=basis,
    )


def _unmeasured(row: DrilledPool | None, trial: DrillTrial) -> Refusal:
    """As the trial ended; one that measured the pool in use alone ended well, and proves nothing."""
    reason = Reason.named(trial.finished)
    told = (row.message if row is not None else "") or trial.said
    return Refusal(Reason.PROBE_FAILED if reason is Reason.DECIDED else reason, told)


def _gone(pool: str) -> Refusal:
    return Refusal(Reason.TARGET_GONE, f"pool {pool} does not exist any more: what was measured there proves nothing")


def _lacks(seen: Analysis, row: DrilledPool, option: Option, replicas: Interval | None) -> Refusal | None:
    """The first reason for which a measured pool is no way out. replicas: those that carry the load there."""
    return _broken(seen, row) or _unstarted(row) or _without_room(option, replicas)


def _broken(seen: Analysis, row: DrilledPool) -> Refusal | None:
    """Whether the promise is not kept with the replicas that the workload's own load was divided by, or its ramp found no load that keeps it. The
    latter alone may be chance, where few requests were sent."""
    sent = row.requests is not None and row.bad is not None
    missed = sent and violations(row.bad or 0, row.requests or 0, 0, 0, seen.snapshot.workload.allowed).result is Result.FAIL
    if missed:
        return Refusal(
            Reason.CANNOT_MEET_OBJECTIVE,
            f"{row.bad} of {row.requests} requests missed the objective on pool {row.pool}, at the workload's own load on {row.replicas} replicas",
        )
    if row.capacity is not None:
        return None
    reason = Reason.NOTHING_MEASURED if sent else Reason.CANNOT_MEET_OBJECTIVE
    return Refusal(reason, row.message or f"what a replica carries on pool {row.pool} could not be told")


def _unstarted(row: DrilledPool) -> Refusal | None:
    if row.start_seconds is not None:
        return None
    return Refusal(Reason.PROBE_FAILED, f"pool {row.pool} was measured, and nobody saw how long its replica took to start")


def _without_room(option: Option, replicas: Interval | None) -> Refusal | None:
    if replicas is None or replicas.point <= option.room:
        return None
    return Refusal(
        Reason.LIMIT_REACHED,
        f"the load needs {replicas.point:.0f} replicas on pool {option.pool} and there is room for {option.room}: raise its "
        "spec.capacity.maxNodes, spec.scaling.maxReplicas or spec.placement.pools[].maxReplicas",
    )


def _replicas(seen: Analysis, row: DrilledPool, load: float | None) -> Interval | None:
    """That carry the load there: as many as it was divided by, and as the bounds of the capacity say; None where no load was sent."""
    if row.capacity is None or row.replicas is None or not load:
        return None
    rate, least = row.capacity.rate, seen.snapshot.workload.scaling.least
    point = max(least, row.replicas)
    few, many = (replicas_for(load, bound, least) if bound > 0 else point for bound in (rate.upper, rate.lower))
    return Interval(point, min(few, point), max(many, point))


def _cost(
    seen: Analysis, replicas: Interval | None, row: DrilledPool, trial: DrillTrial, source: Option
) -> tuple[Interval | None, Basis | None]:
    """Percent that these replicas cost more than those of the pool in use; None where nobody knows."""
    present = _present(seen, trial, source)
    if present is None or replicas is None or row.each is None:
        return None, None
    ratio = replicas.times(row.each).over(present.cost)
    return Interval(*(significant(100 * (r - 1), DIGITS) for r in (ratio.point, ratio.lower, ratio.upper))), present.basis


class _Present(NamedTuple):
    """Money per hour of the replicas that carry the load on the pool in use, and the basis of what is known of their capacity."""

    cost: Interval
    basis: Basis


def _present(seen: Analysis, trial: DrillTrial, source: Option) -> _Present | None:
    """The trial says it where the pool in use was measured beside the target, else the pool's own traffic does; None where neither does."""
    there = trial.row(source.pool)
    if there is not None and there.measured and there.capacity is not None:
        return _paid(_replicas(seen, there, trial.load), there.each, there.capacity)
    return _paid(_by_traffic(seen, source, trial.load), source.listed, source.capacity)


def _paid(replicas: Interval | None, each: float | None, capacity: Capacity | None) -> _Present | None:
    return None if replicas is None or not each or capacity is None else _Present(replicas.times(each), capacity.basis)


def _by_traffic(seen: Analysis, source: Option, load: float | None) -> Interval | None:
    """Of the pool in use, by the capacity that its traffic shows; a load that was only carried does not say how many would do."""
    if source.limit is None or source.capacity is None or not load:
        return None
    rate, least = source.capacity.rate, seen.snapshot.workload.scaling.least
    few, point, many = (replicas_for(load, bound, least) for bound in (rate.upper, rate.point, rate.lower))
    return Interval(point, few, many)
