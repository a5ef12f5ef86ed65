"""Pairs of specs of an InferenceWorkload, by field."""

from __future__ import annotations

from dataclasses import replace

from unit.api.objects import GONE
from unit.fields.scene import COMPILES, FRESH, MOVES, Pair, Scene, values

ENDS = Scene(windows=240, grounds=MOVES.grounds)
ROUTED = Scene(workload={"traffic": {"parentRefs": [{"name": "models"}]}})
PICKER = {"name": "picker"}
PICKED = Scene(workload={"traffic": {"parentRefs": [{"name": "models"}], "inferencePools": {"endpointPickerRef": PICKER}}})
VLLM = Scene(workload={"server": {"vllm": {}}, "model.task": GONE, "objective.latency": [{"metric": "e2e", "milliseconds": 200, "percent": "99"}]}, pools={name: {"backends": [{"name": "vllm"}]} for name in ("dear", "cheap")})  # fmt: skip
SPOT = Scene(pools={"cheap": {"capacity.type": "Spot"}})


def variants(one: dict[str, str], other: dict[str, str]) -> Pair:
    """Of a variant on pools with three back ends."""
    near = {"objective.accuracy": [{"measure": "LeastCosine", "limit": "0.9"}]}
    chains = {"backends": [{"name": name} for name in ("openvino", "onnxruntime", "inductor")]}
    scene = replace(COMPILES, workload={**COMPILES.workload, **near}, pools=dict.fromkeys(("dear", "cheap"), chains))
    return values([one], [other], scene=scene, at="compile.variants")


def option(name: str, value: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value}]


TWO_FAMILIES = Scene(grounds={"dear": {"price": 1.0, "family": "nvidia"}, "cheap": {"price": 0.5}}, pools={"dear": {"accelerator": {"family": "nvidia", "model": "a10g", "resourceName": "nvidia.com/gpu", "memoryGiB": 24}, "backends": [{"name": "inductor"}], "shapes.0.devices": 1, "resources": GONE}})  # fmt: skip
DRILLS = replace(TWO_FAMILIES, windows=30, workload={"rebalancing.windowSeconds": 600})
STARTS_SLOWLY = Scene(windows=40, grounds={"dear": {"price": 1.0}, "cheap": {**MOVES.grounds["cheap"], "start": 5}})
CLAIMED_DEAR = Scene(
    windows=60,
    pools={
        "dear": {
            "claims": [
                {"name": "vendor", "metric": "UnitCost", "ratio": "1.5", "relativeTo": "cheap", "source": "its page", "date": "2025-12-20"}
            ]
        }
    },
)
"""Nothing is to be saved on the dear pool, but something is said of it."""

