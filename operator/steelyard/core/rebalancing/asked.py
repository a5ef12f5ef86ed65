"""What a person's trial of live traffic may cost and how long it may last, on one pool after the other.

What its replica costs at most is known before it is made: a probe where there is one, a start, and the time for which requests come, with all that
the source has to grow by meanwhile. At its deadline it goes back, whatever was found.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from steelyard.core.facts.live_trial import LiveTrial
from steelyard.core.facts.memory import Move, PastMove
from steelyard.core.statistics.interval import LEAST_BLOCKS
from steelyard.core.vocabulary.reason import Reason, Refusal

START = 900
"""Seconds that replicas may take to start where none was measured there: a node may have to come first."""
SPARE = 2.0
"""Times the measured start that they are given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """deadline: when it goes back at the latest; reserved: money that it costs until then at most."""

    deadline: datetime
    reserved: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What runs for a trial on one pool. each: money an hour of the target's replica and of those that the source has to grow by; start: seconds
    until they are ready; probing, probes: seconds and money of what comes before; usual: seconds of requests where the person does not say; window:
    seconds."""

    each: float
    start: float
    probing: float = 0.0
    probes: float = 0.0
    usual: int
    window: int


def fitted(trial: LiveTrial, wanted: Wanted, left: float, share: float, now: datetime) -> Fitted | Refusal:
    """left: money that the trial still has; share: the part of it that this pool may take where the person does not say for how long."""
    before = wanted.probing + wanted.start
    in_time = (trial.deadline - now).total_seconds() - before
    asked = trial.duration_seconds
    least = LEAST_BLOCKS * wanted.window if asked is None else asked
    seconds = min(wanted.usual, in_time) if asked is None else asked
    if not least <= seconds <= in_time:
        return Refusal(
            Reason.DEADLINE,
            f"{least} s of requests, and up to {before:.0f} s before them, do not end within spec.deadlineSeconds: make a trial with more",
        )
    pays = (share if asked is None else left) - wanted.probes
    paid = pays * 3600 / wanted.each - wanted.start if wanted.each > 0 else float("inf")
    if paid < least:
        needs = wanted.probes + wanted.each * (wanted.start + least) / 3600
        return Refusal(
            Reason.BUDGET_TOO_SMALL,
            f"{least} s of requests, and up to {before:.0f} s before them, cost {needs:.3g} at most, and {pays + wanted.probes:.3g} of "
            "spec.budget is left for it: make a trial with more, or with fewer pools or a shorter spec.durationSeconds",
        )
    seconds = min(seconds, paid)
    return Fitted(
        deadline=now + timedelta(seconds=int(before + seconds)),
        reserved=wanted.probes + wanted.each * (wanted.start + seconds) / 3600,
    )


def not_tried(trial: LiveTrial, history: Iterable[PastMove]) -> tuple[str, ...]:
    """Its pools to which nothing went for it yet: each is tried once, whatever came of it."""
    tried = {past.target_pool for past in history if past.trial == trial.key}
    return tuple(pool for pool in trial.pools if pool not in tried)


def left_of(trial: LiveTrial, history: Iterable[PastMove]) -> float:
    """Money of its budget: what a pool has cost stands in its own status, or in the workload's history until then. A cost that nobody knows counts
    as all of it."""
    spent = dict(trial.spent)
    for past in history:
        if past.trial == trial.key:
            cost = trial.budget if past.cost is None else past.cost
            spent[past.target_pool] = max(cost, spent.get(past.target_pool, 0.0))
    return trial.budget - sum(spent.values())


def spent_on(move: Move, now: datetime) -> float:
    """Money, by now, of what was reserved for the move: the part that its time is of the time until its deadline. To ask for capacity costs nothing."""
    if move.asking or move.reserved is None or move.deadline <= move.started:
        return 0.0
    return move.reserved * max(0.0, (now - move.started) / (move.deadline - move.started))
