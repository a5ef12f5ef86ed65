"""One move, then rest; and the longer a rest, the more often a place was tried or left."""

from __future__ import annotations

from datetime import datetime, timedelta

from steelyard.core.facts.memory import HISTORY, MoveKind, Outcome, PastMove
from steelyard.core.rebalancing.gates.budget import DAY
from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.vocabulary.reason import Reason, Refusal

LONGEST = timedelta(days=30)
"""No pause grows beyond this by doubling."""
DOUBLINGS = 4
"""Of the way back: with a cool-down of six hours a pool that was left again and again is returned to after four days."""
DOUBTED = timedelta(minutes=10)
"""How long an exploration's word that a pool is not cheaper outweighs a look that says it is: one of both is chance, and the load goes on."""
AGAIN = 4.0
"""Times its price that another exploration has to be worth for each one before: what they have left open the next one may leave open too."""
FUTILE = timedelta(minutes=30)
"""Least pause before a pool that was not cheaper after all, however short the cool-down is."""


def cooling_down(proposal: Proposal) -> Refusal | None:
    """rebalancing.cooldownSeconds since the last move ended; not where another workload is not served for want of these nodes, nor for a move that goes
    on where the last one ended. An exploration that has found what it could is no move: what it found is for a move to use, and other pools are explored
    as long as there is money for it."""
    ended = [m for m in proposal.history if m.outcome is not Outcome.EXPLORED]
    if not ended or proposal.frees:
        return None
    last = max(ended, key=lambda m: m.time)
    until = last.time + timedelta(seconds=proposal.policy.cooldown_seconds)
    if proposal.now >= until or _goes_on(proposal, ended, last, until):
        return None
    return Refusal(
        Reason.COOLING_DOWN,
        f"the last move ended at {last.time:%H:%M:%S} UTC; the next may begin at {until:%H:%M:%S} (spec.rebalancing.cooldownSeconds)",
        until,
    )


def _goes_on(proposal: Proposal, ended: list[PastMove], last: PastMove, until: datetime) -> bool:
    """Whether another pool takes over more of the pool that the last move took a part from, and not to do so until then would surely cost more than the
    move. So a mix of several pools is reached one after the other. What was given up does not come back by it: that is to and fro, and rests. A move
    that the load has undone is made again where a route gives each pool what it carries, if it saves what it costs once more for each time before. Behind
    one Service sizing would undo it again: a fast replica beside slow ones counts as one of them."""
    if last.kind is not MoveKind.REBALANCE or last.outcome is not Outcome.MOVED or last.source_pool != proposal.source_pool:
        return False
    rest = timedelta(seconds=proposal.policy.cooldown_seconds)
    before = sum(m.target_pool == proposal.target_pool and proposal.now < m.time + rest for m in ended)
    if before and not proposal.weighted:
        return False
    if proposal.saving is None or proposal.move_cost is None:
        return False
    return proposal.saving.lower * (until - proposal.now).total_seconds() / 3600 > (1 + before) * proposal.move_cost


def cyclic(proposal: Proposal) -> Refusal | None:
    """No return to a pool within the cool-down since it was left, through however many others; and each time that it was left doubles that.

    So a price or a load that swings around the break-even moves a workload ever more rarely. A move that went back because the pool was
    not cheaper counts like one that left it; an exploration that found the same counts for DOUBTED.
    """
    return _left_lately(proposal) or _tried_in_vain(proposal)


def _tried_in_vain(proposal: Proposal) -> Refusal | None:
    tried = [m for m in proposal.history if m.outcome is Outcome.EXPLORED and m.reason == Reason.NOT_CHEAPER.value]
    last = max((m.time for m in tried if m.target_pool == proposal.target_pool), default=None)
    if last is None or proposal.now >= last + DOUBTED:
        return None
    return Refusal(
        Reason.CYCLIC,
        f"an exploration found pool {proposal.target_pool} not cheaper at {last:%Y-%m-%d %H:%M:%S} UTC; asked again from {last + DOUBTED:%H:%M:%S} on",
        last + DOUBTED,
    )


def _left_lately(proposal: Proposal) -> Refusal | None:
    left = [m for m in proposal.history if _left(m, proposal.target_pool)]
    if not left:
        return None
    last = max(left, key=lambda m: m.time)
    pause = timedelta(seconds=proposal.policy.cooldown_seconds)
    if last.outcome is not Outcome.MOVED:
        pause = max(pause, FUTILE)
    until = last.time + _doubled(pause, min(len(left) - 1, DOUBLINGS))
    if proposal.now >= until:
        return None
    return Refusal(
        Reason.CYCLIC,
        f"pool {proposal.target_pool} was left at {last.time:%Y-%m-%d %H:%M:%S} UTC, {len(left)} time(s) of late; the way back is open from "
        f"{until:%Y-%m-%d %H:%M:%S} on (spec.rebalancing.cooldownSeconds, doubled each time)",
        until,
    )


def explored_lately(proposal: Proposal) -> Refusal | None:
    """Explorations of the same revision on the same pool are one, two, four ... cool-downs apart. After one that has found what it could and left it open
    the next comes sooner, where it is expected to save more by then than it costs, times AGAIN for each one before."""
    trials = [
        m
        for m in proposal.history
        if m.kind is MoveKind.EXPLORATION and (m.target_pool, m.target_revision) == (proposal.target_pool, proposal.target_revision)
    ]
    if not trials:
        return None
    last = max(trials, key=lambda m: m.time)
    until = last.time + _doubled(timedelta(seconds=proposal.policy.cooldown_seconds), len(trials) - 1)
    if proposal.now >= until or (_left_open(proposal, last) and _costs_more_to_wait(proposal, until, len(trials))):
        return None
    return Refusal(
        Reason.EXPLORED_LATELY,
        f"pool {proposal.target_pool} was tried {len(trials)} time(s) of late, last until {last.time:%Y-%m-%d %H:%M:%S} UTC; tried again from "
        f"{until:%Y-%m-%d %H:%M:%S} on, or before if waiting becomes dearer than that",
        until,
    )


def _left_open(proposal: Proposal, last: PastMove) -> bool:
    """Whether the last trial measured the pool and did not decide, and there were few of any pool today: of many moves the older ones are forgotten."""
    today = [m for m in proposal.history if m.kind is MoveKind.EXPLORATION and proposal.now < m.time + DAY]
    return last.outcome is Outcome.EXPLORED and last.reason == Reason.NOT_CHEAPER.value and 2 * len(today) < HISTORY


def _costs_more_to_wait(proposal: Proposal, until: datetime, before: int) -> bool:
    """Whether what is expected to be saved is lost until then, and is more than the trial costs, times AGAIN for each one before."""
    if proposal.expected_saving is None or not proposal.move_cost:
        return False
    waited = (until - proposal.now) / timedelta(seconds=proposal.policy.payback_seconds)
    return proposal.expected_saving * waited > proposal.move_cost * AGAIN**before


def _left(move: PastMove, pool: str | None) -> bool:
    if move.outcome is Outcome.MOVED:
        return move.source_pool == pool != move.target_pool
    return move.outcome is Outcome.ROLLED_BACK and move.reason == Reason.NOT_CHEAPER.value and move.target_pool == pool


def _doubled(pause: timedelta, times: int) -> timedelta:
    return min(max(pause, LONGEST), pause * int(2**times))
