"""A trial of live traffic: what a share of the workload's own requests has shown of each pool.

The workload carries it out, by an exploration on one pool after the other, and tells by its facts how far that is (`placing/asked_for.py`). A pool
that serves is measured where it serves, over the same minutes. Nothing is ordered here; that a pool's row has ended, or the trial, is what the
workload goes back by.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from steelyard.core.catalogue.relative import meant
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Known, Move, PastMove, Step, VerdictWord
from steelyard.core.facts.trial import TrialMemory, TrialPhase, TrialRow, TrialVerdict
from steelyard.core.facts.window import since
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.asked_for import asked_for, first_asked
from steelyard.core.rebalancing.asked import spent_on
from steelyard.core.rebalancing.untried import WANTING
from steelyard.core.statistics.interval import LEAST_BLOCKS
from steelyard.core.statistics.significant import significant
from steelyard.core.trials.beside import beside
from steelyard.core.trials.look import Look
from steelyard.core.trials.row import to_begin
from steelyard.core.trials.served import Span, served, shown
from steelyard.core.trials.verdicts import verdicts_of
from steelyard.core.vocabulary.reason import Reason, Refusal

FRESHER = 2
"""Times as many requests behind a remembered figure, above which what is seen now does not replace it: an operator that begins has few windows."""


def live(look: Look, before: TrialMemory) -> tuple[TrialMemory, Refusal | None]:
    """(what is known now, what it waits for)."""
    seen = look.seen
    if isinstance(seen, Refusal):
        return before, seen
    found = {pool: _row(look, seen, before, pool) for pool in look.trial.pools}
    known = {pool: figures for pool, (_, figures) in found.items() if figures is not None}
    after = _begun(look, seen, replace(before, rows=tuple(row for row, _ in found.values())))
    after = replace(after, verdicts=verdicts_of(look, after, known))
    after = replace(after, rows=tuple(_ended(look, seen, after, row) for row in after.rows))
    after = replace(after, rows=tuple(_of_standing(look, seen, after, row) for row in after.rows))
    return after, _waits(look, seen, after)


def _row(look: Look, seen: Analysis, memory: TrialMemory, pool: str) -> tuple[TrialRow, Known | None]:
    """(as it stands now, what live traffic shows there now). What is over stays as it was found."""
    before, move, key = memory.row(pool), look.move, _standing(seen, pool)
    if before is not None and before.phase.is_over:
        return before, None
    row = _named(look, before, pool)
    if move is not None and move.target.pool == pool:
        return _tried(look, seen, row, move)
    past = _past(look, seen, pool)
    if past is not None:
        return _over(row, past), None
    if key is not None:
        return _serving(look, seen, memory, row, key)
    if row.spent is not None:
        return replace(row, phase=TrialPhase.FAILED, message="its replica is gone: something else came between", ended=look.now), None
    return to_begin(look, pool), None


def _named(look: Look, before: TrialRow | None, pool: str) -> TrialRow:
    """At the price by which the trial counts: that of its first look there."""
    row = to_begin(look, pool)
    if before is None or before.phase is TrialPhase.WAITING:
        return row
    return replace(before, revision=before.revision or row.revision, each=row.each if before.each is None else before.each)


def _tried(look: Look, seen: Analysis, row: TrialRow, move: Move) -> tuple[TrialRow, Known | None]:
    placement = seen.snapshot.placement(move.target)
    took = placement.start_seconds if placement is not None else None
    row = replace(
        row,
        revision=move.target.revision,
        spent=spent_on(move, look.now),
        start_seconds=row.start_seconds if took is None else round(took, 1),
    )
    if move.asking:
        return replace(row, phase=TrialPhase.STARTING, message=move.message), None
    match move.step:
        case Step.PROBE:
            said = "a replica that serves nobody is probed before a user's request comes there"
            return replace(row, phase=TrialPhase.STARTING, message=said), None
        case Step.SURGE:
            return replace(row, phase=TrialPhase.STARTING, message=""), None
        case Step.SHIFT:
            # Each share of a route's weights is a step of its own, and requests of all of them are the trial's.
            began = row.began or move.step_time
            return _measured(look, seen, replace(row, phase=TrialPhase.MEASURING, message="", began=began), move.target, Span(began))
    return replace(row, phase=TrialPhase.MEASURING, message=f"it goes back: {move.message}"), None


def _over(row: TrialRow, past: PastMove) -> TrialRow:
    known = row.ended is not None or (past.reason == Reason.EXPLORED.value and row.capacity is not None)
    spent = row.spent if past.cost is None else past.cost
    if known:
        return replace(row, phase=TrialPhase.MEASURED, message="", ended=row.ended or past.time, spent=spent)
    # What a status holds may be no word of ours.
    meaning = next((reason.meaning for reason in Reason if reason.value == past.reason), "its exploration ended")
    said = row.message.removeprefix("it goes back: ") or meaning
    return replace(row, phase=TrialPhase.FAILED, message=f"{past.reason}: {said}", ended=past.time, spent=spent)


def _serving(look: Look, seen: Analysis, memory: TrialMemory, row: TrialRow, key: PlacementKey) -> tuple[TrialRow, Known | None]:
    """Of a pool that holds a part of the load anyway: together with the others."""
    if memory.begin is None:
        return replace(row, phase=TrialPhase.WAITING, message="it serves, and is measured over the same minutes as the others"), None
    placement = seen.snapshot.placement(key)
    took = placement.start_seconds if placement is not None else None
    row = replace(
        row,
        phase=TrialPhase.MEASURING,
        message="",
        revision=key.revision,
        began=row.began or memory.begin,
        start_seconds=None if took is None else round(took, 1),
    )
    return _measured(look, seen, row, key, Span(memory.begin, _until(memory)))


def _until(memory: TrialMemory) -> datetime | None:
    """When the last pool that was tried had its answer; None while one is measured, and before."""
    tried = [row for row in memory.rows if row.spent is not None]
    if any(row.phase is TrialPhase.MEASURING and row.ended is None for row in tried):
        return None
    return max((row.ended for row in tried if row.ended is not None and row.began is not None), default=None)


def _measured(look: Look, seen: Analysis, row: TrialRow, key: PlacementKey, span: Span) -> tuple[TrialRow, Known | None]:
    known, step, there = shown(seen, key, span), served(seen, key, span), look.snapshot.neighbours.get(row.pool)
    row = replace(row, steady=() if step is None else (step,), beside=(beside(there) if there is not None else "") or row.beside)
    if known is None or known.capacity is None or (row.capacity is not None and row.capacity.n > FRESHER * known.capacity.n):
        return row, known
    told = replace(row, energy=known.energy or row.energy, percentile=known.percentile or row.percentile)
    return replace(told, capacity=known.capacity, saturation=known.saturation), known


def _begun(look: Look, seen: Analysis, memory: TrialMemory) -> TrialMemory:
    """With its money and its moments. A trial of pools that all serve begins at once."""
    alone = all(_standing(seen, row.pool) is not None for row in memory.rows)
    started = memory.started or _start(look, alone=alone)
    if started is None:
        return memory
    usual = seen.snapshot.workload.rebalancing.exploration_deadline_seconds
    return replace(
        memory,
        started=started,
        begin=memory.begin or _beginning(memory, started, alone=alone),
        load=memory.load or _load(seen),
        load_seconds=memory.load_seconds or look.trial.duration_seconds or usual,
        reserved=max(memory.reserved or 0.0, _reserved(look, memory)),
    )


def _start(look: Look, *, alone: bool) -> datetime | None:
    """The moment at which its first pool is tried; None before. alone: every pool serves, so that none has to be tried."""
    if look.move is not None:
        return look.move.started
    return look.now if alone else None


def _beginning(memory: TrialMemory, started: datetime, *, alone: bool) -> datetime | None:
    """The moment of the first request to a tried pool; where all pools serve, the start of the trial."""
    first = min((row.began for row in memory.rows if row.began is not None), default=None)
    return first or (started if alone else None)


def _load(seen: Analysis) -> float | None:
    return significant(seen.load.mean) if seen.load is not None and seen.load.mean > 0 else None


def _reserved(look: Look, memory: TrialMemory) -> float:
    """Money that the pools tried so far have cost, and that the present one may cost."""
    move = look.move
    spent = sum(row.spent or 0.0 for row in memory.rows if move is None or row.pool != move.target.pool)
    return spent + (move.reserved or 0.0 if move is not None else 0.0)


def _ended(look: Look, seen: Analysis, memory: TrialMemory, row: TrialRow) -> TrialRow:
    """The tried pool, once that is known of it which was asked: its replica goes back by this."""
    move = look.move
    tried = move is not None and move.step is Step.SHIFT and move.target.pool == row.pool
    if not tried or move is None or row.ended is not None or not _is_known(look, seen, memory, row, move.target):
        return row
    return replace(row, ended=look.now)


def _of_standing(look: Look, seen: Analysis, memory: TrialMemory, row: TrialRow) -> TrialRow:
    """A pool that serves is measured for as long as any other one is."""
    key = _standing(seen, row.pool)
    if row.phase.is_over or key is None:
        return row
    others = _not_standing(seen, memory)
    if not all(each.phase.is_over for each in others):
        return row
    if memory.begin is None:
        return replace(row, phase=TrialPhase.REFUSED, message="nothing was measured that it could be compared with")
    if _is_known(look, seen, memory, row, key) or (others and _is_enough(seen, row)):
        return replace(row, phase=TrialPhase.MEASURED, message="", ended=look.now)
    late = _is_late(look, seen, memory, row)
    return replace(row, phase=TrialPhase.FAILED, message="too few requests came there", ended=look.now) if late else row


def _is_late(look: Look, seen: Analysis, memory: TrialMemory, row: TrialRow) -> bool:
    """Whether nothing more comes of a pool that serves: its time is over, or all windows of the minutes are read in which another pool was measured."""
    until, window = _until(memory), timedelta(seconds=seen.snapshot.workload.rebalancing.window_seconds)
    compared = until is not None and look.now >= until + window
    return compared or (row.began is not None and look.now >= row.began + timedelta(seconds=memory.load_seconds or 0))


def _is_known(look: Look, seen: Analysis, memory: TrialMemory, row: TrialRow, key: PlacementKey) -> bool:
    """Whether each claim about it has its verdict, or its time is over; and it was measured at all."""
    if not _is_enough(seen, row) or row.began is None:
        return False
    late = look.now >= row.began + timedelta(seconds=memory.load_seconds or 0)
    spread = len(since(seen.windows(key), row.began)) >= LEAST_BLOCKS
    return late or (spread and not any(_is_open(seen, each, row.pool) for each in memory.verdicts))


def _is_enough(seen: Analysis, row: TrialRow) -> bool:
    return row.capacity is not None and row.capacity.n >= seen.snapshot.workload.rebalancing.min_good_requests


def _is_open(seen: Analysis, found: TrialVerdict, pool: str) -> bool:
    """Whether a claim that speaks of the pool may get a verdict by more of the same."""
    verdict, pools = found.verdict, [o.candidate.pool for o in seen.options]
    other = verdict.relative_to and meant(verdict.relative_to, pools, verdict.pool)
    return verdict.verdict is VerdictWord.INCONCLUSIVE and verdict.reason in WANTING and pool in {verdict.pool, other}


def _waits(look: Look, seen: Analysis, memory: TrialMemory) -> Refusal | None:
    """Why no requests come to the next pool now."""
    if look.move is not None or all(row.phase.is_over or _standing(seen, row.pool) for row in memory.rows):
        return None
    return _other_move(seen) or _other_trial(look, seen) or _not_begun(seen, memory)


def _other_move(seen: Analysis) -> Refusal | None:
    move = seen.snapshot.memory.move
    if move is None:
        return None
    return Refusal(
        Reason.WAITING, f"a move of the workload is under way and waited for: {move.kind.value} of {move.source.pool} to {move.target.pool}"
    )


def _other_trial(look: Look, seen: Analysis) -> Refusal | None:
    first = first_asked(seen)
    if first is None or first.key == look.trial.mine:
        return None
    return Refusal(Reason.WAITING, f"AcceleratorTrial {first.key.name} of the same workload comes first")


def _not_begun(seen: Analysis, memory: TrialMemory) -> Refusal:
    """Its turn has come, and the next pool waits: the workload sees something against it, finds none to try, or has not decided since."""
    asked = asked_for(seen)
    if isinstance(asked, Refusal):
        return replace(asked, reason=Reason.WAITING)
    refusal = asked.review.verdict if asked is not None else None
    if refusal is not None:
        return _not_more(memory, refusal)
    told = _told(memory) if asked is None else ""
    return Refusal(Reason.WAITING, told or _by_next_decision(seen))


def _told(memory: TrialMemory) -> str:
    return "; ".join(f"pool {row.pool}: {row.message}" for row in memory.rows if not row.phase.is_over and row.message)


def _by_next_decision(seen: Analysis) -> str:
    last = seen.snapshot.memory.last
    return "the workload's next decision begins it" + (f"; its last one: {last.message}" if last is not None else "")


def _not_more(memory: TrialMemory, refusal: Refusal) -> Refusal:
    """What keeps a trial from beginning for good; where it has begun, its money has done something."""
    spent = refusal.reason is Reason.BUDGET_TOO_SMALL and memory.started is not None
    return replace(refusal, reason=Reason.BUDGET_SPENT) if spent else refusal


def _standing(seen: Analysis, pool: str) -> PlacementKey | None:
    """Where the pool holds a part of the load."""
    return next((key for key in sorted(seen.allocation) if key.pool == pool), None)


def _not_standing(seen: Analysis, memory: TrialMemory) -> list[TrialRow]:
    """The rows of pools that hold no part of the load, so that they are tried."""
    return [row for row in memory.rows if _standing(seen, row.pool) is None]


def _past(look: Look, seen: Analysis, pool: str) -> PastMove | None:
    """How its exploration for this trial ended."""
    history = seen.snapshot.memory.history
    return next((past for past in history if past.trial == look.trial.mine and past.target_pool == pool), None)
