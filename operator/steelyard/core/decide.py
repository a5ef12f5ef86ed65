"""decide(snapshot, now): one workload's snapshot in, one decision out. The fast door of the core.

Order of thought: what to compile; where home is; how many replicas the load needs; how the move under way goes on, or whether one should
begin; what to tell. Nothing here reads a clock, and nothing is decided on a reading that is not fresh, except adding what is missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from steelyard.core.compiling.candidate import Candidate
from steelyard.core.condition import Condition
from steelyard.core.conditions import conditions
from steelyard.core.decision import Decision, Note
from steelyard.core.intent import CompileIntent, Intent, PlacementIntent
from steelyard.core.memory import (
    BoardLine,
    Known,
    LastDecision,
    Memory,
    Move,
    MoveKind,
    Outcome,
    PastMove,
    Quarantine,
    Step,
    VerdictWord,
)
from steelyard.core.performance.window import since, totals
from steelyard.core.planning.load import RECENT
from steelyard.core.planning.option import Option, line, usable
from steelyard.core.planning.sizing import PROBE, need, size
from steelyard.core.reading import Fresh, Stale, Unknown
from steelyard.core.rebalancing.chain import GO_ON, Review, review
from steelyard.core.rebalancing.claims import verdicts
from steelyard.core.rebalancing.gates.frozen import stopped
from steelyard.core.rebalancing.move import Ended, Scene, advance
from steelyard.core.rebalancing.propose import Considered, propose, rejudge
from steelyard.core.rebalancing.reason import SETTLED, Reason, Refusal
from steelyard.core.rebalancing.verdict import Result, Test, violations
from steelyard.core.situation import SIZING_SAMPLE, Situation, situation
from steelyard.core.snapshot import Placement, PlacementKey, Snapshot

HISTORY = 8
SHOWN = 32
"""Options, and claims, that a status has room for."""
QUARANTINE_FIRST = timedelta(minutes=30)
QUARANTINE_MOST = timedelta(hours=24)
HEADROOM = 0.5
"""Part of the objective's time that the slowest hundredth may take where a replica less is tried."""
LOOK_AGAIN = timedelta(seconds=15)
"""Pace of sizing (design section 4)."""

