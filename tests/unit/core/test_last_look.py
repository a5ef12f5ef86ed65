"""Others come, go and hold nodes all the time in a large fleet: only whom that leaves another room decides again."""

from dataclasses import replace

from steelyard.core.decide import decide
from steelyard.core.facts.snapshot import Scaling, Snapshot
from steelyard.core.placing.last_look import LastLook
from unit.core.world import Ground, World, quick


def at_rest(nodes: int = 8) -> tuple[World, Snapshot, LastLook]:
    """One replica of at most four, of which four fit on a node."""
    world = World({"a": Ground(price=0.5, nodes=nodes)}, rate=4.0, policy=quick(), scaling=Scaling(maximum=4))
    world.tick(20)
    snapshot = world.snapshot()
    return world, snapshot, LastLook.of(snapshot, decide(snapshot, world.now))


def held(snapshot: Snapshot, nodes: float) -> Snapshot:
    return replace(snapshot, pools=tuple(replace(pool, held_nodes=nodes) for pool in snapshot.pools))


def test_what_others_hold_is_news_where_it_changes_how_many_replicas_fit() -> None:
    world, snapshot, look = at_rest()
    rooms = {nodes: decide(held(snapshot, nodes), world.now).options[0].room for nodes in (0.0, 3.3, 7.0, 7.8, 8.0)}
    assert len(set(rooms.values())) > 1
    for nodes, room in rooms.items():
        assert look.says_all_of(held(snapshot, nodes), world.now) == (room == rooms[0.0]), nodes


def test_anything_else_of_a_pool_is_news() -> None:
    world, snapshot, look = at_rest()
    assert look.says_all_of(snapshot, world.now)
    (pool,) = held(snapshot, 1.0).pools
    assert not look.says_all_of(replace(snapshot, pools=(replace(pool, nodes=7),)), world.now)
    assert not look.says_all_of(replace(snapshot, pools=()), world.now)


def test_another_workload_is_news_where_it_changes_how_many_moves_there_may_be_at_once() -> None:
    world, snapshot, look = at_rest()
    assert look.says_all_of(replace(snapshot, workloads=snapshot.workloads + 3), world.now)
    assert not look.says_all_of(replace(snapshot, workloads=snapshot.workloads + 200), world.now)


def test_equal_rooms_of_a_fleet_are_one_object() -> None:
    looks = [at_rest()[2] for _ in range(2)]
    assert looks[0].rooms[0] is looks[1].rooms[0]
