"""From a workload's situation to what it asks of the fleet's plan."""

from __future__ import annotations

from steelyard.core.planning.demand import Demand
from steelyard.core.planning.option import Option
from steelyard.core.rebalancing.propose import problem
from steelyard.core.situation import Situation


def demand(seen: Situation) -> Demand | None:
    """What a workload asks of the fleet's plan; None while its load is not known."""
    snapshot = seen.snapshot
    if not snapshot.synced or seen.load is None:
        return None
    home = seen.option(seen.home.pool) if seen.home else None
    running: dict[str, int] = {}
    for placement in sorted(snapshot.placements, key=lambda p: p.key):
        running[placement.key.pool] = running.get(placement.key.pool, 0) + max(placement.desired, placement.pods)
    return Demand(
        key=snapshot.workload.key,
        problem=problem(snapshot, seen.options, seen.load.crest, home, parts=True),
        per_replica={o.pool: _node_part(o) for o in seen.options},
        running=running,
        priority=snapshot.workload.scaling.priority,
    )


def _node_part(option: Option) -> float:
    """Nodes that one replica takes: 1 over the replicas that fit on one."""
    return 1.0 if option.candidate.shape is None else 1.0 / max(1, option.a_node)