HOLDS = frozenset(
    {
        Reason.FROZEN,
        Reason.NOT_SYNCED,
        Reason.CLOCK_SUSPECT,
        Reason.OBSERVATIONS_STALE,
        Reason.PRICE_SUSPECT,
        Reason.SLO_AT_RISK,
        Reason.REPLICAS_OWNED_ELSEWHERE,
        Reason.STORM_BREAKER,
    }
)
"""Refusals that hold a workload: an input or a person stops it. The others just say that staying is right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    """What was decided of placement: replicas wanted, what remains of the move, why."""

    desired: Mapping[PlacementKey, int]
    home: PlacementKey | None
    move: Move | None
    past: PastMove | None
    quarantine: Quarantine | None
    verdict: str
    refusal: Refusal | None
    review: Review | None
    target: str | None
    notes: tuple[Note, ...]


def decide(snapshot: Snapshot, now: datetime) -> Decision:
    """What should exist, why, and when to look again."""
    # Status holds milliseconds: a moment that is remembered must survive being written and read.
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    seen = situation(snapshot, now)
    course = _course(seen)
    memory = _remember(seen, course)
    reason, message = _words(course)
    if snapshot.synced:
        memory = replace(memory, last=_last(seen, course, memory, reason, message))
    told: tuple[Condition, ...] = conditions(
        seen, course.desired, course.home, memory, course.refusal, held=_held(course), target=course.target
    )
    return Decision(
        intent=_intent(seen, course),
        memory=memory,
        desired=course.desired,
        conditions=told,
        notes=course.notes + _hold_notes(snapshot.memory.last, course) + _claim_notes(snapshot.memory, memory),
        verdict=course.verdict,
        reason=reason,
        message=message,
        review=course.review,
        options=seen.options,
        load=seen.load,
        reconsider_at=_reconsider(seen, course),
    )


# --- Where and how many -----------------------------------------------------------------------------------------------------------


def _course(seen: Situation) -> _Course:
    if not seen.snapshot.synced:
        return _stay(
            seen, {}, seen.home, Refusal(Reason.NOT_SYNCED, "the first lists of the cluster's objects are not absorbed yet"), None, "Hold"
        )
    if seen.home is None:
        return _first_placement(seen)
    home = seen.home
    move = seen.snapshot.memory.move
    placement = seen.home_placement()
    if placement is None and move is not None and move.step is Step.DRAIN and move.source_replicas == 0:
        placement = Placement(key=home, desired=0, ready=0, pods=0)  # Drained, and removed by somebody before us.
    if placement is None:
        return _restore(seen, home)
    if move is None and placement.ready == 0:
        elsewhere = _elsewhere(seen, home, placement)
        if elsewhere is not None:
            return elsewhere
    wanted = _sized(seen, home, placement)
    if move is not None:
        return _move_on(seen, home, placement, wanted, move)
    return _consider(seen, home, placement, wanted)


def _stay(
    seen: Situation,
    desired: Mapping[PlacementKey, int],
    home: PlacementKey | None,
    refusal: Refusal | None,
    looked: Review | None,
    verdict: str,
    target: str | None = None,
) -> _Course:
    return _Course(
        desired=desired,
        home=home,
        move=seen.snapshot.memory.move,
        past=None,
        quarantine=None,
        verdict=verdict,
        refusal=refusal,
        review=looked,
        target=target,
        notes=(),
    )


def _first_placement(seen: Situation) -> _Course:
    """Start where the claims say that one good request is cheapest. A pool whose compile has failed is left out, one that still compiles is waited for."""
    open_ = [o for o in seen.options if (o.refusal is None or o.refusal.reason is Reason.COMPILING) and o.most >= 1]
    open_ = [o for o in open_ if not _shut(seen, o)] or open_
    priced = [o for o in open_ if isinstance(o.price, Fresh) and o.each and o.capacity]
    if not open_:
        why = "; ".join(f"{o.pool}: {o.refusal.message}" for o in seen.options if o.refusal) or "there is no AcceleratorPool: create one"
        return _stay(seen, {}, None, Refusal(Reason.NO_POOL, why[:900]), None, "Hold")
    # Where no price is known serving still comes first; the price then shows as suspect and nothing moves.
    best = min(priced, key=_claimed_unit_cost) if priced else min(open_, key=lambda o: o.pool)
    if best.refusal is not None:
        return _stay(seen, {}, None, best.refusal, None, "Wait")
    assert best.candidate.revision is not None
    key = PlacementKey(best.pool, best.candidate.revision)
    count = _start_count(seen, key)
    note = Note(
        Reason.PLACING,
        f"starting {count} replica(s) on pool {best.pool}: cheapest as claimed"
        if priced
        else f"starting {count} replica(s) on pool {best.pool}: no price is known",
    )
    course = _stay(seen, {key: count}, key, None, None, "Place", best.pool)
    return replace(course, notes=(note,))


def _claimed_unit_cost(option: Option) -> tuple[float, str]:
    assert option.capacity is not None
    return (option.each or 0.0) / option.capacity.rate.point, option.pool


def _shut(seen: Situation, option: Option) -> bool:
    """Whether the pool could not deliver nodes lately, or failed with this revision."""
    until = option.candidate.pool.exhausted_until
    place = (option.pool, option.candidate.revision)
    return (until is not None and seen.now < until) or any(
        (q.pool, q.revision) == place and seen.now < q.until for q in seen.snapshot.memory.quarantine
    )


def _start_count(seen: Situation, key: PlacementKey) -> int:
    """Replicas to start with: what the load needs where both are known, else the fewest the user allows."""
    workload, option, capacity = seen.snapshot.workload, seen.option(key.pool), seen.capacity(key)
    choice = workload.pools.get(key.pool)
    least = max(workload.scaling.least, choice.minimum if choice else 0)
    most = min(workload.scaling.maximum, option.most) if option else workload.scaling.maximum
    wanted = need(seen.load.busiest, capacity, least, workload.scaling.maximum) if seen.load and capacity else least
    return max(1, min(most, wanted))


def _restore(seen: Situation, home: PlacementKey) -> _Course:
    """Home's Deployment is gone though nobody of us removed it, or was never created before a crash: make it again, without any verdict on cost."""
    snapshot = seen.snapshot
    candidate = seen.candidate(home.pool)
    refusal = candidate.refusal if candidate else Refusal(Reason.NO_POOL, f"pool {home.pool} is gone")
    others_now = {p.key: p.desired for p in snapshot.placements}
    key = PlacementKey(candidate.name, candidate.revision) if candidate and candidate.revision and refusal is None else None
    if key is None and (candidate is None or candidate.refusal is None or candidate.refusal.reason is not Reason.COMPILING):
        standing = sorted((p for p in snapshot.placements if p.ready > 0), key=lambda p: (-p.ready, p.key))
        others = sorted((o for o in seen.options if usable(o) and o.most >= 1 and not _shut(seen, o)), key=_claimed_unit_cost)
        if standing:
            key = standing[0].key
        elif others:
            key = PlacementKey(others[0].pool, others[0].candidate.revision or "")
    if key is None:
        waits = refusal is not None and refusal.reason is Reason.COMPILING
        return _stay(seen, others_now, home, refusal, None, "Wait" if waits else "Hold")
    move = snapshot.memory.move
    if move is not None and key == home:
        # The move goes on; its source comes back first.
        count = max(move.source_replicas, _start_count(seen, key))
        return _stay(seen, {**others_now, key: count}, key, None, None, "Place", move.target_pool)
    count = max(_start_count(seen, key), others_now.get(key, 0))
    note = Note(Reason.PLACING, f"the Deployment on pool {home.pool} is missing: {count} replica(s) on pool {key.pool}", warning=True)
    course = _stay(seen, {**others_now, key: count}, key, None, None, "Place", key.pool)
    return replace(course, move=None, past=_ended_by(seen, move, Reason.PLACING) if move else None, notes=(note,))


