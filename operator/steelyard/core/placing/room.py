"""Where replicas stand, and where more may be added now: the two sides of what a repair chooses from."""

from __future__ import annotations

from math import inf

from steelyard.core.facts.identity import PlacementKey, on_pool
from steelyard.core.facts.snapshot import Placement
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.supply import coming, lost, starts_on
from steelyard.core.planning.choice_price import ChoicePrice, choice_price
from steelyard.core.planning.enough import START_SECONDS, Rules, Stand
from steelyard.core.planning.one_place import one_place_each
from steelyard.core.planning.option import Eligible, Option, Refused
from steelyard.core.vocabulary.reason import AWAITED, Reason

UNPRICED = 1000.0
"""Times the highest price that is known: a pool without a price serves where no other can, and nowhere else."""


def rules_of(seen: Analysis) -> Rules:
    """What the user asks of all replicas together."""
    workload = seen.snapshot.workload
    return Rules(
        minimum=workload.scaling.least,
        maximum=workload.scaling.maximum,
        families=workload.min_families,
        spot_percent=workload.max_spot_percent,
        weighted=seen.snapshot.weighted,
    )


def standing(seen: Analysis) -> tuple[Stand, ...]:
    """The members with the replicas that are ready or surely coming, in order of key."""
    return tuple(_member(seen, p) for p in seen.members)


def openings(seen: Analysis) -> tuple[Stand, ...]:
    """Placements without a replica that one may be added to now, in order of pool. Where nothing serves and no load is known, what counts is
    what a request would cost there, and not what a replica does. Where nothing serves and every pool failed lately, they are tried again."""
    first = not seen.members and seen.load is None
    possible = [o for o in seen.options if (isinstance(o, Eligible) or o.only_for_part) and _has_room(seen, o)]
    if not possible and not seen.members:
        # Nowhere is the promise kept: late is better than never.
        possible = [o for o in seen.refused if o.refusal.reason is Reason.CANNOT_MEET_OBJECTIVE and _has_room(seen, o)]
    open_ = [o for o in possible if not seen.is_exhausted(o.pool) and not seen.is_quarantined(_key(seen, o))]
    return tuple(_opening(seen, option, first=first) for option in one_place_each(open_ or (() if seen.members else possible), {}))


def known_or_owed(seen: Analysis, stands: tuple[Stand, ...]) -> tuple[Stand, ...]:
    """Those whose capacity rests on traffic, or on which the user wants replicas in any case."""
    known = {o.pool for o in seen.options if o.measured}
    return tuple(s for s in stands if s.least or key_of(s).pool in known)


def key_of(stand: Stand) -> PlacementKey:
    """The placement that a stand stands for."""
    pool, _, revision = stand.name.rpartition("/")
    return PlacementKey(pool, revision)


def awaited(seen: Analysis) -> tuple[Refused, ...]:
    """Pools that would be open if what they wait for, such as their compile, had come."""
    return tuple(o for o in seen.refused if o.refusal.reason in AWAITED and o.room >= 1 and not seen.is_closed(o))


def price(seen: Analysis, option: Option | None) -> ChoicePrice:
    """What replicas there cost as a choice."""
    each = option.each if option and option.each else UNPRICED * max((o.each for o in seen.options if o.each), default=1.0)
    if option is None:
        return ChoicePrice(each)
    pool = option.candidate.pool.of
    standing = sum(p.desired for p in seen.members if on_pool(p.key.pool) == pool)
    return choice_price(each, option.node_part, pool, seen.snapshot.target, standing)


def _room(seen: Analysis, option: Option) -> int:
    """Replicas that fit on what others leave, and that the fleet's plan leaves to a workload that goes without."""
    most, pool = seen.snapshot.target.most if seen.snapshot.target else None, option.candidate.pool.of
    if most is None:
        return option.room
    variants = sum(p.desired for p in seen.members if p.key.pool != option.pool and on_pool(p.key.pool) == pool)
    return min(option.room, max(0, most.get(pool, 0) - variants))


def _member(seen: Analysis, placement: Placement) -> Stand:
    option, key = seen.option(placement.key.pool), placement.key
    choice, count = seen.snapshot.workload.choice(key.pool), coming(seen, placement)
    grows = lost(seen, placement) == 0 and not _is_shut(seen, key) and starts_on(seen, key.pool) == key
    room = _room(seen, option) if option else seen.snapshot.workload.scaling.maximum
    cost = price(seen, option)
    return Stand(
        name="/".join(key),
        replicas=count,
        capacity=_capacity(seen, placement),
        cost=cost.each,
        worth=cost.worth,
        allotted=cost.allotted,
        most=max(count, room) if grows else count,
        least=choice.minimum,
        start=_start(seen, key),
        family=option.candidate.pool.family if option else "",
        spot=option.candidate.pool.spot if option else False,
        measured=seen.capacity(key) is not None and not seen.only_carried(key),
    )


def _start(seen: Analysis, key: PlacementKey) -> float:
    """Seconds that a replica there is paid for before it serves, as measured."""
    took = seen.snapshot.start_seconds(*key)
    return START_SECONDS if took is None else took


def _is_shut(seen: Analysis, key: PlacementKey) -> bool:
    """Whether no replica more is asked for there: for want of nodes, or of quota."""
    return seen.is_exhausted(key.pool) or seen.asked_in_vain(key)


def _capacity(seen: Analysis, placement: Placement) -> float:
    """Requests per second that a replica of a member is taken to carry: as measured; of one that was not measured, what is claimed, or what it does
    carry where that is more."""
    return seen.capacity(placement.key) or max(seen.share(placement), seen.claimed(placement.key.pool) or 0.0) or _least_known(seen)


def _least_known(seen: Analysis) -> float:
    return min((o.capacity.rate.point for o in seen.options if o.capacity), default=1.0)


def _has_room(seen: Analysis, option: Option) -> bool:
    """Whether replicas can be put there for want of room elsewhere: a pool too small for all is good for a part."""
    key = starts_on(seen, option.pool)
    if _room(seen, option) < 1 or key is None:
        return False
    here = [p for p in seen.members if on_pool(p.key.pool) == option.candidate.pool.of]
    # What is added for want of room is more of what stands there; another variant beside it would be for money, which is a move.
    other = any(p.key.pool != option.pool and coming(seen, p) > 0 for p in here)
    return not other and all(p.key != key for p in here) and not any((p.unplaced or p.queued) and lost(seen, p) for p in here)


def _key(seen: Analysis, option: Option) -> PlacementKey:
    return starts_on(seen, option.pool) or PlacementKey(option.pool, "")


def _opening(seen: Analysis, option: Option, *, first: bool) -> Stand:
    capacity = option.capacity
    carries = capacity.rate.point if capacity else _least_known(seen)
    cost, key = price(seen, option), _key(seen, option)
    return Stand(
        name="/".join(key),
        replicas=0,
        capacity=carries,
        cost=cost.of(1) / carries if first else cost.each,
        worth=0.0 if first else cost.worth,
        allotted=cost.allotted,
        # A pool that delivered nothing is tried again with one replica.
        most=min(_room(seen, option), 1) if option.candidate.pool.exhaustion else _room(seen, option),
        least=seen.snapshot.workload.choice(option.pool).minimum,
        start=_start(seen, key),
        family=option.candidate.pool.family,
        spot=option.candidate.pool.spot,
        measured=option.limit is not None,
    )


def claimed_unit_cost(option: Option) -> tuple[float, str]:
    """What a request is taken to cost there, for an order of pools; those without figures come last."""
    return option.figures.per_request if option.figures else inf, option.pool
