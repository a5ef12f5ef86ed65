"""From a workload's situation to what it asks of the fleet's plan."""

from __future__ import annotations

from steelyard.core.facts.memory import Step
from steelyard.core.facts.snapshot import Mode
from steelyard.core.placing.situation import Situation
from steelyard.core.planning.demand import Demand
from steelyard.core.planning.option import Option
from steelyard.core.rebalancing.propose import problem


def demand(seen: Situation) -> Demand | None:
    """What a workload asks of the fleet's plan; None while that is not known, and what it asked for before still holds."""
    snapshot = seen.snapshot
    if not snapshot.synced or seen.load is None or not _whole(seen):
        return None
    home = seen.option(seen.home.pool) if seen.home else None
    running: dict[str, int] = {}
    for placement in sorted(snapshot.placements, key=lambda p: p.key):
        running[placement.key.pool] = running.get(placement.key.pool, 0) + max(placement.desired, placement.pods)
    here = {p.key.pool for p in snapshot.placements} | ({seen.home.pool} if seen.home else set())
    open_ = tuple(o for o in seen.options if o.pool in here or _may_go(seen, o))
    return Demand(
        key=snapshot.workload.key,
        problem=problem(snapshot, open_, seen.load.crest, home, parts=True),
        per_replica={o.pool: _node_part(o) for o in seen.options},
        running=running,
        priority=snapshot.workload.scaling.priority,
    )


def _whole(seen: Situation) -> bool:
    """Whether all that carry the load were read: what a drained placement carried in its last window is never told."""
    move = seen.snapshot.memory.move
    if move is not None:
        return move.step in {Step.SURGE, Step.SHIFT, Step.BAKE}
    windows = seen.windows(seen.home) if seen.home else ()
    ended = max((past.time for past in seen.snapshot.memory.history), default=None)
    return not windows or ended is None or windows[-1].start >= ended


def _may_go(seen: Situation, option: Option) -> bool:
    """Whether it would go there at all: nodes that are kept for somebody who does not come are lost to all."""
    snapshot, policy = seen.snapshot, seen.snapshot.workload.rebalancing
    stays = policy.mode is not Mode.AUTO or policy.paused or snapshot.settings.frozen
    return not (stays or seen.shut(option)) or seen.home is None


def _node_part(option: Option) -> float:
    """Nodes that one replica takes: 1 over the replicas that fit on one."""
    return 1.0 if option.candidate.shape is None else 1.0 / max(1, option.a_node)
