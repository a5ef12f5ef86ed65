"""drill(seen, outcome): what becomes of a workload's exit drill in one pass. It reads no clock, and the same facts are always decided the same way.

Order of thought: what the trial under way or the last one tells; whether another is due, and may be made; which trials are not kept. The drill is
remembered before its trial is made, so that an operator that dies in between is followed by one that makes the trial of the same name.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta

from steelyard.core.drill.due import due, may_begin
from steelyard.core.drill.proof import proof_of
from steelyard.core.drill.way_out import WayOut
from steelyard.core.facts.exit_drill import Drill, DrillMemory, DrillTrial, ExitDrill, ExitProof
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.decision import Note
from steelyard.core.placing.fresh import just_begun
from steelyard.core.placing.intent import DrillIntent
from steelyard.core.placing.outcome import Outcome
from steelyard.core.vocabulary.reason import Reason, Refusal

WAITS = 7200
"""Seconds that a trial may wait for nodes and start-ups, beside its load."""
KEPT = 2
"""Trials of drills that are kept: the last one, and the one before to compare it with."""
LONG_NAME = 24
"""Characters of a workload's name that stand in the name of its drills, which holds 40."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    """`memory`: None where no drill is asked for. `trial`: that should exist and does not. `gone`: trials that are not kept."""

    memory: DrillMemory | None
    trial: DrillIntent | None = None
    gone: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()


def drill(seen: Analysis, outcome: Outcome) -> Drilled:
    """outcome: of this pass, since no drill is made while something moves."""
    snapshot = seen.snapshot
    asked, before = snapshot.workload.exit_drill, snapshot.memory.exit_drill
    if not snapshot.synced or snapshot.workload.deleting:
        return Drilled(memory=before)  # What is not seen yet is not gone.
    if asked is None:
        return Drilled(memory=None, gone=tuple(trial.name for trial in snapshot.drills))
    used = _in_use(seen, before)
    looked = _looked(seen, replace(used, last=used.last or _adopted(seen)))
    going = looked.under_way
    memory = _next(seen, outcome, looked, asked) if going is None else _under_way(seen, looked, going)
    return Drilled(
        memory=memory,
        trial=_trial(asked, memory.under_way),
        gone=_gone(seen, memory),
        notes=(*_ended(before, looked), *_begins(looked, memory, asked)),
    )


def name_of(workload: WorkloadKey, uid: str, time: str) -> str:
    """Of the drill that was decided then: the same for every operator that reads it."""
    told = hashlib.sha256(f"{uid}\n{time}".encode()).hexdigest()[:10]
    return f"{workload.name[:LONG_NAME].rstrip('-')}-exit-{told}"


def _in_use(seen: Analysis, before: DrillMemory | None) -> DrillMemory:
    """With the family in use; where it is another than before, a proof is wanted from now on. While nothing serves it is as before."""
    candidate = seen.candidate(seen.primary.pool) if seen.primary is not None else None
    family = candidate.pool.family if candidate is not None else None
    if before is None:
        return DrillMemory(wanted=seen.now, reason=Reason.WAITING.value, family=family)
    if family is None or family == before.family:
        return before
    return replace(before, family=family, wanted=seen.now if before.family is not None else before.wanted)


def _adopted(seen: Analysis) -> Drill | None:
    """The newest trial that the workload owns, where its status remembers none: it was lost, and the trial was not."""
    if not seen.snapshot.drills or seen.primary is None:
        return None
    trial = seen.snapshot.drills[-1]
    compares = len(trial.pools) > 1
    return Drill(
        name=trial.name,
        source=trial.pools[0] if compares else seen.primary.pool,
        target=trial.pools[-1],
        compares=compares,
        time=trial.created,
        duration_seconds=0,
        seen=True,
    )


def _looked(seen: Analysis, memory: DrillMemory) -> DrillMemory:
    """With what its trial tells now."""
    last = memory.under_way
    if last is None:
        return memory
    trial = next((each for each in seen.snapshot.drills if each.name == last.name), None)
    if trial is None and not last.seen:
        return replace(memory, last=_never_made(seen, last))
    if trial is None:
        why = f"AcceleratorTrial {last.name} was deleted before it had ended; the next drill is made when it is due"
        return replace(memory, last=replace(last, reason=Reason.TRIAL_GONE.value, message=why))
    last = replace(last, seen=True, began=trial.began)
    if not trial.finished:
        return replace(memory, last=last)
    found = proof_of(seen, last, trial)
    if isinstance(found, Refusal):
        return replace(memory, last=replace(last, reason=found.reason.value, message=found.message, spent=trial.spent))
    last = replace(last, reason=Reason.EXIT_PROVEN.value, message=_sentence(found), spent=trial.spent)
    return replace(memory, last=last, proofs=_with(memory.proofs, found))


