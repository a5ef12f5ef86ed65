"""Others come, go and hold nodes all the time in a large fleet: only whom that leaves another room decides again. For a while
windows that show what was expected are not decided on."""

from dataclasses import replace
from datetime import timedelta

from steelyard.core.decide import LASTS, decide
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
        assert (look.goes_on(held(snapshot, nodes), world.now) is look) == (room == rooms[0.0]), nodes


def test_anything_else_of_a_pool_is_news() -> None:
    world, snapshot, look = at_rest()
    assert look.goes_on(snapshot, world.now) is look
    (pool,) = held(snapshot, 1.0).pools
    assert look.goes_on(replace(snapshot, pools=(replace(pool, nodes=7),)), world.now) is None
    assert look.goes_on(replace(snapshot, pools=()), world.now) is None


def test_another_workload_is_news_where_it_changes_how_many_moves_there_may_be_at_once() -> None:
    world, snapshot, look = at_rest()
    assert look.goes_on(replace(snapshot, workloads=snapshot.workloads + 3), world.now) is look
    assert look.goes_on(replace(snapshot, workloads=snapshot.workloads + 200), world.now) is None


def test_equal_rooms_of_a_fleet_are_one_object() -> None:
    looks = [at_rest()[2] for _ in range(2)]
    assert looks[0].rooms[0] is looks[1].rooms[0]


def test_what_a_decision_remembers_is_no_news_to_it_and_whatever_else_is_remembered_is() -> None:
    world, snapshot, _ = at_rest()
    before = replace(snapshot, memory=replace(snapshot.memory, known=(), last=None))
    decision = decide(before, world.now)
    assert decision.memory != before.memory and decision.memory.known
    look = LastLook.of(before, decision)
    written = replace(before, memory=decision.memory)
    assert look.goes_on(written, world.now) is look
    assert look.goes_on(before, world.now) is None, "its write was lost"
    last = decision.memory.last
    assert last is not None and last.options
    held = replace(written, memory=replace(decision.memory, last=replace(last, options=(), board=())))
    assert look.goes_on(held, world.now) is look, "the operator lets go of what only explains"
    assert look.goes_on(replace(written, memory=replace(decision.memory, known=())), world.now) is None


def windows_that_stand(world: World, look: LastLook, rates: list[float]) -> int:
    """How many of them, one a minute, the decision stands for."""
    for passed, rate in enumerate(rates):
        world.rate = rate
        world._serve()
        world.now += timedelta(seconds=world.policy.window_seconds)
        found = look.goes_on(world.snapshot(), world.now)
        if found is None:
            return passed
        look = found
    return len(rates)


def test_a_decision_lasts_through_a_few_windows_that_show_what_it_expected() -> None:
    world, _, look = at_rest()
    assert windows_that_stand(world, look, [4.0] * 10) == LASTS - 1


def test_another_load_is_decided_on_at_once() -> None:
    world, _, look = at_rest()
    assert windows_that_stand(world, look, [4.0, 8.0]) == 1
    world, _, look = at_rest()
    assert windows_that_stand(world, look, [8.0]) == 0


def test_a_window_that_is_no_news_makes_nothing_else_so() -> None:
    world, snapshot, look = at_rest()
    world._serve()
    later = world.now + timedelta(seconds=60)
    seen = replace(snapshot, traffic=world.snapshot().traffic)
    found = look.goes_on(seen, later)
    assert found is not None and found.snapshot is seen, "the older windows are let go of"
    edited = replace(seen, workload=replace(seen.workload, generation=2))
    assert look.goes_on(edited, later) is None
    assert look.goes_on(replace(seen, traffic={}), later) is None


def test_where_no_window_comes_its_time_is_up_in_the_end() -> None:
    world, snapshot, look = at_rest()
    assert look.until == world.now + LASTS * timedelta(seconds=world.policy.window_seconds)
    assert look.goes_on(snapshot, look.until - timedelta(seconds=1)) is look
    assert look.goes_on(snapshot, look.until) is None


def test_while_replicas_start_no_decision_stands() -> None:
    world, snapshot, look = at_rest()
    assert look.until > world.now
    (placement,) = snapshot.placements
    starting = replace(snapshot, placements=(replace(placement, pods=placement.pods + 1),))
    assert decide(starting, world.now).stands_until == world.now
