"""Where a workload starts, and where it goes when nothing serves at home. Serving comes before cost."""

from __future__ import annotations

from dataclasses import replace

from steelyard.core.facts.memory import Outcome, PastMove
from steelyard.core.facts.snapshot import Placement, PlacementKey
from steelyard.core.placing.course import Course, stay
from steelyard.core.placing.decision import Note
from steelyard.core.placing.ended import past_move
from steelyard.core.placing.fresh import frozen
from steelyard.core.placing.quarantine import quarantined
from steelyard.core.placing.situation import Situation
from steelyard.core.placing.standing import beside, outlived
from steelyard.core.planning.option import Option, usable
from steelyard.core.planning.sizing import need
from steelyard.core.vocabulary.reading import Fresh
from steelyard.core.vocabulary.reason import AWAITED, STUCK, Reason, Refusal


def first_placement(seen: Situation) -> Course:
    """Start where the claims say that one good request is cheapest. A pool whose compile has failed, or waits for somebody, is left out; one
    that still compiles is waited for."""
    open_ = [o for o in seen.options if (o.refusal is None or o.refusal.reason in AWAITED) and o.most >= 1]
    open_ = [o for o in open_ if not seen.shut(o)] or open_
    priced = [o for o in open_ if isinstance(o.price, Fresh) and o.each and o.capacity]
    stuck = next((o.refusal for o in seen.options if o.refusal and o.refusal.reason in STUCK), None)
    if not open_ and stuck is not None:
        return stay(seen, {}, None, stuck, None, "Hold")
    if not open_:
        refused = [(o.pool, o.refusal) for o in seen.options if o.refusal]
        # Beside a name that is wrong, that others are not named is no news.
        told = [f"{pool}: {r.message}" for pool, r in refused if not (seen.missing and r.reason is Reason.NOT_SELECTED)]
        why = "; ".join(filter(None, [seen.missing, *told])) or "there is no AcceleratorPool: create one"
        return stay(seen, {}, None, Refusal(Reason.NO_POOL, why[:900]), None, "Hold")
    # Where no price is known serving still comes first; the price then shows as suspect and nothing moves.
    best = min(priced, key=_claimed_unit_cost) if priced else min(open_, key=lambda o: o.pool)
    if best.refusal is not None:
        return stay(seen, {}, None, best.refusal, None, "Wait")
    assert best.candidate.revision is not None
    key = PlacementKey(best.pool, best.candidate.revision)
    count = start_count(seen, key)
    note = Note(
        Reason.PLACING,
        f"starting {count} replica(s) on pool {best.pool}: cheapest as claimed"
        if priced
        else f"starting {count} replica(s) on pool {best.pool}: no price is known",
    )
    course = stay(seen, {key: count}, key, None, None, "Place", best.pool)
    return replace(course, notes=(note,))


def restore(seen: Situation, home: PlacementKey) -> Course:
    """Home's Deployment is gone though nobody of us removed it, or was never created before a crash: make it again, without any verdict on cost."""
    snapshot = seen.snapshot
    candidate = seen.candidate(home.pool)
    refusal = candidate.refusal if candidate else Refusal(Reason.NO_POOL, f"pool {home.pool} is gone")
    others_now = {p.key: p.desired for p in snapshot.placements}
    key = PlacementKey(candidate.name, candidate.revision) if candidate and candidate.revision and refusal is None else None
    if key is None and (candidate is None or candidate.refusal is None or candidate.refusal.reason not in AWAITED):
        standing = sorted((p for p in snapshot.placements if p.ready > 0), key=lambda p: (-p.ready, p.key))
        others = sorted((o for o in seen.options if usable(o) and o.most >= 1 and not seen.shut(o)), key=_claimed_unit_cost)
        if standing:
            key = standing[0].key
        elif others:
            key = PlacementKey(others[0].pool, others[0].candidate.revision or "")
    if key is None:
        waits = refusal is not None and refusal.reason in AWAITED
        return stay(seen, others_now, home, refusal, None, "Wait" if waits else "Hold")
    move = snapshot.memory.move
    if move is not None and key == home:
        # The move goes on; its source comes back first.
        count = max(move.source_replicas, start_count(seen, key))
        return stay(seen, {**others_now, key: count}, key, None, None, "Place", move.target_pool)
    count = max(start_count(seen, key), others_now.get(key, 0))
    note = Note(Reason.PLACING, f"the Deployment on pool {home.pool} is missing: {count} replica(s) on pool {key.pool}", warning=True)
    course = stay(seen, {**others_now, key: count}, key, None, None, "Place", key.pool)
    return replace(course, move=None, past=past_move(seen, move, Outcome.ROLLED_BACK, Reason.PLACING) if move else None, notes=(note,))