def _never_made(seen: Analysis, last: Drill) -> Drill:
    """It ends when its trial would have: what the API server refuses for so long is not taken under the same name for ever."""
    if seen.now < last.time + timedelta(seconds=WAITS + last.duration_seconds):
        return last
    refused = next((write for write in seen.snapshot.refused if write.name == last.name), None)
    why = f"AcceleratorTrial {last.name} could not be made for {WAITS + last.duration_seconds} s"
    return replace(last, reason=Reason.PROBE_FAILED.value, message=why if refused is None else f"{why}: {refused}")


def _with(proofs: tuple[ExitProof, ...], found: ExitProof) -> tuple[ExitProof, ...]:
    """Newest first, one for each pair of families. A status keeps as many as it has room for."""
    pair = found.source_family, found.target_family
    return (found, *(each for each in proofs if (each.source_family, each.target_family) != pair))


def _sentence(proof: ExitProof) -> str:
    needs = "" if proof.replicas is None else f" with {proof.replicas} replica(s)"
    return f"pool {proof.target} keeps the promise{needs}; its replica was ready after {proof.within_seconds} s"


def _ended(before: DrillMemory | None, memory: DrillMemory) -> tuple[Note, ...]:
    """One event when a drill has ended, by what it found."""
    last = memory.last
    if before is None or last is None or last == before.last or not last.reason:
        return ()
    proven = last.reason == Reason.EXIT_PROVEN.value
    proof = memory.proofs[0] if proven else None
    leaves = f"{proof.source_family} could be left for {proof.target_family}: " if proof is not None else "nothing is proven: "
    return (Note(Reason.named(last.reason), f"{last.name}: {leaves}{last.message}", warning=not proven),)


def _begins(before: DrillMemory, memory: DrillMemory, asked: ExitDrill) -> tuple[Note, ...]:
    """One event when a drill begins."""
    last = memory.under_way
    if last is None or last == before.last:
        return ()
    return (Note(Reason.DRILLING, f"{last.name}: {memory.message}, for {asked.budget:.3g} at most"),)


def _next(seen: Analysis, outcome: Outcome, memory: DrillMemory, asked: ExitDrill) -> DrillMemory:
    """No drill is under way: the next one is not due yet, waits for something, or begins now."""
    at = due(asked, memory.last, memory.wanted)
    memory = replace(memory, next=at)
    if seen.now < at:
        return _rests(memory)
    if just_begun(seen):
        return memory
    found = may_begin(seen, outcome, memory, asked)
    if isinstance(found, Refusal):
        return replace(memory, reason=found.reason.value, message=found.message)
    begun = _begun(seen, found)
    return _under_way(seen, replace(memory, last=begun), begun)


def _under_way(seen: Analysis, memory: DrillMemory, last: Drill) -> DrillMemory:
    refused = next((write for write in seen.snapshot.refused if write.name == last.name), None)
    if refused is not None and not last.seen:
        reason = Reason.NOT_OURS if refused.taken else Reason.OBJECT_INVALID
        return replace(memory, next=None, reason=reason.value, message=str(refused))
    beside = f" beside {last.source}" if last.compares else ""
    return replace(memory, next=None, reason=Reason.DRILLING.value, message=f"one replica is tried on pool {last.target}{beside}")


def _rests(memory: DrillMemory) -> DrillMemory:
    """Until the next drill it is told how the last one ended."""
    last = memory.last
    if last is None:
        return memory
    if last.reason == Reason.EXIT_PROVEN.value and memory.proof is None:
        return replace(memory, reason=Reason.WAITING.value, message="the last drill was made while another family was in use")
    return replace(memory, reason=last.reason, message=last.message)


def _begun(seen: Analysis, found: WayOut) -> Drill:
    workload = seen.snapshot.workload
    return Drill(
        name=name_of(workload.key, workload.uid, seen.now.isoformat()),
        source=found.source.pool,
        target=found.target.pool,
        compares=found.compares,
        time=seen.now,
        duration_seconds=found.seconds,
    )


def _trial(asked: ExitDrill, last: Drill | None) -> DrillIntent | None:
    """What should exist; None once it was there: one that somebody deleted is not made again."""
    if last is None or last.seen:
        return None
    return DrillIntent(
        name=last.name,
        pools=last.pools,
        budget=asked.budget,
        duration_seconds=last.duration_seconds,
        deadline_seconds=WAITS + last.duration_seconds,
    )


def _gone(seen: Analysis, memory: DrillMemory) -> tuple[str, ...]:
    """All that have ended but the newest; what runs ends by itself."""
    ended: list[DrillTrial] = [trial for trial in seen.snapshot.drills if trial.finished]
    kept = {trial.name for trial in ended[-KEPT:]} | ({memory.last.name} if memory.last is not None else set())
    return tuple(trial.name for trial in ended if trial.name not in kept)