def _ended_by(seen: Situation, move: Move, reason: Reason) -> PastMove:
    return PastMove(
        source_pool=move.source_pool,
        target_pool=move.target_pool,
        target_revision=move.target_revision,
        time=seen.now,
        outcome=Outcome.ROLLED_BACK,
        reason=reason.value,
    )


def _elsewhere(seen: Situation, home: PlacementKey, placement: Placement) -> _Course | None:
    """Nothing serves at home and nothing will soon: its pool delivers no nodes, or the model never ran there. Serving comes before cost."""
    option = seen.option(home.pool)
    until = option.candidate.pool.exhausted_until if option else None
    exhausted = until is not None and seen.now < until
    crashes = placement.crashing > 0 and home not in seen.kept
    if placement.replicas_owner is not None or _frozen(seen) or not (exhausted or crashes):
        return None
    open_ = [o for o in seen.options if o.refusal is None and o.most >= 1 and o.pool != home.pool and not _shut(seen, o)]
    priced = [o for o in open_ if isinstance(o.price, Fresh) and o.each and o.capacity]
    if not open_:
        return None
    best = min(priced, key=_claimed_unit_cost) if priced else min(open_, key=lambda o: o.pool)
    key = PlacementKey(best.pool, best.candidate.revision or "")
    reason = Reason.POOL_EXHAUSTED if exhausted else Reason.TARGET_CRASHED
    count = _start_count(seen, key)
    past = PastMove(
        source_pool=home.pool,
        target_pool=key.pool,
        target_revision=key.revision,
        time=seen.now,
        outcome=Outcome.MOVED,
        reason=reason.value,
    )
    note = Note(Reason.PLACING, f"pool {home.pool} serves nothing ({reason.value}): {count} replica(s) on pool {key.pool}", warning=True)
    course = _stay(seen, {home: placement.desired, key: count}, key, None, None, "Place", key.pool)
    quarantine = _quarantine(seen, home, reason) if crashes else None
    return replace(course, past=past, quarantine=quarantine, notes=(note,))


def _sized(seen: Situation, home: PlacementKey, placement: Placement) -> int:
    """Replicas at home. Without a fresh reading the number stays; what another manager owns stays too."""
    workload = seen.snapshot.workload
    if placement.replicas_owner is not None or workload.scaling.owner != "Steelyard":
        return placement.desired
    choice = workload.pools.get(home.pool)
    option = seen.option(home.pool)
    least = max(workload.scaling.least, choice.minimum if choice else 0)
    most = min(workload.scaling.maximum, choice.maximum) if choice and choice.maximum is not None else workload.scaling.maximum
    if option and option.most > 0:
        # What the pool can hold bounds growth alone: a node that is missing just now takes nothing away.
        most = min(most, max(option.most, placement.desired))
    if not isinstance(seen.traffic(home), Fresh) or seen.load is None:
        return max(placement.desired, least)
    move = seen.snapshot.memory.move
    capacity = seen.capacity(home)
    if move is not None:
        # During a move the source only grows: its need for the whole load, unless a drain has begun.
        return max(placement.desired, need(seen.load.now, capacity, least, most)) if capacity else placement.desired
    wanted = size(
        placement.desired,
        seen.load,
        capacity,
        seen.promise_at(placement),
        least,
        most,
        probing=_may_probe(seen, placement),
    )
    limit = seen.broke_at(placement.key)
    while limit is not None and 0 < wanted < placement.desired and seen.load.crest / wanted >= limit:
        wanted += 1  # so few have broken the promise at this load, whatever their capacity was taken for
    return wanted


def _may_probe(seen: Situation, placement: Placement) -> bool:
    """One replica less may be tried: what one can carry is not known, nothing else serves, answers come in half the time they may take,
    and no load like that has broken the promise."""
    if seen.load is None or placement.desired < 2 or not seen.only_carried(placement.key):
        return False
    if any(p.ready for p in seen.snapshot.placements if p.key != placement.key):
        return False
    if not _answers_fast(seen, placement.key):
        return False
    limit = seen.broke_at(placement.key)
    return limit is None or seen.load.crest / (placement.desired - 1) < limit


def _answers_fast(seen: Situation, key: PlacementKey) -> bool:
    """Whether even the slowest hundredth took no more than HEADROOM of its time in every recent window. Not told is not fast."""
    times = [w.p99_milliseconds for w in seen.windows(key)[-RECENT:]]
    most = min((o.milliseconds for o in seen.snapshot.workload.latency), default=None)
    return most is not None and bool(times) and all(t is not None and t <= HEADROOM * most for t in times)


# --- The move under way -----------------------------------------------------------------------------------------------------------


