"""Cheaper allocations as measured: for each pool, the best that it could take over of what stands, all of it or a part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from statistics import fmean
from typing import NamedTuple

from steelyard.core.facts.identity import on_pool
from steelyard.core.planning.exact import cheapest, least_with
from steelyard.core.planning.one_place import one_place_each
from steelyard.core.planning.option import Option, good_for_part
from steelyard.core.planning.problem import Offer, Problem
from steelyard.core.rebalancing.grounds import Grounds
from steelyard.core.statistics.interval import Interval

_ROUNDING = 1e-9
_SURELY = 1e-6
"""Part of its cost by which a plan surely costs more, however it is rounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """An allocation in which one pool, `target`, grows from `base` to `target_replicas` and the others shrink. `source` is the one that gives up
    most money, and keeps `source_replicas`; what others keep beyond their need is trimmed afterwards.

    present, cost: money per hour that the load needs, on what stands and with the target: means over usual loads (`Load.usual`).
    """

    source: str
    target: Option
    source_replicas: int
    target_replicas: int
    base: int
    present: Interval
    cost: Interval

    @property
    def whole(self) -> bool:
        """Whether nothing stays at the source."""
        return self.source_replicas == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """How an allocation is looked for. end: of each capacity's interval. added: part of its hourly cost that a replica more costs besides. least,
    most: replicas by pool, where others are bound than those of the user and the pool."""

    end: str = "point"
    added: float = 0.0
    least: Mapping[str, int] = field(default_factory=dict)
    most: Mapping[str, int] = field(default_factory=dict)


def alternatives(grounds: Grounds) -> tuple[Alternative, ...]:
    """Every allocation of measured pools that costs less than what stands; none where what stands is not measured. The fleet's own plan for the
    workload comes first, and then the cheapest. What others leave no room for is among them, and what of it there is room for."""
    known = _measured(grounds)
    if known is None:
        return ()
    wanted = _fleets_own(grounds, known)
    grown = tuple(_grown(grounds, known, wanted))
    if not grown:
        return ()
    present = _present(grounds, known)
    found = [each for growth in grown if (each := _alternative(grounds, known, growth, present)) is not None]
    return tuple(sorted(found, key=lambda a: (a.target.pool not in wanted, round(a.cost.point, 9), not a.whole, a.source, a.target.pool)))


def _measured(grounds: Grounds) -> Mapping[str, Option] | None:
    """The measured pools that an allocation may use, by name; None where a pool that stands has no figures to compare with."""
    known = {o.pool: o for o in grounds.options if o.measured and (good_for_part(o) or o.pool in grounds.standing)}
    return None if any(pool not in known or known[pool].figures is None for pool in grounds.standing) else known


class _Growth(NamedTuple):
    """An allocation in which `target` grows, and `source` gives up most money."""

    target: str
    source: str
    plan: Mapping[str, int]


def _alternative(grounds: Grounds, known: Mapping[str, Option], growth: _Growth, present: Interval) -> Alternative | None:
    """The allocation with its cost; None where it saves nothing."""
    target, source, plan = growth
    point = _mean_cost(grounds, known, plan, "point")
    if point >= present.point - _ROUNDING:
        return None
    few, many = (_mean_cost(grounds, known, plan, end) for end in ("upper", "lower"))
    return Alternative(
        source=source,
        target=known[target],
        source_replicas=plan.get(source, 0),
        target_replicas=plan[target],
        base=grounds.standing.get(target, 0),
        present=present,
        cost=Interval(point, min(point, few), max(point, many)),
    )


def _grown(grounds: Grounds, known: Mapping[str, Option], wanted: Mapping[str, Mapping[str, int]]) -> Iterator[_Growth]:
    """Every allocation in which a pool grows. wanted: the fleet's own plan, by the pool that grows in it."""
    sizing = Sizing(added=grounds.amortised)
    resized = _resized(grounds, known, sizing)
    for target in sorted(known):
        for plan in _plans(grounds, known, target, wanted.get(target), resized, sizing):
            source = _source(grounds, known, plan)
            if source is not None and plan.get(target, 0) > grounds.standing.get(target, 0):
                yield _Growth(target, source, plan)