def renewed(seen: Situation, home: PlacementKey, placement: Placement) -> Course | None:
    """Nothing serves at home and nothing of its revision will again: the store has another artifact now. The same again, of that one, at once."""
    candidate = seen.candidate(home.pool)
    owned = placement.replicas_owner is not None or seen.snapshot.workload.scaling.owner != "Steelyard"
    if owned or placement.crashing == 0 or candidate is None or not outlived(seen, placement):
        return None
    assert candidate.revision is not None
    key = PlacementKey(home.pool, candidate.revision)
    if any((q.pool, q.revision) == key and seen.now < q.until for q in seen.snapshot.memory.quarantine):
        return None
    count = max(placement.desired, start_count(seen, key))
    why = f"no replica on pool {home.pool} can start, its artifact was compiled again and is another: {count} replica(s) of that one"
    # A replica of the old one that does not end yet may come to serve again; those that have ended keep their nodes from the new ones.
    left = max(0, placement.desired - placement.crashing)
    desired = {**{p.key: p.desired for p in beside(seen)}, home: left, key: count}
    course = stay(seen, desired, key, None, None, "Place", home.pool)
    return replace(course, notes=(Note(Reason.PLACING, why, warning=True),))


def elsewhere(seen: Situation, home: PlacementKey, placement: Placement) -> Course | None:
    """Nothing serves at home and nothing will soon: its pool delivers no nodes, the model never ran there, or its artifact is spoilt. Serving
    comes before cost."""
    option = seen.option(home.pool)
    until = option.candidate.pool.exhausted_until if option else None
    exhausted = until is not None and seen.now < until
    crashes = placement.crashing > 0 and home not in seen.kept
    # Measured or not: what it would be started from is not there.
    bare = placement.crashing > 0 and option is not None and option.candidate.refusal is not None
    if placement.replicas_owner is not None or frozen(seen) or not (exhausted or crashes or bare):
        return None
    open_ = [o for o in seen.options if o.refusal is None and o.most >= 1 and o.pool != home.pool and not seen.shut(o)]
    priced = [o for o in open_ if isinstance(o.price, Fresh) and o.each and o.capacity]
    if not open_:
        return None
    best = min(priced, key=_claimed_unit_cost) if priced else min(open_, key=lambda o: o.pool)
    key = PlacementKey(best.pool, best.candidate.revision or "")
    reason = Reason.POOL_EXHAUSTED if exhausted else Reason.TARGET_CRASHED
    there = seen.snapshot.placement(key)
    count = max(start_count(seen, key), there.desired if there else 0)
    past = PastMove(
        source_pool=home.pool,
        target_pool=key.pool,
        target_revision=key.revision,
        time=seen.now,
        outcome=Outcome.MOVED,
        reason=reason.value,
    )
    note = Note(Reason.PLACING, f"pool {home.pool} serves nothing ({reason.value}): {count} replica(s) on pool {key.pool}", warning=True)
    course = stay(seen, {home: placement.desired, key: count}, key, None, None, "Place", key.pool)
    quarantine = quarantined(seen, home, reason) if crashes and not bare else None
    return replace(course, past=past, quarantine=quarantine, notes=(note,))


def _claimed_unit_cost(option: Option) -> tuple[float, str]:
    assert option.capacity is not None
    return (option.each or 0.0) / option.capacity.rate.point, option.pool


def start_count(seen: Situation, key: PlacementKey) -> int:
    """Replicas to start with: what the load needs, by the lower end of a claim where nothing was measured; else the fewest the user allows."""
    workload, option = seen.snapshot.workload, seen.option(key.pool)
    capacity = seen.capacity(key) or (option.capacity.rate.lower if option and option.capacity else None)
    choice = workload.pools.get(key.pool)
    least = max(workload.scaling.least, choice.minimum if choice else 0)
    most = min(workload.scaling.maximum, option.most) if option else workload.scaling.maximum
    wanted = need(seen.load.busiest, capacity, least, workload.scaling.maximum) if seen.load and capacity else least
    return max(1, min(most, wanted))