def _move_on(seen: Situation, home: PlacementKey, placement: Placement, wanted: int, move: Move) -> _Course:
    source, target = PlacementKey(move.source_pool, move.source_revision), PlacementKey(move.target_pool, move.target_revision)
    scene, looked, fresh_refusal = _scene(seen, source, target, placement, move)
    after = advance(move, scene)
    if isinstance(after, Ended):
        return _end(seen, source, target, move, after)
    kept = wanted if after.step in (Step.SURGE, Step.SHIFT, Step.BAKE) else after.source_replicas
    if placement.replicas_owner is not None or seen.snapshot.workload.scaling.owner != "Steelyard":
        kept = placement.desired
    after = replace(after, source_replicas=kept)
    notes: tuple[Note, ...] = ()
    if (after.step, after.target_replicas, after.source_replicas) != (
        move.step,
        move.target_replicas,
        move.source_replicas,
    ) and after.message != move.message:
        notes = (
            Note(
                Reason.named(after.reason),
                f"{after.step.value}: {after.message}",
                warning=after.step is Step.BACK and after.reason != Reason.NOT_CHEAPER.value,
            ),
        )
    desired = {source: kept, target: after.target_replicas}
    verdict = "Hold" if fresh_refusal is not None and fresh_refusal.reason in HOLDS else "Move"
    return replace(_stay(seen, desired, home, fresh_refusal, looked, verdict, move.target_pool), move=after, notes=notes)


def _scene(
    seen: Situation, source: PlacementKey, target: PlacementKey, placement: Placement, move: Move
) -> tuple[Scene, Review | None, Refusal | None]:
    snapshot, policy = seen.snapshot, seen.snapshot.workload.rebalancing
    there = snapshot.placement(target)
    refusal = _unfresh(seen, source, placement) or (_unfresh(seen, target, there, begun=move.step is not Step.SURGE) if there else None)
    stop = _frozen(seen)
    theirs, ours = since(seen.windows(target), move.step_time), since(seen.windows(source), move.step_time)
    good, bad = totals(theirs)
    source_good, source_bad = totals(ours)
    test = violations(bad, good + bad, source_bad, source_good + source_bad, snapshot.workload.allowed)
    if move.kind is MoveKind.REVISION and theirs and good + bad + source_good + source_bad == 0:
        test = Test(Result.PASS, 0, 0, test.p0, test.p1)  # Proven idle: nothing to wait for.
    source_capacity, target_capacity = seen.capacity(source), seen.capacity(target)
    if move.kind is MoveKind.REVISION:
        target_capacity = target_capacity or source_capacity
    rate = seen.load.busiest if seen.load else 0.0
    scaling = snapshot.workload.scaling
    live = seen.live.get(target)
    measured_good = live.capacity.n if live and live.capacity else 0
    least_source = placement.desired
    if move.kind is MoveKind.REVISION:
        least_source = max(least_source, move.target_goal)
    looked = None
    may_still_save = False
    if move.kind is MoveKind.EXPLORATION and move.step is Step.SHIFT and measured_good >= policy.min_good_requests:
        home, option = seen.option(source.pool), seen.option(target.pool)
        if home is not None and option is not None:
            proposal = rejudge(snapshot, home, option, placement, seen.promise, seen.traffic(source), seen.good(source), seen.now)
            looked = review(GO_ON, proposal)
            saving = proposal.saving
            if saving is not None and home.cost is not None:
                may_still_save = 100 * saving.point >= policy.min_saving_percent * home.cost.point
    scene = Scene(
        now=seen.now,
        fresh=refusal is None,
        policy=policy,
        source_ready=placement.ready,
        source_pods=placement.pods,
        target_ready=there.ready if there else 0,
        target_pods=there.pods if there else 0,
        target_crashing=there.crashing if there else 0,
        crash_message=there.crash_message if there else "",
        target_exists=snapshot.pool(target.pool) is not None and (there is not None or _can_create(seen, target)),
        need_source=need(rate, source_capacity, scaling.least, scaling.maximum) if source_capacity else least_source,
        need_target=need(rate, target_capacity, scaling.least, scaling.maximum) if target_capacity else max(1, move.target_goal),
        load=rate,
        source_capacity=source_capacity,
        target_capacity=target_capacity,
        windows=len(theirs),
        test=test,
        target_good=measured_good,
        review=looked,
        may_still_save=may_still_save,
        room=max(scaling.maximum, move.target_goal + 1 if move.kind is MoveKind.REVISION else 0),
        stopped=stop.message if stop else None,
    )
    return scene, looked, stop or refusal


def _frozen(seen: Situation) -> Refusal | None:
    return stopped(seen.snapshot.workload.rebalancing, frozen=seen.snapshot.settings.frozen)


def _can_create(seen: Situation, key: PlacementKey) -> bool:
    candidate = seen.candidate(key.pool)
    return candidate is not None and candidate.revision == key.revision and candidate.refusal is None


def _unfresh(seen: Situation, key: PlacementKey, placement: Placement | None, *, begun: bool = True) -> Refusal | None:
    """Stale or unknown, where there is something to read: a placement without a ready replica has no traffic to be stale about."""
    if seen.snapshot.clock_suspect:
        return Refusal(
            Reason.CLOCK_SUSPECT, "the operator's clock and the API server's disagree by over 60 s: mend the node's time synchronisation"
        )
    if placement is None or placement.ready == 0:
        return None
    match seen.traffic(key):
        case Fresh(value, _):
            if begun and not value.windows:
                # Read, but nothing is known of its load yet: that is not a load of nothing.
                return Refusal(Reason.WAITING, f"the first window of traffic of pool {key.pool} is not complete yet")
            return None
        case Stale(_, _, why) | Unknown(why):
            return Refusal(Reason.OBSERVATIONS_STALE, why)


