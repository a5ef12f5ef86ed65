"""Is the promise broken where more replicas of the same do not help? Then the workload leaves that place, whatever it saves.

It is so where the pool itself keeps the promise at no load, and where the workload is at its limit and another pool could do more with as many
replicas. Pools that were measured to keep the promise come first, then those that are not known, the cheapest expected first: one replica is
tried, and the promise alone is asked for.
"""

from __future__ import annotations

from datetime import timedelta
from math import inf

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import MoveKind
from steelyard.core.facts.snapshot import Placement
from steelyard.core.performance.floor import missed_there, never
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.decision import Note
from steelyard.core.placing.fresh import unread
from steelyard.core.placing.grounds_of import grounds_of
from steelyard.core.placing.outcome import Outcome
from steelyard.core.placing.repair import Shortage, addition
from steelyard.core.placing.start_move import Plan, start_move
from steelyard.core.placing.supply import starts_on
from steelyard.core.placing.unreachable import unreachable
from steelyard.core.planning.load import RECENT
from steelyard.core.planning.option import Eligible, Option, Refused
from steelyard.core.rebalancing.grounds import Grounds
from steelyard.core.rebalancing.propose import Considered, rescuing
from steelyard.core.statistics.sequential import Result
from steelyard.core.vocabulary.reason import Reason, Refusal
from steelyard.core.vocabulary.verdict import Verdict

AGAIN = timedelta(hours=6)
"""Age of a floor from which on a pool that misses the objective at any load is tried again, where no other is left."""


def rescue(seen: Analysis, short: Shortage) -> Outcome | None:
    """The move away from a place that cannot keep the promise, or what keeps it from beginning; None where none is called for."""
    source = _left(seen, short)
    here = seen.option(source.key.pool) if source is not None else None
    grounds = grounds_of(seen) if here is not None else None
    if grounds is None or source is None or here is None:
        return None
    first: Considered | None = None
    for target in _targets(seen, here):
        found = rescuing(grounds, here, target)
        if found.review.verdict is None:
            return _begun(seen, grounds, source, found)
        first = first or found
    nowhere = unreachable(seen)
    if first is None and nowhere is None and not seen.is_hopeless(source.key):
        return None
    return _kept(seen, first or rescuing(grounds, here, None, nowhere or _no_other(here)))


def _left(seen: Analysis, short: Shortage) -> Placement | None:
    """The placement to leave, that with the most replicas first; None where the promise holds, is not known, or more replicas may help."""
    if seen.snapshot.memory.move is not None or seen.load is None or unread(seen) is not None:
        return None
    hopeless = [p for p in seen.members if seen.is_hopeless(p.key)]
    if hopeless:
        return max(hopeless, key=_size) if seen.promise.result is not Result.PASS else None
    if Result.FAIL not in {seen.promise.result, short.promise.result}:
        return None
    if not all(_has_settled(seen, p) and seen.is_ours(p) for p in seen.members):
        return None
    full = addition(seen, short) == seen.allocation
    if seen.promise.result is Result.FAIL and (full or short.enough):
        # Sizing adds nothing, and has learnt from what was missed.
        missing = max((p for p in seen.members if _missed_there(seen, p)), key=_size, default=None)
        if missing is not None:
            return missing
    if short.promise.result is not Result.FAIL or not full:
        return None
    return min(seen.members, key=lambda p: (seen.capacity(p.key) or 0.0, p.key), default=None)


def _missed_there(seen: Analysis, placement: Placement) -> bool:
    """Whether even at the lowest load seen more was missed than is allowed."""
    known, workload = seen.kept.get(placement.key), seen.snapshot.workload
    return missed_there(known.floor if known else None, workload.allowed, inf, seen.now)


def _size(placement: Placement) -> tuple[int, PlacementKey]:
    return placement.ready, placement.key


def _has_settled(seen: Analysis, placement: Placement) -> bool:
    """Whether all that is wanted there has served for so long that what was late is no burst's."""
    windows = seen.windows(placement.key)[-RECENT:]
    return placement.ready == placement.desired and len(windows) == RECENT and all(round(w.replicas) == placement.ready for w in windows)


def _targets(seen: Analysis, here: Option) -> list[Option]:
    """Where to: what was measured to keep the promise, then what is not known, then what missed it long ago; of each the cheapest expected first."""
    there = {p.key.pool: p.desired for p in seen.members}
    open_ = [o for o in seen.options if o.pool != here.pool and _is_open(seen, o) and o.room > there.get(o.pool, 0)]
    return sorted(open_, key=lambda o: (_doubt(seen, o), o.cost.point if o.cost else inf, o.pool))


def _is_open(seen: Analysis, option: Option) -> bool:
    if starts_on(seen, option.pool) is None:
        return False
    if isinstance(option, Eligible):
        return True
    # A claim is no reason to stay where the promise is broken.
    only_claimed = option.only_for_part and not option.measured and not option.candidate.pool.spot
    return only_claimed or _missed_long_ago(seen, option)


def _missed_long_ago(seen: Analysis, option: Refused) -> bool:
    floor = option.known.floor if option.known else None
    return option.refusal.reason is Reason.CANNOT_MEET_OBJECTIVE and floor is not None and seen.now - floor.at > AGAIN


def _doubt(seen: Analysis, option: Option) -> int:
    floor, allowed = option.known.floor if option.known else None, seen.snapshot.workload.allowed
    if never(floor, allowed, seen.now):
        return 2
    return 0 if option.sure and floor is not None and floor.keeps(allowed) else 1


def _no_other(here: Option) -> Refusal:
    return Refusal(
        Reason.INFEASIBLE_TARGET,
        f"pool {here.pool} misses the objective at any load, and no other pool that may keep it is open: `kubectl steelyard explain` says why of each",
    )


def _kept(seen: Analysis, found: Considered) -> Outcome:
    """The promise stays broken until what refuses is over: that is a hold."""
    target = found.target.pool if found.target else None
    return Outcome(verdict=Verdict.HOLD, allocation=seen.allocation, refusal=found.review.verdict, review=found.review, target=target)


def _begun(seen: Analysis, grounds: Grounds, source: Placement, found: Considered) -> Outcome:
    target = found.target
    assert target is not None
    key = starts_on(seen, target.pool)
    assert key is not None
    base = seen.allocation.get(key, 0)
    known = seen.snapshot.workload.allowed
    floor = seen.kept[source.key].floor if source.key in seen.kept else None
    reached = f"pool {source.key.pool} reaches {100 * floor.share.point:.4g} % of {100 * (1 - known):.6g} %" if floor else ""
    why = f"pool {source.key.pool} is at its limit and misses the objective"
    if seen.is_hopeless(source.key):
        why = f"{reached} at any load"
    elif _missed_there(seen, source):
        why = f"{reached} where it carries enough"
    note = Note(Reason.RESCUE_STARTED, f"{why}: one replica on {target.pool} is tried", warning=True)
    goal = target.replicas if target.sure and target.replicas else base + 1
    plan = Plan(
        source=source.key,
        target=key,
        source_replicas=source.desired,
        goal=max(base + 1, min(goal, target.most, seen.snapshot.workload.scaling.maximum)),
        base=base,
    )
    return Outcome.begin(seen.allocation, start_move(seen, MoveKind.RESCUE, plan, note), note, found.review)
