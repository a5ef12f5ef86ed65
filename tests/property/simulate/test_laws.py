"""What must never happen, whatever does: moves begun on what was not read, replicas taken away in the dark, going back at once."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from hypothesis import HealthCheck, given, settings

from property.simulate.strategies import scenarios
from steelyard.core.memory import Memory, MoveKind, Outcome
from steelyard.core.reading import Fresh
from steelyard.simulate.drive import Decided, steps
from steelyard.simulate.scenario_file import Loaded
from steelyard.simulate.world import World


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios(hours=2.0, most=8))
def test_no_sequence_of_events_breaks_an_invariant(loaded: Loaded) -> None:
    world = World(loaded.scenario, loaded.traces)
    for decided in steps(world):
        for each in decided:
            may_begin(each, world)
            takes_nothing_unread(each)
            does_not_return(each.decision.memory, each.snapshot.workload.rebalancing.cooldown_seconds)
        moving = sum(t.memory.move is not None for t in world.tenants.values())
        assert moving <= world.scenario.moves_at_once + revisions(world), "I3: more moves at once than are allowed"


def revisions(world: World) -> int:
    """Moves that a user asked for do not count against the budget."""
    return sum(t.memory.move is not None and t.memory.move.kind is MoveKind.REVISION for t in world.tenants.values())


def may_begin(each: Decided, world: World) -> None:
    before, after = each.snapshot.memory, each.decision.memory
    if before.move is not None or after.move is None or after.move.kind is MoveKind.REVISION:
        return
    policy = each.snapshot.workload.rebalancing
    ready = [p.key for p in each.snapshot.placements if p.ready]
    assert all(isinstance(each.snapshot.traffic[key], Fresh) for key in ready), "I2: begun on what was not read"
    last = max((m.time for m in before.history), default=None)
    assert last is None or world.moment >= last + timedelta(seconds=policy.cooldown_seconds), "begun within the cool-down"
    assert not each.snapshot.settings.frozen
    for name in (after.move.source_pool, after.move.target_pool):
        pool = each.snapshot.pool(name)
        assert pool is not None
        assert pool.shapes[0].price is not None, "begun without a price"


def takes_nothing_unread(each: Decided) -> None:
    """I10: a lost input takes no replica of ours away that was serving."""
    unread = any(p.ready and not isinstance(each.snapshot.traffic[p.key], Fresh) for p in each.snapshot.placements)
    if not unread:
        return
    move = each.snapshot.memory.move
    for key, count in (each.decision.intent.scale or {}).items():
        placement = each.snapshot.placement(key)
        assert placement is not None
        target = move is not None and key.pool == move.target_pool and key.revision == move.target_revision
        assert count >= placement.desired or placement.ready == 0 or target, f"{key} lost replicas while something was unread"


def does_not_return(memory: Memory, cooldown: int) -> None:
    """I4: no A to B to A within the cool-down, but for safety."""
    moved = [m for m in memory.history if m.outcome is Outcome.MOVED and m.source_pool != m.target_pool]
    for first, second in pairwise(moved):
        back = second.target_pool == first.source_pool and second.reason == "Moved"
        assert not back or second.time - first.time >= timedelta(seconds=cooldown)
