"""What a user applies is refused with words, placed, or held with the thing that is missing: for every server, task and accelerator alike."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from steelyard.api.accelerator_pool import AcceleratorPool
from steelyard.api.inference_workload import InferenceWorkload
from steelyard.api.parse import parse
from steelyard.app.catalogue import shipped
from steelyard.app.config import Config
from steelyard.app.wiring import settings_of
from steelyard.control.gather.pool_facts import pool_of, selects, with_selection
from steelyard.control.gather.workload_facts import workload_of
from steelyard.core.decide import decide
from steelyard.core.facts.memory import Memory
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.placing.decision import Decision
from steelyard.core.vocabulary.reason import Reason
from steelyard.core.vocabulary.verdict import Verdict
from unit.api import objects
from unit.core.world import START

ROOT = Path(__file__).parents[3]
IMAGES = {"serveImage": "s", "compileImage": "c"}
VLLM = {"vllm@nvidia": {**IMAGES, "target": "sm_89", "compileNeedsDevice": True, "versions": {"vllm": "0.32.0"}}}
CHAT = {"uri": "hf://meta-llama/Llama-3.1-8B-Instruct", "revision": "0e9e39f249a16976918f6564b8830bc894c89659", "task": "text-generation"}
STREAMED = [{"metric": "ttft", "milliseconds": 400, "percent": "95"}, {"metric": "itl", "milliseconds": 50, "percent": "95"}]
CUSTOM = {
    "image": f"vllm/vllm-openai@sha256:{'9f' * 32}",
    "families": ["nvidia"],
    "args": ["--model=meta-llama/Llama-3.1-8B-Instruct"],
    "port": 8000,
    "probes": {"livePath": "/health", "readyPath": "/health"},
    "metrics": {"profile": "vllm", "port": 8000},
}


def workload(**spec: object) -> dict[str, Any]:
    raw = objects.workload()
    raw["metadata"] |= {"namespace": "shop", "uid": "u", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"}
    raw["spec"] |= spec
    return raw


def pool(family: str, model: str, resource: str | None, *backends: str) -> dict[str, Any]:
    raw = objects.pool()
    raw["metadata"] |= {"uid": "p", "labels": {"tier": "standard"}}
    device = {"resourceName": resource} if resource else {}
    raw["spec"] |= {"accelerator": {"family": family, "model": model, **device}, "backends": [{"name": each} for each in backends]}
    raw["spec"] |= {"capacity": {"maxNodes": 10}, "provisioner": {"type": "Karpenter"}}
    raw["spec"]["shapes"][0]["devices"] = 1 if resource else 0
    return raw


GPU = pool("nvidia", "l4", "nvidia.com/gpu", "vllm", "inductor")
CPU = pool("cpu", "amd64", None, "openvino")


def answered(raw: dict[str, Any], on: dict[str, Any], toolchains: dict[str, Any] | None = None) -> Decision | list[str]:
    """A decision, or what the API refuses."""
    raw, on, catalogue = deepcopy(raw), deepcopy(on), shipped()
    parsed, found = parse(InferenceWorkload, raw), parse(AcceleratorPool, on)
    for each in (parsed, found):
        if isinstance(each, list):
            return [str(error) for error in each]
    assert isinstance(parsed, InferenceWorkload)
    assert isinstance(found, AcceleratorPool)
    chart = yaml.safe_load((ROOT / "charts/steelyard/values.yaml").read_text())["config"]["toolchains"]
    known = {name: {**each, **IMAGES} for name, each in chart.items()} | (toolchains or {})
    settings = settings_of(Config.model_validate({"toolchains": known, "store": {"uri": "s3://artifacts"}, "fetchImage": "fetch:1"}))
    made = pool_of(found, on, [], unsupported=catalogue.unsupported(found.spec.accelerator.model))
    made = with_selection(made, selected=selects(parsed.spec.placement.pool_selector, on["metadata"]["labels"]))
    seen = Snapshot(
        workload=workload_of(parsed, raw), pools=(made,), settings=settings, artifacts={}, placements=(), traffic={}, memory=Memory()
    )
    return decide(seen, START)


def decided(*asked: Any) -> Decision:
    found = answered(*asked)
    assert isinstance(found, Decision), found
    return found


@pytest.mark.parametrize("metric", [{"metric": "e2e", "milliseconds": 5000, "percent": "95"}, {"metric": "ttft", "milliseconds": 400}])
def test_a_server_of_the_users_own_is_placed_without_any_toolchain(metric: dict[str, Any]) -> None:
    decision = decided(workload(model=CHAT, server={"custom": CUSTOM}, objective={"latency": [metric]}), GPU)
    assert decision.verdict is Verdict.PLACE
    assert len(decision.intent.create) == 1


def test_a_pool_without_nodes_that_nothing_makes_is_said_to_have_none() -> None:
    still = deepcopy(GPU)
    del still["spec"]["provisioner"]
    decision = decided(workload(model=CHAT, server={"custom": CUSTOM}), still)
    assert (decision.verdict, decision.reason) == (Verdict.HOLD, Reason.NO_POOL)
    assert "no node has the labels of spec.nodes.selector" in decision.message


def test_text_on_a_pool_whose_toolchain_is_not_configured_is_held_and_with_it_is_compiled() -> None:
    asked = workload(model=CHAT, server={"vllm": {"maxModelLength": 8192, "maxSequences": 64}}, objective={"latency": STREAMED})
    held = decided(asked, GPU)
    assert (held.verdict, held.reason) == (Verdict.HOLD, Reason.NO_POOL)
    assert "no toolchain is configured for any of them that spec.server.vllm can use" in held.message
    assert [each.inputs.backend for each in decided(asked, GPU, VLLM).intent.compile] == ["vllm"]


def test_who_writes_the_replicas_decides_where_they_are() -> None:
    asked = workload(
        scaling={"maxReplicas": 8, "owner": "External"}, rebalancing={"mode": "Auto"}, traffic={"parentRefs": [{"name": "public"}]}
    )
    refused = answered(asked, CPU)
    assert isinstance(refused, list)
    assert "must be Recommend or Observe when scaling.owner is External" in refused[0]


@pytest.mark.parametrize("task", ["feature-extraction", "sentence-similarity", "embeddings", "text-classification", "token-classification"])
def test_a_task_of_an_encoder_is_compiled_for_processors(task: str) -> None:
    asked = workload(model={**objects.workload()["spec"]["model"], "task": task})
    assert [each.inputs.backend for each in decided(asked, CPU).intent.compile] == ["openvino"]


@pytest.mark.parametrize("task", ["automatic-speech-recognition", "text-embedding", "rerank"])
def test_a_task_that_no_server_does_is_refused_with_those_that_one_does(task: str) -> None:
    refused = answered(workload(model={**objects.workload()["spec"]["model"], "task": task}), CPU)
    assert isinstance(refused, list)
    assert "must be a task that the steelyard server does: feature-extraction" in refused[0]


def test_a_pool_that_the_selector_leaves_out_is_said_to_be_so() -> None:
    asked = workload(placement={"poolSelector": {"matchLabels": {"tier": "other"}}, "pools": [{"name": "inf2-xlarge", "minReplicas": 1}]})
    decision = decided(asked, CPU)
    assert (decision.verdict, decision.reason) == (Verdict.HOLD, Reason.NO_POOL)
    assert "is not selected: to use it, change spec.placement.poolSelector or the pool's labels" in decision.message


@pytest.mark.parametrize(
    ("family", "model", "resource", "backend", "told"),
    [
        ("neuron-inf2", "inferentia2", "aws.amazon.com/neuron", "neuron", "no toolchain is configured"),
        ("neuron-inf3", "inferentia3", "aws.amazon.com/neuron", "neuron", "nothing compiles for it"),
        ("neuron-trn1", "trainium", "aws.amazon.com/neuron", "neuron", "no toolchain is configured"),
        ("tpu", "tpu-v5e", "google.com/tpu", "vllm", "no toolchain is configured"),
        ("amd", "mi300x", "amd.com/gpu", "inductor", "no toolchain is configured"),
        ("gaudi", "gaudi3", "habana.ai/gaudi", "inductor", "no toolchain is configured"),
    ],
)
def test_an_accelerator_that_nothing_is_compiled_for_is_held_with_what_is_missing(
    family: str, model: str, resource: str, backend: str, told: str
) -> None:
    decision = decided(workload(), pool(family, model, resource, backend))
    assert (decision.verdict, decision.reason) == (Verdict.HOLD, Reason.NO_POOL)
    assert told in decision.message


GRAPH = {"uri": "s3://models/voice/1", "digest": "sha256:" + "7b" * 32}


@pytest.mark.parametrize("task", ["tensors", "image-classification"])
@pytest.mark.parametrize(
    ("family", "model", "resource", "backend"),
    [("neuron-inf2", "inferentia2", "aws.amazon.com/neuron", "neuron"), ("nvidia", "l4", "nvidia.com/gpu", "inductor")],
)
def test_a_graph_on_a_pool_that_reads_none_is_held_at_once_and_nothing_is_compiled(
    task: str, family: str, model: str, resource: str, backend: str
) -> None:
    toolchain = {backend: {**IMAGES, "target": "inf2", "versions": {"torch": "2"}}}
    decision = decided(workload(model=GRAPH | {"task": task}), pool(family, model, resource, backend), toolchain)
    assert (decision.verdict, decision.reason, decision.intent.compile) == (Verdict.HOLD, Reason.NO_POOL, ())
    assert f"spec.model.task {task} is an ONNX graph, and no back end of pool" in decision.message
    assert f"reads one ({backend})" in decision.message


def test_of_several_back_ends_a_graph_takes_the_first_that_reads_it_and_a_text_the_first() -> None:
    both = pool("nvidia", "l4", "nvidia.com/gpu", "inductor", "onnxruntime")
    toolchains = {
        "inductor": {**IMAGES, "target": "sm_89", "compileNeedsDevice": True, "versions": {"torch": "2"}},
        "onnxruntime@nvidia": {**IMAGES, "target": "sm_89", "compileNeedsDevice": True, "versions": {"onnxruntime-gpu": "1"}},
    }
    (made,) = decided(workload(model=GRAPH | {"task": "tensors"}), both, toolchains).intent.compile
    assert (made.inputs.backend, made.inputs.target, dict(made.inputs.versions)) == ("onnxruntime", "sm_89", {"onnxruntime-gpu": "1"})
    (made,) = decided(workload(), both, toolchains).intent.compile
    assert made.inputs.backend == "inductor"


def test_what_is_made_for_processors_is_not_run_beside_a_device() -> None:
    decision = decided(workload(), pool("nvidia", "l4", "nvidia.com/gpu", "onnxruntime"))
    assert (decision.verdict, decision.intent.compile) == (Verdict.HOLD, ()), "the chart has ONNX Runtime for processors alone"
    assert "no toolchain is configured for any of them that spec.server.steelyard can use" in decision.message


def test_a_back_end_for_processors_is_refused_on_devices() -> None:
    refused = answered(workload(), pool("amd", "mi300x", "amd.com/gpu", "openvino"))
    assert isinstance(refused, list)
    assert "must not name openvino unless accelerator.family is cpu" in refused[0]
