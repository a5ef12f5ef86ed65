"""What an autoscaler is told: the plan of a workload that is sized elsewhere, by fresh readings, and else why there is no number."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.keda.plan_signal import NoSignal, PlanSignal
from steelyard.control.reconcile.fleet import Fleet
from steelyard.control.telemetry.metrics import Metrics
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.snapshot import FleetTarget, Owner, Scaling
from steelyard.core.placing.decision import is_observed
from steelyard.core.plan import plan_demands
from unit.core.world import Ground, Pods, World

KEY = WorkloadKey("ns", "embed")


class Stage:
    """A workload of the small world, its fleet, and the signal."""

    def __init__(self, rate: float = 24.0) -> None:
        self.world = World({"a": Ground(speed=10), "b": Ground(speed=10, price=2.0)}, rate=rate)
        self.world.scaling = Scaling(owner=Owner.EXTERNAL, minimum=2)
        self.there: Any = True
        pools = tuple(self.world.pool(name, ground) for name, ground in self.world.grounds.items())
        seen = cast(
            SnapshotBuilder,
            SimpleNamespace(
                pools=lambda: pools,
                settings=self.world.settings(),
                workload=lambda _: self.world.workload if self.there else None,
                placements=lambda *_: tuple(self.world.placement(key) for key in self.world.deployments),
            ),
        )
        self.fleet = Fleet(seen, Metrics(currency="USD"))
        self.signal = PlanSignal(self.fleet, seen, lambda: self.world.now)

    def look(self, ticks: int = 1) -> None:
        decision = self.world.tick(ticks)
        self.fleet.ask(KEY, decision.demand, seen=is_observed(decision))

    def plan(self) -> None:
        self.fleet.tell(plan_demands(*self.fleet.asked()))

    def told(self, pool: str = "a") -> int | NoSignal:
        return self.signal.replicas(KEY, pool)

    def why(self, pool: str = "a") -> str:
        told = self.told(pool)
        assert isinstance(told, NoSignal)
        return told.why


@pytest.fixture
def stage() -> Stage:
    made = Stage()
    made.look(12)
    made.plan()
    return made


def test_it_is_what_the_load_needs_on_the_pool_where_it_runs(stage: Stage) -> None:
    planned = stage.told()
    assert isinstance(planned, int) and planned > 2
    stage.world.scale_targets["a"] = planned
    stage.look(6)
    stage.plan()
    assert stage.told() == planned, "whoever follows it comes to rest"
    stage.world.rate *= 2
    stage.look(4)
    stage.plan()
    more = stage.told()
    assert isinstance(more, int) and more > planned


def test_what_is_given_up_on_one_pool_waits_for_the_other(stage: Stage) -> None:
    stage.world.scale_targets["b"] = 4
    stage.look(2)
    stage.plan()
    before = {pool: stage.told(pool) for pool in "ab"}
    assert before["b"] == 4, "which starts, while what the plan has on the cheaper pool does not serve yet"
    stage.world.scale_targets["a"] = int(cast(int, before["a"]))
    stage.look(6)
    stage.plan()
    assert stage.told("b") == 0


def test_both_ends_of_a_roll_out_are_not_counted_together(stage: Stage) -> None:
    stage.world.scale_targets["b"] = 4
    stage.look(2)
    stage.plan()
    stage.world.deployments[PlacementKey("b", "older")] = Pods(desired=3, asked="")
    assert stage.told("b") == 4


def _unplanned(stage: Stage) -> None:
    stage.fleet.fail()


def _blind(stage: Stage) -> None:
    stage.world.seeing = False
    stage.look(3)
    stage.plan()


def _gone(stage: Stage) -> None:
    stage.there = False


def _ours(stage: Stage) -> None:
    stage.world.scaling = Scaling()


def _goes_without(stage: Stage) -> None:
    cast(Any, stage.fleet).target = lambda _: FleetTarget(replicas={"a": 1}, scarcity={}, most={"a": 1})


@pytest.mark.parametrize(
    ("make", "why", "wrong"),
    [
        (_unplanned, "not planned yet", False),
        (_blind, "see its condition Observed", False),
        (_goes_without, "plan has no replicas", False),
        (_gone, "no InferenceWorkload embed in namespace ns", True),
        (_ours, "spec.scaling.owner of InferenceWorkload embed is Steelyard", True),
    ],
)
def test_what_is_not_known_or_not_for_an_autoscaler_is_no_number(
    stage: Stage, make: Callable[[Stage], None], why: str, wrong: bool
) -> None:
    make(stage)
    told = stage.told()
    assert isinstance(told, NoSignal)
    assert why in told.why
    assert told.wrong is wrong


def test_a_pool_where_it_does_not_run_has_no_number(stage: Stage) -> None:
    assert "no replica on pool b" in stage.why("b")


def test_a_pool_that_was_opened_after_the_plan_was_made_has_no_number_before_the_next_one(stage: Stage) -> None:
    """A plan that knows nothing of it has none for it, and an autoscaler that followed that would close it at once."""
    planned = stage.told()
    stage.world.scale_targets["a"] = int(cast(int, planned))
    stage.look(6)
    stage.plan()
    stage.world.scale_targets["b"] = 1
    stage.look()
    assert "says nothing of pool b" in stage.why("b")
    assert isinstance(stage.told("a"), int)
    stage.look()
    stage.plan()
    assert isinstance(stage.told("b"), int)


def test_a_memory_of_the_load_is_no_number_and_the_next_reading_is_one_again(stage: Stage) -> None:
    _blind(stage)
    assert isinstance(stage.told(), NoSignal)
    stage.world.seeing = True
    stage.look(4)
    stage.plan()
    assert isinstance(stage.told(), int)


def test_each_scale_target_with_a_number_is_a_sample(stage: Stage) -> None:
    def target(pool: str) -> dict[str, Any]:
        return {"metadata": {"namespace": "ns", "name": f"embed.{pool}"}, "spec": {"workloadName": "embed", "pool": pool, "replicas": 1}}

    (sample,) = stage.signal.gauges([target("a"), target("b"), {"metadata": {"namespace": "ns", "name": "x"}}])
    assert (sample.name, sample.labels, sample.value) == (
        "steelyard_autoscaler_replicas",
        ("ns", "embed", "a"),
        float(cast(int, stage.told())),
    )


def test_an_autoscaler_that_follows_it_through_a_day_keeps_the_promise_and_no_replica_too_many() -> None:
    stage = Stage(rate=24.0)
    most, missed = 0, 0
    for tick in range(90):
        stage.world.rate = 24 - 20 * math.cos(tick / 14)
        stage.look()
        stage.plan()
        told = stage.told()
        if isinstance(told, int):
            stage.world.scale_targets["a"] = told
        newest = [pods.windows[-1] for pods in stage.world.deployments.values() if pods.windows]
        missed += sum(w.violations for w in newest) > 0.01 * sum(w.offered for w in newest) and tick > 12
        most = max(most, sum(pods.desired for pods in stage.world.deployments.values()))
    assert missed <= 1
    assert most <= 8, "44 requests/s at 10 for each replica"
    assert sum(pods.desired for pods in stage.world.deployments.values()) <= 3, "and goes down with the load"
