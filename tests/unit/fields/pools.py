"""Pairs of specs of an AcceleratorPool, by field: of the cheap one, or of the dear one where it has a device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from unit.api.objects import GONE
from unit.fields import published
from unit.fields.scene import COMPILES, FRESH, MOVES, Pair, Scene, values
from unit.fields.workloads import TWO_FAMILIES, VLLM

A_CLAIM = {
    "name": "vendor",
    "metric": "UnitCost",
    "ratio": "0.5",
    "relativeTo": "dear",
    "at": "Objective",
    "source": "its page",
    "date": "2025-12-20",
}
ANOTHER = {
    "name": "vendor",
    "metric": "Throughput",
    "value": "9",
    "unit": "RequestsPerSecond",
    "at": "Saturation",
    "source": "its page",
    "date": "2025-12-20",
}
ONE_TOLERATION = {"key": "team", "operator": "Equal", "value": "ml", "effect": "NoSchedule"}
ON_A_GPU = replace(TWO_FAMILIES, grounds={"dear": TWO_FAMILIES.grounds["dear"]}, pools={"dear": TWO_FAMILIES.pools["dear"]})
TEXT_ON_A_GPU = replace(
    ON_A_GPU,
    workload={**VLLM.workload, "model.uri": "hf://meta-llama/Llama-3.1-8B-Instruct"},
    pools={"dear": {**ON_A_GPU.pools["dear"], "backends": [{"name": "vllm"}]}},
)
EXPLAINED = replace(FRESH, explained=True)
REPORTED = replace(FRESH, reported=True)
ALMOST_EMPTY = replace(FRESH, windows=8, rate=60.0)


def claims(*changes: dict[str, Any], of: dict[str, Any] = A_CLAIM, scene: Scene = MOVES) -> Pair:
    """A claim with one field or another."""
    made = [{field: value for field, value in {**of, **each}.items() if value is not GONE} for each in changes]
    return values(*([each] for each in made), scene=scene, at="claims")


POOLS: dict[str, Pair] = {
    "accelerator.family": values(
        "nvidia", "amd", scene=replace(ON_A_GPU, ready=False, workload={"compile.families": [{"family": "amd", "dtype": "bfloat16"}]})
    ),
    "accelerator.model": values("a10g", "qualcomm-ai100", scene=ON_A_GPU),
    "accelerator.resourceName": values("nvidia.com/gpu", "nvidia.com/mig-1g.5gb", scene=ON_A_GPU),
    "accelerator.memoryGiB": values(80, 8, scene=TEXT_ON_A_GPU),
    "backends[].name": values("openvino", "onnxruntime", scene=COMPILES, at="backends.0.name"),
    "backends[].target": values("cpu/x86_64", "cpu/aarch64", scene=COMPILES, at="backends.0.target"),
    "nodes.selector{}": values({"pool": "cheap"}, {"pool": "dear"}, at="nodes.selector"),
    "nodes.tolerations[].key": values([ONE_TOLERATION], [{**ONE_TOLERATION, "key": "other"}], at="nodes.tolerations"),
    "nodes.tolerations[].operator": values(
        [{"key": "team", "operator": "Exists"}], [{"key": "team", "operator": "Equal"}], at="nodes.tolerations"
    ),
    "nodes.tolerations[].value": values([ONE_TOLERATION], [{**ONE_TOLERATION, "value": "web"}], at="nodes.tolerations"),
    "nodes.tolerations[].effect": values([ONE_TOLERATION], [{**ONE_TOLERATION, "effect": "NoExecute"}], at="nodes.tolerations"),
    "nodes.schedulerName": values(GONE, "own"),
    "nodes.runtimeClassName": values(GONE, "nvidia"),
    "shapes[].instanceType": values("m5.xlarge", "m6i.xlarge", at="shapes.0.instanceType", scene=MOVES),
    "shapes[].devices": values(1, 2, at="shapes.0.devices", scene=ON_A_GPU),
    "shapes[].cpu": values(4, 2, at="shapes.0.cpu"),
    "shapes[].memory": values("16Gi", "8Gi", at="shapes.0.memory"),
    "shapes[].pricePerHour": values("0.50", "2.00", at="shapes.0.pricePerHour"),
    "shapes[].priceClass": values("List", "Static", at="shapes.0.priceClass", scene=EXPLAINED),
    "shapes[].asOf": values("2025-12-20", "2026-07-20", at="shapes.0.asOf", scene=MOVES),
    "shapes[].priceSource": values("the public list", "the contract of 2025", at="shapes.0.priceSource", scene=REPORTED),
    "capacity.type": values("OnDemand", "Spot", scene=replace(FRESH, workload={"placement.maxSpotPercent": 0})),
    "capacity.maxNodes": values(20, 1, scene=ALMOST_EMPTY),
    "provisioner.type": values("None", "ClusterAutoscaler", at="provisioner.type", scene=ALMOST_EMPTY),
    "provisioner.nodePool": values({"type": "Karpenter", "nodePool": "gpu"}, {"type": "Karpenter", "nodePool": "other"}, at="provisioner"),
    **published.PUBLISHED,
    "provisioner.nodeGroup": values(
        {"type": "ClusterAutoscaler", "nodeGroup": "large"},
        {"type": "ClusterAutoscaler", "nodeGroup": "small"},
        at="provisioner",
        scene=ALMOST_EMPTY,
    ),
    "provisioner.ask": values(
        {"type": "ClusterAutoscaler"},
        {"type": "ClusterAutoscaler", "ask": "CheckCapacity"},
        {"type": "ClusterAutoscaler", "ask": "AtomicScaleUp"},
        at="provisioner",
        scene=MOVES,
    ),
    "resources.cpu": values(4, 3),
    "resources.memory": values("16Gi", "15Gi"),
    "claims[].metric": claims({}, {"metric": "Power", "ratio": "0.5"}),
    "claims[].ratio": claims({}, {"ratio": "0.9"}),
    "claims[].relativeTo": claims({}, {"relativeTo": "g5.xlarge"}),
    "claims[].value": claims({}, {"value": "20"}, of=ANOTHER),
    "claims[].unit": claims({}, {"unit": "TokensPerSecond"}, of=ANOTHER),
    "claims[].at": claims({"metric": "Throughput"}, {"metric": "Throughput", "at": "Saturation"}),
    "claims[].name": claims({}, {"name": "other"}),
    "claims[].model": claims({"model": "*"}, {"model": "*bert*"}),
    "claims[].conditions": claims({}, {"conditions": "batch 64"}, scene=EXPLAINED),
    "claims[].source": claims({}, {"source": "its other page"}, scene=EXPLAINED),
    "claims[].date": claims({}, {"date": "2024-01-01"}, scene=EXPLAINED),
}


def of_a_pool(name: str, pair: Pair, changes: Mapping[str, Any]) -> Iterator[str]:
    """With these changes of the cheap pool, or of the one that there is."""
    if name in published.PUBLISHED:
        return published.play(changes)
    return pair.scene.play(changes, "cheap" if "cheap" in pair.scene.grounds else "dear")
