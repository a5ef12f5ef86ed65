"""The fleet's plan as metrics: from what each decision asked for."""

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest
from prometheus_client.parser import text_string_to_metric_families

from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.reconcile.fleet import PLAN_SECONDS, PLAN_SHARE, Fleet, rest_after
from steelyard.control.telemetry.metrics import Metrics
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.plan import plan_demands
from unit.control.reconciler_stage import Stage, new_workload
from unit.control.virtual_time import VirtualClock, run
from unit.core.test_published import measured_on_two
from unit.core.world import Ground
from unit.core.world import World as Small


def asked(fleet: Fleet, name: str, rate: float) -> None:
    world = Small({"a": Ground(), "b": Ground(price=2.0)}, rate=rate)
    world.tick(12)
    demand = world.decisions[-1].demand
    assert demand is not None
    key = WorkloadKey("ns", name)
    fleet.ask(key, replace(demand, key=key))


def test_planning_takes_a_tenth_of_the_time_at_most_and_is_not_hurried_where_it_takes_less() -> None:
    assert rest_after(0.2) == PLAN_SECONDS
    assert 20.0 / (20.0 + rest_after(20.0)) == pytest.approx(PLAN_SHARE)


def fleet_of(nodes: int) -> tuple[Fleet, Metrics]:
    small = Small({"a": Ground(nodes=nodes), "b": Ground(price=2.0, nodes=2)})
    pools = tuple(small.pool(name, ground) for name, ground in small.grounds.items())
    world = SimpleNamespace(pools=lambda: pools, settings=small.settings())
    metrics = Metrics(currency="USD")
    return Fleet(cast(SnapshotBuilder, world), metrics), metrics


def exposed(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics.page().decode())
        for sample in family.samples
        if sample.name == name
    }


def test_what_workloads_ask_for_is_planned_together_and_shown() -> None:
    fleet, metrics = fleet_of(nodes=5)
    asked(fleet, "x", rate=20.0)
    asked(fleet, "y", rate=12.0)
    fleet.tell(plan_demands(*fleet.asked()))
    assert exposed(metrics, "steelyard_plan_workloads") == {("Planned",): 2.0, ("Infeasible",): 0.0, ("Undecided",): 0.0}
    assert sum(exposed(metrics, "steelyard_plan_replicas").values()) >= 5
    cost = exposed(metrics, "steelyard_plan_cost_usd")
    assert 0 < cost["bound",] <= cost["plan",]
    assert set(exposed(metrics, "steelyard_pool_scarcity_usd")) == {("a",), ("b",)}


def test_who_is_gone_is_planned_for_no_more_and_a_failed_plan_shows_nothing() -> None:
    fleet, metrics = fleet_of(nodes=5)
    asked(fleet, "x", rate=20.0)
    fleet.ask(WorkloadKey("ns", "x"), None)
    fleet.tell(plan_demands(*fleet.asked()))
    assert exposed(metrics, "steelyard_plan_replicas"), "not to know what it asks for frees no node of it"
    fleet.forget(WorkloadKey("ns", "x"))
    fleet.tell(plan_demands(*fleet.asked()))
    assert exposed(metrics, "steelyard_plan_replicas") == {}
    asked(fleet, "x", rate=20.0)
    fleet.tell(plan_demands(*fleet.asked()))
    assert exposed(metrics, "steelyard_plan_replicas")
    fleet.fail()
    assert exposed(metrics, "steelyard_plan_cost_usd") == {}


def test_where_the_pools_do_not_hold_all_the_answer_says_so() -> None:
    fleet, metrics = fleet_of(nodes=1)
    asked(fleet, "x", rate=24.0)
    asked(fleet, "y", rate=24.0)
    fleet.tell(plan_demands(*fleet.asked()))
    assert exposed(metrics, "steelyard_plan_workloads")["Infeasible",] >= 1


def test_pools_are_compared_once_every_workload_was_decided_on_and_not_by_a_part_of_them() -> None:
    keys, synced = [WorkloadKey("ns", "x"), WorkloadKey("ns", "y")], False
    world = SimpleNamespace(decided=lambda: iter(keys), synced=lambda: synced)
    fleet = Fleet(cast(SnapshotBuilder, world), Metrics(currency="USD"), compares=True)
    small = measured_on_two()
    options, now = small.tick().options, small.now
    assert fleet.relative_costs(now) is None
    synced = True
    fleet.compare(keys[0], options)
    assert fleet.relative_costs(now) is None
    fleet.compare(keys[1], ())
    found = fleet.relative_costs(now)
    assert found is not None
    assert found["cheap"].cost == 1.0 < found["dear"].cost
    keys.append(WorkloadKey("ns", "new"))
    assert fleet.relative_costs(now) == found, "a new one takes nothing away"
    fleet.forget(keys[0])
    assert fleet.relative_costs(now) == {}


def test_each_decision_tells_the_fleet_what_it_went_by() -> None:
    stage = Stage(new_workload(), VirtualClock())
    run(stage.work(5))
    assert stage.compared and all({option.pool for option in options} == set(stage.world.grounds) for options in stage.compared)


def test_where_nobody_is_told_nothing_is_compared() -> None:
    world = SimpleNamespace(decided=lambda: iter(()), synced=lambda: True)
    fleet = Fleet(cast(SnapshotBuilder, world), Metrics(currency="USD"))
    small = measured_on_two()
    fleet.compare(WorkloadKey("ns", "x"), small.tick().options)
    assert not fleet.relative_costs(small.now)