def _end(seen: Situation, source: PlacementKey, target: PlacementKey, move: Move, ended: Ended) -> _Course:
    moved = ended.outcome is Outcome.MOVED
    home = target if moved else source
    standing = seen.snapshot.placement(home)
    past = PastMove(
        source_pool=source.pool,
        target_pool=target.pool,
        target_revision=target.revision,
        time=seen.now,
        outcome=ended.outcome,
        reason=ended.reason.value,
    )
    quarantine = _quarantine(seen, target, ended.reason) if ended.quarantine else None
    word = {Outcome.MOVED: Reason.MOVED, Outcome.EXPLORED: Reason.EXPLORED, Outcome.ROLLED_BACK: ended.reason}[ended.outcome]
    note = Note(
        word, f"{ended.outcome.value} ({move.kind.value} {source.pool} to {target.pool}): {ended.message}", warning=ended.quarantine
    )
    desired = {home: standing.desired if standing else _start_count(seen, home)}
    course = _stay(seen, desired, home, None, None, "Done", target.pool)
    return replace(course, move=None, past=past, quarantine=quarantine, notes=(note,))


def _quarantine(seen: Situation, target: PlacementKey, reason: Reason) -> Quarantine:
    before = next((q for q in seen.snapshot.memory.quarantine if (q.pool, q.revision) == target), None)
    failures = 1 + (before.failures if before else 0)
    length = min(QUARANTINE_MOST, QUARANTINE_FIRST * 2 ** min(failures - 1, 10))
    return Quarantine(pool=target.pool, revision=target.revision, until=seen.now + length, failures=failures, reason=reason.value)


# --- Whether to move --------------------------------------------------------------------------------------------------------------


def _consider(seen: Situation, home: PlacementKey, placement: Placement, wanted: int) -> _Course:
    snapshot = seen.snapshot
    leftovers = _leftovers(seen, home, placement, wanted)
    desired = {home: wanted, **leftovers}
    candidate, option = seen.candidate(home.pool), seen.option(home.pool)
    scaled: tuple[Note, ...] = ()
    if wanted != placement.desired and seen.load is not None:
        scaled = (Note(Reason.SCALED, f"{placement.desired} to {wanted} replicas on pool {home.pool} for {seen.load.now:.3g} requests/s"),)
    others = sorted(p.key for p in snapshot.placements if p.key != home and (p.ready > 0 or p.key in leftovers))
    if others:
        names = ", ".join(f"{key.pool}/{key.revision}" for key in others)
        refusal = _unfresh(seen, home, placement) or Refusal(Reason.WAITING, f"what no move speaks of is emptied first: {names}")
        return replace(_stay(seen, desired, home, refusal, None, _stay_word(refusal)), notes=scaled)
    # The same revision under another wish: what was asked for is what runs, and there is nothing to replace.
    if candidate is not None and placement.asked and candidate.asked != placement.asked and candidate.revision != home.revision:
        return replace(_new_revision(seen, home, placement, wanted, candidate), notes=scaled)
    unfresh = _unfresh(seen, home, placement)
    if option is None or seen.load is None or option.cost is None:
        refusal = unfresh or Refusal(*_cannot_cost(seen, home, option))
        return replace(_stay(seen, desired, home, refusal, None, _stay_word(refusal)), notes=scaled)
    # A replica that no node is found for, or that never comes to serve, is not waited for: elsewhere may be room.
    coming = placement.desired - placement.ready - placement.unplaced - placement.crashing
    if wanted != placement.desired or coming > 0:
        settling = unfresh or Refusal(
            Reason.WAITING, f"the replicas on pool {home.pool} follow the load first: what they cost is measured after that"
        )
        return replace(_stay(seen, desired, home, settling, None, _stay_word(settling)), notes=scaled)
    considered = propose(snapshot, seen.options, option, placement, seen.load, seen.promise, seen.traffic(home), seen.good(home), seen.now)
    verdict = considered.review.verdict
    if verdict is None:
        return _begin(seen, home, wanted, considered)
    course = _stay(
        seen, desired, home, verdict, considered.review, _stay_word(verdict), considered.target.pool if considered.target else None
    )
    return replace(course, notes=scaled)


def _leftovers(seen: Situation, home: PlacementKey, placement: Placement, wanted: int) -> dict[PlacementKey, int]:
    """Replicas of placements that no move speaks of, as a lost status leaves them: they go one by one, as far as the rest carries the load.

    Where home carries it alone they are not wanted at all, and `_gone` removes them.
    """
    others = sorted((p for p in seen.snapshot.placements if p.key != home and p.desired > 0), key=lambda p: p.key)
    if _carries(seen, placement, wanted):
        return {}
    if seen.load is None or seen.promise.result is Result.FAIL:
        return {p.key: p.desired for p in others}
    total = placement.ready + sum(p.ready for p in others)
    trusted = _trusted(seen, home)
    unread = any(_unfresh(seen, p.key, p) for p in (placement, *others))
    step = 1 if not unread and trusted is not None and (total - 1) * trusted >= seen.load.busiest else 0
    first = next((p for p in others if p.replicas_owner is None), None)
    return {p.key: p.desired - step if p is first else p.desired for p in others}


