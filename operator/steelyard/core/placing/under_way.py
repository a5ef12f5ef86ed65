"""How the move under way goes on, and what is left when it ends."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from steelyard.core.facts.memory import Move, MoveKind, Outcome, Step
from steelyard.core.facts.snapshot import Placement, PlacementKey, Scaling
from steelyard.core.facts.window import since
from steelyard.core.placing.compared import cost_test, promise_test
from steelyard.core.placing.course import Course, stay
from steelyard.core.placing.decision import Note
from steelyard.core.placing.ended import past_move
from steelyard.core.placing.fresh import frozen, unfresh
from steelyard.core.placing.quarantine import quarantined
from steelyard.core.placing.situation import Situation
from steelyard.core.placing.standing import beside, others_of_move
from steelyard.core.placing.starting import start_count
from steelyard.core.planning.sizing import DOWN_MARGIN, need
from steelyard.core.rebalancing.chain import GO_ON, Review, review
from steelyard.core.rebalancing.equal_share import source_beside
from steelyard.core.rebalancing.gates.scarcity import pool_scarce
from steelyard.core.rebalancing.move import Ended, Scene, advance
from steelyard.core.rebalancing.propose import rejudge
from steelyard.core.statistics.sequential import Result
from steelyard.core.vocabulary.reason import HOLDS, WISHED, Reason, Refusal

_DUAL = (Step.SURGE, Step.SHIFT, Step.BAKE)
"""Steps in which both ends serve in full."""


def move_on(seen: Situation, home: PlacementKey, placement: Placement, wanted: int, move: Move) -> Course:
    """The next step of the move, and the replicas of both ends."""
    source, target = PlacementKey(move.source_pool, move.source_revision), PlacementKey(move.target_pool, move.target_revision)
    scene, looked, fresh_refusal = _scene(seen, source, target, placement, move)
    after = advance(move, scene)
    if isinstance(after, Ended):
        return _end(seen, source, target, move, after)
    # One that leaves a pool which stands beside home keeps what it has: home is there to grow.
    kept = after.source_replicas
    if after.step in _DUAL:
        beside_target = _beside(seen, source, target, placement, after)
        kept = max(kept, wanted if source == home else placement.desired)
        if after.kind is not MoveKind.EXPLORATION:  # a trial has its price: what it did not make room for ends it
            kept = max(kept, beside_target)
        if after.step is not Step.SURGE and scene.fresh and scene.test.result is not Result.FAIL:
            kept = min(kept, _surplus_gone(seen, source, target, beside_target, kept))
    if placement.replicas_owner is not None or seen.snapshot.workload.scaling.owner != "Steelyard":
        kept = placement.desired
    after = replace(after, source_replicas=kept)
    notes: tuple[Note, ...] = ()
    went_on = (after.step, after.target_replicas, after.source_replicas) != (move.step, move.target_replicas, move.source_replicas)
    crashed = after.reason == Reason.TARGET_CRASHED.value
    if (went_on or crashed) and after.message != move.message:
        expected = {reason.value for reason in (Reason.NOT_CHEAPER, *WISHED)}
        bad = crashed or (after.step is Step.BACK and after.reason not in expected)
        notes = (Note(Reason.named(after.reason), f"{after.step.value}: {after.message}", warning=bad),)
    desired = {**_others(seen, source, target), source: kept, target: after.target_replicas}
    verdict = "Hold" if fresh_refusal is not None and fresh_refusal.reason in HOLDS else "Move"
    return replace(stay(seen, desired, home, fresh_refusal, looked, verdict, move.target_pool), move=after, notes=notes)


def _beside(seen: Situation, source: PlacementKey, target: PlacementKey, placement: Placement, move: Move) -> int:
    """Replicas of the source beside the target's, as far as its pool and the user's limit allow; 0 while there is none of the target."""
    option = seen.option(source.pool)
    if seen.load is None or move.target_replicas <= move.target_base or move.kind is MoveKind.REVISION:
        return 0
    others, others_capacity = others_of_move(seen)
    elsewhere = others + move.target_replicas
    wanted = source_beside(seen.load.busiest, _limit(seen, source), _limit(seen, target), others_capacity, elsewhere)
    most = min(seen.snapshot.workload.scaling.maximum - move.target_replicas, option.most if option else placement.desired)
    return min(wanted, max(most, placement.desired))


def _limit(seen: Situation, key: PlacementKey) -> float | None:
    """What one replica there bears, as measured."""
    option = seen.option(key.pool)
    return option.limit if option else None


def _surplus_gone(seen: Situation, source: PlacementKey, target: PlacementKey, beside_target: int, kept: int) -> int:
    """What a slower target needed beside it, less what its growth and its measured capacity have made of that: the source alone still
    carries the load, with the margin of any replica that is taken away. Where either capacity is not measured nothing is."""
    ours, theirs = _limit(seen, source), _limit(seen, target)
    if seen.load is None or ours is None or theirs is None or theirs >= ours:
        return kept
    scaling = seen.snapshot.workload.scaling
    alone = need(seen.load.crest, ours * DOWN_MARGIN, scaling.least, scaling.maximum)
    return max(alone, ceil(beside_target / DOWN_MARGIN))


def _scene(
    seen: Situation, source: PlacementKey, target: PlacementKey, placement: Placement, move: Move
) -> tuple[Scene, Review | None, Refusal | None]:
    snapshot, policy = seen.snapshot, seen.snapshot.workload.rebalancing
    there = snapshot.placement(target)
    refusal = unfresh(seen, source, placement) or (unfresh(seen, target, there, begun=move.step is not Step.SURGE) if there else None)
    stop = frozen(seen)
    test = promise_test(seen, move, source, target)
    cost = None if move.kind is MoveKind.REVISION else cost_test(seen, move, source, target)
    source_capacity, target_capacity = seen.capacity(source), seen.capacity(target)
    if move.kind is MoveKind.REVISION:
        target_capacity = target_capacity or source_capacity
    rate = seen.load.busiest if seen.load else 0.0
    others, others_capacity = others_of_move(seen)
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
            proposal = rejudge(snapshot, home, option, placement, seen.promise, seen.traffic(source), seen.good(source), seen.now, cost)
            looked = review(GO_ON, proposal)
            saving = proposal.saving
            if saving is not None and home.cost is not None:
                enough = 100 * saving.point >= policy.min_saving_percent * home.cost.point
                may_still_save = enough and pool_scarce(proposal) is None
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
        target_disturbed=any(w.disturbed for w in since(seen.every_window(target), move.step_time)[-1:]),
        unplaced_message=there.unplaced_message if there else "",
        target_exists=snapshot.pool(target.pool) is not None and (there is not None or _can_create(seen, target)),
        need_source=_need(rate, source_capacity, scaling, others + min(move.target_base, there.ready if there else 0), others_capacity)
        if source_capacity
        else least_source,
        need_target=_need(rate, target_capacity, scaling, others, others_capacity)
        if target_capacity and not move.source_goal and not move.target_base
        else max(1, move.target_goal),
        load=rate,
        source_capacity=source_capacity,
        target_capacity=target_capacity,
        target_limit=_limit(seen, target),
        windows=len(since(seen.windows(target), move.step_time)),
        test=test,
        cost=cost,
        target_good=measured_good,
        review=looked,
        may_still_save=may_still_save,
        room=max(scaling.maximum, move.target_goal + 1 if move.kind is MoveKind.REVISION else 0),
        stopped=stop.message if stop else None,
        not_asked_for=_not_asked_for(seen, placement, there, move),
        others=others,
        others_capacity=others_capacity,
    )
    return scene, looked, stop or refusal


def _not_asked_for(seen: Situation, source: Placement, target: Placement | None, move: Move) -> str | None:
    """Why the revision that the move goes to is nobody's wish any more. A drain goes back only to what is asked for: between two revisions
    that are not, it is safer finished."""
    candidate = seen.candidate(move.target_pool)
    if move.kind is not MoveKind.REVISION or candidate is None:
        return None
    wanted = (target.asked in {"", candidate.asked}) if target is not None else candidate.revision == move.target_revision
    put_back = source.asked == candidate.asked
    if wanted or (move.step is Step.DRAIN and not put_back):
        return None
    now = "what runs is what is asked for again" if put_back else "the spec asks for another revision by now"
    return f"revision {move.target_revision} on pool {move.target_pool} is not asked for any more: {now}"


def _need(rate: float, capacity: float, scaling: Scaling, others: int, others_capacity: float | None) -> int:
    """Replicas that carry what the others' replicas do not, at the same part of the load each."""
    carrying = capacity if others_capacity is None else min(capacity, others_capacity)
    return max(0 if others else 1, need(rate, carrying, scaling.least, scaling.maximum) - others)


