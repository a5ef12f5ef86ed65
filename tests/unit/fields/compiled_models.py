"""Pairs of specs of a CompiledModel, by field, and the Job that an attempt is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from steelyard.api.compiled_model import CompiledModel
from steelyard.control.gather.pool_facts import compile_resources_of
from steelyard.core.compiling.site import compile_site
from steelyard.core.facts.snapshot import Settings, Toolchain
from steelyard.render.compile_job import CompileJobIntent, compile_job
from unit.api.objects import GONE, changed, compiled
from unit.fields.asked_world import RefusedError, taken
from unit.fields.scene import Pair, values

TOOLCHAIN = Toolchain(backend="neuron", serve_image="serve:1", compile_image="compile:1", versions={}, target="inf2")
SETTINGS = Settings(toolchains={}, store_uri="s3://bucket")
AT_S3 = {"uri": "s3://models/bert", "task": "feature-extraction", "digest": "sha256:" + "a" * 64}

COMPILED_MODELS: dict[str, Pair] = {
    "key": values("0a" * 32, "0b" * 32),
    "model.uri": values("hf://org/model", "hf://org/other"),
    "model.revision": values("a" * 40, "b" * 40),
    "model.digest": values(AT_S3, {**AT_S3, "digest": "sha256:" + "b" * 64}, at="model"),
    "model.task": values("feature-extraction", "fill-mask"),
    "model.secretName": values(GONE, "hub"),
    "imagePullSecrets[]": values(GONE, ["own"], at="imagePullSecrets"),
    "serviceAccountName": values(GONE, "own"),
    "backend": values("neuron", "optimum-neuron"),
    "toolchain{}": values({"neuronx-cc": "2.22.1"}, {"neuronx-cc": "2.23.0"}, at="toolchain"),
    "target": values("inf2", "trn1"),
    "dtype": values("bfloat16", "float32"),
    "quantization": values("None", "Int8Dynamic"),
    "batchSizes[]": values([1, 8], [1, 16], at="batchSizes"),
    "sequenceLengths[]": values([128], [256], at="sequenceLengths"),
    "tensorParallel": values(1, 2),
    "logicalCores": values(1, GONE),
    "resources.disk": values({"cpu": "4", "memory": "8Gi"}, {"cpu": "4", "memory": "8Gi", "disk": "60Gi"}, at="resources"),
    "resources.cpu": values({"cpu": "4", "memory": "8Gi"}, {"cpu": "5", "memory": "8Gi"}, at="resources"),
    "resources.memory": values({"cpu": "4", "memory": "8Gi"}, {"cpu": "4", "memory": "9Gi"}, at="resources"),
    "flags[]": values(["--optlevel=2"], ["--optlevel=1"], at="flags"),
}


def outcome(changes: Mapping[str, Any]) -> Iterator[str]:
    """Of the first attempt."""
    raw = changed(compiled(), {f"spec.{at}": value for at, value in changes.items()})
    try:
        spec = taken(CompiledModel, raw)["spec"]
    except RefusedError as refused:
        yield f"refused: {refused}"
        return
    asked_for = compile_resources_of(spec["resources"]) if "resources" in spec else None
    intent = CompileJobIntent(
        namespace="ns",
        namespace_uid="uid-ns",
        compiled_name="neuron-0a0a",
        compiled_uid="uid-cm",
        spec=spec,
        image="compile:1",
        attempt=1,
        site=compile_site(TOOLCHAIN, SETTINGS, (), attempt=1, factor=1, asked=asked_for),
    )
    yield json.dumps(compile_job(intent, SETTINGS), sort_keys=True)
