"""How the move under way goes on, and what is left when it ends. What is missing meanwhile is added beside it, by the same rule as always."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

from steelyard.core.facts.capacity_request import Answer, CapacityRequest
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Move, MoveKind, Step
from steelyard.core.facts.memory import Outcome as End
from steelyard.core.facts.snapshot import Placement
from steelyard.core.facts.window import since
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.asked_for import trial_of
from steelyard.core.placing.compared import cost_test, judged_by, promise_test
from steelyard.core.placing.decision import Note
from steelyard.core.placing.ended import past_move
from steelyard.core.placing.fresh import frozen, unfresh
from steelyard.core.placing.grounds_of import grounds_of
from steelyard.core.placing.others import Others, others_of
from steelyard.core.placing.outcome import Allocation, Outcome
from steelyard.core.placing.probed import probing
from steelyard.core.placing.quarantine import quarantined
from steelyard.core.placing.revise import revise
from steelyard.core.placing.routed import no_route, not_picked, not_shifted
from steelyard.core.placing.supply import coming, lost, starts_on, without_quota
from steelyard.core.planning.sizing import DOWN_MARGIN, need
from steelyard.core.rebalancing.bake import bake_seconds, is_proven
from steelyard.core.rebalancing.chain import GO_ON, PROBED, Review, review
from steelyard.core.rebalancing.cost_test import CostTest
from steelyard.core.rebalancing.equal_share import source_beside
from steelyard.core.rebalancing.gates.ceiling import too_expensive
from steelyard.core.rebalancing.gates.scarcity import pool_scarce
from steelyard.core.rebalancing.move import Ended, Scene, advance, is_aside
from steelyard.core.rebalancing.probing import Probing
from steelyard.core.rebalancing.propose import asked, judge_probed, rejudge, rescuing
from steelyard.core.rebalancing.untried import undecided
from steelyard.core.statistics.sequential import Result
from steelyard.core.vocabulary.reason import HOLDS, WISHED, Reason, Refusal
from steelyard.core.vocabulary.verdict import Verdict

_DUAL = (Step.PROBE, Step.SURGE, Step.SHIFT, Step.BAKE)
"""Steps in which the source serves in full."""
_SHIFTING = (Step.SURGE, Step.SHIFT)
"""Steps in which the target has not had all that it is to have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """The move with both ends as they stand: `source` empty where it is gone, `target` where it is not `made` yet. `allocation`: what holds the
    load outside of it, with what is missing."""

    seen: Analysis
    move: Move
    source: Placement
    target: Placement
    made: bool
    others: Others
    allocation: Allocation


def go_on(seen: Analysis, move: Move, repaired: Outcome | None) -> Outcome:
    """The next step of the move, and the replicas of both ends. repaired: what is missing meanwhile."""
    move = _followed(seen, move)
    if seen.snapshot.workload.routing is None or seen.snapshot.backend(move.source) == seen.snapshot.backend(move.target):
        # The user has taken the route back, or an endpoint picker chooses among both ends: each ready replica gets about an equal share.
        move = replace(move, share=None)
    source = seen.snapshot.placement(move.source)
    if source is None and not (move.step is Step.DRAIN and move.source_replicas == 0):
        return _source_again(seen, move, repaired)
    target = seen.snapshot.placement(move.target)
    mended = repaired if repaired is not None and repaired.allocation and _is_mended(seen, move) else None
    under = UnderWay(
        seen=seen,
        move=move,
        source=source or _empty(move.source),
        target=target or _empty(move.target),
        made=target is not None,
        others=others_of(seen, move),
        allocation=mended.allocation if mended else seen.allocation,
    )
    scene, looked, refusal = _scene(under)
    notes = mended.notes if mended else ()
    after = _placed_meanwhile(under) or advance(move, scene)
    if isinstance(after, Ended):
        return _end(under, after, notes)
    allocation = under.allocation
    if not after.asking:
        after = replace(after, source_replicas=_source_count(under, after, scene))
        allocation = _ordered(under, after, scene)
    return Outcome(
        verdict=Verdict.HOLD if refusal is not None and refusal.reason in HOLDS else Verdict.MOVE,
        allocation=allocation,
        move=after,
        refusal=refusal,
        review=looked,
        target=move.target.pool,
        notes=(*notes, *_told(move, after)),
    )