def _others(seen: Situation, source: PlacementKey, target: PlacementKey) -> dict[PlacementKey, int]:
    """What holds a part of the load and is neither end of the move stays as it is."""
    home = seen.home_placement()
    members = (*((home,) if home else ()), *beside(seen))
    return {p.key: p.desired for p in members if p.key not in {source, target}}


def _can_create(seen: Situation, key: PlacementKey) -> bool:
    candidate = seen.candidate(key.pool)
    return candidate is not None and candidate.revision == key.revision and candidate.refusal is None


def _end(seen: Situation, source: PlacementKey, target: PlacementKey, move: Move, ended: Ended) -> Course:
    moved = ended.outcome is Outcome.MOVED
    whole = moved and move.source_goal == 0
    assert seen.home is not None
    home = target if whole and source == seen.home else seen.home
    standing = seen.snapshot.placement(home)
    past = past_move(seen, move, ended.outcome, ended.reason)
    quarantine = quarantined(seen, target, ended.reason) if ended.quarantine else None
    word = {Outcome.MOVED: Reason.MOVED, Outcome.EXPLORED: Reason.EXPLORED, Outcome.ROLLED_BACK: ended.reason}[ended.outcome]
    note = Note(
        word, f"{ended.outcome.value} ({move.kind.value} {source.pool} to {target.pool}): {ended.message}", warning=ended.quarantine
    )
    together = {PlacementKey(*key) for key in seen.snapshot.memory.beside} | ({target} if moved else set())
    together -= {home, *((source,) if whole else ())}
    desired = {p.key: p.desired for p in seen.snapshot.placements if p.key in together}
    desired[home] = standing.desired if standing else start_count(seen, home)
    course = stay(seen, desired, home, None, None, "Done", target.pool)
    return replace(course, move=None, past=past, quarantine=quarantine, notes=(note,), beside=tuple(sorted(together & {*desired})))
