"""An object of the workload's name that is somebody else's, as after a migration: clients of the endpoint would reach another's pods."""

import pytest

from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube.resource import SERVICES
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import Snapshot
from unit.control.reconciler_stage import KEY, Stage, new_workload, serving_too_few, standing
from unit.control.test_hostile_objects import Cluster
from unit.control.virtual_time import ManualClock, VirtualClock, run

NAMES = {"services": "Service", "poddisruptionbudgets": "PodDisruptionBudget"}


@pytest.mark.parametrize("plural", NAMES)
def test_a_service_or_budget_of_the_workloads_name_that_is_somebody_elses_makes_it_not_ready(plural: str) -> None:
    async def scenario() -> None:
        stage = Stage(serving_too_few(), VirtualClock())
        standing(stage)
        stage.server.taken_names = {(plural, KEY.name)}
        await stage.work(600)
        told = stage.server.condition("Ready")
        assert (told["status"], told["reason"]) == ("False", "EndpointTaken")
        assert told["message"].startswith(f"{NAMES[plural]} embed exists and belongs to somebody else: delete or rename it")
        assert stage.server.workload["status"].get("endpoint") == (None if plural == "services" else "embed")
        assert stage.server.condition("Placed")["reason"] != "NotOurs", "its replicas are where they should be"
        assert len([at for at in stage.server.tries(plural) if at > 300]) <= 4, "it is looked at less and less often"
        stage.server.taken_names.clear()
        await stage.work(330)
        assert stage.server.condition("Ready")["reason"] == "Serving"
        assert stage.server.workload["status"]["endpoint"] == "embed"

    run(scenario())


def test_a_restart_does_not_forget_for_a_moment_that_the_endpoint_is_taken() -> None:
    async def scenario() -> None:
        stage = Stage(serving_too_few(), VirtualClock())
        standing(stage)
        stage.server.taken_names = {("services", KEY.name)}
        for _ in range(2):
            await stage.reconciler.reconcile(KEY)
            assert stage.server.condition("Ready")["status"] == "False"
            assert "endpoint" not in stage.server.workload["status"]

    run(scenario())


def test_a_new_workload_has_its_endpoint_once_its_service_is_there() -> None:
    async def scenario() -> None:
        stage = Stage(new_workload(), VirtualClock())
        await stage.work(2)
        assert stage.server.workload["status"]["endpoint"] == "embed"

    run(scenario())


def test_the_endpoint_is_the_workloads_own_service_and_no_other() -> None:
    cluster = Cluster()
    meta = {"name": "chat", "namespace": "shop", "uid": "u-service"}

    def has_front(world: SnapshotBuilder) -> bool:
        seen = world.freeze(WorkloadKey("shop", "chat"), ManualClock().now())
        assert isinstance(seen, Snapshot)
        return seen.has_front

    assert not has_front(cluster.world)
    cluster.put(SERVICES, {"metadata": meta})
    assert not has_front(cluster.world), "of nobody"
    owner = {"kind": "InferenceWorkload", "name": "chat", "uid": "u-chat", "controller": True}
    cluster.put(SERVICES, {"metadata": {**meta, "ownerReferences": [owner]}}, "MODIFIED")
    assert has_front(cluster.world)