def _placed_meanwhile(under: UnderWay) -> Ended | None:
    """The end of a move that asks, where replicas were missing and are added at its target: they serve there from now on, and are none of the move's."""
    move = under.move
    if not move.asking or under.allocation.get(move.target, 0) <= move.target_base:
        return None
    said = f"replicas were missing meanwhile, and are added on pool {move.target.pool}"
    return Ended(End.ROLLED_BACK, Reason.PLACING, said, quarantine=False)


def _ordered(under: UnderWay, after: Move, scene: Scene) -> Allocation:
    """The replicas of both ends as the step wants them, and those of the others."""
    leaving = scene.alone and after.step is Step.DRAIN and after.source_replicas == 0
    rest = dict.fromkeys(under.allocation, 0) if leaving else under.allocation
    allocation = {**rest, after.source: after.source_replicas}
    if not is_aside(after):
        allocation[after.target] = after.target_replicas
    if after.step is Step.BACK:
        allocation[after.target] = _kept_on_the_way_back(under, scene, after)
    return allocation


def _followed(seen: Analysis, move: Move) -> Move:
    """With as many replicas as are asked for by now, where somebody else says how many: all of them at the source while it serves in full, and in a
    drain both ends together."""
    if not seen.snapshot.workload.sized_elsewhere:
        return move
    count = max(1, seen.wished(move.target.pool))
    source = move.source_replicas if move.step is Step.DRAIN else count
    target = min(count, move.target_replicas) if move.step is not Step.DRAIN else max(min(count, move.target_replicas), count - source)
    return replace(move, source_replicas=source, target_replicas=target, target_goal=count)


def _kept_on_the_way_back(under: UnderWay, scene: Scene, after: Move) -> int:
    """Replicas of the target: until the source is back, as many as there are and as are added for what is missing. The way back may not be open,
    where others took the source's nodes; and what cannot be read may be needed."""
    if scene.fresh and scene.source_ready >= max(scene.need_source, after.source_replicas):
        return after.target_replicas
    return max(after.target_replicas, _at_target(under))


def _at_target(under: UnderWay) -> int:
    """Replicas of the target that are wanted now, or added for what is missing."""
    return max(under.allocation.get(under.move.target, 0), under.target.desired)


def _source_again(seen: Analysis, move: Move, repaired: Outcome | None) -> Outcome:
    """The source's Deployment is gone though nobody of us removed it: it comes back before the move goes on. Where it cannot be made any more the
    move is over, and both ends count as what stands. Nothing is taken from the target meanwhile, what was added there beside the move included."""
    allocation, target = repaired.allocation if repaired else seen.allocation, seen.snapshot.placement(move.target)
    kept = max(0 if move.asking else move.target_replicas, allocation.get(move.target, 0), target.desired if target else 0)
    allocation = {**allocation, move.target: kept}
    said = f"the Deployment on pool {move.source.pool} is missing"
    if starts_on(seen, move.source.pool) == move.source:
        count = max(move.source_replicas, allocation.get(move.source, 0))
        note = Note(Reason.PLACING, f"{said}: {count} replica(s) on pool {move.source.pool}", warning=True)
        again = Outcome.place({**allocation, move.source: count}, note, target=move.target.pool)
        return replace(again, move=move)
    note = Note(Reason.PLACING, f"{said} and cannot be made again: the move is over", warning=True)
    over = Outcome.place(allocation, note, target=move.target.pool)
    return replace(over, past=past_move(seen, move, End.ROLLED_BACK, Reason.PLACING))


def _is_mended(seen: Analysis, move: Move) -> bool:
    """Whether what is missing is added beside the move. A drain takes replicas away on purpose: there it is asked only where some are lost."""
    return move.step in _DUAL or any(_lacks(seen, move, p) for p in seen.snapshot.placements if p.desired > 0)


def _lacks(seen: Analysis, move: Move, placement: Placement) -> bool:
    """Whether it has lost any. What a new revision waits for is the quota of the old one, which the drain gives back."""
    waits = without_quota(seen, placement) if move.kind is MoveKind.REVISION and placement.key == move.target else 0
    return lost(seen, placement) > waits


