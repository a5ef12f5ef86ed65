"""Weights of a route: each backend gets its part of the requests by what its ready replicas carry, so that all replicas are loaded alike relative to
what they can carry.

While a move shifts requests the parts are somewhere between those before and those after it, and no backend is given more than SAFE of what its ready
replicas carry: what is too much for one goes to those that have room. Where all together have none, each gets its part by capacity, which loads none
more than another, and that is said (`Spread.overloaded`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Set
from dataclasses import dataclass
from math import inf
from typing import Generic, TypeVar

TOTAL = 1000
"""What the weights of a route add up to."""
SAFE = 0.8
"""Part of its measured capacity that a backend is asked for at most while requests are shifted."""
LITTLE = 0.05
"""Part of the requests that a backend of which nothing is measured gets at most beside measured ones."""
MORE = 1.5
"""Times what was carried that a backend is taken to carry where its limit was never seen: asked for no more than that, it would never show more."""
STALE = 0.1
"""By how much of itself a part may be off before the weights are written again; or by 1 / TOTAL of all requests, as whole weights are. The first share
of a move may be a few of these, and is to be served before the next."""

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Backend:
    """ready: replicas. capacity: requests per second that each carries; None where it was never measured. at_least: it carried that, and may carry
    more."""

    ready: int
    capacity: float | None = None
    at_least: bool = False

    @property
    def carries(self) -> float | None:
        """Requests per second of all of them, as far as is known."""
        if self.capacity is None:
            return None
        return self.ready * self.capacity * (MORE if self.at_least else 1.0)


@dataclass(frozen=True, slots=True)
class Spread(Generic[K]):
    """Parts of the requests by backend, which sum up to 1. overloaded: together they have not enough ready capacity for SAFE to hold."""

    parts: Mapping[K, float]
    overloaded: bool = False


def by_capacity(backends: Mapping[K, Backend]) -> dict[K, float]:
    """Parts in proportion to what the ready replicas carry. Of what was never measured, equal parts by replica, and LITTLE at most beside others that
    were. Where no replica is ready, equal parts: there is nothing that they could be by."""
    ready = {key: each.ready for key, each in backends.items()}
    if not any(ready.values()):
        return {key: 1.0 / len(backends) for key in backends}
    carried = {key: found for key, each in backends.items() if (found := each.carries)}
    if not carried:
        return _of_all(ready)
    unmeasured = {key: n for key, n in ready.items() if n and key not in carried}
    all_ready = sum(ready.values())
    small = {key: min(LITTLE, n / all_ready) for key, n in unmeasured.items()}
    rest, known = 1.0 - sum(small.values()), _of_all(carried)
    return {key: small.get(key, rest * known.get(key, 0.0)) for key in backends}


def between(before: Mapping[K, float], after: Mapping[K, float], way: float) -> dict[K, float]:
    """The parts when `way` of the way (0 to 1) from those before to those after is gone. What is within a bound at both ends is within it between."""
    return {key: (1 - way) * before.get(key, 0.0) + way * after.get(key, 0.0) for key in {**before, **after}}


def bounded(parts: Mapping[K, float], backends: Mapping[K, Backend], load: float | None, held: Set[K] = frozenset()) -> Spread[K]:
    """The parts with none above SAFE of the ready capacity at that load (requests per second; None where it is not known, and nothing is bounded but
    what is not ready). What was never measured is bounded by its equal part, as one Service would send it. held: those that get no more than their
    parts, whatever is too much for others."""
    most = {key: _most(each, backends, load) for key, each in backends.items()}
    most |= {key: min(most[key], parts[key]) for key in held}
    if not any(most.values()):
        return Spread(dict(parts))
    if sum(most.values()) < 1.0:
        return Spread(_of_all(most), overloaded=True)
    found = {key: min(part, most[key]) for key, part in parts.items()}
    # What is cut off goes to those with room, in proportion to it; after one round nobody is above its bound, for the room is enough for all of it.
    left = 1.0 - sum(found.values())
    room = {key: min(1.0, most[key]) - part for key, part in found.items()}
    total = sum(room.values())
    if left > 0 and total > 0:
        found = {key: part + left * room[key] / total for key, part in found.items()}
    return Spread(found)


def as_picked(parts: Mapping[K, float], ready: Mapping[K, int], backend: Callable[[K], Hashable]) -> dict[K, float]:
    """The parts where several have one backend, whose endpoint picker chooses among all of their ready replicas: by replica, as far as anybody can tell
    beforehand. ready: replicas."""
    together = defaultdict[Hashable, list[K]](list)
    for key in parts:
        together[backend(key)].append(key)
    found = dict[K, float]()
    for keys in together.values():
        whole = sum(parts[key] for key in keys)
        there = {key: ready[key] for key in keys}
        by = _of_all(there if any(there.values()) else dict.fromkeys(keys, 1))
        found |= {key: whole * by[key] for key in keys}
    return {key: found[key] for key in parts}


def in_whole(parts: Mapping[K, float]) -> dict[K, int]:
    """Integer weights that add up to TOTAL, each as near to its part as they can be; equal remainders go by the order of the keys given."""
    exact = {key: TOTAL * part for key, part in parts.items()}
    weights = {key: int(each) for key, each in exact.items()}
    by_rest = sorted(exact, key=lambda key: weights[key] - exact[key])
    for key in by_rest[: TOTAL - sum(weights.values())]:
        weights[key] += 1
    return weights


def standing(weights: Mapping[K, int], parts: Mapping[K, float], backends: Mapping[K, Backend], load: float | None) -> bool:
    """Whether weights that stand may stay: none is far off its part, nothing is sent where nothing is to be, and none is above its bound for having
    stayed, but for what whole weights are off. Without that, every new figure of a capacity would be a write."""
    total = sum(weights.values())
    if total == 0 or set(weights) != set(parts):
        return False
    for key, part in parts.items():
        now = weights[key] / total
        # A part that becomes or was nothing is what a drain waits for.
        if (part > 0) != (now > 0) and (part == 0 or part >= 1 / TOTAL):
            return False
        most = _most(backends[key], backends, load)
        # Where all together have too little there is no bound that other weights would keep.
        if abs(now - part) > max(STALE * part, 1 / TOTAL) or part <= most < now - 1 / TOTAL:
            return False
    return True


def _of_all(amounts: Mapping[K, float]) -> dict[K, float]:
    total = sum(amounts.values())
    return {key: each / total for key, each in amounts.items()}


def _most(each: Backend, backends: Mapping[K, Backend], load: float | None) -> float:
    """Part of the requests that it may get at most; infinite where nothing bounds it."""
    if not each.ready:
        return 0.0
    if not load:
        return inf
    equal = each.ready / sum(b.ready for b in backends.values())
    carried = each.carries
    if carried is None:
        return equal
    safe = SAFE * carried / load
    return max(safe, equal) if each.at_least else safe
