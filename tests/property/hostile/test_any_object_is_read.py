"""Whatever stands in a pod, node, Job or object of ours: it is read or left out and told, and those beside it are read as ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from property.hostile import ground as real
from property.hostile import strategies as any_
from property.hostile.effort import fuzz, is_linear, memory_of
from property.hostile.ground import Ground
from property.hostile.strategies import Manifest, damaged
from steelyard.control.kube.resource import (
    ACCELERATOR_POOLS,
    ACCELERATOR_TRIALS,
    COMPILED_MODELS,
    DEPLOYMENTS,
    INFERENCE_WORKLOADS,
    JOBS,
    NODES,
    PODS,
    Resource,
)

ACCEPTED: list[tuple[Resource, st.SearchStrategy[Manifest]]] = [
    (PODS, any_.PODS),
    (PODS, any_.COMPILE_PODS),
    (NODES, any_.NODES),
    (JOBS, any_.JOBS),
    (JOBS, any_.PROBE_JOBS),
    (PODS, any_.PROBE_PODS),
    (JOBS, any_.TRIAL_JOBS),
    (PODS, any_.TRIAL_PODS),
]
REAL: list[tuple[Resource, Manifest]] = [
    (PODS, real.pod("pod", "shop")),
    (NODES, real.node("node")),
    (JOBS, real.job()),
    (JOBS, real.probe_job()),
    (PODS, real.probe_pod()),
    (DEPLOYMENTS, real.deployment("shop")),
    (INFERENCE_WORKLOADS, {**real.workload("shop"), "status": real.REMEMBERED}),
    (ACCELERATOR_POOLS, {**real.pool(), "metadata": {"name": "other", "uid": "u-other", "generation": 1}, "status": real.SHORT}),
    (COMPILED_MODELS, real.compiled()),
    (ACCELERATOR_TRIALS, real.trial()),
    (JOBS, real.trial_replica_job()),
    (PODS, real.trial_pod()),
]


def is_read(resource: Resource, made: Manifest) -> None:
    ground, beside = Ground(), resource in {PODS, NODES, JOBS}
    ground.put(resource, made)
    for _ in range(2):
        ground.look(neighbours=beside)
    ground.leaves(resource, made)
    ground.look(neighbours=beside)
    assert len(ground.told) == len(set(ground.told)), "told once"


@fuzz(400)
@given(st.one_of(*(st.tuples(st.just(resource), strategy) for resource, strategy in ACCEPTED)))
def test_any_object_that_an_api_server_takes_is_read_or_left_out_alone(given_: tuple[Resource, Manifest]) -> None:
    is_read(*given_)


FOR_EVER = {"pool": "gpu", "revision": "1a1b2c3d", "until": "9999-12-31T00:00:00Z", "failures": 1, "reason": "TargetCrashed"}
NO_TIME = {"type": "Ready", "status": "False", "lastTransitionTime": True}


@fuzz(400)
@given(st.one_of(*(st.tuples(st.just(resource), damaged(made)) for resource, made in REAL)))
@example((INFERENCE_WORKLOADS, {**real.workload("shop"), "status": {**real.REMEMBERED, "quarantine": [FOR_EVER]}}))
@example((NODES, {"metadata": {"name": "node", "uid": "u-node"}, "status": {"conditions": [NO_TIME]}}))
def test_any_damage_to_a_real_object_is_that_objects_alone(given_: tuple[Resource, Manifest]) -> None:
    is_read(*given_)


def stuffed(made: Manifest, *path: str, **fields: Any) -> Manifest:
    """With these fields at a place inside."""
    head, *rest = path
    return {**made, head: stuffed(made.get(head, {}), *rest, **fields) if rest else {**made.get(head, {}), **fields}}


POD = real.pod("pod", "shop")
ASKING = {"resources": {"requests": {"cpu": "1m", "nvidia.com/gpu": "1"}}, "env": [{"name": "A", "value": "b"}]}
CONDITION = {"type": "X", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
FAILING = {"name": "c", "state": {"waiting": {"reason": "CreateContainerConfigError", "message": "m" * 20}}}
PROBED = real.probe_pod()
LARGE: dict[str, tuple[Resource, Callable[[int], Manifest]]] = {
    "containers": (PODS, lambda n: stuffed(POD, "spec", containers=[ASKING] * n)),
    "conditions": (PODS, lambda n: stuffed(POD, "status", conditions=[CONDITION] * n)),
    "statuses": (PODS, lambda n: stuffed(POD, "status", conditions=[], containerStatuses=[FAILING] * n)),
    "volumes": (PODS, lambda n: stuffed(POD, "spec", volumes=[{"secret": {"secretName": "s"}}] * n)),
    "labels": (PODS, lambda n: stuffed(POD, "metadata", labels={**POD["metadata"]["labels"], **{f"l{i}": "v" for i in range(n)}})),
    "owners": (PODS, lambda n: stuffed(POD, "metadata", ownerReferences=[{"kind": "X", "name": "n", "uid": f"u{i}"} for i in range(n)])),
    "a last word": (
        PODS,
        lambda n: stuffed(
            POD,
            "status",
            phase="Failed",
            containerStatuses=[{"state": {"terminated": {"exitCode": 1, "message": '{"final":' + "[ " * (8 * n)}}}],
        ),
    ),
    "steps of a probe": (
        PODS,
        lambda n: stuffed(
            PROBED,
            "status",
            containerStatuses=[{"state": {"terminated": {"message": '{"result":"Probed","steps":[' + ",".join(["{}"] * n) + "]}"}}}],
        ),
    ),
    "sidecars": (PODS, lambda n: stuffed(PROBED, "spec", initContainers=[{**ASKING, "restartPolicy": "Always"}] * n)),
    "resources of a node": (NODES, lambda n: stuffed(real.node("node"), "status", capacity={f"example.com/r{i}": "1" for i in range(n)})),
    "labels of a node": (
        NODES,
        lambda n: stuffed(real.node("node"), "metadata", labels={"pool": "gpu", **{f"l{i}": "v" for i in range(n)}}),
    ),
    "conditions of a Job": (JOBS, lambda n: stuffed(real.job(), "status", conditions=[CONDITION] * n)),
    "fields that nobody knows": (INFERENCE_WORKLOADS, lambda n: stuffed(real.workload("shop"), "spec", **{f"f{i}": i for i in range(n)})),
    "pools that it names": (
        INFERENCE_WORKLOADS,
        lambda n: stuffed(real.workload("shop"), "spec", placement={"pools": [{"name": f"p{i}"} for i in range(n)]}),
    ),
    "what it remembers": (
        INFERENCE_WORKLOADS,
        lambda n: {**real.workload("shop"), "status": {"placements": [{"pool": "p", "revision": f"{i:08}"} for i in range(n)]}},
    ),
}


@pytest.mark.parametrize("shape", LARGE)
def test_an_object_is_read_in_time_and_memory_in_proportion_to_its_size(shape: str) -> None:
    resource, make = LARGE[shape]
    ready = {n: make(n) for n in (1_000, 8_000)}

    def read(n: int) -> None:
        ground = Ground()
        ground.put(resource, ready[n])
        ground.look()

    is_linear(read, 1_000)
    memory_of(lambda: read(8_000), len(repr(ready[8_000])))


def test_who_edits_a_spec_all_day_fills_no_memory() -> None:
    ground = Ground()
    for generation in range(2, 300):
        edited = real.workload("shop")
        edited["metadata"]["generation"] = generation
        ground.put(INFERENCE_WORKLOADS, edited)
        ground.world.decides()
    assert len(ground.world._parsed) <= 3
    ground.leaves(INFERENCE_WORKLOADS, real.workload("shop"))
    ground.look()
    assert "u-shop" not in ground.world._parsed