def _source_count(under: UnderWay, after: Move, scene: Scene) -> int:
    """Replicas of the source."""
    seen, move = under.seen, under.move
    if not seen.is_ours(under.source):
        return under.source.desired
    kept, wanted = after.source_replicas, under.allocation.get(move.source, 0)
    if after.step is Step.DRAIN and not scene.fresh:
        # What was told before readings were lost, and not done yet, was decided on what may be long over.
        kept = max(kept, under.source.desired)
    if seen.snapshot.workload.sized_elsewhere:
        return kept
    if after.step is Step.DRAIN or after.step is Step.BACK:
        return max(kept, wanted) if wanted > under.source.desired else kept
    if after.step is Step.PROBE:
        return wanted
    beside = _beside_target(under, after)
    kept = max(kept, wanted)
    if after.kind is not MoveKind.EXPLORATION:  # a trial has its price: what it did not make room for ends it
        kept = max(kept, beside)
    if after.step not in {Step.PROBE, Step.SURGE} and scene.fresh and scene.test.result is not Result.FAIL:
        kept = min(kept, _surplus_gone(under, beside, kept))
    return kept


def _told(move: Move, after: Move) -> tuple[Note, ...]:
    went_on = (after.step, after.target_replicas, after.source_replicas) != (move.step, move.target_replicas, move.source_replicas)
    went_on |= after.share != move.share
    went_on |= after.asking != move.asking
    went_on |= after.step is Step.PROBE and not after.asking  # from one end to the other
    crashed = after.reason is Reason.TARGET_CRASHED
    if not (went_on or crashed) or after.message == move.message:
        return ()
    bad = crashed or (after.step is Step.BACK and after.reason not in {Reason.NOT_CHEAPER, Reason.EXPLORED, *WISHED})
    return (Note(after.reason, f"{after.step.value}: {after.message}", warning=bad),)


def _beside_target(under: UnderWay, move: Move) -> int:
    """Replicas of the source beside the target's, as far as its pool and the user's limit allow; 0 while there is none of the target."""
    seen, option = under.seen, under.seen.option(move.source.pool)
    if move.share is not None or seen.load is None or move.target_replicas <= move.target_base:
        return 0
    if move.kind in {MoveKind.REVISION, MoveKind.RESCUE}:
        return 0
    elsewhere = under.others.ready + move.target_replicas
    wanted = source_beside(_load(seen), _limit(seen, move.source.pool), _limit(seen, move.target.pool), under.others.capacity, elsewhere)
    most = min(seen.snapshot.workload.scaling.maximum - move.target_replicas, option.room if option else under.source.desired)
    return min(wanted, max(most, under.source.desired))


def _limit(seen: Analysis, pool: str) -> float | None:
    """What one replica there bears, as measured."""
    option = seen.option(pool)
    return option.limit if option else None


def _surplus_gone(under: UnderWay, beside: int, kept: int) -> int:
    """What a slower target needed beside it, less what its growth and its measured capacity have made of that: the source alone still
    carries the load, with the margin of any replica that is taken away. Where either capacity is not measured nothing is."""
    seen = under.seen
    ours, theirs = _limit(seen, under.move.source.pool), _limit(seen, under.move.target.pool)
    if seen.load is None or ours is None or theirs is None or theirs >= ours:
        return kept
    scaling = seen.snapshot.workload.scaling
    alone = need(seen.load.held, ours, scaling.least, scaling.maximum)
    return max(alone, ceil(beside / DOWN_MARGIN))


def _empty(key: PlacementKey) -> Placement:
    return Placement(key=key, desired=0, ready=0, pods=0)


