"""Exact choice for one workload and a handful of pools, by enumeration with a bound.

For each set of at most MOST_POOLS pools the replicas needed follow from the load; within a set the cheapest split is found by walking
the counts of all pools but one. Complexity O(pools^3 * replicas^2); beyond LARGEST combinations the answer is Undecided with the bound of
the continuous relaxation. Ties stay where the workload is, then go by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from math import ceil, inf

from steelyard.core.planning.outcome import Infeasible, Outcome, Planned, Undecided
from steelyard.core.planning.problem import Offer, Problem

MOST_POOLS = 3
LARGEST = 2_000_000
_SLACK = 1e-9


def solve(problem: Problem) -> Outcome:
    """The cheapest plan with bound equal to cost, or why there is none."""
    bound = continuous_bound(problem)
    work = sum(1 for _ in _sets(problem)) * max(1, problem.maximum) ** (MOST_POOLS - 1)
    if work > LARGEST:
        return Undecided(
            bound=bound,
            why=f"{work} combinations are more than the exact search walks: lower spec.scaling.maxReplicas or select fewer pools",
        )
    best: tuple[float, int, tuple[tuple[str, int], ...]] | None = None
    for chosen in _sets(problem):
        for counts in _splits(problem, chosen):
            if not _allowed(problem, chosen, counts):
                continue
            plan = tuple(sorted((o.pool, n) for o, n in zip(chosen, counts, strict=True)))
            candidate = (round(_cost(problem, dict(plan)), 9), _changes(problem, dict(plan)), plan)
            if best is None or candidate < best:
                best = candidate
    if best is None:
        return _conflict(problem)
    return Planned(replicas=dict(best[2]), cost=best[0], bound=best[0])


def continuous_bound(problem: Problem) -> float:
    """Lower bound of any plan: the load at the best cost per capacity, and never fewer than the minimum of the cheapest replica."""
    if not problem.offers:
        return inf
    by_load = problem.load * min(o.cost / o.capacity for o in problem.offers)
    by_count = problem.minimum * min(o.cost for o in problem.offers)
    return max(by_load, by_count)


def _sets(problem: Problem) -> Iterator[tuple[Offer, ...]]:
    forced = {o.pool for o in problem.offers if o.least > 0}
    for size in range(1, min(max(MOST_POOLS, problem.min_families, len(forced)), len(problem.offers)) + 1):
        for chosen in combinations(problem.offers, size):
            if forced <= {o.pool for o in chosen}:
                yield chosen


def _splits(problem: Problem, chosen: tuple[Offer, ...]) -> Iterator[tuple[int, ...]]:
    """Counts of at least one replica a pool; the last pool takes the fewest that complete the need."""
    slowest = min(o.capacity for o in chosen)
    capacity = [slowest if problem.equal_share else o.capacity for o in chosen]

    def walk(index: int, counts: tuple[int, ...], carried: float) -> Iterator[tuple[int, ...]]:
        offer = chosen[index]
        left = max(0.0, problem.load - carried)
        fewest = max(1, offer.least)
        if index == len(chosen) - 1:
            need = max(fewest, ceil(left / capacity[index] - _SLACK), problem.minimum - sum(counts))
            if need <= min(offer.most, problem.maximum - sum(counts)):
                yield (*counts, need)
            return
        top = min(offer.most, problem.maximum - sum(counts), max(fewest, ceil(left / capacity[index] - _SLACK), problem.minimum))
        for n in range(fewest, top + 1):
            yield from walk(index + 1, (*counts, n), carried + n * capacity[index])

    yield from walk(0, (), 0.0)


def _allowed(problem: Problem, chosen: tuple[Offer, ...], counts: tuple[int, ...]) -> bool:
    if len({o.family for o in chosen}) < problem.min_families:
        return False
    total = sum(counts)
    spot = sum(n for o, n in zip(chosen, counts, strict=True) if o.spot)
    return spot * 100 <= problem.max_spot_percent * total


def _cost(problem: Problem, plan: Mapping[str, int]) -> float:
    return sum(plan.get(o.pool, 0) * o.cost + max(0, plan.get(o.pool, 0) - o.current) * o.added for o in problem.offers)


def _changes(problem: Problem, plan: Mapping[str, int]) -> int:
    return sum(abs(plan.get(o.pool, 0) - o.current) for o in problem.offers)


def _conflict(problem: Problem) -> Infeasible:
    if not problem.offers:
        return Infeasible(conflict=("pools",), relaxation="no pool is eligible: see why each pool is not, or select more pools")
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
    return Infeasible(
        conflict=("pool limits", "maxReplicas", "maxSpotPercent", "minAcceleratorFamilies"),
        relaxation="no mix of the eligible pools carries the load within all limits together: raise spec.scaling.maxReplicas first",
    )
