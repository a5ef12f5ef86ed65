"""decide_trial(snapshot, now): one AcceleratorTrial's snapshot in, one decision out. The fourth door of the core.

Order of thought: what is known of each pool; whether it may start, which fixes its money and its times; whether all are ready to measure together;
what the claims are worth by what was measured; whether it is over. It is total, reads no clock, and the same snapshot is always decided the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.probe import Ramp
from steelyard.core.facts.trial import TrialMemory, TrialPhase, TrialRow
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.decision import Note
from steelyard.core.placing.intend import placement_of
from steelyard.core.placing.intent import TrialIntent
from steelyard.core.planning.option import Option
from steelyard.core.rebalancing.asked import START
from steelyard.core.trials.answered import answered
from steelyard.core.trials.beginning import addresses, listening, started, together
from steelyard.core.trials.digest import digest_of
from steelyard.core.trials.ending import ending
from steelyard.core.trials.lengths import to_measure
from steelyard.core.trials.live import live
from steelyard.core.trials.look import Look, TrialSnapshot
from steelyard.core.trials.row import row_of, seconds_left
from steelyard.core.trials.sent import length_ramps_of, loads_of, ramp_of, steady_seconds
from steelyard.core.trials.verdicts import verdicts_of
from steelyard.core.vocabulary.condition import Condition, TrialConditionType
from steelyard.core.vocabulary.reason import Reason, Refusal

LOOK_AGAIN = timedelta(seconds=5)
TOLD_FOR = timedelta(seconds=START)
"""After the beginning, for which replicas are told of it, by whichever operator lives then: later than that they begin by themselves."""
HARD = frozenset(
    {Reason.SLO_AT_RISK, Reason.NOTHING_MEASURED, Reason.NOT_COMPARABLE, Reason.PROBE_FAILED, Reason.BUDGET_TOO_SMALL, Reason.NOT_OURS}
)
"""Ends that a person should look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialDecision:
    """`memory`: what the status remembers, to be written before a Job is made; `digest`: of what it says. `jobs`: those that should exist and do not.
    `over`: whether no Job should exist any more. `begin`: addresses of generators and the moment that they are told; `enough`: those that are told that all is answered.
    `reconsider_at` None: only a change of the facts can change it."""

    memory: TrialMemory
    digest: str
    jobs: tuple[TrialIntent, ...]
    over: bool
    begin: Mapping[str, datetime] = field(default_factory=dict)
    enough: tuple[str, ...] = ()
    finished: Condition
    notes: tuple[Note, ...] = ()
    reconsider_at: datetime | None