def _scene(under: UnderWay) -> tuple[Scene, Review | None, Refusal | None]:
    seen, move, source, target, others = under.seen, under.move, under.source, under.target, under.others
    snapshot, policy = seen.snapshot, seen.snapshot.workload.rebalancing
    refusal = unfresh(seen, move.source, source) or unfresh(seen, move.target, target, begun=move.step is not Step.SURGE)
    refusal = refusal or (no_route(seen) if move.share is not None else None)
    # A rescue leaves what breaks the promise: Services send it what its weights say, and that is enough.
    unpicked = not_picked(seen) if move.share == 0 and move.kind is not MoveKind.RESCUE else None
    stop = frozen(seen)
    cost = None if move.kind in {MoveKind.REVISION, MoveKind.RESCUE} else cost_test(seen, move)
    source_capacity, target_capacity = _capacities(under)
    live = seen.live.get(move.target)
    by_itself = move.kind is MoveKind.EXPLORATION and move.trial is None
    judged = _judged(under, cost) if by_itself and move.step is Step.SHIFT else (None, False)
    told = probing(seen, move) if move.step is Step.PROBE else Probing()
    if told.done:
        told, judged = _judged_by_probe(under, told)
    scene = Scene(
        now=seen.now,
        fresh=refusal is None,
        policy=policy,
        bake_seconds=bake_seconds(policy, seen.snapshot.memory.of(*move.target), seen.now),
        proven=is_proven(seen.snapshot.memory.of(*move.target), seen.now),
        source_ready=source.ready,
        source_pods=source.pods,
        target_ready=target.ready,
        target_pods=target.pods,
        target_crashing=target.crashing,
        crash_message=target.crash_message,
        target_disturbed=any(w.disturbed for w in since(seen.every_window(move.target), move.step_time)[-1:]),
        unplaced_message=target.unplaced_message,
        refused_nodes=target.refused_nodes,
        target_queued=target.queued,
        queued_message=target.queued_message,
        quota_given=target.quota_given,
        target_exists=snapshot.pool(move.target.pool) is not None and (under.made or _can_create(under)),
        need_source=_need_source(under, source_capacity),
        need_target=min(_need_target(under, target_capacity), max(_most(under), move.target_goal)),
        load=_load(seen),
        busiest=seen.load.busiest if seen.load else 0.0,
        source_capacity=source_capacity,
        target_capacity=target_capacity,
        target_limit=_limit(seen, move.target.pool),
        windows=len(judged_by(seen, move)[0]),
        test=promise_test(seen, move),
        cost=cost,
        target_good=live.capacity.n if live and live.capacity else 0,
        review=judged[0],
        may_still_save=judged[1],
        room=_room(under),
        source_most=_source_most(under),
        target_most=_most(under),
        target_hopeless=seen.is_hopeless(move.target),
        too_expensive=_too_expensive(under),
        stopped=stop.message if stop else None,
        not_asked_for=_not_asked_for(under),
        others=others.ready,
        others_capacity=others.capacity,
        alone=_is_alone(under, target_capacity),
        probing=told,
        undecided=by_itself and _is_undecided(under),
        answered=_is_answered(under),
        part=snapshot.route.part(move.target) if snapshot.route is not None else 0.0,
        not_shifted=not_shifted(seen, move),
        capacity=_capacity(under),
        not_picked=unpicked.message if unpicked is not None else None,
    )
    return scene, judged[0], stop or refusal or unpicked


def _capacities(under: UnderWay) -> tuple[float | None, float | None]:
    """Requests per second that a replica of the source and one of the target are sized by; None where that is not known or not for the move to say."""
    seen, move = under.seen, under.move
    source, target = seen.capacity(move.source), seen.capacity(move.target)
    if seen.snapshot.workload.sized_elsewhere:  # What a replica carries is for whoever sizes: one is replaced by one.
        return None, None
    if move.kind is MoveKind.REVISION:
        return source, target or source
    if move.share is not None and move.step in _SHIFTING and seen.only_carried(move.target):
        return source, None  # Of a small share it has carried little, which says nothing of what it was moved to for.
    return source, target


def _capacity(under: UnderWay) -> CapacityRequest:
    """What was answered so far. A pool whose autoscaler is not asked any more keeps nobody waiting."""
    pool, found = under.seen.snapshot.pool(under.move.target.pool), under.seen.snapshot.capacity
    if pool is not None and pool.ask is None:
        return CapacityRequest(Answer.GIVEN, f"the autoscaler of pool {pool.name} is not asked any more")
    return found or CapacityRequest(said=f"the autoscaler of pool {under.move.target.pool} has not answered")


def _is_undecided(under: UnderWay) -> bool:
    grounds, target = grounds_of(under.seen), under.seen.option(under.move.target.pool)
    return grounds is not None and target is not None and undecided(grounds, target) is not None


def _is_answered(under: UnderWay) -> bool:
    """Whether the trial that asked for it, which goes on, knows enough of the target."""
    trial = trial_of(under.seen, under.move) if under.move.trial is not None else None
    return trial is not None and under.move.target.pool not in trial.pools


def _room(under: UnderWay) -> int:
    """Replicas of both ends that the user allows. What is replaced has one more for a while, until the source is gone."""
    move, maximum = under.move, under.seen.snapshot.workload.scaling.maximum
    if move.kind is MoveKind.REVISION:
        return max(maximum, move.target_goal + 1)
    return maximum + 1 if move.kind is MoveKind.RESCUE and move.source_replicas > 0 else maximum


