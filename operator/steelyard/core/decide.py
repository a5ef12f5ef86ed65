"""decide(snapshot, now): one workload's snapshot in, one decision out. The fast door of the core.

Five questions are asked in this order, and the first that wants something decides: is something missing (repair; where more of the same would not
help, rescue), is something else asked for (revise), is there more than enough (trim), is there a cheaper allocation (improve), is there a pool worth
a trial (explore)? A move under way goes on by its own steps, and what is missing meanwhile is repaired as always. Where somebody else sizes, what is
asked for is brought about and only a revision is rolled out (`follow`). Nothing here reads a clock, and nothing is decided on a reading that is not
fresh, except adding what is missing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from steelyard.core.drill.drill import drill
from steelyard.core.facts.memory import Step
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.placing.advise import advise
from steelyard.core.placing.analysis import Analysis, analysis
from steelyard.core.placing.ask import demand
from steelyard.core.placing.conditions import conditions
from steelyard.core.placing.decision import Decision
from steelyard.core.placing.explore import explore
from steelyard.core.placing.follow import follow
from steelyard.core.placing.fresh import just_begun
from steelyard.core.placing.go_on import go_on
from steelyard.core.placing.go_without import give_back
from steelyard.core.placing.improve import improve
from steelyard.core.placing.intend import intent_of
from steelyard.core.placing.outcome import Outcome
from steelyard.core.placing.owned import told_if_owned
from steelyard.core.placing.remember import claim_notes, hold_notes, last_decision, order_notes, probe_notes, remember, words
from steelyard.core.placing.repair import Shortage, repair, shortage
from steelyard.core.placing.rescue import rescue
from steelyard.core.placing.revise import revise
from steelyard.core.placing.routed import held_by_route, told_if_unrouted
from steelyard.core.placing.trim import trim
from steelyard.core.vocabulary.reason import Reason, Refusal

LOOK_AGAIN = timedelta(seconds=15)
"""Pace of sizing (design section 4)."""
LASTS = 3
"""Windows after which a decision at rest is made again in any case."""


def decide(snapshot: Snapshot, now: datetime) -> Decision:
    """What should exist, why, and when to look again."""
    # Status holds milliseconds: a moment that is remembered must survive being written and read.
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    seen = analysis(snapshot, now)
    short = shortage(seen)
    outcome = place(seen, short)
    memory = remember(seen, outcome)
    reason, message = words(outcome)
    # A process that begins says nothing else of the whole fleet than the last one did, until it has read something.
    awaited = reason is Reason.WAITING and just_begun(seen)
    if snapshot.synced and not awaited:
        memory = replace(memory, last=last_decision(seen, outcome, memory, reason, message))
    drilled = drill(seen, outcome)
    memory = replace(memory, exit_drill=drilled.memory)
    intent = replace(intent_of(seen, outcome.allocation, outcome.move), drill=drilled.trial, drills_gone=drilled.gone)
    return Decision(
        intent=intent,
        memory=memory,
        desired=outcome.allocation,
        conditions=conditions(seen, outcome, memory, awaited=awaited),
        notes=(
            *outcome.notes,
            *order_notes(snapshot, outcome, intent),
            *(() if awaited else hold_notes(snapshot.memory.last, outcome)),
            *claim_notes(snapshot.memory, memory),
            *probe_notes(snapshot.memory, memory),
            *drilled.notes,
        ),
        verdict=outcome.verdict,
        reason=reason,
        message=message,
        review=outcome.review,
        options=seen.options,
        load=seen.load,
        demand=demand(seen, None if outcome.move is None and reason is Reason.WAITING else outcome.wishes, short),
        reconsider_at=_reconsider(seen, outcome),
        stands_until=_stands_until(seen, outcome),
    )


def place(seen: Analysis, short: Shortage) -> Outcome:
    """The five questions, or the next step of the move under way."""
    if not seen.snapshot.synced:
        return Outcome.hold({}, Refusal(Reason.NOT_SYNCED, "the first lists of the cluster's objects are not absorbed yet"))
    if seen.snapshot.workload.existing is not None:
        return advise(seen)
    if seen.snapshot.workload.sized_elsewhere:
        return follow(seen, short)
    rescued, move = rescue(seen, short), seen.snapshot.memory.move
    if rescued is not None and rescued.move is not None:
        return rescued
    missing = repair(seen, short)
    if move is not None:
        # A probe touches nothing that serves: what is too much for it goes meanwhile, as at rest.
        spare = trim(seen, short) if missing is None and move.step is Step.PROBE else None
        return go_on(seen, move, missing or spare)
    found = (
        give_back(seen) or missing or revise(seen) or trim(seen, short) or rescued or held_by_route(seen) or explore(seen, improve(seen))
    )
    return told_if_unrouted(seen, told_if_owned(seen, found))


def _reconsider(seen: Analysis, outcome: Outcome) -> datetime:
    moments = [seen.now + min(LOOK_AGAIN, _window(seen)), *_awaited(outcome)]
    return max(seen.now + timedelta(seconds=1), min(moments))


def _stands_until(seen: Analysis, outcome: Outcome) -> datetime:
    """While anything is under way, time alone is news. At rest a decision stands for LASTS windows, unless something ends earlier that it rests on."""
    if not _is_at_rest(seen, outcome):
        return seen.now
    snapshot = seen.snapshot
    asked = [f.refusal.reconsider_at for f in outcome.review.findings if f.refusal is not None] if outcome.review is not None else []
    ends = [*asked, *(q.until for q in snapshot.memory.quarantine), *(p.exhausted_until for p in snapshot.pools)]
    return min([seen.now + LASTS * _window(seen), *_awaited(outcome), *(at for at in ends if at is not None and at > seen.now)])


def _is_at_rest(seen: Analysis, outcome: Outcome) -> bool:
    """Whether what is wanted stands and serves, and nothing is on its way."""
    snapshot = seen.snapshot
    # What keeps a person's trial waiting may be a moment, or another object.
    if snapshot.trials or not snapshot.synced or outcome.move is not None or snapshot.memory.move is not None:
        return False
    there = {p.key: p.desired for p in snapshot.placements if p.desired}
    serves = all(p.desired == p.ready == p.pods and p.trouble is None for p in snapshot.placements)
    return bool(there) and serves and there == {key: n for key, n in outcome.allocation.items() if n}


def _window(seen: Analysis) -> timedelta:
    return timedelta(seconds=seen.snapshot.workload.rebalancing.window_seconds)


def _awaited(outcome: Outcome) -> list[datetime]:
    """Moments at which it is looked at again in any case."""
    deadline = outcome.move.deadline if outcome.move is not None else None
    again = outcome.refusal.reconsider_at if outcome.refusal is not None else None
    return [at for at in (deadline, again) if at is not None]
