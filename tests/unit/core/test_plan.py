"""The slow door: targets of all workloads over pools that they share."""

from dataclasses import replace
from datetime import datetime

from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import FleetTarget, Snapshot
from steelyard.core.placing.analysis import analysis
from steelyard.core.placing.ask import demand
from steelyard.core.plan import FleetPlan, plan, plan_demands
from steelyard.core.planning.outcome import Infeasible, Planned
from steelyard.core.vocabulary.reading import Fresh
from unit.core.world import Ground, World, quick


def measured(name: str, *, b_nodes: int, rate: float = 24.0) -> Snapshot:
    """A workload at A that has measured B, which is half as dear."""
    world = World({"a": Ground(speed=10), "b": Ground(speed=20)}, rate=rate)
    world.until(lambda: world.memory.move is not None and len(world.memory.known) == 2)
    world.policy = quick(paused=True)
    world.until(lambda: world.memory.move is None)
    world.tick(2)
    snapshot = world.snapshot()
    workload = replace(snapshot.workload, key=WorkloadKey("ns", name), uid=name, rebalancing=quick())
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


def test_what_is_short_goes_to_as_many_as_it_holds_and_has_a_price() -> None:
    fleet = tuple(measured(name, b_nodes=4) for name in "xyz")
    now = fleet[0].traffic[next(iter(fleet[0].traffic))].at  # type: ignore[union-attr]
    found = plan(fleet, now)
    assert sorted(tuple(each.items()) for each in pools_of(found).values()) == [(("a", 4),), (("b", 2),), (("b", 2),)]
    assert found.gap < 1e-6, "three workloads are planned exactly"
    assert found.prices["b"] > 0
    assert found == plan(fleet[::-1], now), "the order of workloads changes nothing"


def test_nobody_is_planned_out_of_the_place_where_he_runs() -> None:
    first, second = measured("x", b_nodes=2), measured("y", b_nodes=2)
    now = first.traffic[next(iter(first.traffic))].at  # type: ignore[union-attr]
    at_b = next(k for k in second.memory.known if k.pool == "b")
    (standing,) = second.placements
    key = type(standing.key)("b", at_b.revision)
    reading = second.traffic[standing.key]
    assert isinstance(reading, Fresh)
    faster = tuple(w._replace(busy_seconds=(w.busy_seconds or 0) / 2) for w in reading.value.windows)
    second = replace(
        second,
        placements=(replace(standing, key=key, desired=2, ready=2, pods=2),),
        traffic={key: replace(reading, value=replace(reading.value, windows=faster))},
        memory=replace(second.memory, allocation=(key,)),
    )
    assert pools_of(plan((first, second), now)) == {"x": {"a": 4}, "y": {"b": 2}}


def test_a_workload_whose_load_is_not_known_has_no_target() -> None:
    snapshot = measured("x", b_nodes=40)
    now = snapshot.traffic[next(iter(snapshot.traffic))].at  # type: ignore[union-attr]
    assert plan((replace(snapshot, traffic={}),), now).targets == {}
    assert plan((), now) == FleetPlan(targets={}, prices={}, cost=0.0, bound=0.0)


def crowd(*priorities: int, nodes: int, rate: float = 24.0) -> tuple[tuple[Snapshot, ...], datetime]:
    """Workloads of which each needs four nodes of pool a, the first one what `rate` needs; there is no other pool."""
    fleet = []
    for at, priority in enumerate(priorities):
        one = measured("wxyz"[at], b_nodes=0, rate=rate if at == 0 else 24.0)
        workload = replace(one.workload, scaling=replace(one.workload.scaling, priority=priority))
        pools = tuple(replace(p, nodes=nodes) for p in one.pools if p.name == "a")
        fleet.append(replace(one, workload=workload, pools=pools))
    return tuple(fleet), fleet[0].traffic[next(iter(fleet[0].traffic))].at  # type: ignore[union-attr]


def crowded(*priorities: int, nodes: int, rate: float = 24.0) -> FleetPlan:
    return plan(*crowd(*priorities, nodes=nodes, rate=rate))


def test_where_the_pools_do_not_hold_all_higher_priority_is_served_first_and_the_rest_is_told_what_is_short() -> None:
    found = crowded(0, 2, 1, nodes=8)
    assert pools_of(found) == {"x": {"a": 4}, "y": {"a": 4}}
    outcome = found.targets[WorkloadKey("ns", "w")]
    assert isinstance(outcome, Infeasible)
    assert outcome.conflict == ("nodes of pool a",)
    assert "at least 4 are missing" in outcome.relaxation


def test_who_goes_without_gives_back_what_a_higher_priority_lacks_and_keeps_it_else() -> None:
    def lowest(*, short: bool) -> FleetTarget:
        """Of three workloads that run on four nodes each of eight, as the plan of before left them."""
        fleet, now = crowd(0, 2, 1, nodes=8)
        demands = tuple(d for s in fleet if (d := demand(analysis(s, now))) is not None)
        demands = tuple(replace(d, short=short and d.priority == 2, running={"a": 4 - 3 * (short and d.priority == 2)}) for d in demands)
        found = plan_demands(demands, {"a": 8.0}, {}).target(WorkloadKey("ns", "w"))
        assert found is not None
        return found

    assert (lowest(short=True).most, lowest(short=True).back) == ({"a": 0}, ("a",))
    assert (lowest(short=False).most, lowest(short=False).back) == ({"a": 4}, ())


def test_one_that_fits_nowhere_does_not_keep_those_behind_it_out() -> None:
    found = crowded(5, 0, 0, nodes=10, rate=48.0)
    assert pools_of(found).keys() == {"w"}
    found = crowded(5, 0, 0, nodes=6, rate=48.0)
    assert sorted(pools_of(found).values(), key=str) == [{"a": 4}]


def test_a_namespace_spends_no_more_than_its_budget_and_a_unit_more_has_its_worth() -> None:
    fleet = tuple(measured(name, b_nodes=4) for name in "xyz")
    now = fleet[0].traffic[next(iter(fleet[0].traffic))].at  # type: ignore[union-attr]
    free = plan(fleet, now)
    poor = tuple(replace(s, settings=replace(s.settings, namespace_budgets={"ns": free.cost * 0.9})) for s in fleet)
    found = plan(poor, now)
    assert sum(isinstance(o, Planned) for o in found.targets.values()) == 2
    assert found.cost <= free.cost * 0.9
    outcome = next(o for o in found.targets.values() if isinstance(o, Infeasible))
    assert "the budget of namespace ns" in outcome.relaxation


def test_a_load_that_no_pool_holds_alone_is_planned_over_several() -> None:
    small = measured("x", b_nodes=1)
    now = small.traffic[next(iter(small.traffic))].at  # type: ignore[union-attr]
    small = replace(small, pools=tuple(replace(p, nodes=3) if p.name == "a" else p for p in small.pools))
    assert pools_of(plan((small,), now)) == {"x": {"a": 3, "b": 1}}


def test_a_fleet_without_room_is_told_who_goes_without() -> None:
    snapshot = measured("x", b_nodes=0)
    now = snapshot.traffic[next(iter(snapshot.traffic))].at  # type: ignore[union-attr]
    small = replace(snapshot, pools=tuple(replace(p, nodes=0) for p in snapshot.pools), placements=())
    (outcome,) = plan((small,), now).targets.values() or (None,)
    assert outcome is None or isinstance(outcome, Infeasible)
