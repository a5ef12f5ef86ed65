"""Exact choice for one workload and a handful of pools, by enumeration with a bound.

Sets of pools are counted from small to large and walked by what they cost at least, until that is more than the best plan found; within a set the
cheapest split is found by walking the counts of all pools but one, the last one completes the need. Complexity O(2^pools * replicas^(pools - 1)) at worst. What lies beyond LARGEST combinations is left out and
the bound then is that of the continuous relaxation: the plan comes with its gap, and "no plan found" is not called infeasible.
Ties stay where the workload is, then go to fewer pools, then by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from math import ceil, fsum, inf, prod
from operator import itemgetter

from steelyard.core.planning.outcome import Infeasible, Outcome, Planned, Undecided
from steelyard.core.planning.problem import Offer, Problem

LARGEST = 200_000
_SLACK = 1e-9
_SURELY = 1e-6
"""Part by which a plan surely costs more, in whatever order and to how many digits it is summed."""


def solve(problem: Problem) -> Outcome:
    """The cheapest plan, with bound equal to cost where every combination was walked; or why there is none."""
    best, complete = _best(problem)
    if best is None:
        if complete:
            return _conflict(problem)
        return Undecided(
            bound=continuous_bound(problem),
            why="more combinations than the exact search walks: lower spec.scaling.maxReplicas or select fewer pools",
        )
    plan = dict(best)
    cost = _cost(problem.offers, [plan.get(o.pool, 0) for o in problem.offers])
    return Planned(replicas=plan, cost=cost, bound=cost if complete else min(cost, continuous_bound(problem)))


def cheapest(problem: Problem) -> Mapping[str, int] | None:
    """Replicas by pool in the plan of `solve`, for who does not ask for its bound, or why there is none."""
    best, _ = _best(problem)
    return None if best is None else dict(best)


def _best(problem: Problem) -> tuple[tuple[tuple[str, int], ...] | None, bool]:
    """The best plan walked, and whether all of them were walked."""
    best: tuple[float, int, int, tuple[tuple[str, int], ...]] | None = None
    walked, complete = _walked(problem)

    def enough() -> float:
        return inf if best is None else best[0] * (1 + _SURELY)

    # The most promising first: what is surely dearer than the best one found needs no walk.
    for least, chosen in sorted(((_least(problem, chosen), chosen) for chosen in walked), key=itemgetter(0)):
        if least == inf or least > enough():
            break
        for counts in _splits(problem, chosen, enough):
            if not _diluted(problem, chosen, counts):
                continue
            plan = tuple((o.pool, n) for o, n in zip(chosen, counts, strict=True))
            candidate = (round(_cost(chosen, counts), 9), _changes(problem, chosen, counts), len(plan), plan)
            if best is None or candidate < best:
                best = candidate
    return (best[-1] if best else None), complete


def _walked(problem: Problem) -> tuple[list[tuple[Offer, ...]], bool]:
    """The sets that are not too many to walk, and whether they are all."""
    found, left = list[tuple[Offer, ...]](), LARGEST
    for chosen in _sets(problem):
        left -= _work(problem, chosen)
        if left < 0:
            return found, False
        if problem.min_families <= 1 or len({o.family for o in chosen}) >= problem.min_families:
            found.append(chosen)
    return found, True


def continuous_bound(problem: Problem) -> float:
    """Lower bound of any plan: the load at the best cost per capacity, and never fewer than the minimum of the cheapest replica."""
    if not problem.offers:
        return inf
    by_load = problem.load * min(o.cost / o.capacity for o in problem.offers)
    by_count = problem.minimum * min(o.cost for o in problem.offers)
    return max(by_load, by_count)


def _sets(problem: Problem) -> Iterator[tuple[Offer, ...]]:
    """In order of pool."""
    offers = tuple(sorted(problem.offers, key=lambda o: o.pool))
    forced = {o.pool for o in offers if o.least > 0}
    for size in range(max(1, len(forced)), len(offers) + 1):
        for chosen in combinations(offers, size):
            if not forced or forced <= {o.pool for o in chosen}:
                yield chosen


def _work(problem: Problem, chosen: tuple[Offer, ...]) -> int:
    if len(chosen) == 1:
        return 1
    slowest = min(o.capacity for o in chosen)
    return prod(_top(problem, o, slowest if problem.equal_share else o.capacity, problem.load, 0) for o in chosen[:-1])


def _least(problem: Problem, chosen: tuple[Offer, ...]) -> float:
    """Money that any split on these pools costs at least; infinite where they have no room. Where all carry as much as one of the slowest, their
    number is known: at best all are on the cheapest pool but for the fewest of each other."""
    if not problem.equal_share:
        return problem.load * min(o.cost / o.capacity for o in chosen)
    fewest = [max(1, o.least) for o in chosen]
    number = max(sum(fewest), problem.minimum, ceil(problem.load / min(o.capacity for o in chosen) - _SLACK))
    if number > min(problem.maximum, sum(o.most for o in chosen)):
        return inf
    more = (number - sum(fewest)) * min(o.cost for o in chosen)
    return more + sum(o.cost * n for o, n in zip(chosen, fewest, strict=True))


def least_with(problem: Problem, pool: str) -> float:
    """Money per hour that any plan with a replica of the pool costs at least, whichever others are in it. Where all carry as much as one of the
    slowest, none carries more than one of this pool, so that it takes as many as of these alone; the others cost what the cheapest does at least.
    Infinite where the pool is not offered."""
    offer = next((o for o in problem.offers if o.pool == pool), None)
    if offer is None:
        return inf
    fewest = max(1, offer.least)
    if not problem.equal_share:
        return offer.cost * fewest
    others = max(0, ceil(problem.load / offer.capacity - _SLACK) - fewest)
    return fewest * offer.cost + others * min(o.cost for o in problem.offers)


def _top(problem: Problem, offer: Offer, capacity: float, left: float, taken: int) -> int:
    """Most replicas worth trying: what the load or the minimum could need; any number where a share of spot has to be diluted."""
    most = max(0, min(offer.most, problem.maximum - taken))
    if problem.max_spot_percent < 100:
        return most
    return min(most, max(1, offer.least, ceil(left / capacity - _SLACK), problem.minimum))


def _splits(problem: Problem, chosen: tuple[Offer, ...], enough: Callable[[], float]) -> Iterator[tuple[int, ...]]:
    """Counts of at least one replica a pool; the last pool takes the fewest that complete the need, and dilute the spot share.

    enough: money above which a split is of no interest. What is left of the load costs at least its part at the best cost per capacity.
    """
    slowest = min(o.capacity for o in chosen)
    capacity = [slowest if problem.equal_share else o.capacity for o in chosen]
    least = [o.cost / c for o, c in zip(chosen, capacity, strict=True)]
    rate = [min(least[i:]) for i in range(len(chosen))]

    def walk(index: int, counts: tuple[int, ...], carried: float, money: float) -> Iterator[tuple[int, ...]]:
        offer = chosen[index]
        left = max(0.0, problem.load - carried)
        fewest = max(1, offer.least)
        if index == len(chosen) - 1:
            need = max(fewest, ceil(left / capacity[index] - _SLACK), problem.minimum - sum(counts), _diluting(problem, chosen, counts))
            if need <= min(offer.most, problem.maximum - sum(counts)) and money + offer.paid(need) <= enough():
                yield (*counts, need)
            return
        for n in range(fewest, _top(problem, offer, capacity[index], left, sum(counts)) + 1):
            paid, after, most = money + offer.paid(n), carried + n * capacity[index], enough()
            if paid > most:
                return
            if paid + max(0.0, problem.load - after) * rate[index + 1] <= most:
                yield from walk(index + 1, (*counts, n), after, paid)
            elif least[index] >= rate[index + 1]:
                return  # One more costs as much as it spares, or more.

    yield from walk(0, (), 0.0, 0.0)


def _diluting(problem: Problem, chosen: tuple[Offer, ...], counts: tuple[int, ...]) -> int:
    """Replicas of the last pool that make the part on spot small enough; more than there may be where none do."""
    if problem.max_spot_percent >= 100 or chosen[-1].spot:
        return 0
    spot = sum(n for o, n in zip(chosen, counts, strict=False) if o.spot)
    if problem.max_spot_percent == 0:
        return problem.maximum + 1 if spot else 0
    return ceil(spot * 100 / problem.max_spot_percent - _SLACK) - sum(counts)


def _diluted(problem: Problem, chosen: tuple[Offer, ...], counts: tuple[int, ...]) -> bool:
    if problem.max_spot_percent >= 100:
        return True
    spot = sum(n for o, n in zip(chosen, counts, strict=True) if o.spot)
    return spot * 100 <= problem.max_spot_percent * sum(counts)


def _cost(offers: Sequence[Offer], counts: Sequence[int]) -> float:
    return fsum(o.paid(n) for o, n in zip(offers, counts, strict=True))


def _changes(problem: Problem, chosen: Sequence[Offer], counts: Sequence[int]) -> int:
    """Replicas that come or go, those of the pools that are not chosen included."""
    left = sum(o.current for o in problem.offers) - sum(o.current for o in chosen)
    return left + sum(abs(n - o.current) for o, n in zip(chosen, counts, strict=True))


def _conflict(problem: Problem) -> Infeasible:
    if not problem.offers:
        return Infeasible(conflict=("pools",), relaxation="no pool is eligible: see why each pool is not, or select more pools")
    if problem.minimum > problem.maximum:
        return Infeasible(
            conflict=("minReplicas", "maxReplicas"),
            relaxation=f"spec.scaling.minReplicas is {problem.minimum} and maxReplicas {problem.maximum}: lower the one or raise the other",
        )
    families = {o.family for o in problem.offers}
    if len(families) < problem.min_families:
        return Infeasible(
            conflict=("minAcceleratorFamilies",),
            relaxation=f"{problem.min_families} accelerator families are asked for and {len(families)} are eligible: "
            f"set spec.placement.minAcceleratorFamilies to {len(families)} or add pools",
        )
    if problem.max_spot_percent < 100 and all(o.spot for o in problem.offers):
        return Infeasible(
            conflict=("maxSpotPercent",),
            relaxation="only spot pools are eligible: raise spec.placement.maxSpotPercent to 100 or add an on-demand pool",
        )
    room = sum(o.most for o in problem.offers)
    needed = ceil(problem.load / max(o.capacity for o in problem.offers) - _SLACK)
    if max(needed, problem.minimum) > problem.maximum:
        return Infeasible(
            conflict=("maxReplicas", "load"),
            relaxation=f"the load of {problem.load:.3g} requests/s needs {needed} replicas of the fastest pool and spec.scaling.maxReplicas is {problem.maximum}: raise it",
        )
    if room < max(needed, problem.minimum):
        return Infeasible(
            conflict=("pool limits", "load"),
            relaxation=f"the pools allow {room} replicas and {needed} are needed: raise spec.capacity.maxNodes or spec.placement.pools[].maxReplicas",
        )
    return _relaxed(problem)


def _relaxed(problem: Problem) -> Infeasible:
    """Each limit alone is lifted: those without which there is a plan are in the conflict, the first is the relaxation."""
    roomy = max(problem.maximum, 2 * needed_at_most(problem))
    without = (
        (
            "maxReplicas",
            replace(problem, maximum=roomy),
            "raise spec.scaling.maxReplicas: {n} replicas would do",
        ),
        (
            "pool limits",
            replace(problem, offers=tuple(replace(o, most=max(o.most, problem.maximum)) for o in problem.offers)),
            "raise spec.capacity.maxNodes of the pools or spec.placement.pools[].maxReplicas: {n} replicas would do",
        ),
        ("maxSpotPercent", replace(problem, max_spot_percent=100), "raise spec.placement.maxSpotPercent to 100: {n} replicas would do"),
        (
            "minAcceleratorFamilies",
            replace(problem, min_families=1),
            "set spec.placement.minAcceleratorFamilies to 1: {n} replicas would do",
        ),
        (
            "pools[].minReplicas",
            replace(problem, offers=tuple(replace(o, least=0) for o in problem.offers)),
            "lower spec.placement.pools[].minReplicas: {n} replicas would do",
        ),
    )
    found = [(name, sum(n for _, n in best), words) for name, p, words in without if (best := _best(p)[0]) is not None]
    if found:
        return Infeasible(conflict=tuple(name for name, _, _ in found), relaxation=found[0][2].format(n=found[0][1]))
    return Infeasible(
        conflict=tuple(name for name, _, _ in without),
        relaxation="no single limit is to blame: raise spec.scaling.maxReplicas and the limits of the pools together",
    )


def needed_at_most(problem: Problem) -> int:
    """Replicas that surely carry the load: all on the slowest pool, one more a pool, and every minimum."""
    slowest = min(o.capacity for o in problem.offers)
    return ceil(problem.load / slowest) + len(problem.offers) + problem.minimum + sum(o.least for o in problem.offers)
