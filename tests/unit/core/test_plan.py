"""The slow door: targets of all workloads over pools that they share."""

from dataclasses import replace

from steelyard.core.plan import FleetPlan, plan
from steelyard.core.planning.outcome import Infeasible, Planned
from steelyard.core.snapshot import Snapshot, WorkloadKey
from unit.core.world import Ground, World, quick


def measured(name: str, *, b_nodes: int, rate: float = 24.0) -> Snapshot:
    """A workload at A that has measured B, which is half as dear."""
    world = World({"a": Ground(speed=10), "b": Ground(speed=20)}, rate=rate)
    world.until(lambda: world.memory.move is not None and len(world.memory.known) == 2)
    world.policy = quick(paused=True)
    world.until(lambda: world.memory.move is None)
    snapshot = world.snapshot()
    workload = replace(snapshot.workload, key=WorkloadKey("ns", name), uid=name)
    pools = tuple(replace(p, nodes=b_nodes) if p.name == "b" else p for p in snapshot.pools)
    return replace(snapshot, workload=workload, pools=pools)


def pools_of(fleet_plan: FleetPlan) -> dict[str, dict[str, int]]:
    return {key.name: dict(o.replicas) for key, o in fleet_plan.targets.items() if isinstance(o, Planned)}


def test_with_room_for_all_everyone_gets_the_cheapest_and_the_bound_is_met() -> None:
    fleet = tuple(measured(name, b_nodes=40) for name in "xyz")
    found = plan(fleet, fleet[0].traffic[next(iter(fleet[0].traffic))].at)  # type: ignore[union-attr]
    assert pools_of(found) == {name: {"b": 2} for name in "xyz"}
    assert found.gap < 1e-9
    assert found.prices == {"a": 0.0, "b": 0.0}


def test_what_is_short_is_shared_in_order_and_has_a_price() -> None:
    fleet = tuple(measured(name, b_nodes=4) for name in "xyz")
    now = fleet[0].traffic[next(iter(fleet[0].traffic))].at  # type: ignore[union-attr]
    found = plan(fleet, now)
    assert pools_of(found) == {"x": {"b": 2}, "y": {"b": 2}, "z": {"a": 4}}
    assert found.bound < found.cost
    assert found.prices["b"] > 0
    assert found == plan(fleet[::-1], now), "the order of workloads changes nothing"


def test_nobody_is_planned_out_of_the_place_where_he_runs() -> None:
    first, second = measured("x", b_nodes=2), measured("y", b_nodes=2)
    now = first.traffic[next(iter(first.traffic))].at  # type: ignore[union-attr]
    at_b = next(k for k in second.memory.known if k.pool == "b")
    (standing,) = second.placements
    key = type(standing.key)("b", at_b.revision)
    second = replace(
        second,
        placements=(replace(standing, key=key, desired=2, ready=2, pods=2),),
        traffic={key: next(iter(second.traffic.values()))},
        memory=replace(second.memory, home_pool="b", home_revision=at_b.revision),
    )
    assert pools_of(plan((first, second), now)) == {"x": {"a": 4}, "y": {"b": 2}}


def test_a_workload_whose_load_is_not_known_has_no_target() -> None:
    snapshot = measured("x", b_nodes=40)
    now = snapshot.traffic[next(iter(snapshot.traffic))].at  # type: ignore[union-attr]
    assert plan((replace(snapshot, traffic={}),), now).targets == {}
    assert plan((), now) == FleetPlan(targets={}, prices={}, cost=0.0, bound=0.0)


def test_a_fleet_without_room_is_told_who_goes_without() -> None:
    snapshot = measured("x", b_nodes=0)
    now = snapshot.traffic[next(iter(snapshot.traffic))].at  # type: ignore[union-attr]
    small = replace(snapshot, pools=tuple(replace(p, nodes=0) for p in snapshot.pools), placements=())
    (outcome,) = plan((small,), now).targets.values() or (None,)
    assert outcome is None or isinstance(outcome, Infeasible)