WORKLOADS: dict[str, Pair] = {
    "model.uri": values("hf://org/model", "hf://org/other", scene=COMPILES),
    "model.revision": values("a" * 40, "b" * 40, scene=COMPILES),
    "model.digest": values(
        "sha256:" + "a" * 64,
        "sha256:" + "b" * 64,
        scene=replace(COMPILES, workload={"model.uri": "s3://bucket/model", "model.revision": GONE}),
    ),
    "model.task": values("feature-extraction", "sentence-similarity", scene=COMPILES),
    "model.secretName": values(GONE, "hub", scene=COMPILES),
    "server.steelyard": values({"steelyard": {}}, {"vllm": {}}, at="server"),
    "server.vllm.maxModelLength": values(GONE, 2048, scene=VLLM),
    "server.vllm.maxSequences": values(GONE, 16, scene=VLLM),
    "server.vllm.maxBatchedTokens": values(GONE, 4096, scene=VLLM),
    "server.vllm.memoryPercent": values(GONE, 50, scene=VLLM),
    "server.vllm.prefixCaching": values("Enabled", "Disabled", scene=VLLM),
    "server.vllm.arguments[].name": values(option("seed", "7"), option("max-logprobs", "7"), scene=VLLM, at="server.vllm.arguments"),
    "server.vllm.arguments[].value": values(option("seed", "7"), option("seed", "8"), scene=VLLM, at="server.vllm.arguments"),
    "compile.dtype": values("float32", "bfloat16", scene=COMPILES),
    "compile.quantization": values("None", "Int8WeightOnly", scene=COMPILES),
    "compile.batchSizes[]": values([1, 8], [1, 16], scene=COMPILES, at="compile.batchSizes"),
    "compile.sequenceLengths[]": values([128], [256], scene=COMPILES, at="compile.sequenceLengths"),
    "compile.resources.disk": values(
        {"cpu": "4", "memory": "8Gi"}, {"cpu": "4", "memory": "8Gi", "disk": "60Gi"}, scene=COMPILES, at="compile.resources"
    ),
    "compile.resources.cpu": values({"cpu": "4", "memory": "8Gi"}, {"cpu": "5", "memory": "8Gi"}, scene=COMPILES, at="compile.resources"),
    "compile.resources.memory": values(
        {"cpu": "4", "memory": "8Gi"}, {"cpu": "4", "memory": "9Gi"}, scene=COMPILES, at="compile.resources"
    ),
    "objective.accuracy[].measure": values(
        [{"measure": "LeastCosine", "limit": "0.99"}], [{"measure": "WorstLogprob", "limit": "0.99"}], at="objective.accuracy"
    ),
    "objective.accuracy[].limit": values(
        [{"measure": "LeastCosine", "limit": "0.9"}], [{"measure": "LeastCosine", "limit": "0.99"}], at="objective.accuracy"
    ),
    "compile.tensorParallel": values(1, 2, scene=COMPILES),
    "compile.flags[]": values(["--dynamic-batch"], ["--separate-weights"], scene=COMPILES, at="compile.flags"),
    **{
        f"compile.families[].{name}": values(*([{"family": "cpu", field: each}] for each in two), scene=COMPILES, at="compile.families")
        for name, field, two in (
            ("dtype", "dtype", ("float32", "bfloat16")),
            ("quantization", "quantization", ("None", "Int8WeightOnly")),
            ("batchSizes[]", "batchSizes", ([1, 8], [1, 16])),
            ("sequenceLengths[]", "sequenceLengths", ([128], [256])),
            ("tensorParallel", "tensorParallel", (1, 2)),
            ("flags[]", "flags", (["--dynamic-batch"], ["--separate-weights"])),
        )
    },
    "compile.families[].family": values(
        [{"family": "cpu", "dtype": "bfloat16"}], [{"family": "nvidia", "dtype": "bfloat16"}], scene=COMPILES, at="compile.families"
    ),
    "compile.backends[].name": values(
        [{"name": "openvino", "dtype": "bfloat16"}], [{"name": "inductor", "dtype": "bfloat16"}], scene=COMPILES, at="compile.backends"
    ),
    "compile.backends[].dtype": values(
        [{"name": "openvino", "dtype": "bfloat16"}], [{"name": "openvino", "dtype": "float32"}], scene=COMPILES, at="compile.backends"
    ),
    "compile.backends[].quantization": values(
        [{"name": "openvino", "quantization": "Int8WeightOnly"}],
        [{"name": "openvino", "quantization": "None"}],
        scene=COMPILES,
        at="compile.backends",
    ),
    "compile.variants[].name": variants(
        {"name": "int8", "quantization": "Int8WeightOnly"}, {"name": "small", "quantization": "Int8WeightOnly"}
    ),
    "compile.variants[].backend": variants({"name": "other", "backend": "onnxruntime"}, {"name": "other", "backend": "inductor"}),
    "compile.variants[].dtype": variants({"name": "other", "dtype": "bfloat16"}, {"name": "other", "dtype": "float32"}),
    "compile.variants[].quantization": variants(
        {"name": "other", "quantization": "Int8WeightOnly"}, {"name": "other", "quantization": "Int8Dynamic"}
    ),
    **{
        f"traffic.parentRefs[].{name}": values(
            [{"name": "models", name: one}], [{"name": "models", name: two}], scene=ROUTED, at="traffic.parentRefs"
        )
        for name, one, two in (("name", "models", "others"), ("namespace", "a", "b"), ("sectionName", "a", "b"), ("port", 80, 443))
    },
    "traffic.hostnames[]": values(["a.example.com"], ["b.example.com"], scene=ROUTED, at="traffic.hostnames"),
    "traffic.path": values("/", "/v1", scene=ROUTED),
    "traffic.inferencePools.extent": values("PerPool", "Shared", scene=PICKED),
    **{
        f"traffic.inferencePools.endpointPickerRef.{name}": values(
            PICKER, {**PICKER, name: other}, scene=PICKED, at="traffic.inferencePools.endpointPickerRef"
        )
        for name, other in (("name", "picker-{pool}"), ("port", 9003), ("failureMode", "FailOpen"))
    },
    "objective.latency[].metric": values("e2e", "ttft", at="objective.latency.0.metric"),
    "objective.latency[].milliseconds": values(200, 300, at="objective.latency.0.milliseconds"),
    "objective.latency[].percent": values("99", "90", at="objective.latency.0.percent", scene=MOVES),
    "objective.errorBudgetPercent": values(0, 100, scene=MOVES),
    "objective.maxUnitCost": values(GONE, "0.000001", scene=MOVES),
    "objective.unit": values("GoodRequests", "OutputTokens", scene=VLLM),
    "scaling.minReplicas": values(1, 3),
    "scaling.maxReplicas": values(2, 3),
    "scaling.priority": values(0, 5, scene=replace(FRESH, windows=12, rival=True)),
    "scaling.owner": values("Steelyard", "External", scene=replace(MOVES, workload={"rebalancing.mode": "Recommend"})),
    "placement.poolSelector.matchLabels{}": values({"tier": "dear"}, {"tier": "cheap"}, at="placement.poolSelector.matchLabels"),
    "placement.poolSelector.matchExpressions[].key": values(
        "tier",
        "other",
        at="placement.poolSelector.matchExpressions.0.key",
        scene=Scene(workload={"placement.poolSelector.matchExpressions": [{"key": "tier", "operator": "Exists"}]}),
    ),
    "placement.poolSelector.matchExpressions[].operator": values(
        "Exists",
        "DoesNotExist",
        at="placement.poolSelector.matchExpressions.0.operator",
        scene=Scene(workload={"placement.poolSelector.matchExpressions": [{"key": "tier", "operator": "Exists"}]}),
    ),
    "placement.poolSelector.matchExpressions[].values[]": values(
        ["dear"],
        ["cheap"],
        at="placement.poolSelector.matchExpressions.0.values",
        scene=Scene(workload={"placement.poolSelector.matchExpressions": [{"key": "tier", "operator": "In", "values": ["dear"]}]}),
    ),
    "placement.pools[].name": values([{"name": "dear"}], [{"name": "cheap"}], at="placement.pools"),
    "placement.pools[].minReplicas": values(
        0, 1, at="placement.pools.0.minReplicas", scene=Scene(workload={"placement.pools": [{"name": "dear"}, {"name": "cheap"}]})
    ),
    "placement.pools[].maxReplicas": values(
        1, 2, at="placement.pools.0.maxReplicas", scene=Scene(workload={"placement.pools": [{"name": "cheap"}, {"name": "dear"}]})
    ),
    "placement.pools[].devicesPerReplica": values(
        1, 2, at="placement.pools.0.devicesPerReplica", scene=replace(TWO_FAMILIES, workload={"placement.pools": [{"name": "dear"}]})
    ),
    "placement.pools[].resources.cpu": values(
        "2",
        "3",
        at="placement.pools.0.resources.cpu",
        scene=Scene(workload={"placement.pools": [{"name": "cheap", "resources": {"cpu": "2", "memory": "4Gi"}}]}),
    ),
    "placement.pools[].resources.memory": values(
        "4Gi",
        "5Gi",
        at="placement.pools.0.resources.memory",
        scene=Scene(workload={"placement.pools": [{"name": "cheap", "resources": {"cpu": "2", "memory": "4Gi"}}]}),
    ),
    "placement.minAcceleratorFamilies": values(1, 2, scene=TWO_FAMILIES),
    "placement.maxSpotPercent": values(100, 0, scene=SPOT),
    "placement.exitDrill.everySeconds": values(
        {"everySeconds": 86400, "budget": "1.00"}, {"everySeconds": 172800, "budget": "1.00"}, at="placement.exitDrill", scene=DRILLS
    ),
    "placement.exitDrill.budget": values(
        {"everySeconds": 86400, "budget": "1.00"}, {"everySeconds": 86400, "budget": "0.01"}, at="placement.exitDrill", scene=DRILLS
    ),
    "rebalancing.mode": values("Observe", "Recommend", "Auto", scene=MOVES),
    "rebalancing.minSavingPercent": values(10, 60, scene=MOVES),
    "rebalancing.paybackSeconds": values(60, 86400, scene=MOVES),
    "rebalancing.cooldownSeconds": values(0, 86400, scene=ENDS),
    "rebalancing.windowSeconds": values(60, 30, scene=MOVES),
    "rebalancing.bakeSeconds": values(120, 600, scene=MOVES),
    "rebalancing.minGoodRequests": values(300, 6000, scene=MOVES),
    "rebalancing.deadlineSeconds": values(900, 1200, scene=MOVES),
    "rebalancing.exploration.budget": values("5.00", "0.01", scene=MOVES),
    "rebalancing.exploration.aim": values("Saving", "Verdict", scene=CLAIMED_DEAR),
    "rebalancing.exploration.probe": values("Always", "Never", scene=MOVES),
    "rebalancing.exploration.deadlineSeconds": values(60, 900, scene=STARTS_SLOWLY),
    "rebalancing.paused": values(False, True, scene=MOVES),
    "pods.imagePullSecrets[]": values([], ["own"], at="pods.imagePullSecrets"),
    "pods.queueName": values(GONE, "team-a"),
    "pods.serviceAccountName": values(GONE, "own"),
    "pods.compileServiceAccountName": values(GONE, "own", scene=COMPILES),
}