def _trusted(seen: Situation, key: PlacementKey) -> float | None:
    """Requests per second that a replica may be asked for when others leave: a little above what it was seen to carry, where that is all we know."""
    capacity = seen.capacity(key)
    return capacity * PROBE if capacity and seen.only_carried(key) and _answers_fast(seen, key) else capacity


def _carries(seen: Situation, placement: Placement, wanted: int) -> bool:
    """Whether the placement is known to carry the whole load alone."""
    if seen.load is None or placement.ready < max(1, wanted) or _unfresh(seen, placement.key, placement) is not None:
        return False
    trusted = _trusted(seen, placement.key)
    return placement.ready * trusted >= seen.load.busiest if trusted else seen.load.n < SIZING_SAMPLE


def _cannot_cost(seen: Situation, home: PlacementKey, option: Option | None) -> tuple[Reason, str]:
    if option is None:
        return Reason.NO_POOL, f"pool {home.pool} does not exist any more: the workload keeps running where it is"
    if not isinstance(option.price, Fresh):
        return Reason.PRICE_SUSPECT, f"pool {home.pool}: {option.price.why}"
    return Reason.TOO_FEW_REQUESTS, "no complete window of traffic was measured yet"


def _stay_word(refusal: Refusal) -> str:
    return "Hold" if refusal.reason in HOLDS else "Stay"


def _new_revision(seen: Situation, home: PlacementKey, placement: Placement, wanted: int, candidate: Candidate) -> _Course:
    """The user asked for something else: the new revision replaces the old one step by step, in any mode, once it is compiled."""
    refusal = candidate.refusal or _frozen(seen) or _unfresh(seen, home, placement) or _owned(seen, placement)
    if refusal is not None or candidate.revision is None:
        return _stay(
            seen, {home: wanted}, home, refusal, None, "Wait" if refusal and refusal.reason is Reason.COMPILING else "Hold", home.pool
        )
    entry = next(
        (q for q in seen.snapshot.memory.quarantine if (q.pool, q.revision) == (home.pool, candidate.revision) and seen.now < q.until), None
    )
    if entry is not None:
        failed = Refusal(
            Reason.QUARANTINED,
            f"the new revision failed on pool {home.pool} ({entry.reason}); the old one serves until {entry.until:%H:%M:%S} UTC",
            entry.until,
        )
        return _stay(seen, {home: wanted}, home, failed, None, "Hold", home.pool)
    move = _move(
        seen,
        home,
        PlacementKey(home.pool, candidate.revision),
        wanted,
        wanted,
        MoveKind.REVISION,
        Reason.NEW_REVISION,
        "the spec asks for a new revision",
    )
    return _started(seen, home, move, None)


def _owned(seen: Situation, placement: Placement) -> Refusal | None:
    """A move writes replicas; where somebody else does, it could neither grow nor drain."""
    owner = placement.replicas_owner
    if owner is None and seen.snapshot.workload.scaling.owner == "Steelyard":
        return None
    return Refusal(
        Reason.REPLICAS_OWNED_ELSEWHERE,
        f"{owner or 'the owner named External'} writes the replicas of pool {placement.key.pool}: remove that autoscaler or set "
        "spec.scaling.owner to Steelyard to let the new revision replace the old one",
    )


def _begin(seen: Situation, home: PlacementKey, wanted: int, considered: Considered) -> _Course:
    target, proposal = considered.target, considered.proposal
    assert target is not None
    assert target.candidate.revision is not None
    key = PlacementKey(target.pool, target.candidate.revision)
    if proposal.kind is MoveKind.EXPLORATION:
        message = f"one replica on {target.pool}: expected saving {proposal.expected_saving or 0:.4g}, price at most {proposal.move_cost or 0:.4g}"
        move = _move(seen, home, key, wanted, 1, MoveKind.EXPLORATION, Reason.EXPLORATION_STARTED, message)
    else:
        saving = proposal.saving
        assert saving is not None
        message = f"{home.pool} to {target.pool}: saves {saving.point:.4g} [{saving.lower:.4g}, {saving.upper:.4g}] an hour"
        move = _move(seen, home, key, wanted, max(1, target.replicas or 1), MoveKind.REBALANCE, Reason.MOVE_STARTED, message)
    return _started(seen, home, move, considered.review)


def _move(
    seen: Situation, home: PlacementKey, target: PlacementKey, source: int, goal: int, kind: MoveKind, reason: Reason, message: str
) -> Move:
    policy = seen.snapshot.workload.rebalancing
    seconds = policy.exploration_deadline_seconds if kind is MoveKind.EXPLORATION else policy.deadline_seconds
    return Move(
        id=f"{seen.now:%Y%m%dt%H%M%S}-{target.pool}"[:63],
        kind=kind,
        source_pool=home.pool,
        source_revision=home.revision,
        target_pool=target.pool,
        target_revision=target.revision,
        step=Step.SURGE,
        source_replicas=source,
        target_replicas=1,
        target_goal=goal,
        started=seen.now,
        step_time=seen.now,
        deadline=seen.now + timedelta(seconds=seconds),
        reason=reason.value,
        message=message,
    )


