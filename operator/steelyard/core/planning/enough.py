"""How many replicas carry a load, on several pools at once: what is added is the cheapest way up from what stands, what goes is the rest of the
cheapest part of it that is still enough. A load never makes replicas change places: what only money asks for is a move.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from math import ceil

from steelyard.core.planning.choice_price import charged
from steelyard.core.planning.exact import cheapest
from steelyard.core.planning.problem import Offer, Problem

LIFE = 3600.0
"""Seconds that a replica is expected to stay: its start-up and drain are paid over these."""
START_SECONDS = 120.0
DRAIN_SECONDS = 30.0
"""Of a replica where none has been seen."""


SLOWER = 2.0
"""Times as slow as all the others is what may be left out: less of a difference is not worth a change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Replicas of one placement, ready or surely coming. capacity: requests per second each, `measured` or not. cost: money per hour each. start,
    drain: seconds that one is paid for without serving. least, most: replicas that may stand there. worth, allotted: as in planning/choice_price.py."""

    name: str
    replicas: int
    capacity: float
    cost: float
    most: int
    least: int = 0
    start: float = START_SECONDS
    drain: float = DRAIN_SECONDS
    family: str = ""
    spot: bool = False
    worth: float = 0.0
    allotted: int = 0
    measured: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What holds for all replicas together. minimum, maximum: replicas; families: accelerator families that must be used; spot_percent: of all
    replicas that may be spot. weighted: a route sends each what it carries; else all get as much as the slowest bears."""

    minimum: int = 0
    maximum: int = 10**6
    families: int = 1
    spot_percent: int = 100
    weighted: bool = False


def carried(stands: Sequence[Stand], *, weighted: bool = False) -> float:
    """Requests per second that these carry where each replica gets as much as the slowest, or by weights what it carries itself."""
    used = [s for s in stands if s.replicas]
    if weighted:
        return sum(s.replicas * s.capacity for s in used)
    return sum(s.replicas for s in used) * min((s.capacity for s in used), default=0.0)


def suffices(stands: Sequence[Stand], load: float, rules: Rules) -> bool:
    """Whether these carry `load` requests per second and meet what the user asks for whatever the load."""
    used = [s for s in stands if s.replicas]
    return (
        carried(stands, weighted=rules.weighted) >= load
        and sum(s.replicas for s in used) >= rules.minimum
        and all(s.replicas >= min(s.least, s.most) for s in stands)
        and len({s.family for s in used}) >= rules.families
    )


def grown(stands: Sequence[Stand], load: float, rules: Rules) -> tuple[int, ...] | None:
    """Replicas to have ordered: the cheapest that suffice with none taken away; None where the limits allow no such plan."""
    now = [s.replicas for s in stands]
    # Spread evenly, a fast one counts as a slow one.
    slowest = min((s.capacity for s in stands), default=1.0)
    most = [max(s.replicas, min(s.most, s.replicas + max(ceil(load / slowest), rules.minimum, s.least))) for s in stands]
    return _cheapest(stands, load, [max(n, min(s.least, top)) for n, s, top in zip(now, stands, most, strict=True)], most, rules)


def outgrown(stands: Sequence[Stand], load: float, rules: Rules) -> tuple[int, ...] | None:
    """As `grown`; where that would add to a fast pool, the slow ones may be left out of the reckoning if that costs less: beside them a
    fast replica gets no more than a slow one bears. They stay until the others carry the load (`without_slower`)."""
    plain = grown(stands, load, rules)
    if plain is None or rules.weighted:
        return plain
    ways = [(sum(map(_paid, stands, plain)), 0, plain)]
    for left in _slowest_first(stands):
        rest = [at for at in range(len(stands)) if at not in left]
        counts = grown([stands[at] for at in rest], load, rules)
        more = dict(zip(rest, counts, strict=True)) if counts is not None else {}
        meanwhile = tuple(more.get(at, s.replicas) for at, s in enumerate(stands))
        elsewhere = any(n > stands[at].replicas and plain[at] == stands[at].replicas for at, n in more.items())
        too_many = sum(meanwhile) > max(rules.maximum, sum(s.replicas for s in stands))
        if elsewhere or too_many or not _far_slower(stands, left, [at for at, n in more.items() if n]):
            continue
        ways.append((sum(_paid(stands[at], n) for at, n in more.items()), len(left), meanwhile))
    return min(ways)[-1]


