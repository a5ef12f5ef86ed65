"""How many replicas the load needs, at home and of what no move speaks of."""

from __future__ import annotations

from dataclasses import replace

from steelyard.core.facts.snapshot import Placement, PlacementKey
from steelyard.core.placing.fresh import unfresh
from steelyard.core.placing.situation import SIZING_SAMPLE, Situation
from steelyard.core.placing.standing import beside, others_of_move
from steelyard.core.planning.load import RECENT
from steelyard.core.planning.sizing import PROBE, need, size
from steelyard.core.statistics.sequential import Result
from steelyard.core.vocabulary.reading import Fresh

HEADROOM = 0.5
"""Part of the objective's time that the slowest hundredth may take where a replica less is tried."""


def sized(seen: Situation, home: PlacementKey, placement: Placement) -> int:
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
        # During a move the source only grows: its need for what others do not carry, unless a drain has begun.
        if capacity is None:
            return placement.desired
        others, slowest = others_of_move(seen)
        carrying = min(capacity, slowest) if slowest else capacity
        return max(placement.desired, min(most, need(seen.load.now, carrying, least, most + others) - others))
    # Where capacity is only a load that was carried, every forecast is beyond it and says nothing.
    load = replace(seen.load, soon=None) if seen.only_carried(home) else seen.load
    wanted = size(
        placement.desired,
        load,
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
    if not answers_fast(seen, placement.key):
        return False
    limit = seen.broke_at(placement.key)
    return limit is None or seen.load.crest / (placement.desired - 1) < limit


def answers_fast(seen: Situation, key: PlacementKey) -> bool:
    """Whether even the slowest hundredth took no more than HEADROOM of its time in every recent window. Not told is not fast."""
    times = [w.p99_milliseconds for w in seen.windows(key)[-RECENT:]]
    most = min((o.milliseconds for o in seen.snapshot.workload.latency), default=None)
    return most is not None and bool(times) and all(t is not None and t <= HEADROOM * most for t in times)


def _trusted(seen: Situation, key: PlacementKey) -> float | None:
    """Requests per second that a replica may be asked for when others leave: a little above what it was seen to carry, where that is all we know."""
    capacity = seen.capacity(key)
    return capacity * PROBE if capacity and seen.only_carried(key) and answers_fast(seen, key) else capacity


def carries(seen: Situation, placement: Placement, wanted: int) -> bool:
    """Whether home, with what stands beside it, is known to carry the whole load alone."""
    members = (placement, *beside(seen))
    if seen.load is None or placement.ready < max(1, wanted) or any(unfresh(seen, p.key, p) is not None for p in members):
        return False
    serving = [p for p in members if p.ready > 0]
    trusted = [_trusted(seen, p.key) for p in serving]
    known = [t for t in trusted if t]
    if len(known) < len(serving):
        return seen.load.n < SIZING_SAMPLE
    return sum(p.ready for p in serving) * min(known) >= seen.load.busiest


def leftovers(seen: Situation, home: PlacementKey, placement: Placement, wanted: int) -> dict[PlacementKey, int]:
    """Replicas of placements that no move speaks of, as a lost status leaves them: they go one by one, as far as the rest carries the load.

    Where home and what is beside it carry it alone they are not wanted at all, and `_gone` removes them.
    """
    members = {home, *(p.key for p in beside(seen))}
    others = sorted((p for p in seen.snapshot.placements if p.key not in members and p.desired > 0), key=lambda p: p.key)
    if carries(seen, placement, wanted):
        return {}
    if seen.load is None or seen.promise.result is Result.FAIL:
        return {p.key: p.desired for p in others}
    total = placement.ready + sum(p.ready for p in others)
    trusted = _trusted(seen, home)
    unread = any(unfresh(seen, p.key, p) for p in (placement, *others))
    step = 1 if not unread and trusted is not None and (total - 1) * trusted >= seen.load.busiest else 0
    first = next((p for p in others if p.replicas_owner is None), None)
    return {p.key: p.desired - step if p is first else p.desired for p in others}
