"""Where not all workloads can be served: what one that the fleet's plan leaves out gives back, and what it is told."""

from __future__ import annotations

from steelyard.core.facts.identity import on_pool
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.decision import Note
from steelyard.core.placing.outcome import Outcome
from steelyard.core.vocabulary.reason import Reason, Refusal


def give_back(seen: Analysis) -> Outcome | None:
    """Replicas for which a workload of a higher priority lacks the nodes; None where there are none. It waits while a person said stop."""
    target, snapshot = seen.snapshot.target, seen.snapshot
    stopped = snapshot.settings.frozen or snapshot.workload.rebalancing.paused
    if target is None or not target.back or stopped or not all(seen.is_ours(p) for p in seen.members):
        return None
    left = {pool: count for pool, count in (target.most or {}).items() if pool in target.back}
    kept = {}
    for place in seen.members:
        pool = on_pool(place.key.pool)
        kept[place.key] = min(place.desired, left.get(pool, place.desired))
        if pool in left:
            left[pool] -= kept[place.key]
    if kept == seen.allocation:
        return None
    gone = ", ".join(f"{p.desired - kept[p.key]} on pool {p.key.pool}" for p in seen.members if kept[p.key] < p.desired)
    refusal = _refusal(f"replicas are given back to workloads of a higher priority: {gone}")
    return Outcome.scale(kept, refusal, (Note(refusal.reason, refusal.message, warning=True),))


def told(seen: Analysis) -> Outcome | None:
    """Why nothing more is added; None where the plan has all that the workload needs."""
    target = seen.snapshot.target
    if target is None or target.most is None:
        return None
    has = ", ".join(f"{count} on pool {pool}" for pool, count in sorted(target.most.items()) if count) or "none"
    return Outcome.hold(seen.allocation, _refusal(f"replicas that are left for this workload: {has}"))


def _refusal(what: str) -> Refusal:
    return Refusal(
        Reason.GOES_WITHOUT,
        f"the pools or the namespace's budget do not hold all workloads, and others come first; {what}. Raise spec.capacity.maxNodes, "
        "config.namespaceBudgets or spec.scaling.priority (as far as config.maxPriority grants it), or add a pool",
    )