def decide_trial(snapshot: TrialSnapshot, now: datetime) -> TrialDecision:
    """What the trial does next."""
    # Status holds milliseconds: a moment that is remembered must survive being written and read.
    look = Look(snapshot, now.replace(microsecond=now.microsecond // 1000 * 1000))
    before = snapshot.memory
    if before.finished:
        return _over(look, before, ())
    after, waits = live(look, before) if look.trial.live else _on_replicas(look, before)
    end = ending(look, after, waits)
    if end is not None:
        ended = _ended(look, after, end)
        return _over(look, ended, (Note(end.reason, end.message, warning=end.reason in HARD),))
    return TrialDecision(
        memory=after,
        digest=digest_of(look.trial, after),
        jobs=() if look.trial.live else _jobs(look, after),
        over=False,
        begin={} if look.trial.live else _told(look, after),
        enough=addresses(look, after) if after.answered is not None else (),
        finished=_goes_on(after, waits),
        notes=_notes(look, before, after),
        reconsider_at=look.now + LOOK_AGAIN,
    )


def _on_replicas(look: Look, before: TrialMemory) -> tuple[TrialMemory, Refusal | None]:
    """(what is known now, what it waits for), of a trial with replicas of its own."""
    after, waits = _with_rows(look, before), None
    if after.started is None:
        begun = started(look, after)
        waits, after = (begun, after) if isinstance(begun, Refusal) else (None, begun)
    after = together(look, after)
    return answered(look, replace(after, verdicts=verdicts_of(look, after))), waits


def _with_rows(look: Look, memory: TrialMemory) -> TrialMemory:
    return replace(memory, rows=tuple(row_of(look, memory, pool) for pool in look.trial.pools))


def _ended(look: Look, memory: TrialMemory, end: Refusal) -> TrialMemory:
    """Nothing is under way any more: what was not measured is not."""
    rows = tuple(row if row.phase.is_over else _cut_off(row, end) for row in memory.rows)
    return replace(memory, rows=rows, ended=look.now, finished=end.reason.value, said=end.message)


def _cut_off(row: TrialRow, end: Refusal) -> TrialRow:
    told = f"; it was {row.phase.value.lower()}" if row.message == "" else f"; {row.message}"
    return replace(row, phase=TrialPhase.FAILED, message=f"the trial ended before ({end.reason.value}){told}")


def _over(look: Look, memory: TrialMemory, notes: tuple[Note, ...]) -> TrialDecision:
    finished = Condition(TrialConditionType.FINISHED, True, Reason.named(memory.finished), memory.said)
    digest = digest_of(look.trial, memory)
    return TrialDecision(memory=memory, digest=digest, jobs=(), over=True, finished=finished, notes=notes, reconsider_at=None)


def _goes_on(memory: TrialMemory, waits: Refusal | None) -> Condition:
    if waits is not None:
        return Condition(TrialConditionType.FINISHED, False, waits.reason, waits.message)
    if memory.answered is not None:
        return Condition(
            TrialConditionType.FINISHED, False, Reason.MEASURING, "each claim has its verdict: the generators are told to send no more"
        )
    told = "; ".join(f"{row.pool}: {row.phase.value.lower()}" + (f", {row.message}" if row.message else "") for row in memory.rows)
    return Condition(TrialConditionType.FINISHED, False, Reason.MEASURING, told)


def _jobs(look: Look, memory: TrialMemory) -> tuple[TrialIntent, ...]:
    """Of the pools whose replica is not there: all of them when it starts. One that is gone is made again for the time that is left."""
    seen = look.seen
    if memory.started is None or memory.begin is None or memory.load_seconds is None or isinstance(seen, Refusal):
        return ()
    if look.trial.load is None and memory.load is not None and seen.load is None:
        # An operator that begins knows no lengths of requests yet: all pools are sent the same.
        return ()
    left = seconds_left(look, memory)
    found = []
    for row in memory.rows:
        option = seen.option(row.pool)
        if row.phase is not TrialPhase.WAITING or row.pool in look.snapshot.replicas or option is None or row.revision is None:
            continue
        found.append(
            TrialIntent(
                trial=look.trial.key,
                trial_uid=look.trial.uid,
                workload=seen.snapshot.workload.key,
                placement=placement_of(seen, option.candidate, PlacementKey(row.pool, row.revision), 1),
                ramp=_ramp(look, seen, option, memory.load, memory.load_seconds),
                loads=loads_of(memory.load),
                load_seconds=steady_seconds(memory.load_seconds),
                begin_by=memory.begin.timestamp(),
                seconds=int(left),
                length_ramps=length_ramps_of(seen.snapshot.workload, to_measure(row), memory.load_seconds),
            )
        )
    return tuple(found)


def _ramp(look: Look, seen: Analysis, option: Option, load: float | None, seconds: int) -> Ramp:
    ramp = ramp_of(seen, option, load, seconds)
    return ramp if look.trial.load is None else replace(ramp, lengths=look.trial.load.lengths)


def _told(look: Look, memory: TrialMemory) -> Mapping[str, datetime]:
    """Nobody before all are ready: a generator believes the first word."""
    ready = listening(look, memory)
    if memory.begin is None or ready is None or look.now > memory.begin + TOLD_FOR:
        return {}
    return dict.fromkeys(ready, memory.begin)


def _notes(look: Look, before: TrialMemory, after: TrialMemory) -> tuple[Note, ...]:
    if before.started is not None or after.started is None or after.reserved is None:
        return ()
    pools = ", ".join(row.pool for row in after.rows if not row.phase.is_over)
    if look.trial.live:
        return (Note(Reason.MEASURING, f"a part of the requests is measured on each of {pools}: {look.trial.budget:.3g} at most"),)
    return (
        Note(
            Reason.MEASURING,
            f"a replica on each of {pools} is ordered: {after.reserved:.3g} at most, {(after.load_seconds or 0) + (after.length_seconds or 0)} s of load",
        ),
    )
