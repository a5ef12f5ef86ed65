"""What Helm prints after an install names commands that work."""

import re
import textwrap

import pytest
import yaml

from chart.helm import CHART, NAMESPACE, run
from steelyard.api.accelerator_pool import AcceleratorPool
from steelyard.api.inference_workload import InferenceWorkload


def _notes(values=None):
    said = run("install", "steelyard", str(CHART), "--namespace", NAMESPACE, "--dry-run=client", "--hide-secret", values=values or {})
    return said.split("NOTES:\n", 1)[1]


def _example(notes):
    text = re.search(r"<<'EOF'\n(.*?)\n\s*EOF", notes, re.DOTALL)
    assert text
    return list(yaml.safe_load_all(textwrap.dedent(text[1])))


@pytest.mark.parametrize("values", [{}, {"config": {"watchNamespaces": ["team-a"], "store": {"secretName": "store"}}}])
def test_the_example_keeps_the_rules_of_the_api(values):
    pool, workload = _example(_notes(values))
    AcceleratorPool.model_validate(pool)
    InferenceWorkload.model_validate(workload)
    assert workload["metadata"]["namespace"] == ("team-a" if values else "default")


def test_the_next_commands_are_named():
    notes = _notes()
    for command in (
        f"kubectl -n {NAMESPACE} rollout status deployment/steelyard",
        f"kubectl -n {NAMESPACE} get lease steelyard",
        "kubectl apply -f -",
        "kubectl steelyard status",
        "kubectl steelyard explain embedder -n default",
    ):
        assert command in notes
    assert "keeps the definitions" in notes


def test_what_is_unusual_is_told():
    assert "It is frozen" in _notes({"config": {"frozen": True}})
    assert "kubectl apply --server-side -f crds/" in _notes({"crds": {"install": False}})
    assert "no toolchain" in _notes({"config": {"toolchains": {"openvino": None, "onnxruntime": None}}})
    assert "create secret generic artifact-store" in _notes({"config": {"store": {"secretName": "artifact-store"}}})
    assert "rbac.create is false" in _notes({"rbac": {"create": False}})
