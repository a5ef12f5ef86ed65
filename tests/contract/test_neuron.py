"""The back end for AWS Neuron against the documented contract of torch-neuronx 2.9. Needs torch: runs in the compile image."""

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from steelyard_runtime.accuracy import embed_samples
from steelyard_runtime.artifacts.fetch import fetch_artifact
from steelyard_runtime.artifacts.golden import least_cosine, load_golden
from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile import neuron
from steelyard_runtime.compile.choose import backend_named
from steelyard_runtime.compile.job import compile_model
from steelyard_runtime.compile.progress import Progress
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.logs import LogTail
from steelyard_runtime.tokens import TextTokenizer
from unit.runtime.test_compile_minilm import request_for

pytestmark = [
    pytest.mark.image,
    pytest.mark.skipif(
        installed("torch") is None, reason="torch is only in the compile image, where tests/e2e/test_compile_image.py runs this file"
    ),
]

SDK = Path(__file__).parent / "neuron_sdk"
READ_ONCE = ("NEURON_RT_NUM_CORES", "NEURON_RT_EXEC_TIMEOUT", "NEURON_PROCESS_TAG", "NEURON_LOGICAL_NC_CONFIG", "NEURON_RT_VISIBLE_CORES")
BATCHES, LENGTHS = (1, 4), (32, 64)


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this machine's device would be; it is not there."""
    monkeypatch.setattr(neuron, "DEVICE", tmp_path / "neuron0")
    return neuron.DEVICE


@contextmanager
def installed_sdk() -> Iterator[ModuleType]:
    """The stand-in, as installed; what it is told once is forgotten with it."""
    import torch

    save, load = torch.jit.save, torch.jit.load
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SDK))
        for name in READ_ONCE:
            patch.setenv(name, "")
            patch.delenv(name)
        yield importlib.import_module("torch_neuronx")
    sys.modules.pop("torch_neuronx", None)
    torch.jit.save, torch.jit.load = save, load


@pytest.fixture
def sdk(device: Path) -> Iterator[ModuleType]:
    """The stand-in, on a machine without a device."""
    with installed_sdk() as found:
        yield found


def asked(folder: Path, **change: object) -> CompileSpec:
    """A request to compile for Inferentia2."""
    spec = request_for("openvino", folder / "store", batch_sizes=BATCHES, sequence_lengths=LENGTHS)
    toolchain = tuple((package, installed(package) or "") for package in ("neuronx-cc", "torch-neuronx"))
    return replace(spec, **{"backend": "neuron", "target": "inf2", "toolchain": toolchain, **change})  # type: ignore[arg-type]


def compile_in(folder: Path, **change: object) -> Manifest:
    """What a job on a node without a device publishes, fetched again into `artifact`."""
    (folder / "scratch").mkdir()
    published, _ = compile_model(asked(folder, **change), Progress(LogTail()), folder / "scratch")
    return fetch_artifact(published.uri, published.digest, folder / "artifact")


@dataclass(frozen=True)
class Compiled:
    """An artifact for Inferentia2, and what the SDK was asked for on the way."""

    manifest: Manifest
    folder: Path
    calls: list[tuple[str, Any]]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """Compiled once for all that only load it."""
    root = tmp_path_factory.mktemp("neuron")
    with installed_sdk() as sdk:
        return Compiled(compile_in(root), root / "artifact", list(sdk.calls))