def _most(under: UnderWay) -> int:
    """Replicas of the target that the user allows there and its pool has room for; those that are asked for where somebody else says how many."""
    if under.seen.snapshot.workload.sized_elsewhere:
        return max(under.move.target_replicas, under.move.target_goal)
    option, maximum = under.seen.option(under.move.target.pool), under.seen.snapshot.workload.scaling.maximum
    return max(under.move.target_replicas, min(option.room, maximum) if option else 0)


def _too_expensive(under: UnderWay) -> str | None:
    """Whether a rescue has come to a place where a request is measured to cost more than the user allows."""
    option, most = under.seen.option(under.move.target.pool), under.seen.snapshot.workload.max_unit_cost
    grounds, here = grounds_of(under.seen), under.seen.option(under.move.source.pool)
    if under.move.kind is not MoveKind.RESCUE or option is None or most is None or not option.measured or grounds is None or here is None:
        return None
    refusal = too_expensive(rescuing(grounds, here, option).proposal)
    return refusal.message if refusal else None


def _source_most(under: UnderWay) -> int:
    """Replicas that the source's pool has room for; those that come where it delivers no more."""
    seen, option = under.seen, under.seen.option(under.move.source.pool)
    if option is None or seen.is_exhausted(option.pool):
        return coming(seen, under.source)
    return option.room


def _judged(under: UnderWay, cost: CostTest | None) -> tuple[Review | None, bool]:
    """(what the gates say of a trial that is measured, whether it may save enough yet)."""
    seen, move = under.seen, under.move
    policy, live = seen.snapshot.workload.rebalancing, seen.live.get(move.target)
    here, option, grounds = seen.option(move.source.pool), seen.option(move.target.pool), grounds_of(seen)
    measured = live is not None and live.capacity is not None and live.capacity.n >= policy.min_good_requests
    if not measured or here is None or option is None or grounds is None:
        return None, False
    proposal = rejudge(grounds, here, option, cost)
    saving = proposal.saving
    enough = saving is not None and here.cost is not None and 100 * saving.point >= policy.min_saving_percent * here.cost.point
    return review(GO_ON, proposal), enough and pool_scarce(proposal) is None


def _judged_by_probe(under: UnderWay, told: Probing) -> tuple[Probing, tuple[Review | None, bool]]:
    """(what the probe has told, with what the source needs beside the target; what the gates say of the trial, and that it waits for no more)."""
    seen, move = under.seen, under.move
    here, option, grounds = seen.option(move.source.pool), seen.option(move.target.pool), grounds_of(seen)
    if here is None or option is None or grounds is None:
        return told, (None, False)
    if (trial := trial_of(seen, move)) is not None:
        found = asked(grounds, trial, here, option, move)
        return replace(told, extra=found.proposal.source_extra, fitted=found.fitted), (found.review, False)
    proposal = judge_probed(grounds, here, option)
    return replace(told, extra=proposal.source_extra), (review(PROBED, proposal), False)


def _need_source(under: UnderWay, capacity: float | None) -> int:
    """Replicas of the source that carry the whole load with the others; without a figure those that there are, and one more where a rescue has left
    them because there was no room for more."""
    seen, move, others = under.seen, under.move, under.others
    if not capacity and move.kind is MoveKind.RESCUE:
        return under.source.desired + (_source_most(under) <= under.source.desired)
    if not capacity:
        return max(under.source.desired, move.target_goal) if move.kind is MoveKind.REVISION else under.source.desired
    stays = min(move.target_base, under.target.ready)
    if seen.snapshot.weighted:
        elsewhere = others.ready * (others.capacity or 0.0) + stays * (seen.capacity(move.target) or 0.0)
        return _need_by_weight(seen, capacity, elsewhere)
    beside = [others.capacity, seen.capacity(move.target) if stays else None]
    return _need(seen, capacity, others.ready + stays, min((c for c in beside if c), default=None))


def _need_target(under: UnderWay, capacity: float | None) -> int:
    """Replicas of the target that carry the whole load with the others; of a part, and without a figure, those that were planned."""
    move = under.move
    if not capacity or move.source_goal:
        return max(1, move.target_goal)
    if under.seen.snapshot.weighted:
        return max(1, _need_by_weight(under.seen, capacity, under.others.ready * (under.others.capacity or 0.0)))
    alone = _need(under.seen, capacity, 0, None)
    return min(alone, _need(under.seen, capacity, under.others.ready, under.others.capacity))


