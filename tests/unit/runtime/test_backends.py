"""Back ends refuse what they cannot honour, before anything is downloaded."""

import json
from dataclasses import replace

import pytest

from steelyard_runtime.compile.backend import Backend
from steelyard_runtime.compile.choose import BACKENDS, ONNXRUNTIME_CUDA, TORCH_NEURON, backend_named
from steelyard_runtime.compile.neuron import Neuron, require_torch_neuronx
from steelyard_runtime.compile.optimum_neuron import OptimumNeuron
from steelyard_runtime.compile.spec import CompileSpec, compile_spec
from steelyard_runtime.compile.toolchain import installed, require_toolchain
from steelyard_runtime.compile.torch_neuron import TorchNeuron
from steelyard_runtime.failure import Failure, Reason
from unit.runtime.test_spec import COMPILE

SPEC: CompileSpec = compile_spec({"STEELYARD_COMPILE_SPEC": json.dumps(COMPILE)})
ON_CPUS = [backend for backend in BACKENDS if "neuron" not in backend.name]


def test_the_placeholder_of_pypi_is_refused_by_name_with_the_index_and_the_base_image() -> None:
    with pytest.raises(Failure, match=r"torch-neuronx 1\.0 is the empty placeholder") as refusal:
        require_torch_neuronx("1.0")
    assert refusal.value.reason is Reason.TOOLCHAIN_PLACEHOLDER
    assert "https://pip.repos.neuron.amazonaws.com" in refusal.value.message
    assert "public.ecr.aws/neuron/pytorch-inference-neuronx:2.9.0" in refusal.value.message


@pytest.mark.parametrize(
    ("version", "reason"),
    [(None, Reason.UNSUPPORTED_TARGET), ("2.14.3.0", Reason.TOOLCHAIN_MISMATCH), ("2.8.0.1.0", Reason.TOOLCHAIN_MISMATCH)],
)
def test_a_missing_or_other_torch_neuronx_is_refused(version: str | None, reason: Reason) -> None:
    with pytest.raises(Failure) as refusal:
        require_torch_neuronx(version)
    assert refusal.value.reason is reason


def test_the_real_torch_neuronx_passes_the_door() -> None:
    require_torch_neuronx("2.9.0.2.15.32035")


@pytest.mark.parametrize(
    ("version", "product"),
    [
        ("2.9.0.2.15.32035", Neuron),
        ("2.13.3.0.1", TorchNeuron),
        ("2.14.3.0.1", TorchNeuron),
        ("3.0", TorchNeuron),
        ("1.0", Neuron),
        ("", Neuron),
    ],
)
def test_the_version_in_the_toolchain_decides_which_of_two_products_is_meant(version: str, product: type) -> None:
    assert type(backend_named("neuron", (("torch-neuronx", version),))) is product
    assert type(backend_named("optimum-neuron", (("torch-neuronx", version),))) is OptimumNeuron, "it has a name of its own"


def test_the_package_in_the_toolchain_decides_whether_onnx_runtime_is_for_cuda() -> None:
    assert backend_named("onnxruntime", (("onnxruntime-gpu", "1.31.1"),)) is ONNXRUNTIME_CUDA
    assert backend_named("onnxruntime", (("onnxruntime", "1.32.0"),)) is not ONNXRUNTIME_CUDA


def test_an_unknown_back_end_is_an_unsupported_target() -> None:
    with pytest.raises(Failure, match=r"'inferentia3'.*openvino") as refusal:
        backend_named("inferentia3")
    assert refusal.value.reason is Reason.UNSUPPORTED_TARGET


@pytest.mark.parametrize("backend", [*BACKENDS, TORCH_NEURON, ONNXRUNTIME_CUDA], ids=lambda backend: type(backend).__name__)
@pytest.mark.parametrize("target", ["inf3", "sm_90", "cpu/riscv64", "cpu/aarch64"])
def test_a_target_of_another_family_is_unsupported(backend: Backend, target: str) -> None:
    with pytest.raises(Failure) as refusal:
        backend.probe(replace(SPEC, backend=backend.name, target=target))
    assert refusal.value.reason is Reason.UNSUPPORTED_TARGET


@pytest.mark.parametrize("backend", ON_CPUS, ids=lambda backend: backend.name)
@pytest.mark.parametrize(
    "change", [{"quantization": "int8"}, {"flags": ("-O3",)}, {"tensor_parallel": 2}, {"dtype": "fp8"}, {"task": "chat"}]
)
def test_an_option_that_is_not_known_is_refused_and_not_ignored(backend: Backend, change: dict[str, object]) -> None:
    with pytest.raises(Failure) as refusal:
        backend.probe(replace(SPEC, backend=backend.name, target="cpu/x86-64-v3" if backend.name == "inductor" else "cpu/x86-64", **change))
    assert refusal.value.reason is Reason.UNSUPPORTED_OPTION


def test_machine_code_needs_an_instruction_set() -> None:
    with pytest.raises(Failure, match="x86-64-v3"):
        backend_named("inductor").probe(replace(SPEC, backend="inductor"))


def test_another_toolchain_than_the_keys_is_refused() -> None:
    backend = backend_named("openvino")
    require_toolchain((("openvino", installed("openvino") or ""),), backend)
    with pytest.raises(Failure, match=r"openvino 2025\.0 is wanted") as refusal:
        require_toolchain((("openvino", "2025.0"),), backend)
    assert (refusal.value.kind, refusal.value.reason) == ("User", Reason.TOOLCHAIN_MISMATCH)
    with pytest.raises(Failure, match="does not name openvino"):
        require_toolchain((), backend)