class _Resized(NamedTuple):
    """The cheapest plan on the pools that stand, None where they cannot carry the load. paid: money per hour, its moves included."""

    plan: Mapping[str, int] | None
    paid: float


def _resized(grounds: Grounds, known: Mapping[str, Option], sizing: Sizing) -> _Resized:
    alone = _problem(grounds, known, grounds.standing.keys(), grounds.load.soon, sizing)
    plan = cheapest(alone)
    return _Resized(plan, inf if plan is None else sum(offer.paid(plan.get(offer.pool, 0)) for offer in alone.offers))


def _plans(
    grounds: Grounds, known: Mapping[str, Option], target: str, own: Mapping[str, int] | None, resized: _Resized, sizing: Sizing
) -> Iterator[Mapping[str, int]]:
    """The cheapest plan on what stands and the target, and a second one where the first has more replicas there than others leave
    room for. own: the fleet's plan, which replaces the first."""
    # Of the variants on a pool there is one in the end.
    pools = {target, *(place for place in grounds.standing if on_pool(place) != on_pool(target))}
    within = partial(_within, grounds, known, target, pools, resized.paid)
    plan = own or (resized.plan if pools == grounds.standing.keys() else within(sizing))
    if plan is None:
        return
    yield plan
    stands = grounds.standing.get(target, 0)
    room = max(stands, grounds.room(known[target]))
    if plan.get(target, 0) > room > stands:
        fits = within(replace(sizing, most={target: room}))
        if fits is not None:
            yield fits


def _within(
    grounds: Grounds, known: Mapping[str, Option], target: str, pools: Set[str], paid: float, sizing: Sizing
) -> Mapping[str, int] | None:
    """The cheapest on these pools, with one on the target at least; None where that surely costs more than what stands, resized."""
    asked = _problem(grounds, known, pools, grounds.load.soon * max(1.0, known[target].reserve), sizing)
    return None if least_with(asked, target) > paid * (1 + _SURELY) else cheapest(asked)


def _fleets_own(grounds: Grounds, known: Mapping[str, Option]) -> dict[str, Mapping[str, int]]:
    """The fleet's plan for the workload, by the one pool that grows in it; none where none does or several do, where it has pools that are not
    measured, and where it does not carry today's load."""
    plan = _planned(grounds, known)
    more = [pool for pool, count in plan.items() if count > grounds.standing.get(pool, 0)]
    if len(more) != 1:
        return {}
    carried = _carried(known, plan)
    return {} if carried is None or carried < grounds.load.soon * (1 - _ROUNDING) else {more[0]: plan}


def _planned(grounds: Grounds, known: Mapping[str, Option]) -> Mapping[str, int]:
    """Replicas by place in the fleet's plan, which counts by pool; empty without a plan."""
    target = grounds.snapshot.target
    if target is None or not target.replicas:
        return {}
    places = {o.candidate.pool.of: o.pool for o in one_place_each(known.values(), grounds.standing)}
    return {places.get(pool, pool): count for pool, count in target.replicas.items() if count}


def _carried(known: Mapping[str, Option], plan: Mapping[str, int]) -> float | None:
    """Requests per second that the plan carries where every replica gets an equal part; None where one of its pools is not measured."""
    rates = [o.carries.point for pool in plan if (o := known.get(pool)) is not None and o.carries is not None]
    return None if len(rates) < len(plan) else sum(plan.values()) * min(rates)


def _source(grounds: Grounds, known: Mapping[str, Option], plan: Mapping[str, int]) -> str | None:
    """The pool that gives up most money; None where none gives up anything."""
    prices = {pool: grounds.price(known[pool]) for pool in grounds.standing}
    given = {pool: prices[pool].of(count) - prices[pool].of(plan.get(pool, 0)) for pool, count in grounds.standing.items()}
    most = max(sorted(given), key=lambda pool: given[pool])
    return most if given[most] > 0 else None


