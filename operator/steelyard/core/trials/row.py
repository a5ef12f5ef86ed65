"""What is told of one pool of a trial: before its replica is made, while it is there, and once it has ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from steelyard.core.facts.probe import ProbeState
from steelyard.core.facts.snapshot import LatencyObjective
from steelyard.core.facts.trial import TrialMemory, TrialPhase, TrialReplica, TrialRow
from steelyard.core.performance.probe_steps import load_of, lowest, told
from steelyard.core.performance.ramp import probed_capacity, probed_saturation
from steelyard.core.placing.analysis import Analysis
from steelyard.core.planning.option import Option
from steelyard.core.statistics.significant import significant
from steelyard.core.trials.look import Look
from steelyard.core.trials.place import full, unpriced
from steelyard.core.vocabulary.reason import AWAITED, STUCK, Reason, Refusal

HOUR = 3600
_ARTIFACT = AWAITED | STUCK
"""Why an artifact is not there that may come yet."""
FEW = 30
"""Requests at loads that kept the objective, below which they say nothing."""
LEAST_LEFT = 30.0
"""Seconds of its time below which a replica that is gone is not made again."""


def row_of(look: Look, memory: TrialMemory, pool: str) -> TrialRow:
    """As it stands now. What is over stays as it was found."""
    before = memory.row(pool)
    if memory.started is None:
        return _to_begin(look, pool)
    if before is None:
        return TrialRow(pool=pool, phase=TrialPhase.REFUSED, message="it was not among the pools when the trial started")
    return before if before.phase.is_over else _under_way(look, memory, before)


def _to_begin(look: Look, pool: str) -> TrialRow:
    seen = look.seen
    if isinstance(seen, Refusal):
        return TrialRow(pool=pool, phase=TrialPhase.WAITING, message=seen.message)
    option = seen.option(pool)
    if option is None:
        names = ", ".join(sorted(o.pool for o in seen.options)) or "none"
        return TrialRow(pool=pool, phase=TrialPhase.REFUSED, message=f"pool {pool} does not exist (there are {names})")
    candidate = option.candidate
    price = candidate.shape.price if candidate.shape is not None else None
    row = TrialRow(
        pool=pool,
        phase=TrialPhase.WAITING,
        revision=candidate.revision,
        compile_seconds=look.snapshot.compiled.get(candidate.key or ""),
        each=None if option.listed is None else significant(option.listed),
        price_class=price.price_class if price is not None else None,
    )
    refused, waits = _refused(option), _waits(seen, option)
    if refused is not None:
        return replace(row, phase=TrialPhase.REFUSED, message=refused)
    return replace(row, message=waits or "")


def is_ready(row: TrialRow) -> bool:
    """Whether its replica can be made now."""
    return row.phase is TrialPhase.WAITING and not row.message


def _refused(option: Option) -> str | None:
    """Why it cannot be measured there, whatever is waited for."""
    why = option.candidate.refusal
    if why is not None and why.reason not in _ARTIFACT and not (why.reason is Reason.COMPILE_FAILED and why.reconsider_at):
        return why.message
    lacks = unpriced(option) if why is None else None
    return None if lacks is None else lacks.message


def _waits(seen: Analysis, option: Option) -> str | None:
    """What is waited for before its replica is made."""
    if option.candidate.refusal is not None:
        return option.candidate.refusal.message
    lacks = full(seen, option)
    return None if lacks is None else lacks.message


def _under_way(look: Look, memory: TrialMemory, row: TrialRow) -> TrialRow:
    replica, refused = look.snapshot.replicas.get(row.pool), look.snapshot.refused.get(row.pool)
    if replica is None and (why := _cannot_be_made(look, memory, row)) is not None:
        return replace(row, phase=TrialPhase.FAILED, message=why)
    if replica is None:
        return replace(row, phase=TrialPhase.WAITING, message=str(refused) if refused is not None else "its Job is made")
    row = replace(row, spent=_spent(row, replica, look.now), start_seconds=_started(replica), began=replica.began or row.began)
    match replica.probe.state:
        case ProbeState.STARTING:
            return replace(row, phase=TrialPhase.STARTING, message=replica.probe.message)
        case ProbeState.RUNNING if memory.begin is not None and look.now < memory.begin:
            return replace(row, phase=TrialPhase.STARTING, message="its replica is ready and waits for the other pools")
        case ProbeState.RUNNING:
            return replace(row, phase=TrialPhase.MEASURING, message="")
        case ProbeState.FAILED:
            return replace(row, phase=TrialPhase.FAILED, message=replica.probe.message, ended=replica.ended)
    return _found(look, row, replica)


def seconds_left(look: Look, memory: TrialMemory) -> float:
    """Of the time that is paid for: a replica that is made late ends with the others."""
    if memory.begin is None or memory.load_seconds is None:
        return 0.0
    return (memory.begin - look.now).total_seconds() + memory.load_seconds


def _cannot_be_made(look: Look, memory: TrialMemory, row: TrialRow) -> str | None:
    """Why the replica is not there and will not be."""
    option = look.option(row.pool)
    if option is None:
        return _is_gone(look, row.pool)
    if option.candidate.refusal is not None:
        return option.candidate.refusal.message
    if option.candidate.revision != row.revision:
        return "its artifact, image or arguments changed after the trial had started: make another trial"
    return "its Job is gone, and too little time is left to make it again" if seconds_left(look, memory) < LEAST_LEFT else None


def _is_gone(look: Look, pool: str) -> str | None:
    """That the pool is not there any more; None where it is, or nobody can see."""
    return None if isinstance(look.seen, Refusal) or look.option(pool) is not None else f"pool {pool} does not exist any more"


def _found(look: Look, row: TrialRow, replica: TrialReplica) -> TrialRow:
    """What its probe told."""
    facts, probe = look.snapshot.workload, replica.probe
    row = replace(row, ended=replica.ended or look.now, steady=replica.steady)
    if lowest(probe.steps) is None:
        why = "its steps tell nothing: fewer or more requests were sent than their rates say"
        return replace(row, phase=TrialPhase.FAILED, message=why)
    if isinstance(facts, Refusal):
        # What a request has to keep is not known any more.
        return replace(row, phase=TrialPhase.FAILED, message=facts.message)
    if (gone := _is_gone(look, row.pool)) is not None:
        return replace(row, phase=TrialPhase.FAILED, message=gone)
    allowed, promised = facts.workload.allowed, facts.workload.latency
    capacity = probed_capacity(probe.steps, allowed, promised)
    if capacity is not None and sum(s.offered for s in told(probe.steps) if load_of(s) <= capacity.rate.point) < FEW:
        # So few are in time by chance.
        capacity = None
    message = probe.message if capacity is not None else _broken(replica, allowed, promised)
    return replace(row, phase=TrialPhase.MEASURED, message=message, capacity=capacity, saturation=probed_saturation(probe.steps))


def _broken(replica: TrialReplica, allowed: float, promised: tuple[LatencyObjective, ...]) -> str:
    first = next((s for s in told(replica.probe.steps) if s.offered >= FEW), None) or told(replica.probe.steps)[-1]
    limits = " and ".join(f"{each.metric} within {each.milliseconds} ms" for each in promised) or "an answer"
    return (
        f"the objective ({limits}) is missed at any load: {first.offered - first.good} of {first.offered} requests missed it at "
        f"{first.rate:.3g} requests/s, the least at which enough were sent; {allowed:.2%} may"
    )


def _spent(row: TrialRow, replica: TrialReplica, now: datetime) -> float | None:
    """From its node to its end."""
    if row.each is None:
        return None
    if replica.scheduled is None:
        return 0.0
    return row.each * max(0.0, ((replica.ended or now) - replica.scheduled).total_seconds()) / HOUR


def _started(replica: TrialReplica) -> float | None:
    return None if replica.probe.ready_seconds is None else round(replica.probe.ready_seconds, 1)
