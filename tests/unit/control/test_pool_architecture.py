"""A CPU pool gets artifacts for its own processors, or none."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from steelyard.api.accelerator_pool import AcceleratorPool
from steelyard.api.inference_workload import InferenceWorkload
from steelyard.api.parse import parse
from steelyard.app.config import Config
from steelyard.app.wiring import settings_of
from steelyard.control.gather.pool_facts import NodeView, pool_of
from steelyard.control.gather.workload_facts import workload_of
from steelyard.core.compiling.candidate import Candidate, candidates
from steelyard.core.decide import decide
from steelyard.core.facts.memory import Memory
from steelyard.core.facts.snapshot import Artifact, ArtifactState, Pool, Settings, Snapshot
from steelyard.core.vocabulary.reason import Reason
from unit.api import objects
from unit.core.world import START

ROOT = Path(__file__).parents[3]
EXAMPLE = {raw["metadata"]["name"]: raw for raw in yaml.safe_load_all((ROOT / "examples/pools-cpu.yaml").read_text())}


def settings(**toolchains: str) -> Settings:
    """The chart's toolchains, with these targets besides, by key."""
    config = yaml.safe_load((ROOT / "charts/steelyard/values.yaml").read_text())["config"]["toolchains"]
    images = {"serveImage": "s", "compileImage": "c"}
    more = {name: {**images, "target": target} for name, target in toolchains.items()}
    known = {name: {**each, **images} for name, each in config.items()} | more
    return settings_of(Config.model_validate({"toolchains": known, "store": {"uri": "s3://artifacts"}}))


def pool(raw: dict[str, Any], *nodes: str | None) -> Pool:
    parsed = parse(AcceleratorPool, raw)
    assert isinstance(parsed, AcceleratorPool)
    labels = [dict(raw["spec"]["nodes"]["selector"]) | ({"kubernetes.io/arch": each} if each else {}) for each in nodes]
    return pool_of(parsed, raw, [NodeView(each, ready=True, starting=False) for each in labels])


def pool_with(selector: dict[str, str], model: str, *nodes: str | None) -> Pool:
    raw = EXAMPLE["cpu-arm64"]
    spec = {**raw["spec"], "nodes": {"selector": selector}, "accelerator": {"family": "cpu", "model": model}}
    return pool({**raw, "spec": spec}, *nodes)


def snapshot(known: Settings, *pools: Pool) -> Snapshot:
    raw = objects.workload()
    raw["metadata"] |= {"namespace": "ns", "uid": "u"}
    parsed = parse(InferenceWorkload, raw)
    assert isinstance(parsed, InferenceWorkload)
    asked = Snapshot(
        workload=workload_of(parsed, raw), pools=pools, settings=known, artifacts={}, placements=(), traffic={}, memory=Memory()
    )  # fmt: skip
    made = {c.inputs.key: Artifact(state=ArtifactState.READY, uri="s3://b/k", digest="sha256:d") for c in candidates(asked) if c.inputs}
    return replace(asked, artifacts=made)


def only(found: tuple[Candidate, ...]) -> Candidate:
    (one,) = found
    return one


def test_the_arm_pool_of_the_example_gets_no_x86_artifact_and_says_which_toolchain_is_missing() -> None:
    seen = snapshot(settings(), *(pool(raw) for raw in EXAMPLE.values()))
    amd, arm = candidates(seen)
    assert amd.refusal is None
    assert (arm.inputs, arm.artifact) == (None, None)
    assert arm.refusal is not None
    assert arm.refusal.reason is Reason.UNSUPPORTED_TARGET
    assert arm.refusal.message == (
        "the processors of pool cpu-arm64 are arm64 and its toolchains are others (onnxruntime for cpu/x86-64):"
        " add config.toolchains.onnxruntime@arm64 with target cpu/aarch64"
    )
    assert [intent.inputs.target for intent in decide(seen, START).intent.compile] == ["cpu/x86-64"]


def test_with_a_toolchain_for_it_each_pool_gets_its_own_and_pods_go_to_nodes_of_that_architecture() -> None:
    known = settings(**{"onnxruntime@arm64": "cpu/aarch64"})
    for name, target, architecture in (("cpu-amd64", "cpu/x86-64", "amd64"), ("cpu-arm64", "cpu/aarch64", "arm64")):
        seen = snapshot(known, pool(EXAMPLE[name], architecture))
        one = only(candidates(seen))
        assert one.refusal is None
        assert one.inputs is not None
        assert one.inputs.target == target
        (made,) = decide(seen, START).intent.create
        assert made.node_selector == {"kubernetes.io/arch": architecture}


@pytest.mark.parametrize(
    ("selector", "model", "nodes", "architecture"),
    [
        ({"kubernetes.io/arch": "arm64"}, "amd64", ("amd64",), "arm64"),
        ({"pool": "p"}, "generic", ("arm64", "arm64"), "arm64"),
        ({"pool": "p"}, "amd64", ("arm64",), "arm64"),
        ({"pool": "p"}, "generic-x86-64", (), "amd64"),
        ({"pool": "p"}, "aarch64", (None,), "arm64"),
        ({"pool": "p"}, "graviton4", (), None),
        ({"pool": "p"}, "generic", ("arm64", "amd64"), None),
    ],
)
def test_the_selector_tells_the_architecture_then_the_nodes_then_the_model(
    selector: dict[str, str], model: str, nodes: tuple[str | None, ...], architecture: str | None
) -> None:
    assert pool_with(selector, model, *nodes).architecture == architecture


def test_where_nobody_tells_the_architecture_the_pods_go_to_nodes_that_the_artifact_is_for() -> None:
    seen = snapshot(settings(), pool_with({"pool": "p"}, "generic", "arm64", "amd64"))
    assert only(candidates(seen)).refusal is None
    (made,) = decide(seen, START).intent.create
    assert made.node_selector == {"pool": "p", "kubernetes.io/arch": "amd64"}
