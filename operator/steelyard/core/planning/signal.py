"""The fleet's plan as numbers that autoscalers may follow, each of one pool and none knowing of the others."""

from __future__ import annotations

from collections.abc import Mapping


def signal(plan: Mapping[str, int], standing: Mapping[str, int], ready: Mapping[str, int]) -> Mapping[str, int]:
    """Replicas to ask for, by pool: as planned, but no pool gives any up before all that the plan has on the others are ready. So whoever follows it
    pool by pool never takes away what the load still needs. standing, ready: replicas that are wanted there now, and that serve."""
    there = all(ready.get(pool, 0) >= count for pool, count in plan.items())
    return {pool: plan.get(pool, 0) if there else max(plan.get(pool, 0), standing.get(pool, 0)) for pool in sorted({*plan, *standing})}