def _started(seen: Situation, home: PlacementKey, move: Move, looked: Review | None) -> _Course:
    target = PlacementKey(move.target_pool, move.target_revision)
    course = _stay(seen, {home: move.source_replicas, target: move.target_replicas}, home, None, looked, "Move", move.target_pool)
    return replace(course, move=move, notes=(Note(Reason.named(move.reason), move.message),))


# --- What is remembered and told ----------------------------------------------------------------------------------------------------


def _remember(seen: Situation, course: _Course) -> Memory:
    memory, workload = seen.snapshot.memory, seen.snapshot.workload
    if not seen.snapshot.synced:
        return memory  # What is not seen yet is not gone.
    quarantine = [q for q in memory.quarantine if seen.now < q.until + QUARANTINE_MOST]
    if course.quarantine is not None:
        quarantine = [q for q in quarantine if (q.pool, q.revision) != (course.quarantine.pool, course.quarantine.revision)] + [
            course.quarantine
        ]
    history = memory.history if course.past is None else (*memory.history, course.past)[-HISTORY:]
    claims = verdicts(seen.options, workload.model.uri, workload.rebalancing.min_good_requests, memory.claims)[:SHOWN]
    return replace(
        memory,
        home_pool=course.home.pool if course.home else None,
        home_revision=course.home.revision if course.home else None,
        move=course.move,
        known=_worth_keeping(seen),
        history=history,
        quarantine=tuple(sorted(quarantine, key=lambda q: (q.pool, q.revision))),
        claims=claims,
    )


def _worth_keeping(seen: Situation) -> tuple[Known, ...]:
    """Evidence of what stands or would be made now; where a pool has none of that, its latest: an artifact may come back, and an older
    revision's figure is the next one's prior. What is known of a pool goes with the pool."""
    standing = {p.key for p in seen.snapshot.placements} | {PlacementKey(c.name, c.revision) for c in seen.candidates if c.revision}
    current = {key for key in seen.kept if key in standing}
    for candidate in seen.candidates:
        rest = [key for key in sorted(seen.kept) if key.pool == candidate.name]
        if rest and not any(key in current and key.revision == (candidate.revision or key.revision) for key in rest):
            current.add(max(rest, key=lambda key: (_until(seen.kept[key]), key)))
    return tuple(seen.kept[key] for key in sorted(current))


def _until(known: Known) -> str:
    return known.unit_cost.end.isoformat() if known.unit_cost else ""


def _words(course: _Course) -> tuple[Reason, str]:
    if course.notes and course.verdict in {"Place", "Done"}:
        return course.notes[-1].reason, course.notes[-1].message
    if course.refusal is not None:
        return course.refusal.reason, course.refusal.message
    if course.move is not None:
        return Reason.named(course.move.reason), course.move.message
    return Reason.PLACED, "replicas are where the plan wants them"


def _last(seen: Situation, course: _Course, memory: Memory, reason: Reason, message: str) -> LastDecision:
    """The decision as it last changed: at constant inputs it stays byte for byte, numbers in its message included."""
    step = f"{memory.move.id}/{memory.move.step.value}/{memory.move.target_replicas}/{memory.move.source_replicas}" if memory.move else ""
    known = ",".join(f"{k.pool}/{k.revision}/{k.unit_cost}/{k.capacity}" for k in memory.known)
    claims = ",".join(f"{c.pool}/{c.name}/{c.verdict.value}/{c.n}" for c in memory.claims)
    # Which of the reasons to stay comes first turns with the noise; that staying is right does not.
    why = "balanced" if reason in SETTLED else f"{reason.value}|{course.target}"
    subject = f"{course.verdict}|{why}|{course.home}|{step}|{known}|{claims}|{len(memory.history)}"
    digest = hashlib.sha256(subject.encode()).hexdigest()[:16]
    old = seen.snapshot.memory.last
    if old is not None and old.digest == digest:
        return old
    costed = [o for o in seen.options if o.refusal is None and o.cost is not None]
    cheapest = min(costed, key=lambda o: (o.cost.point if o.cost else 0.0, o.pool)) if costed else None
    return LastDecision(
        time=seen.now,
        verdict=course.verdict,
        reason=reason.value,
        message=message,
        digest=digest,
        board=tuple(
            BoardLine(
                gate=f.gate,
                passed=f.refusal is None,
                reason=f.refusal.reason.value if f.refusal else "",
                message=f.refusal.message if f.refusal else "",
            )
            for f in (course.review.findings if course.review else ())
        ),
        options=tuple(line(o, cheapest) for o in _weighed(seen, course)),
    )


def _weighed(seen: Situation, course: _Course) -> tuple[Option, ...]:
    """The pools that this workload may use, and its home: as many as a status has room for. A cluster has pools for others too."""
    first = {course.home.pool if course.home else None, course.target}
    mine = [o for o in seen.options if o.candidate.pool.selected or o.pool in first]
    kept = sorted(mine, key=lambda o: (o.pool not in first, o.pool))[:SHOWN]
    return tuple(sorted(kept, key=lambda o: o.pool))


def _held(course: _Course) -> Refusal | None:
    return course.refusal if course.refusal is not None and course.verdict == "Hold" else None


