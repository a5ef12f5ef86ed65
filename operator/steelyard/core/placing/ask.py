"""What a workload asks of the fleet's plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from steelyard.core.facts.identity import on_pool
from steelyard.core.facts.memory import Step
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.repair import Shortage, is_short, shortage
from steelyard.core.planning.demand import Demand
from steelyard.core.planning.offers import problem_of
from steelyard.core.planning.one_place import one_place_each
from steelyard.core.planning.option import Option
from steelyard.core.planning.wish import Wish


def demand(seen: Analysis, wishes: tuple[Wish, ...] | None = (), short: Shortage | None = None) -> Demand | None:
    """What a workload asks of the fleet's plan; None while that is not known, and what it asked for before still holds. One that was never placed
    asks for its first replicas. wishes: the moves that it would begin now; None where it was not asked.
    short: what is missing, where that was found already."""
    snapshot = seen.snapshot
    if snapshot.workload.existing is not None:
        return None  # It asks for nothing: what it has is its owner's.
    first = not seen.members and not snapshot.memory.allocation and not snapshot.workload.deleting
    if not snapshot.synced or (seen.load is None and not first) or not _is_whole(seen):
        return None
    running = Counter[str]()
    for placement in sorted(snapshot.placements, key=lambda p: p.key):
        running[placement.key.pool] += max(placement.desired, placement.pods)
    if (move := snapshot.memory.move) is not None and move.step is not Step.BACK:
        # Nodes that a move has yet to take are not given to others while it is under way.
        running[move.target.pool] = max(running[move.target.pool], move.target_goal)
    open_ = one_place_each((o for o in seen.options if o.pool in running or _may_go(seen, o)), running)
    standing = _on_pools((key.pool, count) for key, count in seen.allocation.items())
    return Demand(
        key=snapshot.workload.key,
        problem=problem_of(snapshot, map(_of_its_pool, open_), seen.load.soon if seen.load else 0.0, standing),
        per_replica={o.candidate.pool.of: o.node_part for o in (*seen.options, *open_)},
        running=_on_pools(running.items()),
        priority=snapshot.settings.priority_of(snapshot.workload),
        short=is_short(seen, short or shortage(seen)),
        wishes=wishes,
    )


def _of_its_pool(option: Option) -> Option:
    """The fleet's plan knows pools alone: a variant takes its pool's nodes."""
    return option if option.candidate.pool.variant is None else replace(option, pool=option.candidate.pool.of)


def _on_pools(by_place: Iterable[tuple[str, int]]) -> Counter[str]:
    found = Counter[str]()
    for place, count in by_place:
        found[on_pool(place)] += count
    return found


def _is_whole(seen: Analysis) -> bool:
    """Whether all that carry the load were read: what a drained placement carried in its last window is never told."""
    move = seen.snapshot.memory.move
    if move is not None:
        return move.step in {Step.PROBE, Step.SURGE, Step.SHIFT, Step.BAKE}
    newest = [windows[-1] for p in seen.members if (windows := seen.windows(p.key))]
    ended = max((past.time for past in seen.snapshot.memory.history), default=None)
    return ended is None or all(w.start >= ended for w in newest)


def _may_go(seen: Analysis, option: Option) -> bool:
    """Whether it would go there at all: nodes that are kept for somebody who does not come are lost to all."""
    snapshot, policy = seen.snapshot, seen.snapshot.workload.rebalancing
    stays = snapshot.workload.advisory or policy.paused or snapshot.settings.frozen or not all(map(seen.is_ours, seen.members))
    return not (stays or seen.is_closed(option)) or not seen.members