def without_slower(stands: Sequence[Stand], load: float, rules: Rules) -> tuple[int, ...] | None:
    """Replicas to keep where all together do not carry the load and the fastest of them alone do; None where there are no such."""
    if rules.weighted or suffices(stands, load, rules):
        return None
    for left in _slowest_first(stands):
        used = [at for at, s in enumerate(stands) if at not in left and s.replicas]
        if _far_slower(stands, left, used) and suffices([s for at, s in enumerate(stands) if at not in left], load, rules):
            return tuple(0 if at in left else s.replicas for at, s in enumerate(stands))
    return None


def _slowest_first(stands: Sequence[Stand]) -> list[frozenset[int]]:
    """What may be left out: the slowest that stand, then the next slowest with them, while all that is left is measured. What the user asks for by name
    stays."""
    slow = sorted({s.capacity for s in stands if s.replicas})
    sets = [frozenset(at for at, s in enumerate(stands) if s.capacity <= limit) for limit in slow]
    return [
        left
        for left in sets
        if all(stands[at].least == 0 for at in left) and all(s.measured for at, s in enumerate(stands) if at not in left)
    ]


def _far_slower(stands: Sequence[Stand], left: Set[int], used: Sequence[int]) -> bool:
    return bool(used) and SLOWER * max(stands[at].capacity for at in left) <= min(stands[at].capacity for at in used)


def _paid(stand: Stand, replicas: int) -> float:
    """Money per hour of so many, with the start of those that are new."""
    started = max(0, replicas - stand.replicas) * stand.cost * (stand.start + stand.drain) / LIFE
    return charged(replicas, stand.cost, stand.worth, stand.allotted) + started


def filled(stands: Sequence[Stand], load: float, rules: Rules) -> tuple[int, ...]:
    """Where nothing suffices: as much as the limits allow, the cheapest capacity first. Too few good requests are better than fewer; more
    spot than may be is not."""
    now = [s.replicas for s in stands]
    for at in sorted(range(len(stands)), key=lambda at: (stands[at].spot, stands[at].cost / stands[at].capacity, at)):
        slowest = min(s.capacity for this, s in enumerate(stands) if now[this] or this == at)
        missing = max(ceil(load / slowest), rules.minimum) - sum(now)
        if rules.weighted:
            short = load - sum(n * s.capacity for n, s in zip(now, stands, strict=True))
            missing = max(ceil(short / stands[at].capacity), rules.minimum - sum(now))
        after = [n + (min(missing, _room(stands, now, at, rules)) if at == this else 0) for this, n in enumerate(now)]
        if missing > 0 and (rules.weighted or _served(stands, after, load) > _served(stands, now, load)):
            now = after
    return tuple(now)


def _room(stands: Sequence[Stand], counts: Sequence[int], at: int, rules: Rules) -> int:
    room = min(stands[at].most - counts[at], rules.maximum - sum(counts))
    if stands[at].spot and rules.spot_percent < 100:
        spot = sum(n for n, s in zip(counts, stands, strict=True) if s.spot)
        firm = sum(counts) - spot
        room = min(room, rules.spot_percent * firm // (100 - rules.spot_percent) - spot)
    return max(0, room)


def shrunk(stands: Sequence[Stand], held: float, rules: Rules) -> tuple[int, ...]:
    """Replicas to keep. held: requests per second that must stay carried."""
    now = [s.replicas for s in stands]
    plan = _cheapest(stands, held, [min(s.least, s.replicas) for s in stands], now, rules)
    return plan or tuple(now)


def _served(stands: Sequence[Stand], counts: Sequence[int], load: float) -> float:
    """Requests per second that are answered in time where each replica gets an equal part of more than all can carry."""
    part = load / max(1, sum(counts))
    return sum(n * min(part, s.capacity) for n, s in zip(counts, stands, strict=True))


def _cheapest(stands: Sequence[Stand], load: float, least: Sequence[int], most: Sequence[int], rules: Rules) -> tuple[int, ...] | None:
    offers = tuple(
        Offer(
            pool=f"{at:03}",
            family=s.family,
            spot=s.spot,
            capacity=s.capacity,
            cost=s.cost,
            least=least[at],
            most=most[at],
            current=s.replicas,
            added=s.cost * (s.start + s.drain) / LIFE,
            worth=s.worth,
            allotted=s.allotted,
        )
        for at, s in enumerate(stands)
        if most[at] > 0
    )
    plan = cheapest(
        Problem(
            load=load,
            minimum=min(rules.minimum, sum(most)),
            maximum=max(rules.maximum, sum(least)),
            offers=offers,
            min_families=min(rules.families, len({o.family for o in offers})),
            max_spot_percent=rules.spot_percent,
            equal_share=not rules.weighted,
        )
    )
    return None if plan is None else tuple(plan.get(f"{at:03}", 0) for at in range(len(stands)))
