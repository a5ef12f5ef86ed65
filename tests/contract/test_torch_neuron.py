"""The back end for TorchNeuron against its documentation, with the real Dynamo. Needs torch: runs in the compile image."""

import importlib
import logging
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from compile_image import IN_COMPILE_IMAGE
from steelyard_runtime.accuracy import answers_to
from steelyard_runtime.artifacts.fetch import fetch_artifact
from steelyard_runtime.artifacts.golden import least_cosine, load_golden
from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile import neuron
from steelyard_runtime.compile.choose import backend_named
from steelyard_runtime.compile.job import compile_model
from steelyard_runtime.compile.progress import Progress
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.compile.torch_neuron import CACHE, LOCAL_CACHE, TorchNeuron
from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.logs import LogTail
from steelyard_runtime.tasks.registry import TASKS
from unit.runtime.test_compile_minilm import request_for

pytestmark = list(IN_COMPILE_IMAGE)

SDK = Path(__file__).parent / "torch_neuron_sdk"
BATCHES, LENGTHS = (1, 4), (32, 64)


@contextmanager
def torch_neuron(folder: Path, cores: int = 1) -> Iterator[ModuleType]:
    """A process in which TorchNeuron is installed, on a machine with so many cores."""
    device = folder / "neuron0"
    if cores:
        device.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SDK))
        patch.setattr(neuron, "DEVICE", device)
        patch.setenv("STEELYARD_CONTRACT_NEURON_CORES", str(cores))
        for name in (CACHE, LOCAL_CACHE, "NEURON_PROCESS_TAG", "NEURON_RT_EXEC_TIMEOUT"):
            patch.setenv(name, "")
            patch.delenv(name)
        found = importlib.import_module("torch_neuronx")
        found.load_into_torch()
        try:
            # As if there were more shapes than Dynamo compiles of one code unless it is told.
            with importlib.import_module("torch._dynamo").config.patch(recompile_limit=2):
                yield found
        finally:
            found.unload()
            sys.modules.pop("torch_neuronx", None)


def asked(folder: Path, **change: object) -> CompileSpec:
    spec = request_for("openvino", folder / "store", batch_sizes=BATCHES, sequence_lengths=LENGTHS)
    toolchain = tuple((package, installed(package) or "") for package in ("neuronx-cc", "torch-neuronx"))
    return replace(spec, **{"backend": "neuron", "target": "trn2", "toolchain": toolchain, **change})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, Path]:
    """Compiled where a device is, and fetched again."""
    root = tmp_path_factory.mktemp("torch-neuron")
    (root / "scratch").mkdir()
    with torch_neuron(root):
        published, _ = compile_model(asked(root), Progress(LogTail()), root / "scratch")
    return fetch_artifact(published.uri, published.digest, root / "artifact"), root / "artifact"


def test_the_artifact_is_the_model_with_a_graph_for_each_shape(compiled: tuple[Manifest, Path]) -> None:
    manifest, _ = compiled
    files = [file.path for file in manifest.files]
    assert len([path for path in files if path.startswith("neffs/") and path.endswith(".neff")]) == 4
    assert not [path for path in files if path.endswith(".lock")]
    assert "model/model.safetensors" in files
    assert manifest.cosine_min is not None and manifest.cosine_min >= manifest.tolerance, "it was compiled where it runs"


def test_a_server_compiles_nothing_that_the_artifact_has(
    compiled: tuple[Manifest, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    manifest, folder = compiled
    before = sorted(path for path in folder.rglob("*"))
    with torch_neuron(tmp_path) as sdk, caplog.at_level(logging.WARNING):
        engine = backend_named("neuron", manifest.toolchain).load(folder, manifest, 2)
        golden = load_golden(folder)
        found = answers_to(engine.run, TASKS["embeddings"].head(folder, LENGTHS[-1]), LENGTHS, 4, golden.samples)
        assert [hit for _, hit in sdk.compiled] == [True] * 4
    assert least_cosine(found, golden.answers) >= manifest.tolerance
    assert engine.fixed_batch
    assert not caplog.records
    assert sorted(path for path in folder.rglob("*")) == before, "what was verified is not written to"


def test_a_server_that_had_to_compile_says_so(compiled: tuple[Manifest, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    manifest, folder = compiled
    shutil.copytree(folder, tmp_path / "artifact")
    next((tmp_path / "artifact/neffs").rglob("*.neff")).unlink()
    with torch_neuron(tmp_path), caplog.at_level(logging.WARNING):
        TorchNeuron().load(tmp_path / "artifact", manifest, 1)
    assert "1 graphs were not in the artifact" in caplog.text


@pytest.mark.parametrize(
    ("change", "cores", "reason", "sentence"),
    [
        ({"target": "inf2"}, 1, Reason.UNSUPPORTED_TARGET, "name torch-neuronx 2.9"),
        ({"target": "trn1"}, 1, Reason.UNSUPPORTED_TARGET, "name torch-neuronx 2.9"),
        ({}, 0, Reason.UNSUPPORTED_TARGET, "this node has none"),
        ({"flags": ("--dynamic-batch",)}, 1, Reason.UNSUPPORTED_OPTION, "flags"),
        ({"flags": ("--optlevel=3",)}, 1, Reason.UNSUPPORTED_OPTION, "flags"),
        ({"dtype": "bfloat16"}, 1, Reason.UNSUPPORTED_OPTION, "dtype"),
        ({"toolchain": (("torch-neuronx", "2.13.3.0"),)}, 1, Reason.INVALID_SPEC, "neuronx-cc"),
    ],
)
def test_what_it_cannot_honour_is_refused_before_anything_is_downloaded(
    tmp_path: Path, change: dict[str, object], cores: int, reason: Reason, sentence: str
) -> None:
    (tmp_path / "scratch").mkdir()
    with torch_neuron(tmp_path, cores), pytest.raises(Failure, match=sentence) as refusal:
        compile_model(asked(tmp_path, model_uri="file:///nowhere", **change), Progress(LogTail()), tmp_path / "scratch")
    assert refusal.value.reason is reason


def test_a_server_without_a_device_says_what_the_pod_must_ask_for(compiled: tuple[Manifest, Path], tmp_path: Path) -> None:
    with torch_neuron(tmp_path, 0), pytest.raises(Failure, match=r"aws\.amazon\.com/neuron"):
        TorchNeuron().load(compiled[1], compiled[0], 1)
