"""Where the pools or a budget do not hold all workloads: what those that go without may still have, once those that are served have theirs.

In order of priority each gets what is left, up to its need. What runs stays, also beyond that: it is given back only where a workload of a higher
priority lacks just these nodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, inf

from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.planning.demand import Demand
from steelyard.core.planning.outcome import Outcome, Planned
from steelyard.core.planning.problem import Offer
from steelyard.core.planning.worth import lacking

_SLACK = 1e-9


def left_over(
    demands: Sequence[Demand], targets: Mapping[WorkloadKey, Outcome], nodes: Mapping[str, float], budgets: Mapping[str, float]
) -> dict[WorkloadKey, Mapping[str, int]]:
    """The most replicas by pool, of each workload that is not planned. budgets: money per hour by namespace."""
    left, money = dict(nodes), dict(budgets)
    served = [(one, outcome) for one in demands if isinstance(outcome := targets[one.key], Planned)]
    for one, outcome in served:
        for pool, count in outcome.replicas.items():
            left[pool] -= count * one.per_replica[pool]
        if one.key.namespace in money:
            money[one.key.namespace] -= outcome.cost
    wanted = lacking(demands, targets, nodes)
    without = sorted((d for d in demands if not isinstance(targets[d.key], Planned)), key=lambda d: (-d.priority, d.key))
    return {one.key: _shared_out(one, left, money, wanted) for one in without}


def _shared_out(one: Demand, left: dict[str, float], money: dict[str, float], wanted: Mapping[str, int]) -> dict[str, int]:
    """What one of them may have; `left` and `money` are what the next ones find."""
    carried, counts, problem, payer = 0.0, dict[str, int](), one.problem, one.key.namespace
    for offer in sorted(problem.offers, key=lambda o: (o.cost / o.capacity, o.pool)):
        here = one.running.get(offer.pool, 0)
        need = max(ceil((problem.load - carried) / offer.capacity - _SLACK), problem.minimum - sum(counts.values()), 0)
        count = min(need, offer.most, problem.maximum - sum(counts.values()), _fits(one, offer, left[offer.pool], money.get(payer, inf)))
        if wanted.get(offer.pool, -1) <= one.priority:
            count = max(count, here)
        counts[offer.pool] = count
        carried += count * offer.capacity
        left[offer.pool] -= count * one.per_replica[offer.pool]
        if payer in money:
            money[payer] -= count * offer.cost
    return counts


def _fits(one: Demand, offer: Offer, nodes: float, money: float) -> int:
    """Replicas of that offer for which there are nodes and money."""
    return max(0, int(min(nodes / one.per_replica[offer.pool], money / offer.cost, 10**6) + _SLACK))
