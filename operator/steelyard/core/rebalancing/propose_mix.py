"""A cheaper mix: from one of the pools that hold the load to another one, as many replicas as pay, and as many left as its limits ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from steelyard.core.facts.memory import Memory
from steelyard.core.facts.snapshot import PoolChoice, Snapshot
from steelyard.core.planning.exact import solve
from steelyard.core.planning.load import Load
from steelyard.core.planning.option import Option, good_for_part
from steelyard.core.planning.outcome import Planned
from steelyard.core.planning.problem import Offer, Problem
from steelyard.core.statistics.interval import Interval

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """From pool `source`, which keeps `source_replicas`, to `target`, which then has `target_replicas`, `base` of them already.

    present, cost: money per hour of all that holds the load, now and then, at the load's crest; calm: then, at its mean.
    """

    source: str
    target: Option
    source_replicas: int
    target_replicas: int
    base: int
    present: Interval
    cost: Interval
    calm: Interval


def standing(snapshot: Snapshot, home_pool: str) -> Mapping[str, int]:
    """Replicas wanted of home and of what stands beside it, by pool."""
    memory: Memory = snapshot.memory
    members = {(memory.home_pool, memory.home_revision), *memory.beside}
    found = {p.key.pool: p.desired for p in snapshot.placements if (p.key.pool, p.key.revision) in members}
    return found or {home_pool: max((p.desired for p in snapshot.placements if p.key.pool == home_pool), default=0)}


def cheaper_mixes(
    snapshot: Snapshot, options: tuple[Option, ...], now: Mapping[str, int], load: Load, move_cost_per_hour: float
) -> tuple[Mix, ...]:
    """Every pair of pools whose load one could take over from the other at less cost, the cheapest first. Measured pools only."""
    known = {o.pool: o for o in options if o.measured and good_for_part(o)}
    if any(pool not in known for pool in now):
        return ()
    paid = sum(count * (known[pool].each or 0.0) for pool, count in now.items())
    found = []
    for source in sorted(now):
        for target in sorted(known):
            if target == source or (target not in now and known[target].most < 1):
                continue
            plan = _plan(snapshot, known, now, source, target, load.crest, "point", move_cost_per_hour)
            if plan is None or plan.get(target, 0) <= now.get(target, 0) or plan.get(source, 0) >= now[source]:
                continue
            cost = _interval(snapshot, known, now, source, target, load.crest)
            if cost.point < paid - _ROUNDING:
                found.append(
                    Mix(
                        source=source,
                        target=known[target],
                        source_replicas=plan.get(source, 0),
                        target_replicas=plan[target],
                        base=now.get(target, 0),
                        present=Interval(paid, paid, paid),
                        cost=cost,
                        calm=_interval(snapshot, known, now, source, target, load.mean),
                    )
                )
    return tuple(sorted(found, key=lambda m: (round(m.cost.point, 9), m.source_replicas > 0, m.source, m.target.pool)))


def _interval(snapshot: Snapshot, known: Mapping[str, Option], now: Mapping[str, int], source: str, target: str, rate: float) -> Interval:
    """Money per hour over the interval of all capacities; infinite where the lower ones carry it no more."""
    point, few, many = (_money(known, _plan(snapshot, known, now, source, target, rate, end, 0.0)) for end in ("point", "upper", "lower"))
    return Interval(point, min(point, few), max(point, many))


def _money(known: Mapping[str, Option], plan: Mapping[str, int] | None) -> float:
    return inf if plan is None else sum(count * (known[pool].each or 0.0) for pool, count in plan.items())


def _plan(
    snapshot: Snapshot,
    known: Mapping[str, Option],
    now: Mapping[str, int],
    source: str,
    target: str,
    rate: float,
    end: str,
    move_cost_per_hour: float,
) -> Mapping[str, int] | None:
    """The cheapest with the other pools as they are."""
    workload = snapshot.workload
    offers = []
    for pool in sorted({*now, target}):
        option, count = known[pool], now.get(pool, 0)
        assert option.capacity is not None
        assert option.each is not None
        free = pool in {source, target}
        choice = workload.pools.get(pool, PoolChoice())
        offers.append(
            Offer(
                pool=pool,
                family=option.candidate.pool.family,
                spot=option.candidate.pool.spot,
                capacity=getattr(option.capacity.rate, end),
                cost=option.each,
                least=choice.minimum if free else count,
                most=max(option.most, count) if free else count,
                current=count,
                added=move_cost_per_hour * option.each if pool == target else 0.0,
            )
        )
    outcome = solve(
        Problem(
            load=rate,
            minimum=workload.scaling.least,
            maximum=max(workload.scaling.maximum, sum(now.values())),
            offers=tuple(o for o in offers if o.most > 0),
            min_families=workload.min_families,
            max_spot_percent=workload.max_spot_percent,
        )
    )
    return outcome.replicas if isinstance(outcome, Planned) else None
