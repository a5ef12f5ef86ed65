"""Whether a move should begin: to a new revision, to try a pool, or to a cheaper place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from steelyard.core.compiling.candidate import Candidate
from steelyard.core.economics.money import written
from steelyard.core.facts.memory import Move, MoveKind, Step
from steelyard.core.facts.snapshot import Placement, PlacementKey
from steelyard.core.placing.course import Course, stay
from steelyard.core.placing.decision import Note
from steelyard.core.placing.fresh import frozen, unfresh
from steelyard.core.placing.mix import failed, sized_mix
from steelyard.core.placing.quarantine import quarantined
from steelyard.core.placing.replicas import leftovers
from steelyard.core.placing.situation import Situation
from steelyard.core.placing.standing import beside, outlived
from steelyard.core.planning.option import Option
from steelyard.core.rebalancing.chain import Review
from steelyard.core.rebalancing.propose import Considered, propose
from steelyard.core.vocabulary.reading import Fresh
from steelyard.core.vocabulary.reason import AWAITED, HOLDS, Reason, Refusal


def consider(seen: Situation, home: PlacementKey, placement: Placement, wanted: int) -> Course:
    """No move is under way: size home, and begin one if the gates let it."""
    sizes = sized_mix(seen, placement, wanted)
    # What was spilled over to another pool stands beside home from now on.
    together = tuple(sorted(key for key, count in sizes.items() if key != home and count > 0))
    if sizes.get(home, 0) == 0 and together:
        # The cheapest part that is enough is not at home: it is home from now on.
        new = max(together, key=lambda key: (sizes[key], key))
        settling = Refusal(Reason.WAITING, f"pool {new.pool} carries the load that is left, and is home from now on")
        notes = _scaled(seen, sizes, {p.key: p for p in (placement, *beside(seen))})
        course = replace(stay(seen, sizes, new, settling, None, "Stay"), notes=notes)
        return replace(course, beside=tuple(key for key in together if key != new))
    broken = failed(seen)
    if broken is not None:
        why = f"pool {broken.key.pool} does not come to serve: {broken.crash_message or 'its containers keep ending'}"
        course = stay(seen, {**sizes, broken.key: 0}, home, Refusal(Reason.TARGET_CRASHED, why), None, "Place")
        note = Note(Reason.TARGET_CRASHED, why, warning=True)
        return replace(course, beside=together, quarantine=quarantined(seen, broken.key, Reason.TARGET_CRASHED), notes=(note,))
    return replace(_considered(seen, home, placement, wanted, sizes), beside=together)


def _considered(seen: Situation, home: PlacementKey, placement: Placement, wanted: int, sizes: Mapping[PlacementKey, int]) -> Course:
    snapshot = seen.snapshot
    standing = {p.key: p for p in (placement, *beside(seen))}
    rest = leftovers(seen, home, placement, wanted)
    desired = {**sizes, **rest}
    candidate, option = seen.candidate(home.pool), seen.option(home.pool)
    scaled = _scaled(seen, sizes, standing)
    others = sorted(p.key for p in snapshot.placements if p.key not in sizes and (p.ready > 0 or p.key in rest))
    if others:
        names = ", ".join(f"{key.pool}/{key.revision}" for key in others)
        refusal = _unread(seen, standing) or Refusal(Reason.WAITING, f"replicas outside any move are drained first: {names}")
        return replace(stay(seen, desired, home, refusal, None, _stay_word(refusal)), notes=scaled)
    # The same revision under another wish: what was asked for is what runs, and there is nothing to replace.
    if candidate is not None and placement.asked and candidate.asked != placement.asked and candidate.revision != home.revision:
        why = "the spec asks for a new revision"
        return replace(_new_revision(seen, home, placement, sizes, candidate, _unread(seen, standing), why), notes=scaled)
    if candidate is not None and outlived(seen, placement):
        why = "the artifact was compiled again and is another: no new replica of the old one could start"
        return replace(_new_revision(seen, home, placement, sizes, candidate, _unread(seen, standing), why), notes=scaled)
    unread = _unread(seen, standing)
    if option is None or seen.load is None or option.cost is None:
        refusal = unread or Refusal(*_cannot_cost(seen, home, option))
        return replace(stay(seen, desired, home, refusal, None, _stay_word(refusal)), notes=scaled)
    # A replica that no node is found for, or that never comes to serve, is not waited for: elsewhere may be room.
    coming = max(p.desired - p.ready - p.unplaced - p.crashing for p in standing.values())
    if any(n != (standing[key].desired if key in standing else 0) for key, n in sizes.items()) or coming > 0:
        settling = unread or Refusal(
            Reason.WAITING, f"the replicas on pool {home.pool} follow the load first: what they cost is measured after that"
        )
        return replace(stay(seen, desired, home, settling, None, _stay_word(settling)), notes=scaled)
    outgrown = _outgrown(seen, home, placement)
    if outgrown is not None:
        return replace(stay(seen, desired, home, outgrown, None, _stay_word(outgrown)), notes=scaled)
    # The worst reading of all that hold the load: a gate refuses what is not fresh.
    observation = next((r for key in standing if not isinstance(r := seen.traffic(key), Fresh)), seen.traffic(home))
    considered = propose(snapshot, seen.options, option, placement, seen.load, seen.promise, observation, seen.good(home), seen.now)
    verdict = considered.review.verdict
    if verdict is None:
        return _begin(seen, home, sizes, considered)
    course = stay(
        seen, desired, home, verdict, considered.review, _stay_word(verdict), considered.target.pool if considered.target else None
    )
    return replace(course, notes=scaled)


def _unread(seen: Situation, standing: Mapping[PlacementKey, Placement]) -> Refusal | None:
    """Of any that holds a part of the load."""
    return next((refusal for key, p in standing.items() if (refusal := unfresh(seen, key, p)) is not None), None)


def _scaled(seen: Situation, sizes: Mapping[PlacementKey, int], standing: Mapping[PlacementKey, Placement]) -> tuple[Note, ...]:
    """One note for each pool whose number of replicas follows the load."""
    if seen.load is None:
        return ()
    before = {key: p.desired for key, p in standing.items()}
    return tuple(
        Note(Reason.SCALED, f"{before.get(key, 0)} to {count} replicas on pool {key.pool} for {seen.load.now:.3g} requests/s")
        for key, count in sorted(sizes.items())
        if count != before.get(key, 0)
    )


def _outgrown(seen: Situation, home: PlacementKey, placement: Placement) -> Refusal | None:
    """What home costs was measured with another number of replicas than it has now: what is compared has to be seen first."""
    last = next((w for w in reversed(seen.windows(home)) if w.steady), None)
    if last is None or round(last.replicas) in {placement.ready, placement.desired}:
        return None
    return Refusal(
        Reason.WAITING,
        f"what pool {home.pool} costs with {placement.desired} replica(s) is measured first: the last whole window had {last.replicas:.0f}",
    )


def _cannot_cost(seen: Situation, home: PlacementKey, option: Option | None) -> tuple[Reason, str]:
    if option is None:
        return Reason.NO_POOL, f"pool {home.pool} does not exist any more: the workload keeps running where it is"
    if not isinstance(option.price, Fresh):
        return Reason.PRICE_SUSPECT, f"pool {home.pool}: {option.price.why}"
    return Reason.TOO_FEW_REQUESTS, "no complete window of traffic was measured yet"


def _new_revision(
    seen: Situation,
    home: PlacementKey,
    placement: Placement,
    sizes: Mapping[PlacementKey, int],
    candidate: Candidate,
    unread: Refusal | None,
    why: str,
) -> Course:
    """Something else is asked for, or is all that there is: the new revision replaces the old one step by step, in any mode, once it is
    compiled."""
    refusal = candidate.refusal or frozen(seen) or unread or _owned(seen, placement)
    if refusal is not None or candidate.revision is None:
        return stay(seen, sizes, home, refusal, None, "Wait" if refusal and refusal.reason in AWAITED else "Hold", home.pool)
    entry = next(
        (q for q in seen.snapshot.memory.quarantine if (q.pool, q.revision) == (home.pool, candidate.revision) and seen.now < q.until), None
    )
    if entry is not None:
        failed = Refusal(
            Reason.QUARANTINED,
            f"the new revision failed on pool {home.pool} ({entry.reason}); the old one serves until {entry.until:%H:%M:%S} UTC",
            entry.until,
        )
        return stay(seen, sizes, home, failed, None, "Hold", home.pool)
    move = _move(
        seen,
        home,
        PlacementKey(home.pool, candidate.revision),
        sizes[home],
        sizes[home],
        MoveKind.REVISION,
        Reason.NEW_REVISION,
        why,
    )
    return _started(seen, home, move, None, sizes)


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


def _begin(seen: Situation, home: PlacementKey, sizes: Mapping[PlacementKey, int], considered: Considered) -> Course:
    target, proposal, extra = considered.target, considered.proposal, considered.proposal.source_extra
    assert target is not None
    assert target.candidate.revision is not None
    key, wanted = PlacementKey(target.pool, target.candidate.revision), sizes[home]
    if proposal.kind is MoveKind.EXPLORATION:
        message = f"one replica on {target.pool}: expected saving {proposal.expected_saving or 0:.4g}, price at most {proposal.move_cost or 0:.4g}"
        move = _move(seen, home, key, wanted, 1, MoveKind.EXPLORATION, Reason.EXPLORATION_STARTED, message)
        move = replace(move, reserved=None if proposal.move_cost is None else written(proposal.move_cost))
    else:
        saving = proposal.saving
        assert saving is not None
        mix = considered.mix
        if mix is None:
            message = f"{home.pool} to {target.pool}: saves {saving.point:.4g} [{saving.lower:.4g}, {saving.upper:.4g}] an hour"
            move = _move(seen, home, key, wanted, max(1, target.replicas or 1), MoveKind.REBALANCE, Reason.MOVE_STARTED, message)
        else:
            source = next(k for k in sizes if k.pool == mix.source)
            base = next((n for k, n in sizes.items() if k.pool == target.pool), 0)
            key = next((k for k in sizes if k.pool == target.pool), key)
            message = (
                f"{mix.source} to {target.pool}, which takes {mix.target_replicas} and leaves {mix.source_replicas}: "
                f"saves {saving.point:.4g} [{saving.lower:.4g}, {saving.upper:.4g}] an hour"
            )
            move = _move(seen, source, key, sizes[source], mix.target_replicas, MoveKind.REBALANCE, Reason.MOVE_STARTED, message)
            move = replace(move, source_goal=mix.source_replicas, target_base=base, target_replicas=base + 1)
    if extra:
        move = replace(move, source_replicas=move.source_replicas + extra, target_replicas=move.target_base)
    return _started(seen, home, move, considered.review, sizes)


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


def _started(seen: Situation, home: PlacementKey, move: Move, looked: Review | None, sizes: Mapping[PlacementKey, int]) -> Course:
    source, target = PlacementKey(move.source_pool, move.source_revision), PlacementKey(move.target_pool, move.target_revision)
    desired = {**sizes, source: move.source_replicas, target: move.target_replicas}
    course = stay(seen, desired, home, None, looked, "Move", move.target_pool)
    return replace(course, move=move, notes=(Note(Reason.named(move.reason), move.message),))


def _stay_word(refusal: Refusal) -> str:
    return "Hold" if refusal.reason in HOLDS else "Stay"