def _is_alone(under: UnderWay, capacity: float | None) -> bool:
    """Whether fewer replicas of the target carry the load without the others than with them."""
    move, others = under.move, under.others
    if not capacity or not others.ready or move.source_goal or move.kind is not MoveKind.REBALANCE or under.seen.snapshot.weighted:
        return False
    return _need(under.seen, capacity, 0, None) < _need(under.seen, capacity, others.ready, others.capacity)


def _need(seen: Analysis, capacity: float, others: int, others_capacity: float | None) -> int:
    """Replicas that carry what the others' replicas do not, at the same part of the load each."""
    scaling, rate = seen.snapshot.workload.scaling, _load(seen)
    carrying = capacity if others_capacity is None else min(capacity, others_capacity)
    return max(0 if others else 1, need(rate, carrying, scaling.least, scaling.maximum) - others)


def _need_by_weight(seen: Analysis, capacity: float, elsewhere: float) -> int:
    """Replicas that carry what others do not, who carry `elsewhere` requests per second; at least those that the user asks for, the others' counted."""
    scaling = seen.snapshot.workload.scaling
    return need(max(0.0, _load(seen) - elsewhere), capacity, 0 if elsewhere else scaling.least, scaling.maximum)


def _load(seen: Analysis) -> float:
    """Requests per second that both ends have to carry. Where a capacity is guessed, a forecast beyond it says nothing."""
    if seen.load is None:
        return 0.0
    return max(seen.asked, seen.load.busiest) if seen.is_a_guess else seen.load.dual


def _can_create(under: UnderWay) -> bool:
    candidate = under.seen.candidate(under.move.target.pool)
    return candidate is not None and candidate.revision == under.move.target.revision and candidate.refusal is None


def _not_asked_for(under: UnderWay) -> str | None:
    """Why the revision that the move goes to, or the trial that it is made for, is nobody's wish any more. A drain goes back only to what is asked
    for: between two revisions that are not, it is safer finished."""
    move, target = under.move, under.target
    if move.trial is not None:
        return _trial_over(under)
    candidate = under.seen.candidate(move.target.pool)
    if move.kind is not MoveKind.REVISION or candidate is None:
        return None
    wanted = (not target.asked or candidate.wants(target.asked)) if under.made else candidate.revision == move.target.revision
    put_back = candidate.wants(under.source.asked)
    if wanted or (move.step is Step.DRAIN and not put_back):
        return None
    now = "what runs is what is asked for again" if put_back else "the spec asks for another revision by now"
    return f"revision {move.target.revision} on pool {move.target.pool} is not asked for any more: {now}"


def _trial_over(under: UnderWay) -> str | None:
    """That the trial is, or gives way: it may last for hours, and a new revision is what the user wants of the workload. A target that breaks the
    promise meanwhile has failed all the same."""
    seen, move = under.seen, under.move
    failed = move.step is Step.SHIFT and promise_test(seen, move).result is Result.FAIL
    if move.trial is None or failed:
        return None
    if trial_of(seen, move) is not None:
        revision = revise(seen)
        begins = revision is not None and revision.move is not None
        return "a new revision of the workload is asked for, which comes first" if begins else None
    return f"AcceleratorTrial {move.trial.name} asks for it no more: it was stopped, has ended or is gone"


def _end(under: UnderWay, ended: Ended, notes: tuple[Note, ...]) -> Outcome:
    seen, move = under.seen, under.move
    moved = ended.outcome is End.MOVED
    word = {End.MOVED: Reason.MOVED, End.EXPLORED: Reason.EXPLORED, End.ROLLED_BACK: ended.reason}[ended.outcome]
    left = max(ended.target_kept, _at_target(under)) if ended.target_kept else move.target_base
    ends = (
        {} if is_aside(move) or move.asking else {move.source: move.source_replicas, move.target: move.target_replicas if moved else left}
    )
    said = f"{ended.outcome.value} ({move.kind.value} {move.source.pool} to {move.target.pool}): {ended.message}"
    return Outcome(
        verdict=Verdict.DONE,
        allocation={key: n for key, n in {**under.allocation, **ends}.items() if n > 0 or _stands(seen, key)},
        past=past_move(seen, move, ended.outcome, ended.reason),
        quarantine=quarantined(seen, move.target, ended.reason) if ended.quarantine else None,
        target=move.target.pool,
        notes=(*notes, Note(word, said, warning=ended.quarantine)),
    )


def _stands(seen: Analysis, key: PlacementKey) -> bool:
    placement = seen.snapshot.placement(key)
    return placement is not None and (placement.desired > 0 or placement.pods > 0)