def plug_in(device: Path, cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with so many cores, from now on."""
    device.touch()
    monkeypatch.setenv("STEELYARD_CONTRACT_NEURON_CORES", str(cores))


def load(compiled: Compiled, manifest: Manifest | None = None) -> neuron.NeuronEngine:
    """As a serving process does it: it has not imported anything of Neuron's yet."""
    sys.modules.pop("torch_neuronx", None)
    return neuron.Neuron().load(compiled.folder, manifest or compiled.manifest, 1)


def test_a_node_without_a_device_compiles_every_bucket_after_it_asked_for_the_operators(compiled: Compiled) -> None:
    assert [kind for kind, _ in compiled.calls] == ["analyze", *(["trace", "async_load", "save"] * 4)]
    traced = [detail for kind, detail in compiled.calls if kind == "trace"]
    assert [shapes[0] for shapes, _ in traced] == [(1, 32), (4, 32), (1, 64), (4, 64)]
    assert all(given["--target"] == "trn1" for _, given in traced), "Inferentia2 and Trainium1 share one artifact"
    assert all(given["--native-int64"] == "enabled" and given["--implicit-integer-downcast"] == "none" for _, given in traced)
    files = {file.path for file in compiled.manifest.files}
    assert files == {"golden.npz", "tokenizer.json", *(f"graph-{b}x{s}.pt" for b in BATCHES for s in LENGTHS)}
    assert compiled.manifest.cosine_min is None, "it was never run: unknown is not good, and not zero"


@pytest.mark.usefixtures("sdk")
def test_what_was_compiled_agrees_with_the_reference_where_there_is_a_device(
    compiled: Compiled, device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(device, 2, monkeypatch)
    engine = load(compiled)
    golden = load_golden(compiled.folder)
    found = embed_samples(engine.run, TextTokenizer(compiled.folder, LENGTHS[-1]), LENGTHS, 4, golden.texts)
    assert engine.fixed_batch
    assert least_cosine(found, golden.embeddings) >= compiled.manifest.cosine_tolerance
    assert sys.modules["torch_neuronx"]._loaded_on == [0] * 4 + [1] * 4, "all graphs on each core that serves"


@pytest.mark.usefixtures("sdk")
def test_a_server_uses_the_cores_that_its_pod_was_given_and_no_other(
    compiled: Compiled, device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(device, 24, monkeypatch)
    monkeypatch.setenv("NEURON_RT_VISIBLE_CORES", "4-6")
    monkeypatch.setenv("POD_NAME", "encoder-inf2-abc")
    assert load(compiled).workers == 3, "the processors of the pod have nothing to do with it"
    assert os.environ["NEURON_PROCESS_TAG"] == "encoder-inf2-abc"


@pytest.mark.usefixtures("sdk")
def test_without_a_device_a_server_says_what_the_pod_must_ask_for(compiled: Compiled) -> None:
    with pytest.raises(Failure, match=r"aws\.amazon\.com/neuron") as refusal:
        load(compiled)
    assert refusal.value.reason is Reason.UNSUPPORTED_TARGET


@pytest.mark.usefixtures("sdk")
def test_a_device_whose_runtime_does_not_answer_may_do_so_later(compiled: Compiled, device: Path) -> None:
    device.touch()
    with pytest.raises(Failure, match="another process may hold it") as refusal:
        load(compiled)
    assert refusal.value.kind == "Infrastructure"


def test_an_operator_that_the_compiler_does_not_know_is_named_before_anything_is_traced(
    tmp_path: Path, sdk: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEELYARD_CONTRACT_UNSUPPORTED", "aten::fft_fft2")
    with pytest.raises(Failure, match="aten::fft_fft2") as refusal:
        compile_in(tmp_path)
    assert refusal.value.reason is Reason.COMPILE_FAILED
    assert [kind for kind, _ in sdk.calls] == ["analyze"]


@pytest.mark.usefixtures("sdk")
def test_a_node_whose_cores_are_joined_otherwise_refuses_the_artifact(
    compiled: Compiled, device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(device, 2, monkeypatch)
    monkeypatch.setenv("NEURON_LOGICAL_NC_CONFIG", "2")
    with pytest.raises(Failure, match="both must be the same"):
        load(compiled, replace(compiled.manifest, flags=("--logical-nc-config=1",)))


def test_the_back_end_is_the_one_that_its_name_chooses() -> None:
    assert isinstance(backend_named("neuron"), neuron.Neuron)
