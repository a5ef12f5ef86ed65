"""Home and what stands beside it: placements of several pools that hold the load together, because one pool is too small or a mix is cheaper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from steelyard.core.facts.capacity import Basis
from steelyard.core.facts.snapshot import Placement, PlacementKey, PoolChoice
from steelyard.core.placing.fresh import unfresh
from steelyard.core.placing.replicas import answers_fast
from steelyard.core.placing.situation import Situation
from steelyard.core.placing.standing import beside, outlived
from steelyard.core.planning.mix_size import Rules, Stand, carried, grown, shrunk
from steelyard.core.planning.option import Option
from steelyard.core.planning.sizing import DOWN_MARGIN, PROBE, ROUNDING
from steelyard.core.statistics.sequential import Result
from steelyard.core.vocabulary.reading import Fresh

START_SECONDS = 120.0
DRAIN_SECONDS = 30.0
"""Of a replica where none has been seen."""


def sized_mix(seen: Situation, home: Placement, wanted: int) -> Mapping[PlacementKey, int]:
    """Replicas of home and of what is beside it. wanted: of home, were it alone; more than its pool holds spills over to another one."""
    broken = failed(seen)
    members = (home, *(p for p in beside(seen) if p is not broken))
    now = {p.key: p.desired for p in members}
    if any(p.replicas_owner is not None for p in members) or seen.snapshot.workload.scaling.owner != "Steelyard":
        return now
    owed = _owed(seen, now)
    if owed is not None:
        return owed
    if len(members) == 1:
        return _spilled(seen, {home.key: wanted}) if _full(seen, home, wanted) else {home.key: wanted}
    if seen.load is None or any(unfresh(seen, p.key, p) is not None for p in members):
        return now
    # Pods without a node, or that keep ending, carry nothing, and where one waits for a node the next one would wait too.
    waiting = {p.key: min(p.unplaced + p.crashing, p.desired) for p in members}
    here = {key: count - waiting[key] for key, count in now.items()}
    stands = _stands(seen, here, frozenset(key for key, count in waiting.items() if count))
    if stands is None:
        return now
    load, rules = seen.load, _rules(seen)
    # Where a capacity is only a load that was carried, every forecast is beyond it and says nothing.
    soon = None if any(seen.only_carried(p.key) for p in members) else load.soon
    asked = max(load.now, soon or 0.0) * (1 - ROUNDING)
    if seen.strain.result is Result.FAIL:
        # Whatever the capacities are taken for: one replica more than there are.
        asked = max(asked, carried(stands, even=True) * (1 + ROUNDING))
    larger = _placed(here, grown(stands, lambda _: asked, rules))
    if larger != here or carried(stands, even=True) < asked:
        short = carried(_again(stands, larger), even=True) < load.now * (1 - ROUNDING)
        more = _spilled(seen, larger) if short else larger
        return {key: count + waiting.get(key, 0) for key, count in more.items()}
    # Less is wanted only of what all stands and is all that serves: what starts has shown nothing, and what is left over goes first.
    settled = all(p.ready >= here[p.key] for p in members) and not any(p.ready > 0 and p.key not in now for p in seen.snapshot.placements)
    if not settled or (seen.strain.n == 0 and load.n > 0):
        return now
    if any(waiting.values()) and carried(stands, even=True) < load.crest / DOWN_MARGIN:
        return now
    smaller = _placed(here, shrunk(stands, max(asked, load.crest / DOWN_MARGIN), rules))
    if smaller == here and not any(waiting.values()) and _may_try_less(seen, members):
        dearest = max((s for s in stands if s.replicas > s.least), key=lambda s: (s.cost / s.capacity, s.pool), default=None)
        smaller = {key: n - (dearest is not None and str(key) == dearest.pool) for key, n in here.items()}
    limit = min((at for p in members if (at := seen.broke_at(p.key)) is not None), default=None)
    if limit is not None and sum(smaller.values()) < sum(now.values()) and load.crest >= limit * max(1, sum(smaller.values())):
        return now  # So few have broken the promise at this load, whatever their capacity was taken for.
    return smaller


def failed(seen: Situation) -> Placement | None:
    """What stands beside home and never came to serve there, or never will again: the load it was meant for is carried elsewhere."""
    dead = (p for p in beside(seen) if p.ready == 0 and p.crashing > 0)
    return next((p for p in dead if p.key not in seen.kept or outlived(seen, p)), None)


def _owed(seen: Situation, now: Mapping[PlacementKey, int]) -> Mapping[PlacementKey, int] | None:
    """With replicas on one pool more, where the user asks for it whatever the load: pools with a least number, and families; None: all is
    as asked, or nothing can be done about it."""
    workload = seen.snapshot.workload
    families = {o.candidate.pool.family for key in now if (o := seen.option(key.pool)) is not None}
    standing = {key.pool for key in now}
    if seen.snapshot.memory.move is not None or any(p.key not in now and p.desired > 0 for p in seen.snapshot.placements):
        return None
    room = workload.scaling.maximum - sum(now.values())
    for option in sorted(seen.options, key=lambda o: (o.each is None, (o.each or 0.0), o.pool)):
        least = workload.pools.get(option.pool, PoolChoice()).minimum
        other = len(families) < workload.min_families and option.candidate.pool.family not in families
        if option.pool in standing or not (least > 0 or other) or room < max(1, least) or not _open(seen, option, now):
            continue
        assert option.candidate.revision is not None
        return {**now, PlacementKey(option.pool, option.candidate.revision): max(1, least)}
    return None


def _may_try_less(seen: Situation, members: tuple[Placement, ...]) -> bool:
    """One replica less may be tried: what one can carry is not known, and all answer in half the time that they may take."""
    total = sum(p.desired for p in members)
    if total < 2 or total / (total - 1) > PROBE or total <= seen.snapshot.workload.scaling.least or seen.strain.result is not Result.PASS:
        return False
    return all(p.ready == p.desired and seen.only_carried(p.key) and answers_fast(seen, p.key) for p in members)


def _full(seen: Situation, home: Placement, wanted: int) -> bool:
    """Whether the load of now needs more than home's pool, and not the user, allows; or the promise is broken with all that it holds."""
    option, capacity = seen.option(home.key.pool), seen.capacity(home.key)
    if option is None or seen.load is None or not isinstance(seen.traffic(home.key), Fresh) or wanted < option.most:
        return False
    broken = seen.promise_at(home).result is Result.FAIL and home.ready >= wanted
    return broken or (capacity is not None and seen.load.now * (1 - ROUNDING) > wanted * capacity)


