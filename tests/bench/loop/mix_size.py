"""The fast loop over a mix of pools: replicas that carry what the load may be when they are ready, and no more.

Growth is the cheapest way up from what stands, each pool ordered only when its own start-up time makes it necessary; shrinking is the cheapest
part of what stands that is still enough. A load never makes replicas change places: what only money asks for is a move.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

from steelyard.core.planning.exact import solve
from steelyard.core.planning.outcome import Planned
from steelyard.core.planning.problem import Offer, Problem

ANY = 10**6
LIFE = 3600.0
"""Seconds that a replica is expected to stay: its start-up and drain are paid over these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Replicas of one pool, ready or ordered. capacity: requests per second each. cost: money per hour each. start, drain: seconds that one
    is paid for without serving. least, most: replicas that may stand there."""

    pool: str
    replicas: int
    capacity: float
    cost: float
    start: float
    drain: float
    most: int
    least: int = 0
    family: str = ""
    spot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What holds for all replicas together. even: each gets as much as the slowest; minimum, maximum: replicas; families: accelerator
    families that must be used; spot_percent: of all replicas that may be spot."""

    even: bool = True
    minimum: int = 0
    maximum: int = ANY
    families: int = 1
    spot_percent: int = 100


def carried(stands: Sequence[Stand], *, even: bool) -> float:
    """Requests per second that these carry. even: each replica gets as much as the slowest."""
    used = [s for s in stands if s.replicas]
    if even:
        return sum(s.replicas for s in used) * min((s.capacity for s in used), default=0.0)
    return sum(s.replicas * s.capacity for s in used)


def grown(stands: Sequence[Stand], need: Callable[[float], float], rules: Rules) -> tuple[int, ...]:
    """Replicas to have ordered. need: requests per second to be carried so many seconds from now. Where the limits allow no plan, the pools
    that could help are filled: too few good requests are better than fewer."""
    wanted = [s.replicas for s in stands]
    starts = sorted({s.start for s in stands}, reverse=True)
    if not stands or carried(stands, even=rules.even) >= max(need(start) for start in starts):
        return tuple(wanted)
    for start in starts:
        load = need(start)
        # Slower pools have had their turn; of those that are faster only as much is ordered now as is needed at their own time.
        # Spread evenly, a fast one counts as a slow one.
        slowest = min(s.capacity for s in stands)
        room = [max(s.replicas, min(s.most, s.replicas + ceil(load / (slowest if rules.even else s.capacity)))) for s in stands]
        limits = [room[at] if s.start <= start else wanted[at] for at, s in enumerate(stands)]
        plan = _cheapest(stands, load, wanted, limits, rules) or _filled(stands, wanted, limits, rules)
        wanted = [max(wanted[at], plan[at]) if s.start == start else wanted[at] for at, s in enumerate(stands)]
    return tuple(wanted)


def shrunk(stands: Sequence[Stand], held: float, rules: Rules) -> tuple[int, ...]:
    """Replicas to keep. held: requests per second that must stay carried."""
    now = [s.replicas for s in stands]
    smallest = min((s.capacity for s in stands if s.replicas > s.least), default=None)
    if smallest is None or (not rules.even and carried(stands, even=False) - smallest < held):
        return tuple(now)
    plan = _cheapest(stands, held, [min(s.least, s.replicas) for s in stands], now, rules)
    return tuple(plan or now)


def _cheapest(stands: Sequence[Stand], load: float, least: Sequence[int], most: Sequence[int], rules: Rules) -> list[int] | None:
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
        )
        for at, s in enumerate(stands)
        if most[at] > 0
    )
    outcome = solve(
        Problem(
            load=load,
            minimum=min(rules.minimum, sum(most)),
            maximum=min(rules.maximum, sum(most)),
            offers=offers,
            min_families=min(rules.families, len({o.family for o in offers})),
            max_spot_percent=rules.spot_percent,
            equal_share=rules.even,
        )
    )
    return [outcome.replicas.get(f"{at:03}", 0) for at in range(len(stands))] if isinstance(outcome, Planned) else None


def _filled(stands: Sequence[Stand], wanted: Sequence[int], limits: Sequence[int], rules: Rules) -> list[int]:
    """Up to the limits, the cheapest capacity first. More spot than may be is not better."""
    filled = list(wanted)
    for at in sorted(range(len(stands)), key=lambda at: (stands[at].spot, stands[at].cost / stands[at].capacity, at)):
        room = rules.maximum - sum(filled)
        if stands[at].spot and rules.spot_percent < 100:
            spot = sum(n for n, s in zip(filled, stands, strict=True) if s.spot)
            firm = sum(filled) - spot
            room = min(room, rules.spot_percent * firm // (100 - rules.spot_percent) - spot)
        filled[at] += max(0, min(limits[at] - filled[at], room))
    return filled


def cheaper(stands: Sequence[Stand], held: float, payback: float, rules: Rules) -> tuple[int, ...]:
    """What stands and the replicas of a cheaper mix that are not there yet, where their start is earned within `payback` seconds. Once they
    are ready, shrinking takes away what they replace."""
    now = tuple(s.replicas for s in stands)
    room = [max(s.replicas, min(s.most, ceil(held / s.capacity) + 1)) for s in stands]
    plan = _cheapest(stands, held, [s.least for s in stands], room, rules)
    if plan is None:
        return now
    saved = sum((n - m) * s.cost for s, n, m in zip(stands, now, plan, strict=True)) * payback / 3600
    paid = sum(max(0, m - n) * s.cost * (s.start + s.drain) for s, n, m in zip(stands, now, plan, strict=True)) / 3600
    return tuple(max(n, m) for n, m in zip(now, plan, strict=True)) if saved > paid else now
