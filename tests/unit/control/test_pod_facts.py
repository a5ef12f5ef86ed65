"""What a serving pod costs an hour: its share of its node, of a device that is handed out in parts its part."""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest

from steelyard.control.gather.pod_facts import pod_facts
from steelyard.core.economics.attribution import share
from steelyard.core.facts.pod import PodFacts
from steelyard.core.facts.price import Price, PriceClass
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Pool, Shape
from steelyard.core.facts.window import Crash
from steelyard.observe.cost import cost
from steelyard.observe.observed_pod import ObservedPod

GPU, SMALL, HALF = "nvidia.com/gpu", "nvidia.com/mig-1g.10gb", "nvidia.com/mig-3g.40gb"


def pool(resource: str, devices: int = 1) -> Pool:
    shape = Shape(instance_type="p5.4xlarge", resources=Resources(16, 256, devices), price=Price(7.0, PriceClass.LIST, None))
    return Pool(name="p", family="nvidia", resource_name=resource, backends=(), node_selector={"pool": "p"}, shapes=(shape,))


def node(**offered: object) -> dict[str, Any]:
    return {
        "metadata": {"name": "n", "labels": {"node.kubernetes.io/instance-type": "p5.4xlarge"}},
        "status": {"capacity": {"cpu": "16", "memory": "256Gi", "nvidia.com/gpu": "0", **offered}},
    }


def pod(resource: str, bound: bool = True) -> dict[str, Any]:
    return {
        "metadata": {
            "uid": "u",
            "name": "w-1",
            "namespace": "ns",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"steelyard.dev/workload": "w", "steelyard.dev/pool": "p", "steelyard.dev/revision": "r"},
        },
        "spec": {
            **({"nodeName": "n"} if bound else {}),
            "containers": [{"resources": {"requests": {"cpu": "1", "memory": "4Gi", resource: "1"}}}],
        },
    }


def time(hour: int, minute: int, second: int) -> datetime:
    return datetime(2026, 1, 1, hour, minute, second, tzinfo=UTC)


def facts(resource: str, offered: dict[str, str], devices: int = 1) -> PodFacts:
    return pod_facts(pod(resource), pool(resource, devices), node(**offered))


@pytest.mark.parametrize("devices", [1, 4])
def test_a_time_slice_costs_its_part_of_the_device(devices: int) -> None:
    found = facts(GPU, {GPU: "4"}, devices)
    assert found.resources.devices == pytest.approx(devices / 4)
    assert found.cost_per_hour == pytest.approx(7 * share(Resources(1, 4, devices / 4), Resources(16, 256, devices)))


def test_partitions_of_unlike_size_cost_by_their_size() -> None:
    offered = {HALF: "1", SMALL: "4"}
    assert facts(SMALL, offered).resources.devices == pytest.approx(1 / 7)
    assert facts(HALF, offered).resources.devices == pytest.approx(3 / 7)


def test_a_whole_device_costs_the_whole_device() -> None:
    assert facts(GPU, {GPU: "1"}).resources.devices == 1


ENDED = {"terminated": {"exitCode": 137, "finishedAt": "2026-01-01T01:00:00Z"}}
READY = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T01:00:09Z"}


@pytest.mark.parametrize(
    ("server", "conditions", "crash"),
    [
        ({"state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}, [READY], None),
        ({"state": ENDED}, [], Crash(time(1, 0, 0), None)),
        ({"state": {"waiting": {}}, "lastState": ENDED}, [{**READY, "status": "False"}], Crash(time(1, 0, 0), None)),
        ({"state": {"running": {}}, "lastState": ENDED}, [READY], Crash(time(1, 0, 0), time(1, 0, 9))),
        (
            {"state": {"running": {}}, "lastState": ENDED},
            [{**READY, "lastTransitionTime": "2026-01-01T00:00:00Z"}],
            Crash(time(1, 0, 0), time(1, 0, 0)),
        ),
    ],
)
def test_a_crash_is_told_with_when_the_replica_was_ready_again(server: Any, conditions: list[Any], crash: Crash | None) -> None:
    seen = pod(GPU) | {"status": {"containerStatuses": [server], "conditions": conditions}}
    assert pod_facts(seen, pool(GPU), None).crash == crash
    leaving = {**seen, "metadata": {**seen["metadata"], "deletionTimestamp": "2026-01-01T02:00:00Z"}}
    assert pod_facts(leaving, pool(GPU), None).crash is None, "a server that was told to end did not crash"


def test_what_is_unknown_stays_unknown() -> None:
    without_node = pod_facts(pod(GPU), pool(GPU), None)
    assert (without_node.cost_per_hour, without_node.resources.devices) == (None, 1)
    other = node() | {"metadata": {"name": "n", "labels": {"node.kubernetes.io/instance-type": "p4d.24xlarge"}}}
    assert pod_facts(pod(GPU), pool(GPU), other).cost_per_hour is None
    assert pod_facts(pod(GPU, bound=False), pool(GPU), None).cost_per_hour == 0


def rejected(*conditions: tuple[str, str, str]) -> PodFacts:
    """A pod that a kubelet did not admit: no container of it was ever made."""
    told = [{"type": kind, "status": status, "lastTransitionTime": at} for kind, status, at in conditions]
    status = {"phase": "Failed", "reason": "UnexpectedAdmissionError", "conditions": told}
    return pod_facts({**pod(GPU), "status": status}, pool(GPU), node(**{GPU: "1"}))


def test_a_pod_that_the_kubelet_rejected_costs_nothing_after_its_end() -> None:
    found = rejected(("PodScheduled", "True", "2026-01-01T01:00:00Z"), ("Ready", "False", "2026-01-01T01:00:02Z"))
    assert (found.created, found.ended) == (time(1, 0, 0), time(1, 0, 2))
    observed = ObservedPod(**{f.name: getattr(found, f.name) for f in fields(found)})
    assert cost([observed], time(0, 0, 0), time(9, 0, 0)) == pytest.approx((found.cost_per_hour or 0) * 2 / 3600)


def test_a_rejected_pod_of_which_nothing_else_is_told_ended_when_it_came_to_the_node() -> None:
    assert rejected(("PodScheduled", "True", "2026-01-01T01:00:00Z")).ended == time(1, 0, 0)
    assert rejected().ended == time(0, 0, 0)


def test_a_pod_that_runs_has_not_ended() -> None:
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T01:00:00Z"}]}
    assert pod_facts({**pod(GPU), "status": status}, pool(GPU), node(**{GPU: "1"})).ended is None