def _spilled(seen: Situation, now: Mapping[PlacementKey, int]) -> Mapping[PlacementKey, int]:
    """With replicas on one pool more, the cheapest that carries what is too much for these; the measured before those that were not."""
    stands, load = _stands(seen, now, frozenset()), seen.load
    if stands is None or load is None:
        return now
    asked = load.now * (1 - ROUNDING)
    if seen.strain.result is Result.FAIL:
        asked = max(asked, carried(stands, even=True) * (1 + ROUNDING))
    room = seen.snapshot.workload.scaling.maximum - sum(now.values())
    found: list[tuple[bool, bool, float, str, PlacementKey, int]] = []
    for option in seen.options:
        if room < 1 or not _open(seen, option, now):
            continue
        assert option.capacity is not None
        assert option.candidate.revision is not None
        key = PlacementKey(option.pool, option.candidate.revision)
        measured = option.capacity.basis is Basis.MEASURED
        stand = Stand(
            pool=str(key),
            replicas=0,
            capacity=option.capacity.rate.point if measured else option.capacity.rate.lower,
            cost=option.each or 0.0,
            start=START_SECONDS,
            drain=DRAIN_SECONDS,
            most=min(option.most, room),
            family=option.candidate.pool.family,
            spot=option.candidate.pool.spot,
        )
        more = (*(replace(s, most=s.replicas) for s in stands), stand)
        count = grown(more, lambda _: asked, _rules(seen))[-1]
        if count:
            enough = carried((*stands, replace(stand, replicas=count)), even=True) >= asked
            found.append((not measured, not enough, count * stand.cost, option.pool, key, count))
    if not found:
        return now
    *_, key, count = min(found)
    return {**now, key: count}


def _open(seen: Situation, option: Option, now: Mapping[PlacementKey, int]) -> bool:
    """Whether replicas may be put there for want of room elsewhere: a pool too small for all is good for a part."""
    refused = option.refusal is not None and not option.only_for_part
    if refused or option.most < 1 or option.candidate.revision is None:
        return False
    percent = seen.snapshot.workload.max_spot_percent
    if option.candidate.pool.spot and percent * (sum(now.values()) + 1) < 100:
        return False
    if option.each is None or option.capacity is None or any(key.pool == option.pool for key in now):
        return False
    return not seen.shut(option)


def _stands(seen: Situation, now: Mapping[PlacementKey, int], full: frozenset[PlacementKey]) -> tuple[Stand, ...] | None:
    """In order of the keys; None where one of them is not known well enough to count on. full: those that get no nodes now."""
    found = []
    for key, count in sorted(now.items()):
        option = seen.option(key.pool)
        capacity = seen.capacity(key) or (option.capacity.rate.lower if option and option.capacity else None)
        if option is None or not capacity:
            return None
        choice = seen.snapshot.workload.pools.get(key.pool, PoolChoice())
        found.append(
            Stand(
                pool=str(key),
                replicas=count,
                capacity=capacity,
                cost=option.each or 1.0,
                start=START_SECONDS,
                drain=DRAIN_SECONDS,
                # What stands may stay.
                most=count if key in full else max(count, option.most),
                least=choice.minimum,
                family=option.candidate.pool.family,
                spot=option.candidate.pool.spot,
            )
        )
    return tuple(found)


def _rules(seen: Situation) -> Rules:
    workload = seen.snapshot.workload
    return Rules(
        minimum=workload.scaling.least,
        maximum=workload.scaling.maximum,
        families=workload.min_families,
        spot_percent=workload.max_spot_percent,
    )


def _placed(now: Mapping[PlacementKey, int], counts: tuple[int, ...]) -> dict[PlacementKey, int]:
    return dict(zip(sorted(now), counts, strict=True))


def _again(stands: tuple[Stand, ...], counts: Mapping[PlacementKey, int]) -> tuple[Stand, ...]:
    return tuple(replace(s, replicas=n) for s, (_, n) in zip(stands, sorted(counts.items()), strict=True))
