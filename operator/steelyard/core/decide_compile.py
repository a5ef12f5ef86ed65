"""decide_compile(snapshot, now): one CompiledModel's snapshot in, one decision out. The third door of the core.

Order of thought: whether pods refuse the artifact that stands; whether a rule bars the Job of an attempt; how the attempt ends or the next
one begins; where its Job runs; what to tell. It is total, reads no clock, and the same snapshot is always decided the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from steelyard.core.compiling.attempt import Attempts, Ended, StartJob, is_due, next_attempt
from steelyard.core.compiling.bars import CompileGrounds, bar, grounds, no_turn
from steelyard.core.compiling.corrupt import reopened
from steelyard.core.compiling.readiness import readiness
from steelyard.core.compiling.site import CompileSite, compile_site
from steelyard.core.compiling.snapshot import CompileSnapshot
from steelyard.core.placing.decision import Note
from steelyard.core.vocabulary.condition import Condition
from steelyard.core.vocabulary.reason import STUCK, Reason, Refusal

LOOK_AGAIN = timedelta(seconds=3)
"""Pace of progress while a Job runs, and of looks at what a compile waits for."""
AT_THE_EARLIEST = timedelta(seconds=0.5)
ASKED_FOR_AGAIN = timedelta(seconds=60)
"""Nobody tells when a workload asks again for what it asked for before."""


class CompileVerdict(StrEnum):
    """What a compile does now, in a word."""

    DONE = "Done"
    START = "Start"
    RUN = "Run"
    WAIT = "Wait"
    RETRY = "Retry"
    """It has failed, and is tried again at its time."""
    FAIL = "Fail"
    """It has failed, and is not tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileStart:
    """The Job that should exist and does not. `image` compiles, at `site`; `attempt` counts from 1 and is a part of the Job's name."""

    attempt: int
    image: str
    site: CompileSite


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileDecision:
    """What one pass over a CompiledModel decides.

    `attempts` is what its status remembers, to be written before `start` is made; `ready` is its condition; `waiting_for` is what keeps an
    attempt from running, None where nothing does or nothing is to run; `queued` says that this is a place among those that may run at the
    same time; `ended` is an attempt that ended in this pass. `reconsider_at` is None where only a change of the facts can change the decision.
    """

    attempts: Attempts
    start: CompileStart | None
    waiting_for: Refusal | None
    ready: Condition
    verdict: CompileVerdict
    notes: tuple[Note, ...]
    ended: Ended | None
    reconsider_at: datetime | None
    queued: bool = False


def decide_compile(snapshot: CompileSnapshot, now: datetime) -> CompileDecision:
    """What the compile does next."""
    # Status holds milliseconds: a moment that is remembered must survive being written and read.
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    before = reopened(snapshot.attempts, snapshot.refusals, now)
    seen = grounds(snapshot, before, now)
    barred = bar(before, seen, now)
    after, job = next_attempt(before, snapshot.outcome, now, may_start=barred is None)
    start = _start(seen, job) if job is not None and barred is None else None
    waiting_for = _waiting_for(seen, after, start, now)
    ready = readiness(after, waiting_for)
    return CompileDecision(
        attempts=after,
        start=start,
        waiting_for=waiting_for,
        ready=ready,
        verdict=_verdict(after, start, waiting_for),
        notes=(*_reopening_notes(snapshot.attempts, before), *_attempt_notes(before, after), *_waiting_notes(snapshot.told, ready)),
        ended=_ended(snapshot, before, after, now),
        reconsider_at=_reconsider(seen, after, now),
        queued=waiting_for is not None and waiting_for == no_turn(seen),
    )


def _start(seen: CompileGrounds, job: StartJob) -> CompileStart | None:
    snapshot, toolchain = seen.snapshot, seen.snapshot.toolchain
    if toolchain is None:
        return None
    site = compile_site(toolchain, snapshot.settings, seen.pools, attempt=job.count, factor=job.factor, asked=snapshot.resources)
    return None if site is None else CompileStart(attempt=job.count, image=toolchain.compile_image, site=site)


def _waiting_for(seen: CompileGrounds, after: Attempts, start: CompileStart | None, now: datetime) -> Refusal | None:
    """What keeps an attempt from running. With an attempt, what it waited for has ended."""
    job, refused = seen.snapshot.job, seen.snapshot.refused_write
    if after.built is not None:
        return None
    if after.open and job is not None:
        return job.waits
    if after.open and refused is not None:
        return Refusal(Reason.OBJECT_INVALID, str(refused))
    return None if start is not None else bar(after, seen, now)


def _verdict(after: Attempts, start: CompileStart | None, waiting_for: Refusal | None) -> CompileVerdict:
    if after.built is not None:
        return CompileVerdict.DONE
    if start is not None:
        return CompileVerdict.START
    if after.failure is not None and not after.open and after.retry_at is None:
        return CompileVerdict.FAIL
    if waiting_for is not None:
        return CompileVerdict.WAIT
    return CompileVerdict.RUN if after.open else CompileVerdict.RETRY


def _reconsider(seen: CompileGrounds, after: Attempts, now: datetime) -> datetime | None:
    if after.built is not None:
        return None
    if after.open or after.failure is None:
        return now + LOOK_AGAIN
    if after.retry_at is None:
        return None
    if not seen.asked_for:
        return now + ASKED_FOR_AGAIN
    return now + LOOK_AGAIN if is_due(after, now) else max(after.retry_at, now + AT_THE_EARLIEST)


def _ended(snapshot: CompileSnapshot, before: Attempts, after: Attempts, now: datetime) -> Ended | None:
    if after.built is not None and before.built is None:
        return Ended(snapshot.backend, "Found" if after.built.cached else "Built", after.built.seconds)
    if after.failure is not None and after.failure != before.failure:
        started = snapshot.job.started if snapshot.job is not None else None
        return Ended(snapshot.backend, after.failure.failure_class.value, (now - started).total_seconds() if started else None)
    return None


def _reopening_notes(before: Attempts, after: Attempts) -> tuple[Note, ...]:
    if before.built is None or after.built is not None or after.failure is None:
        return ()
    when = f"at {_written(after.retry_at)}, for this is not the first time" if after.retry_at and after.corruptions > 1 else "now"
    return (Note(Reason.ARTIFACT_CORRUPT, f"{after.failure.reason}: {after.failure.message}; it is compiled again {when}", warning=True),)


def _attempt_notes(before: Attempts, after: Attempts) -> tuple[Note, ...]:
    if after.built is not None and before.built is None:
        size = f"{after.built.size_bytes / 2**20:.0f} MiB"
        took = f"compiled in {after.built.seconds:.0f} s, {size}"
        return (Note(Reason.COMPILED, f"found in the store, {size}: nothing had to be compiled" if after.built.cached else took),)
    if after.failure is not None and after.failure != before.failure:
        return (Note(Reason.COMPILE_FAILED, f"{after.failure.reason}: {after.failure.message}", warning=True),)
    if after.open and not before.open:
        return (Note(Reason.COMPILING, f"attempt {after.count}"),)
    return ()


def _waiting_notes(told: str | None, ready: Condition) -> tuple[Note, ...]:
    """One event when something begins to keep the pod from running that somebody has to mend."""
    if ready.reason not in STUCK or told == ready.reason.value:
        return ()
    return (Note(ready.reason, ready.message, warning=True),)


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