def _hold_notes(last: LastDecision | None, course: _Course) -> tuple[Note, ...]:
    """One event when a hold begins or changes its reason, and one when it ends; not one a pass."""
    held = _held(course)
    if held is not None:
        known = last is not None and last.verdict == "Hold" and last.reason == held.reason.value
        return () if known else (Note(held.reason, f"held: {held.message}", warning=True),)
    if last is not None and last.verdict == "Hold":
        return (Note(Reason.NOT_HELD, f"no longer held by {last.reason}"),)
    return ()


def _claim_notes(old: Memory, new: Memory) -> tuple[Note, ...]:
    before = {(v.pool, v.name): v.verdict for v in old.claims}
    words = {
        VerdictWord.CONFIRMED: Reason.CLAIM_CONFIRMED,
        VerdictWord.REFUTED: Reason.CLAIM_REFUTED,
        VerdictWord.INCONCLUSIVE: Reason.CLAIM_INCONCLUSIVE,
    }
    return tuple(
        Note(words[v.verdict], f"claim {v.name} of pool {v.pool}: {v.message}")
        for v in new.claims
        if before.get((v.pool, v.name), VerdictWord.INCONCLUSIVE) is not v.verdict
    )


def _intent(seen: Situation, course: _Course) -> Intent:
    snapshot = seen.snapshot
    workload = snapshot.workload
    if not snapshot.synced or workload.deleting:
        return Intent(workload=workload.key, workload_uid=workload.uid)
    exists = {p.key: p for p in snapshot.placements}
    create, scale = [], {}
    for key, count in sorted(course.desired.items()):
        standing = exists.get(key)
        candidate = seen.candidate(key.pool)
        if standing is not None:
            if standing.desired != count and standing.replicas_owner is None and workload.scaling.owner == "Steelyard":
                scale[key] = count
        elif count > 0 and candidate is not None and candidate.revision == key.revision and candidate.refusal is None:
            create.append(_placement(seen, candidate, key, count))
    gone = _gone(seen, course)
    return Intent(
        workload=workload.key,
        workload_uid=workload.uid,
        compile=_compile(seen),
        create=tuple(create),
        scale=scale,
        gone=gone,
    )


def _gone(seen: Situation, course: _Course) -> tuple[PlacementKey, ...]:
    """Removal is the last act of a move: what the plan does not want, and only if it is empty or home is known to carry the load."""
    home = seen.snapshot.placement(course.home) if course.home else None
    if home is None or not course.desired:
        return ()
    unwanted = sorted((p for p in seen.snapshot.placements if p.key not in course.desired), key=lambda p: p.key)
    carries = _carries(seen, home, course.desired.get(home.key, home.desired))
    return tuple(p.key for p in unwanted if carries or (p.pods == 0 and p.desired == 0))


def _compile(seen: Situation) -> tuple[CompileIntent, ...]:
    by_key: dict[str, tuple[Candidate, list[str]]] = {}
    for candidate in seen.candidates:
        if (
            candidate.inputs is not None
            and candidate.pool.selected
            and candidate.shape is not None
            and seen.snapshot.workload.server == "steelyard"
        ):
            by_key.setdefault(candidate.inputs.key, (candidate, []))[1].append(candidate.name)
    intents = []
    for key in sorted(by_key):
        candidate, pools = by_key[key]
        assert candidate.inputs is not None
        assert candidate.toolchain is not None
        intents.append(
            CompileIntent(
                namespace=seen.snapshot.workload.key.namespace, inputs=candidate.inputs, toolchain=candidate.toolchain, pools=tuple(pools)
            )
        )
    return tuple(intents)


def _placement(seen: Situation, candidate: Candidate, key: PlacementKey, count: int) -> PlacementIntent:
    workload = seen.snapshot.workload
    assert candidate.toolchain is not None
    assert candidate.artifact is not None
    assert candidate.artifact.uri is not None
    assert candidate.artifact.digest is not None
    return PlacementIntent(
        key=key,
        asked=candidate.asked,
        replicas=count,
        backend=candidate.toolchain.backend,
        image=candidate.toolchain.serve_image,
        artifact_uri=candidate.artifact.uri,
        artifact_digest=candidate.artifact.digest,
        model_name=workload.key.name,
        task=workload.model.task,
        latency=workload.latency,
        batch_sizes=workload.compile.batch_sizes,
        resources=candidate.resources,
        resource_name=candidate.pool.resource_name,
        family=candidate.pool.family,
        node_selector=candidate.pool.node_selector,
        tolerations=candidate.pool.tolerations,
        scheduler=candidate.pool.scheduler,
        secret_name=workload.model.secret_name,
    )


def _reconsider(seen: Situation, course: _Course) -> datetime:
    window = timedelta(seconds=seen.snapshot.workload.rebalancing.window_seconds)
    moments = [seen.now + min(LOOK_AGAIN, window)]
    if course.move is not None:
        moments.append(course.move.deadline)
    if course.refusal is not None and course.refusal.reconsider_at is not None:
        moments.append(course.refusal.reconsider_at)
    return max(seen.now + timedelta(seconds=1), min(moments))
