"""When a trial starts: what it waits for, and what is reserved for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from steelyard.core.facts.trial import TrialMemory, TrialPhase, TrialRow
from steelyard.core.placing.analysis import Analysis
from steelyard.core.statistics.significant import significant
from steelyard.core.trials.ending import breach
from steelyard.core.trials.look import Look
from steelyard.core.trials.row import is_ready
from steelyard.core.trials.sent import SHORTEST, least_seconds, load_seconds, reserved, start_seconds
from steelyard.core.vocabulary.reason import Reason, Refusal

FIRST_LOAD = timedelta(minutes=10)
"""After its making, for which a trial waits for the workload's load to be known: without it nobody knows what to send."""
ALL_READY = timedelta(seconds=3)
"""After the last replica became ready, all begin: as long as a word to each of them takes."""


def started(look: Look, memory: TrialMemory) -> TrialMemory | Refusal:
    """The memory of a trial that starts now, or what keeps it from starting. Its money and its times are fixed here."""
    seen = look.seen
    if isinstance(seen, Refusal):
        return seen
    if seen.snapshot.settings.frozen:
        return Refusal(Reason.FROZEN, "the installation is frozen: nothing is tried")
    if (lacks := breach(look)) is not None:
        return replace(lacks, reason=Reason.WAITING)
    if seen.load is None and look.now < look.trial.created + FIRST_LOAD:
        return Refusal(Reason.WAITING, "the workload's load is not known yet: it is waited for, for ten minutes at most")
    waits = [row for row in memory.rows if row.phase is TrialPhase.WAITING and not is_ready(row)]
    if waits:
        return Refusal(Reason.WAITING, "; ".join(f"pool {row.pool}: {row.message}" for row in waits))
    ready = [row for row in memory.rows if is_ready(row)]
    return _with_money(look, seen, memory, ready) if ready else Refusal(Reason.WAITING, "no pool can be measured")


def _with_money(look: Look, seen: Analysis, memory: TrialMemory, rows: list[TrialRow]) -> TrialMemory | Refusal:
    each = [row.each or 0.0 for row in rows]
    start = max(start_seconds(seen, option) for row in rows if (option := seen.option(row.pool)) is not None)
    shortest = least_seconds(seen.snapshot.workload)
    least = look.trial.duration_seconds or max(SHORTEST, shortest)
    if least < shortest:
        return Refusal(
            Reason.BUDGET_TOO_SMALL,
            f"spec.durationSeconds is {least}, and a ramp takes {shortest} s at least where a request may take as long as the objective allows: make "
            "a trial with more",
        )
    left = (look.deadline - look.now).total_seconds() - start
    if left < least:
        return Refusal(
            Reason.DEADLINE,
            f"{least} s of load, and up to {start} s until the replicas are ready, do not end within spec.deadlineSeconds: make a trial with more",
        )
    pays = min(look.trial.budget, reserved(each, start + int(left)))
    seconds = load_seconds(look.trial.duration_seconds, least, pays, each, start)
    if seconds is None:
        needs = reserved(each, start + least)
        return Refusal(
            Reason.BUDGET_TOO_SMALL,
            f"{least} s of load on {len(rows)} pools, and up to {start} s until their replicas are ready, cost {needs:.3g} at most, and "
            f"spec.budget is {look.trial.budget:.3g}: make a trial with more, or with fewer pools or a shorter spec.durationSeconds",
        )
    mean = seen.load.mean if seen.load is not None else 0.0
    return replace(
        memory,
        started=look.now,
        begin=look.now + timedelta(seconds=start),
        load_seconds=seconds,
        load=significant(mean) if mean > 0 else None,
        reserved=reserved(each, start + seconds),
    )


def together(look: Look, memory: TrialMemory) -> TrialMemory:
    """With an earlier common beginning, once all whose replicas may still come are ready."""
    if memory.begin is None or look.now + ALL_READY >= memory.begin:
        return memory
    return memory if listening(look, memory) is None else replace(memory, begin=look.now + ALL_READY)


def listening(look: Look, memory: TrialMemory) -> tuple[str, ...] | None:
    """The addresses of all generators that may still measure; None while one of them is not there, and where there is none."""
    found = addresses(look, memory)
    return found if found and len(found) == sum(not row.phase.is_over for row in memory.rows) else None


def addresses(look: Look, memory: TrialMemory) -> tuple[str, ...]:
    """Of the generators that are there and may still measure."""
    replicas = (look.snapshot.replicas.get(row.pool) for row in memory.rows if not row.phase.is_over)
    return tuple(each.address for each in replicas if each is not None and each.address is not None)
