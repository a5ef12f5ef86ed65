"""What is told of one pool of a trial: before its replica is made, while it is there, and once it has ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from math import isclose

from steelyard.core.facts.probe import ProbeState, ProbeStep
from steelyard.core.facts.snapshot import LatencyObjective
from steelyard.core.facts.trial import Neighbours, SteadyStep, TrialMemory, TrialPhase, TrialReplica, TrialRow
from steelyard.core.performance.probe_steps import lowest, told
from steelyard.core.performance.ramp import probed_saturation
from steelyard.core.placing.analysis import Analysis
from steelyard.core.planning.option import Option
from steelyard.core.statistics.significant import significant
from steelyard.core.trials.beside import beside
from steelyard.core.trials.carried import FEW, carried
from steelyard.core.trials.lengths import at_lengths, lengths_asked
from steelyard.core.trials.look import Look
from steelyard.core.trials.place import full, unpriced
from steelyard.core.trials.sent import PARTS
from steelyard.core.trials.steady import energy_of, percentile_of
from steelyard.core.vocabulary.reason import AWAITED, STUCK, Reason, Refusal

HOUR = 3600
_ARTIFACT = AWAITED | STUCK
"""Why an artifact is not there that may come yet."""
NEARLY = 1e-6
LEAST_LEFT = 30.0
"""Seconds of its time below which a replica that is gone is not made again."""


def row_of(look: Look, memory: TrialMemory, pool: str) -> TrialRow:
    """As it stands now. What is over stays as it was found."""
    before = memory.row(pool)
    if memory.started is None:
        return to_begin(look, pool)
    if before is None:
        return TrialRow(pool=pool, phase=TrialPhase.REFUSED, message="it was not among the pools when the trial started")
    return before if before.phase.is_over else _under_way(look, memory, before)


def to_begin(look: Look, pool: str) -> TrialRow:
    """Before anything runs there for the trial."""
    seen = look.seen
    if isinstance(seen, Refusal):
        return TrialRow(pool=pool, phase=TrialPhase.WAITING, message=seen.message)
    option = seen.option(pool)
    if option is None:
        names = ", ".join(sorted(o.pool for o in seen.options)) or "none"
        return TrialRow(pool=pool, phase=TrialPhase.REFUSED, message=f"pool {pool} does not exist (there are {names})")
    row, refused = _described(look, seen, option), _refused(look, option)
    if refused is not None:
        return replace(row, phase=TrialPhase.REFUSED, message=refused)
    return replace(row, message=_waits(seen, option) or "")


def _described(look: Look, seen: Analysis, option: Option) -> TrialRow:
    """The row with all that is known of the pool before anything runs there."""
    candidate = option.candidate
    price, key = candidate.shape.price if candidate.shape is not None else None, candidate.key or ""
    return TrialRow(
        pool=option.pool,
        phase=TrialPhase.WAITING,
        revision=candidate.revision,
        backend=candidate.toolchain.backend if candidate.toolchain is not None else None,
        image=candidate.image,
        devices=candidate.resources.devices,
        compile_seconds=look.snapshot.compiled.get(key),
        each=None if option.listed is None else significant(option.listed),
        price_class=price.price_class if price is not None else None,
        accuracy=look.snapshot.accuracies.get(key),
        lengths=lengths_asked(look.trial, seen, candidate),
    )


def is_ready(row: TrialRow) -> bool:
    """Whether its replica can be made now."""
    return row.phase is TrialPhase.WAITING and not row.message


def _refused(look: Look, option: Option) -> str | None:
    """Why it cannot be measured there, whatever is waited for."""
    why = option.candidate.refusal
    if why is not None and why.reason not in _ARTIFACT and not (why.reason is Reason.COMPILE_FAILED and why.reconsider_at):
        return why.message
    lacks = unpriced(option) if why is None and look.trial.budget is not None else None
    return None if lacks is None else lacks.message


def _waits(seen: Analysis, option: Option) -> str | None:
    """What is waited for before its replica is made."""
    if option.candidate.refusal is not None:
        return option.candidate.refusal.message
    lacks = full(seen, option)
    return None if lacks is None else lacks.message


def _under_way(look: Look, memory: TrialMemory, row: TrialRow) -> TrialRow:
    replica = look.snapshot.replicas.get(row.pool)
    return _without_replica(look, memory, row) if replica is None else _by_replica(look, memory, row, replica)


def _without_replica(look: Look, memory: TrialMemory, row: TrialRow) -> TrialRow:
    """The pool has no replica of the trial: it has answered, cannot have one, or gets one now."""
    if memory.answered is not None and row.capacity is not None:
        # Nothing more is asked of it.
        return replace(row, phase=TrialPhase.MEASURED, message="", ended=look.now)
    why = _cannot_be_made(look, memory, row)
    if why is not None:
        return replace(row, phase=TrialPhase.FAILED, message=why)
    refused = look.snapshot.refused.get(row.pool)
    return replace(row, phase=TrialPhase.WAITING, message=str(refused) if refused is not None else "its Job is made")


def _by_replica(look: Look, memory: TrialMemory, row: TrialRow, replica: TrialReplica) -> TrialRow:
    """The pool has a replica, which tells how far it is."""
    spent = None if look.trial.budget is None else _spent(row, replica, look.now)
    row = replace(
        row,
        beside=beside(Neighbours(pods=replica.neighbours, others_cpu=replica.others_cpu)) or row.beside,
        spent=spent,
        start_seconds=_started(replica) or row.start_seconds,
        began=replica.began or row.began,
    )
    match replica.probe.state:
        case ProbeState.STARTING:
            return replace(row, phase=TrialPhase.STARTING, message=replica.probe.message)
        case ProbeState.RUNNING if memory.begin is not None and look.now < memory.begin:
            return replace(row, phase=TrialPhase.STARTING, message="its replica is ready and waits for the other pools")
        case ProbeState.RUNNING:
            return _so_far(look, memory, row, replica)
        case ProbeState.FAILED:
            return replace(row, phase=TrialPhase.FAILED, message=replica.probe.message, ended=replica.ended)
    return _found(look, row, replica)


def seconds_left(look: Look, memory: TrialMemory) -> float:
    """Of the time that is paid for: a replica that is made late ends with the others."""
    if memory.begin is None or memory.load_seconds is None:
        return 0.0
    return (memory.begin - look.now).total_seconds() + memory.load_seconds + (memory.length_seconds or 0)


def _cannot_be_made(look: Look, memory: TrialMemory, row: TrialRow) -> str | None:
    """Why the replica is not there and will not be."""
    option = look.option(row.pool)
    if option is None:
        return is_gone(look, row.pool)
    if option.candidate.refusal is not None:
        return option.candidate.refusal.message
    if option.candidate.revision != row.revision:
        return "its artifact, image or arguments changed after the trial had started: make another trial"
    return "its Job is gone, and too little time is left to make it again" if seconds_left(look, memory) < LEAST_LEFT else None


def is_gone(look: Look, pool: str) -> str | None:
    """That the pool is not there any more; None where it is, or nobody can see."""
    return None if isinstance(look.seen, Refusal) or look.option(pool) is not None else f"pool {pool} does not exist any more"


def _found(look: Look, row: TrialRow, replica: TrialReplica) -> TrialRow:
    """What its probe told."""
    found, ended = _figures(look, row, replica), replica.ended or look.now
    if isinstance(found, str):
        return replace(row, phase=TrialPhase.FAILED, message=found, ended=ended, steady=_by_load(replica))
    return replace(found, phase=TrialPhase.MEASURED, ended=ended)


def _so_far(look: Look, memory: TrialMemory, row: TrialRow, replica: TrialReplica) -> TrialRow:
    """What it has told until now. Of a ramp that goes on no figure is taken: it would be looked at once for each of its steps, and bounds that hold
    at every look are wider. What is not told now stays as it was told before."""
    before = row.message if row.phase is TrialPhase.MEASURING else ""
    row = replace(row, phase=TrialPhase.MEASURING, message=before)
    facts = look.snapshot.workload
    if lowest(replica.probe.steps) is None or isinstance(facts, Refusal):
        return row
    if not replica.ramped:
        return replace(row, message=_of_ramp(replica.probe.steps, facts.workload.allowed))
    found = _figures(look, row, replica)
    if isinstance(found, str):
        return row
    of = len(PARTS) if memory.load else 0
    told = f"; {sum(each.is_known for each in found.lengths)} of {len(found.lengths)} other lengths" if found.lengths else ""
    return replace(found, message=found.message or f"its ramp is over{told}; {len(replica.steady)} of {of} steady loads are measured")


def is_answered(row: TrialRow, load: float | None) -> bool:
    """Whether it is known what a replica carries there, at each length that was asked for, and what becomes of the workload's own load, where there is
    one."""
    if not all(each.is_known for each in row.lengths):
        return False
    return row.capacity is not None and (load is None or any(isclose(each.load, load, rel_tol=NEARLY) for each in row.steady))


def _figures(look: Look, row: TrialRow, replica: TrialReplica) -> TrialRow | str:
    """With what the steps of a whole ramp say; why they say nothing."""
    facts, probe = look.snapshot.workload, replica.probe
    # Once all is over, the steady steps tell of the same replica at which loads it kept the promise.
    steps = (*probe.steps, *(each.step for each in replica.steady)) if probe.state is ProbeState.DONE else probe.steps
    if lowest(steps) is None:
        return "its steps tell nothing: fewer or more requests were sent than their rates say"
    if isinstance(facts, Refusal):
        # What a request has to keep is not known any more.
        return facts.message
    if (gone := is_gone(look, row.pool)) is not None:
        return gone
    capacity = carried(steps, facts.workload)
    message = probe.message if capacity is not None else _broken(replica, facts.workload.allowed, facts.workload.latency)
    return replace(
        row,
        message=message,
        capacity=capacity,
        saturation=probed_saturation(steps),
        energy=energy_of(replica.steady),
        percentile=percentile_of(replica.steady, capacity),
        steady=_by_load(replica),
        lengths=at_lengths(row, replica, facts.workload),
    )


def _by_load(replica: TrialReplica) -> tuple[SteadyStep, ...]:
    return tuple(sorted(replica.steady, key=lambda each: each.load))


def _of_ramp(steps: Sequence[ProbeStep], allowed: float) -> str:
    """Between which loads the ramp looks, by the steps that have ended."""
    held = max((s.rate for s in told(steps) if s.offered - s.good <= allowed * s.offered), default=0.0)
    missed = min((s.rate for s in told(steps) if s.rate > held), default=None)
    kept = f"held at {held:.3g} requests/s" if held else "was not held yet"
    return f"step {len(steps)} of its ramp: the objective {kept}" + (f" and was missed at {missed:.3g}" if missed is not None else "")


def _broken(replica: TrialReplica, allowed: float, promised: tuple[LatencyObjective, ...]) -> str:
    first = next((s for s in told(replica.probe.steps) if s.offered >= FEW), None) or told(replica.probe.steps)[-1]
    limits = " and ".join(f"{each.metric} within {each.milliseconds} ms" for each in promised) or "an answer"
    return (
        f"the objective ({limits}) is missed at any load: {first.offered - first.good} of {first.offered} requests missed it at "
        f"{first.rate:.3g} requests/s, the least at which enough were sent; {allowed:.2%} may"
    )


def _spent(row: TrialRow, replica: TrialReplica, now: datetime) -> float | None:
    """From its node to its end; what was spent once stays, although the pod that tells of it may be gone with its node."""
    if row.each is None:
        return None
    if replica.scheduled is None:
        return row.spent or 0.0
    return row.each * max(0.0, ((replica.ended or now) - replica.scheduled).total_seconds()) / HOUR


def _started(replica: TrialReplica) -> float | None:
    return None if replica.probe.ready_seconds is None else round(replica.probe.ready_seconds, 1)
