"""decide(snapshot, now): one workload's snapshot in, one decision out. The fast door of the core.

Order of thought: what to compile; where home is; how many replicas the load needs; how the move under way goes on, or whether one should
begin; what to tell. Nothing here reads a clock, and nothing is decided on a reading that is not fresh, except adding what is missing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from steelyard.core.facts.memory import Step
from steelyard.core.facts.snapshot import Placement, PlacementKey, Snapshot
from steelyard.core.placing.ask import demand
from steelyard.core.placing.conditions import conditions
from steelyard.core.placing.consider import consider
from steelyard.core.placing.course import Course, stay
from steelyard.core.placing.decision import Decision
from steelyard.core.placing.intend import intent_of
from steelyard.core.placing.remember import claim_notes, hold_notes, last_decision, order_notes, remember, words
from steelyard.core.placing.replicas import sized
from steelyard.core.placing.situation import Situation, situation
from steelyard.core.placing.starting import elsewhere, first_placement, renewed, restore
from steelyard.core.placing.under_way import move_on
from steelyard.core.vocabulary.reason import Reason, Refusal

LOOK_AGAIN = timedelta(seconds=15)
"""Pace of sizing (design section 4)."""


def decide(snapshot: Snapshot, now: datetime) -> Decision:
    """What should exist, why, and when to look again."""
    # Status holds milliseconds: a moment that is remembered must survive being written and read.
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    seen = situation(snapshot, now)
    course = _course(seen)
    memory = remember(seen, course)
    reason, message = words(course)
    if snapshot.synced:
        memory = replace(memory, last=last_decision(seen, course, memory, reason, message))
    intent = intent_of(seen, course)
    return Decision(
        intent=intent,
        memory=memory,
        desired=course.desired,
        conditions=conditions(seen, course, memory),
        notes=(
            *course.notes,
            *order_notes(snapshot, course, intent),
            *hold_notes(snapshot.memory.last, course),
            *claim_notes(snapshot.memory, memory),
        ),
        verdict=course.verdict,
        reason=reason,
        message=message,
        review=course.review,
        options=seen.options,
        load=seen.load,
        demand=demand(seen),
        reconsider_at=_reconsider(seen, course),
    )


def _course(seen: Situation) -> Course:
    if not seen.snapshot.synced:
        return stay(
            seen, {}, seen.home, Refusal(Reason.NOT_SYNCED, "the first lists of the cluster's objects are not absorbed yet"), None, "Hold"
        )
    if seen.home is None:
        return first_placement(seen)
    home = seen.home
    move = seen.snapshot.memory.move
    placement = seen.home_placement()
    leaves_home = move is not None and (move.source_pool, move.source_revision) == home
    if placement is None and move is not None and leaves_home and move.step is Step.DRAIN and move.source_replicas == 0:
        placement = Placement(key=home, desired=0, ready=0, pods=0)  # Drained, and removed by somebody before us.
    if placement is None:
        return restore(seen, home)
    if move is None and placement.ready == 0:
        refuge = renewed(seen, home, placement) or elsewhere(seen, home, placement)
        if refuge is not None:
            return refuge
    if move is not None:
        source = PlacementKey(move.source_pool, move.source_revision)
        leaving = placement if source == home else seen.snapshot.placement(source) or Placement(key=source, desired=0, ready=0, pods=0)
        return move_on(seen, home, leaving, sized(seen, source, leaving), move)
    return consider(seen, home, placement, sized(seen, home, placement))


def _reconsider(seen: Situation, course: Course) -> datetime:
    window = timedelta(seconds=seen.snapshot.workload.rebalancing.window_seconds)
    moments = [seen.now + min(LOOK_AGAIN, window)]
    if course.move is not None:
        moments.append(course.move.deadline)
    if course.refusal is not None and course.refusal.reconsider_at is not None:
        moments.append(course.refusal.reconsider_at)
    return max(seen.now + timedelta(seconds=1), min(moments))
