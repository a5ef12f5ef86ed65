"""The back end for AWS Neuron against the documented contract of torch-neuronx 2.9. Needs torch: runs in the compile image."""

import importlib
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

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


@pytest.fixture
def sdk(device: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The stand-in, as installed; what it is told once is forgotten with it."""
    import torch

    save, load = torch.jit.save, torch.jit.load
    monkeypatch.syspath_prepend(str(SDK))
    for name in READ_ONCE:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    yield importlib.import_module("torch_neuronx")
    sys.modules.pop("torch_neuronx", None)
    torch.jit.save, torch.jit.load = save, load


def asked(tmp_path: Path, **change: object) -> CompileSpec:
    """A request to compile for Inferentia2."""
    spec = request_for("openvino", tmp_path / "store", batch_sizes=BATCHES, sequence_lengths=LENGTHS)
    toolchain = tuple((package, installed(package) or "") for package in ("neuronx-cc", "torch-neuronx"))
    return replace(spec, backend="neuron", target="inf2", toolchain=toolchain, **change)  # type: ignore[arg-type]


def compiled(tmp_path: Path, **change: object) -> tuple[Manifest, Path]:
    """What a job on a node without a device publishes, fetched again."""
    (tmp_path / "scratch").mkdir()
    published, _ = compile_model(asked(tmp_path, **change), Progress(LogTail()), tmp_path / "scratch")
    return fetch_artifact(published.uri, published.digest, tmp_path / "artifact"), tmp_path / "artifact"


def plug_in(device: Path, cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with so many cores, from now on."""
    device.touch()
    monkeypatch.setenv("STEELYARD_CONTRACT_NEURON_CORES", str(cores))


def load_anew(folder: Path, manifest: Manifest, workers: int) -> neuron.NeuronEngine:
    """As a serving process does it: it has not imported anything of Neuron's yet."""
    sys.modules.pop("torch_neuronx", None)
    return neuron.Neuron().load(folder, manifest, workers)


def test_a_node_without_a_device_compiles_every_bucket_after_it_asked_for_the_operators(tmp_path: Path, sdk: ModuleType) -> None:
    manifest, folder = compiled(tmp_path)
    kinds = [kind for kind, _ in sdk.calls]
    assert kinds == ["analyze", *(["trace", "async_load", "save"] * 4)]
    traced = [detail for kind, detail in sdk.calls if kind == "trace"]
    assert [shapes[0] for shapes, _ in traced] == [(1, 32), (4, 32), (1, 64), (4, 64)]
    assert all(given["--target"] == "trn1" for _, given in traced), "Inferentia2 and Trainium1 share one artifact"
    assert all(given["--native-int64"] == "enabled" and given["--implicit-integer-downcast"] == "none" for _, given in traced)
    assert {f"graph-{b}x{s}.pt" for b in BATCHES for s in LENGTHS} <= {file.path for file in manifest.files}
    assert manifest.cosine_min is None, "it was never run: unknown is not good, and not zero"
    assert (folder / "golden.npz").is_file()


def test_what_was_compiled_agrees_with_the_reference_where_there_is_a_device(
    tmp_path: Path, sdk: ModuleType, device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, folder = compiled(tmp_path)
    plug_in(device, 2, monkeypatch)
    engine = load_anew(folder, manifest, 2)
    golden = load_golden(folder)
    found = embed_samples(engine.run, TextTokenizer(folder, LENGTHS[-1]), LENGTHS, 4, golden.texts)
    assert engine.fixed_batch
    assert least_cosine(found, golden.embeddings) >= manifest.cosine_tolerance
    loaded = sys.modules["torch_neuronx"]._loaded_on
    assert loaded == [0] * 4 + [1] * 4, "all graphs on each core that serves"


def test_a_server_uses_the_cores_that_its_pod_was_given_and_no_other(
    tmp_path: Path, sdk: ModuleType, device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, folder = compiled(tmp_path)
    plug_in(device, 24, monkeypatch)
    monkeypatch.setenv("NEURON_RT_VISIBLE_CORES", "4-6")
    monkeypatch.setenv("POD_NAME", "encoder-inf2-abc")
    engine = load_anew(folder, manifest, 1)
    assert engine.workers == 3, "the processors of the pod have nothing to do with it"
    assert os.environ["NEURON_PROCESS_TAG"] == "encoder-inf2-abc"


def test_without_a_device_a_server_says_what_the_pod_must_ask_for(tmp_path: Path, sdk: ModuleType) -> None:
    manifest, folder = compiled(tmp_path)
    with pytest.raises(Failure, match=r"aws\.amazon\.com/neuron") as refusal:
        load_anew(folder, manifest, 1)
    assert refusal.value.reason is Reason.UNSUPPORTED_TARGET


def test_an_operator_that_the_compiler_does_not_know_is_named_before_anything_is_traced(
    tmp_path: Path, sdk: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEELYARD_CONTRACT_UNSUPPORTED", "aten::fft_fft2")
    with pytest.raises(Failure, match="aten::fft_fft2") as refusal:
        compiled(tmp_path)
    assert refusal.value.reason is Reason.COMPILE_FAILED
    assert [kind for kind, _ in sdk.calls] == ["analyze"]


def test_a_node_whose_cores_are_joined_otherwise_refuses_the_artifact(
    tmp_path: Path, sdk: ModuleType, device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, folder = compiled(tmp_path, target="trn2", flags=("--logical-nc-config=1",))
    plug_in(device, 2, monkeypatch)
    monkeypatch.setenv("NEURON_LOGICAL_NC_CONFIG", "2")
    with pytest.raises(Failure, match="both must be the same"):
        load_anew(folder, manifest, 1)


def test_the_back_end_is_the_one_that_its_name_chooses() -> None:
    assert isinstance(backend_named("neuron"), neuron.Neuron)
