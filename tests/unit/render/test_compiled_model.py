"""The CompiledModel that is rendered is one that the API accepts: the operator is its only author."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steelyard.api import CompiledModel, parse
from steelyard.core.compiling.key import CompileInputs
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.resources import CompileResources
from steelyard.core.facts.snapshot import Toolchain
from steelyard.core.placing.intent import CompileIntent
from steelyard.render.compiled_model import compiled_model


def inputs_for(backend: str, target: str, *flags: str) -> CompileInputs:
    return CompileInputs(
        model_uri="hf://org/model",
        model_digest=None,
        model_revision="a" * 40,
        task="feature-extraction",
        backend=backend,
        versions={"v": "1"},
        target=target,
        dtype="Auto",
        quantization="None",
        batch_sizes=(8, 1),
        sequence_lengths=(128,),
        tensor_parallel=1,
        flags=flags,
    )


@pytest.mark.parametrize(
    ("backend", "target", "cores"), [("neuron", "trn2", 2), ("optimum-neuron", "inf2", 1), ("openvino", "cpu/x86-64", None)]
)
def test_it_is_accepted_for_every_kind_of_back_end(backend: str, target: str, cores: int | None) -> None:
    inputs = replace(inputs_for(backend, target, "--optlevel=3"), pull_secrets=("registry",), account="models-compile")
    toolchain = Toolchain(backend=backend, serve_image="s:1", compile_image="c:1", versions=inputs.versions, target=target)
    intent = CompileIntent(
        namespace="ns", inputs=inputs, toolchain=toolchain, pools=("p",), resources=CompileResources(8.0, 48.0, disk_gib=60.0)
    )
    read = parse(CompiledModel, compiled_model(WorkloadKey("ns", "embed"), "uid", intent))
    assert isinstance(read, CompiledModel), read
    assert (read.spec.logical_cores, read.spec.flags) == (cores, ("--optlevel=3",))
    assert read.spec.key == inputs.key == inputs_for(backend, target, "--optlevel=3").key, "who pulls and compiles it is no part of it"
    assert (read.spec.image_pull_secrets, read.spec.service_account_name) == (("registry",), "models-compile")
    assert read.spec.resources is not None
    assert (read.spec.resources.cpu, read.spec.resources.memory, read.spec.resources.disk) == ("8000m", "49152Mi", "61440Mi")
    assert "resources" not in compiled_model(WorkloadKey("ns", "embed"), "uid", replace(intent, resources=None))["spec"]
