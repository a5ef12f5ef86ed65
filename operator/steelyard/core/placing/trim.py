"""More than is enough, and the promise holds: the replicas go whose going saves most and breaks no bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.fresh import unread
from steelyard.core.placing.outcome import Allocation, Outcome
from steelyard.core.placing.repair import Shortage, scaled, settling
from steelyard.core.placing.requirement import kept_for, may_try_less, needed_lately
from steelyard.core.placing.room import key_of
from steelyard.core.placing.supply import coming
from steelyard.core.planning.enough import SLOWER, Stand, shrunk, suffices, without_slower
from steelyard.core.planning.sizing import SLACK
from steelyard.core.statistics.interval import Interval
from steelyard.core.statistics.sequential import Result


def trim(seen: Analysis, short: Shortage) -> Outcome | None:
    """What to keep; None where all of it is needed, or nothing is known well enough to take anything away."""
    if not _is_known(seen):
        return None
    fastest = _without_slower(seen, short)
    if fastest is not None:
        return Outcome.scale(fastest, settling(seen.members), scaled(seen, fastest))
    if not _is_there(seen) or not _keeps_its_promise(seen, short):
        return None
    kept = next((kept for ask in (_without_what_leaves, _fewer, _without_spare, _one_less) if (kept := ask(seen, short)) is not None), None)
    if kept is None or _broke_before(seen, kept):
        return None
    return Outcome.scale(kept, settling(seen.members), scaled(seen, kept))


def _without_slower(seen: Analysis, short: Shortage) -> Allocation | None:
    """The slowest make all others as slow: once those of the others that are ready carry what is asked now without them, they go, whatever is missed
    or on its way meanwhile."""
    assert seen.load is not None
    ready = {p.key: p.ready for p in seen.members}
    stands = [replace(s, replicas=ready[key_of(s)]) for s in short.standing]
    kept = without_slower(stands, seen.load.now, short.rules)
    if kept is None:
        return None
    return {**seen.allocation, **{key_of(s): 0 for s, n in zip(stands, kept, strict=True) if n < s.replicas}}


def _without_what_leaves(seen: Analysis, short: Shortage) -> Allocation | None:
    """A route sends a placement nothing any more before its replicas go: what was begun is ended, as long as the others are enough."""
    route = seen.snapshot.route
    if route is None or not seen.snapshot.weighted:
        return None
    gone = {p.key for p in seen.members if p.ready and seen.windows(p.key) and p.key in route.weights and not route.part(p.key)}
    stands = [replace(s, replicas=0) if key_of(s) in gone else s for s in short.standing]
    if not gone or not suffices(stands, short.load, short.rules):
        return None
    return {**seen.allocation, **dict.fromkeys(gone, 0)}


def _fewer(seen: Analysis, short: Shortage) -> Allocation | None:
    """What carries the load with a part of a replica to spare, so that no replica comes back at once."""
    return _without_the_rest(seen, short, kept_for(seen, short.standing, short.load, SLACK))


def _without_spare(seen: Analysis, short: Shortage) -> Allocation | None:
    """What was not needed for so long that it has cost more than its coming back would goes without that; and so does a pool that is not needed any
    more: if a replica is missing afterwards, it is added on the cheapest."""
    bare = _without_the_rest(seen, short, kept_for(seen, short.standing, short.load, 0.0))
    if bare is None:
        return None  # All of it was needed a moment ago.
    needed = needed_lately(seen, short.load)
    kept = None if needed is None else _without_the_rest(seen, short, needed)
    return kept or (bare if any(n == 0 < seen.allocation[key] for key, n in bare.items()) else None)


def _one_less(seen: Analysis, short: Shortage) -> Allocation | None:
    """Without one replica of the place where a request costs most, where trying that is the only way to learn what one carries."""
    may_go = [s for s in short.standing if s.replicas > s.least]
    dearest = max(may_go, key=lambda s: (s.cost / s.capacity, s.name), default=None)
    if dearest is None or not may_try_less(seen, short.promise):
        return None
    return {**seen.allocation, key_of(dearest): dearest.replicas - 1}


def _without_the_rest(seen: Analysis, short: Shortage, held: float) -> Allocation | None:
    """What is enough for `held` requests per second."""
    stands = short.standing if short.rules.weighted else _as_is_sure(seen, short.standing)
    if not suffices(stands, held, short.rules):
        return None
    kept: Allocation = dict(zip(map(key_of, stands), shrunk(stands, held, short.rules), strict=True))
    return None if kept == seen.allocation else kept


def _as_is_sure(seen: Analysis, stands: Sequence[Stand]) -> list[Stand]:
    """Where all get as much as the slowest bears: from the slowest on, those which may be faster by chance alone count as fast as the ones before. Price
    tells which of them goes."""
    levels: dict[str, float] = {}
    level: Stand | None = None
    for stand in sorted((s for s in stands if s.replicas), key=lambda s: s.capacity):
        if level is None or stand.capacity >= SLOWER * level.capacity or _is_surely_faster(seen, stand, level):
            level = stand
        levels[stand.name] = level.capacity
    return [replace(s, capacity=levels.get(s.name, s.capacity)) for s in stands]


def _is_surely_faster(seen: Analysis, stand: Stand, than: Stand) -> bool:
    mine, theirs = _known(seen, stand), _known(seen, than)
    return mine is not None and theirs is not None and mine.by_chance_over(theirs).lower > 1


def _known(seen: Analysis, stand: Stand) -> Interval | None:
    """Requests per second that a replica there carries, with bounds."""
    key = key_of(stand)
    found = (known.capacity for known in (seen.kept.get(key), seen.live.get(key)) if known is not None and known.capacity is not None)
    capacity = next(found, None)
    return capacity.rate if capacity is not None else None


def _is_known(seen: Analysis) -> bool:
    """Whether all that is there was read: what is not known is not taken for small."""
    if seen.load is None or not seen.members or not all(seen.is_ours(p) for p in seen.members) or unread(seen) is not None:
        return False
    return all(seen.capacity(p.key) for p in seen.members if p.ready > 0)


def _is_there(seen: Analysis) -> bool:
    """Whether all that surely comes has come: what starts has shown nothing."""
    return all(p.ready >= coming(seen, p) for p in seen.members)


def _keeps_its_promise(seen: Analysis, short: Shortage) -> bool:
    """Whether it does at its present size: what was just added is not taken away again before it has shown anything."""
    promise = short.promise
    return not (promise.result is Result.FAIL and not _in_vain(seen)) and not (promise.n == 0 and seen.load is not None and seen.load.n > 0)


def _in_vain(seen: Analysis) -> bool:
    """Whether the promise is broken at any load: what is more than the load needs mends nothing."""
    return all(seen.is_hopeless(p.key) for p in seen.members)


def _broke_before(seen: Analysis, kept: Allocation) -> bool:
    """So few have broken the promise at this load, whatever their capacity was taken for."""
    assert seen.load is not None
    if _in_vain(seen):
        return False
    limit = min((at for p in seen.members if (at := seen.broke_at(p.key)) is not None), default=None)
    return (
        limit is not None
        and sum(kept.values()) < sum(p.ready for p in seen.members)
        and seen.load.peak >= limit * max(1, sum(kept.values()))
    )