def standing_cost(grounds: Grounds, *, ends: bool = True) -> Interval | None:
    """Money per hour of what stands, as it is sized for usual loads; None where the figures of a pool of it are not known. ends: whether its interval
    is asked for, which takes three times as long to find of several pools."""
    known = {pool: o for pool in grounds.standing if (o := grounds.option(pool)) is not None and o.figures is not None}
    return _present(grounds, known, ends=ends) if known.keys() == grounds.standing.keys() else None


def _present(grounds: Grounds, known: Mapping[str, Option], *, ends: bool = True) -> Interval:
    """Money per hour of what stands, as it is sized for usual loads."""
    if len(grounds.standing) == 1:
        (pool,) = grounds.standing
        needed = grounds.cost(known[pool])
        assert needed is not None
        return needed
    mean = _mean_cost(grounds, known, grounds.standing, "point")
    if mean == inf:
        mean = _money(grounds, known, grounds.standing)
    few, many = (_mean_cost(grounds, known, grounds.standing, end) for end in ("upper", "lower")) if ends else (mean, mean)
    return Interval(mean, min(mean, few), max(mean, many) if many < inf else mean)


def _mean_cost(grounds: Grounds, known: Mapping[str, Option], plan: Mapping[str, int], end: str) -> float:
    """Money per hour of an allocation as a mean over usual loads, at that end of the interval of all capacities: what is too much for one goes, and
    what is missing for one is added beside it. Infinite where that does not carry one of them."""
    # What serves together is kept ready for as long as the slowest of it takes to start.
    reserve = max((known[pool].reserve for pool, count in plan.items() if count), default=1.0)
    costs = {rate: _money(grounds, known, _sized(grounds, known, plan, reserve * rate, end)) for rate in set(grounds.load.usual)}
    return fmean([costs[rate] for rate in grounds.load.usual])


def _sized(grounds: Grounds, known: Mapping[str, Option], plan: Mapping[str, int], rate: float, end: str) -> Mapping[str, int] | None:
    pools = {*grounds.standing, *plan}
    stays = {pool: plan.get(pool, 0) for pool in pools}
    less = _plan(grounds, known, pools, rate, Sizing(end=end, most=stays))
    return less or _plan(grounds, known, pools, rate, Sizing(end=end, least=stays))


def _money(grounds: Grounds, known: Mapping[str, Option], plan: Mapping[str, int] | None) -> float:
    return inf if plan is None else sum(grounds.price(known[pool]).of(count) for pool, count in plan.items())


def _plan(grounds: Grounds, known: Mapping[str, Option], pools: Set[str], rate: float, sizing: Sizing) -> Mapping[str, int] | None:
    """Replicas by pool: the cheapest on these pools together."""
    return cheapest(_problem(grounds, known, pools, rate, sizing))


def _problem(grounds: Grounds, known: Mapping[str, Option], pools: Set[str], rate: float, sizing: Sizing) -> Problem:
    workload = grounds.snapshot.workload
    offers = tuple(_offer(grounds, known[pool], sizing) for pool in sorted(pools))
    return Problem(
        load=rate,
        minimum=workload.scaling.least,
        maximum=max(workload.scaling.maximum, grounds.replicas),
        offers=tuple(o for o in offers if o.most > 0),
        min_families=workload.min_families,
        max_spot_percent=workload.max_spot_percent,
        equal_share=not grounds.snapshot.weighted,
    )


def _offer(grounds: Grounds, option: Option, sizing: Sizing) -> Offer:
    assert option.capacity is not None
    count, pool, price = grounds.standing.get(option.pool, 0), option.pool, grounds.price(option)
    most = max(option.most, count)
    return Offer(
        pool=pool,
        family=option.candidate.pool.family,
        spot=option.candidate.pool.spot,
        capacity=getattr(option.capacity.rate, sizing.end),
        cost=price.each,
        least=max(min(grounds.choice(pool).minimum, most), sizing.least.get(pool, 0)),
        most=min(most, sizing.most.get(pool, most)),
        current=count,
        added=sizing.added * price.each,
        allotted=price.allotted,
        worth=price.worth,
    )
