"""Where the pools or a budget do not hold all workloads: what those that go without may still have, once those that are served have theirs.

In order of priority each may take what is left, up to its need. Nodes are kept for a workload that lacks them, and not for one whose need is only
planned: a claim may be far too low. What runs stays, also beyond that: it is given back only where a workload of a higher priority lacks just
these nodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf

from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.planning.demand import Demand
from steelyard.core.planning.outcome import Outcome, Planned
from steelyard.core.planning.problem import Offer

_SLACK = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """most: replicas that it may have, by pool. back: pools of which it gives back what it has beyond that."""

    most: Mapping[str, int]
    back: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shared:
    """What workloads share. nodes: by pool. budgets: money per hour by namespace. lacked: pools that somebody lacks, with the highest priority
    of those."""

    nodes: Mapping[str, float]
    budgets: Mapping[str, float]
    lacked: Mapping[str, int]


def left_over(demands: Sequence[Demand], targets: Mapping[WorkloadKey, Outcome], shared: Shared) -> dict[WorkloadKey, Left]:
    """Of each workload that is not planned."""
    left, money = dict(shared.nodes), dict(shared.budgets)
    served = [(one, outcome) for one in demands if isinstance(outcome := targets[one.key], Planned)]
    for one, outcome in served:
        costs = {o.pool: o.cost for o in one.problem.offers}
        for pool in sorted({*one.running, *outcome.replicas} & left.keys()):
            count = max(one.running.get(pool, 0), outcome.replicas.get(pool, 0) if one.short else 0)
            left[pool] -= count * one.per_replica.get(pool, 0.0)
            if one.key.namespace in money:
                money[one.key.namespace] -= count * costs.get(pool, 0.0)
    without = sorted((d for d in demands if not isinstance(targets[d.key], Planned)), key=lambda d: (-d.priority, d.key))
    return {one.key: _shared_out(one, left, money, shared.lacked) for one in without}


def _shared_out(one: Demand, left: dict[str, float], money: dict[str, float], lacked: Mapping[str, int]) -> Left:
    """What one of them may have; `left` and `money` are what the next ones find."""
    carried, counts, problem, payer = 0.0, dict[str, int](), one.problem, one.key.namespace
    back = tuple(sorted(pool for pool, priority in lacked.items() if priority > one.priority and one.running.get(pool, 0)))
    for offer in sorted(problem.offers, key=lambda o: (o.cost / o.capacity, o.pool)):
        here = one.running.get(offer.pool, 0)
        need = max(ceil((problem.load - carried) / offer.capacity - _SLACK), problem.minimum - sum(counts.values()), 0)
        count = min(need, offer.most, problem.maximum - sum(counts.values()), _fits(one, offer, left[offer.pool], money.get(payer, inf)))
        if offer.pool not in back:
            count = max(count, here)
        counts[offer.pool] = count
        carried += count * offer.capacity
        left[offer.pool] -= count * one.per_replica[offer.pool]
        if payer in money:
            money[payer] -= count * offer.cost
    return Left(most=counts, back=back)


def _fits(one: Demand, offer: Offer, nodes: float, money: float) -> int:
    """Replicas of that offer for which there are nodes and money."""
    return max(0, int(min(nodes / one.per_replica[offer.pool], money / offer.cost, 10**6) + _SLACK))
