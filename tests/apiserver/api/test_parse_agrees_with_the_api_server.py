"""`parse` and the API server give the same answer: the rules are written twice, as CEL and in Python, and this is where they meet."""

import json
import random
from typing import Any

import pytest

from cluster.cluster import Cluster
from steelyard.api import AcceleratorPool, AcceleratorTrial, CompiledModel, InferenceWorkload, ScaleTarget, parse
from steelyard.api.crdgen.kinds import KINDS
from steelyard.api.kind import API_VERSION, Resource
from unit.api.objects import CUSTOM, EXISTING, GONE, GOOD, NAMED, VLLM, changed

pytestmark = pytest.mark.apiserver

MODELS: dict[str, type[Resource]] = {
    m.__name__: m for m in (InferenceWorkload, AcceleratorPool, CompiledModel, AcceleratorTrial, ScaleTarget)
}
PATHS = {
    kind.name: f"/apis/{API_VERSION}{'/namespaces/default' if kind.scope == 'Namespaced' else ''}/{kind.plural}?dryRun=All&fieldValidation=Strict"
    for kind in KINDS
}

SHA = "sha256:" + "0" * 64
PIECES: dict[str, dict[str, list[Any]]] = {
    "InferenceWorkload": {
        "metadata.name": ["a", "a" * 32, "a" * 33, "1a", "a-b", "a."],
        "spec.model.uri": ["hf://a", "s3://b/c", "pvc://c/d", "oci://r.io:5000/x", "ftp://a", "hf://", "s3://a..b", "hf://a b"],
        "spec.model.revision": [GONE, "a" * 40, "A" * 40, "a" * 39],
        "spec.model.digest": [SHA, SHA[:-1]],
        "spec.model.task": [GONE, "fill-mask", "fill--mask", "-a", "tensors", "text-ranking"],
        "spec.server": [VLLM, CUSTOM, {}, {"steelyard": {}}, {"steelyard": {}, **VLLM}, EXISTING, NAMED, {**EXISTING, **VLLM}, changed(EXISTING, {"existing.metrics.profile": "mlserver"}), changed(NAMED, {"existing.metrics.names.firstTokenHistogram": "f_seconds"})],
        "spec.model": [GONE],
        "spec.objective.unit": ["OutputTokens", "GoodRequests", "Tokens"],
        "spec.objective.latency.0.metric": ["ttft", "e2e", "p99"],
        "spec.objective.latency.0.percent": ["0", "1", "99.999", "99.9999", "100", "9", "09", ".5", 99, 1, 0, 100, 99.5, 95.0],
        "spec.objective.maxUnitCost": ["0", "0.0", "0.01", "1e3", "00.1", "999999999.999999999", "1."],
        "spec.objective.accuracy": [[], [{"measure": "LeastCosine", "limit": "0.9"}], [{"measure": "WorstLogprob", "limit": "0.1"}], [{"measure": "LeastCosine", "limit": "0.9"}, {"measure": "WorstLogprob", "limit": "0.1"}]],
        "spec.scaling.minReplicas": [0, 1, 10, 11, -1, 10_001, True, 1.0],
        "spec.scaling.maxReplicas": [1, 5, 0],
        "spec.scaling.owner": ["External", "Steelyard"],
        "spec.scaling.priority": [0, 5],
        "spec.pods": [{}, {"imagePullSecrets": []}, {"queueName": "a"}, {"compileServiceAccountName": "a"}],
        "spec.traffic": [{"samples": {"configMap": {"name": "a"}}}, {}],
        "spec.placement.pools": [[], [{"name": "a"}], [{"name": "a", "minReplicas": 4}, {"name": "b", "minReplicas": 4, "maxReplicas": 3}], [{"name": "a"}] * 2],
        "spec.placement": [{"poolSelector": {}, "pools": [{"name": "a"}]}, {"poolSelector": {}, "pools": [{"name": "a", "maxReplicas": 1}]}, {"pools": [{"name": "a", "resources": {"cpu": 1, "memory": "1Gi"}}]}],
        "spec.placement.minAcceleratorFamilies": [1, 2, 8, 9],
        "spec.placement.exitDrill": [{"budget": "1.50"}, {"budget": "1", "everySeconds": 3600}, {"budget": "1", "everySeconds": 3599}, {}],
        "spec.placement.poolSelector": [{}, {"matchLabels": {"a": ""}}, {"matchLabels": {"-a": "b"}}, {"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"matchExpressions": [{"key": "a", "operator": "NotIn"}]}],
        "spec.rebalancing.mode": ["Auto", "Observe"],
        "spec.rebalancing.windowSeconds": [5, 60, 3600, 4],
        "spec.rebalancing.cooldownSeconds": [0, 5, 60, 59],
        "spec.rebalancing.bakeSeconds": [0, 3600, 3601],
        "spec.rebalancing.deadlineSeconds": [10, 60, 1800, 7200],
        "spec.rebalancing.exploration": [{}, {"budget": "0"}, {"budget": 5}, {"budget": -5}, {"budget": 2.5}, {"budget": 1_000_000_000}, {"deadlineSeconds": 10}, {"budget": "x"}, {"deadlineSeconds": 3601}, {"probe": "Never"}, {"aim": "Verdict"}],
        "spec.rebalancing.paused": [True, "yes", 1],
        "spec.compile": [{}, {"batchSizes": [8, 1]}, {"quantization": "Int8Dynamic"}, {"backends": [{"name": "vllm", "quantization": "Fp8"}]}, {"dtype": "bfloat16"}, {"families": []}, {"batchSizes": [1, 1]}, {"tensorParallel": 6}, {"batchSizes": []}, {"families": [{"family": "cpu", "dtype": "Auto"}]}, {"families": [{"family": "x", "batchSizes": [3, 3]}]}, {"flags": []}, {"flags": ["--optlevel=1", "--enable-saturate-infinity"]}, {"flags": ["--optlevel=1", "--optlevel=2"]}, {"flags": ["-O1"]}, {"families": [{"family": "x", "flags": ["--dynamic-batch"]}]}, {"families": [{"family": "x", "batchSizes": [1, 2, 3, 4, 5, 6, 7, 8]}], "sequenceLengths": [1, 2, 3]}],
    },
    "AcceleratorPool": {
        "metadata.name": ["a" * 20, "a" * 21],
        "spec.accelerator.family": ["cpu", "nvidia", "neuron-trn2", "Neuron", "a--b"],
        "spec.accelerator.resourceName": [GONE, "nvidia.com/gpu", "gpu"],
        "spec.accelerator.memoryGiB": [GONE, 1, 0],
        "spec.backends": [[{"name": "vllm"}], [{"name": "openvino"}], [{"name": "neuron"}] * 2, [], [{"name": "inductor", "target": "sm_86"}]],
        "spec.nodes.tolerations": [[{"operator": "Exists"}], [{}], [{"key": "a", "value": "b"}], [{"key": "a", "operator": "Exists", "value": "b"}]],
        "spec.shapes.0.devices": [0, 1, 128, 129],
        "spec.shapes.0.cpu": [0, 1, "0.5", "500m", "0", "0.0", "-1", "1k", "4.5", "1.2345", True],
        "spec.shapes.0.memory": ["1Gi", "1GiB", 1024, "0Gi", "1.5Gi"],
        "spec.shapes.0.pricePerHour": [GONE, "0", "1.25"],
        "spec.shapes.0.priceClass": [GONE, "SpotMarket", "Static"],
        "spec.shapes.0.priceSource": ["", "the public list", "x" * 513],
        "spec.shapes.0.asOf": [GONE, "2026-01-01", "yesterday", "2026-13-01"],
        "spec.capacity": [{}, {"maxNodes": 3}, {"type": "Spot", "maxNodes": 0}],
        "spec.provisioner": [{}, {"type": "Karpenter"}, {"type": "Karpenter", "nodePool": "a"}, {"nodePool": "a"}],
        "spec.claims.0.value": [GONE, "1", "0"],
        "spec.claims.0.unit": [GONE, "Watts", "TokensPerSecond"],
        "spec.claims.0.ratio": ["0.3", "0"],
        "spec.claims.0.relativeTo": ["g5.xlarge", "G 5"],
        "spec.claims.0.model": ["*", "a/*", "[a]"],
    },
    "CompiledModel": {
        "spec.key": ["0a" * 31, "0A" * 32],
        "spec.backend": ["openvino", "optimum-neuron", "tvm"],
        "spec.logicalCores": [GONE, 2, 9],
        "spec.batchSizes": [[1], [], [1, 2, 3, 4, 5], [1, 1]],
        "spec.sequenceLengths": [GONE, [], [1, 2, 3, 4]],
        "spec.toolchain": [{}, {"a" * 65: "1"}, {"a": ""}],
        "spec.tensorParallel": [1, 3, 64],
        "spec.flags": [[], ["a", "a"], [""]],
        "spec.dtype": ["float8", "float16"],
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", PIECES)
def test_both_accept_and_refuse_the_same_objects(served: Cluster, kind: str):
    chance = random.Random(20260301)
    answers = {True: 0, False: 0}
    for round_ in range(250):
        picked = chance.sample(sorted(PIECES[kind]), k=1 + round_ % 4)
        changes = {path: chance.choice(PIECES[kind][path]) for path in picked}
        raw = changed(GOOD[kind](), changes)
        status, body = served.api.request("POST", PATHS[kind], raw)
        accepted = status == 201
        read = parse(MODELS[kind], raw)
        assert accepted == (not isinstance(read, list)), (changes, read, json.loads(body).get("message"))
        answers[accepted] += 1
    assert min(answers.values()) > 25, answers
