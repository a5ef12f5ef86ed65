"""The back end for AWS Neuron against the documented contract of torch-neuronx 2.9. Needs torch: runs in the compile image."""

import importlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import minilm
from compile_image import IN_COMPILE_IMAGE
from steelyard_runtime.accuracy import answers_to
from steelyard_runtime.artifacts.fetch import fetch_artifact
from steelyard_runtime.artifacts.golden import least_cosine, load_golden
from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile import neuron
from steelyard_runtime.compile.choose import backend_named
from steelyard_runtime.compile.job import compile_model
from steelyard_runtime.compile.progress import Progress
from steelyard_runtime.compile.separate_weights import architecture_of
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.logs import LogTail
from steelyard_runtime.models.digest import model_digest
from steelyard_runtime.tasks.registry import TASKS
from unit.runtime.test_compile_minilm import request_for

pytestmark = list(IN_COMPILE_IMAGE)

SDK = Path(__file__).parent / "neuron_sdk"
READ_ONCE = (
    "NEURON_RT_NUM_CORES",
    "NEURON_RT_EXEC_TIMEOUT",
    "NEURON_PROCESS_TAG",
    "NEURON_LOGICAL_NC_CONFIG",
    "NEURON_RT_VISIBLE_CORES",
    neuron.PLATFORM,
)
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
    """A request to compile for Inferentia2, with the store `folder/store`."""
    spec = request_for("openvino", folder / "store", batch_sizes=BATCHES, sequence_lengths=LENGTHS)
    toolchain = tuple((package, installed(package) or "") for package in ("neuronx-cc", "torch-neuronx"))
    return replace(spec, **{"backend": "neuron", "target": "inf2", "toolchain": toolchain, **change})  # type: ignore[arg-type]


def compile_in(folder: Path, **change: object) -> Manifest:
    """What a job on a node without a device publishes, fetched again into `artifact`."""
    (folder / "scratch").mkdir(parents=True)
    published, _ = compile_model(asked(folder, **change), Progress(LogTail()), folder / "scratch")
    return fetch_artifact(published.uri, published.digest, folder / "artifact")


def agreement(folder: Path, engine: neuron.NeuronEngine, batch: int = 4) -> float:
    """The least cosine between what an engine answers and the reference in its artifact."""
    golden = load_golden(folder)
    return least_cosine(
        answers_to(engine.run, TASKS["embeddings"].head(folder, LENGTHS[-1]), LENGTHS, batch, golden.samples), golden.answers
    )


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
    assert [shapes[0] for shapes, _, _ in traced] == [(1, 32), (4, 32), (1, 64), (4, 64)]
    assert all(given["--target"] == "trn1" for _, given, _ in traced), "Inferentia2 and Trainium1 share one artifact"
    assert all(given["--native-int64"] == "enabled" and given["--implicit-integer-downcast"] == "none" for _, given, _ in traced)
    assert all(inlined for _, _, inlined in traced)
    files = {file.path for file in compiled.manifest.files}
    assert files == {"golden.npz", "tokenizer.json", *(f"graph-{b}x{s}.pt" for b in BATCHES for s in LENGTHS)}
    assert compiled.manifest.cosine_min is None, "it was never run: unknown is not good, and not zero"


@pytest.mark.usefixtures("sdk")
def test_what_was_compiled_agrees_with_the_reference_where_there_is_a_device(
    compiled: Compiled, device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(device, 2, monkeypatch)
    engine = load(compiled)
    assert engine.fixed_batch
    assert agreement(compiled.folder, engine) >= compiled.manifest.tolerance
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


def test_a_core_that_computes_something_else_is_refused_before_it_serves() -> None:
    import torch

    def graph(weight: float) -> Any:
        return lambda ids, mask: torch.stack([(ids * mask).sum(1) * weight, torch.ones(len(ids))], 1)

    neuron.NeuronEngine([{(1, 32): graph(1.0)}, {(1, 32): graph(1.0)}]).wake()
    with pytest.raises(Failure, match="core 1 does not compute for 1 x 32 tokens what core 0 computes"):
        neuron.NeuronEngine([{(1, 32): graph(1.0)}, {(1, 32): graph(0.0)}]).wake()


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


def test_a_batch_that_is_cut_needs_one_graph_a_length(
    tmp_path: Path, sdk: ModuleType, device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = compile_in(tmp_path, flags=("--dynamic-batch",), batch_sizes=(2, 8))
    assert [kind for kind, _ in sdk.calls] == ["analyze", *(["trace", "dynamic_batch", "async_load", "save"] * 2)], (
        "said before it is saved"
    )
    assert [detail for kind, detail in sdk.calls if kind == "dynamic_batch"] == [((2, length), (2, length)) for length in LENGTHS]
    assert not any("dynamic" in word for kind, detail in sdk.calls if kind == "trace" for word in detail[1]), (
        "the compiler knows no such flag"
    )
    plug_in(device, 1, monkeypatch)
    engine = load(Compiled(manifest, tmp_path / "artifact", []))
    assert not engine.fixed_batch
    for batch in (1, 2, 3, 8):
        assert agreement(tmp_path / "artifact", engine, batch) >= manifest.tolerance, batch


def test_a_batch_of_another_length_is_refused_by_a_graph_that_cuts(sdk: ModuleType) -> None:
    import torch

    class Sum(torch.nn.Module):
        def forward(self, ids: Any, mask: Any) -> Any:
            return (ids * mask).float()

    words = torch.ones((2, 4), dtype=torch.int64)
    traced = sdk.trace(Sum().eval(), (words, words), compiler_args="--target trn1", cpu_backend=True)
    assert sdk.dynamic_batch(traced) is traced
    assert traced(*[torch.ones((5, 4), dtype=torch.int64)] * 2).shape == (5, 4)
    with pytest.raises(torch.jit.Error, match="ValueError"):
        traced(*[torch.ones((2, 5), dtype=torch.int64)] * 2)


def sister_of(folder: Path) -> Path:
    """Another checkpoint of the same architecture."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(minilm.fetch(), folder)
    weights = load_file(str(folder / "model.safetensors"))
    save_file(
        {name: each * 1.1 if each.is_floating_point() and each.ndim == 2 else each for name, each in weights.items()},
        str(folder / "model.safetensors"),
    )
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "_name_or_path": "elsewhere", "transformers_version": "4.0.0"}))
    return folder


@dataclass(frozen=True)
class Sisters:
    """Two artifacts with their weights apart, of two checkpoints of one architecture; and what each asked the SDK for."""

    first: Compiled
    second: Compiled
    store: Path


@pytest.fixture(scope="module")
def sisters(tmp_path_factory: pytest.TempPathFactory) -> Sisters:
    root = tmp_path_factory.mktemp("sisters")
    sister = sister_of(root / "model")
    store = f"file://{root}/store"
    apart = {"flags": ("--separate-weights",), "store_uri": store}
    other = {"key": "b" * 64, "model_uri": f"file://{sister}", "model_digest": model_digest(sister)}
    with installed_sdk() as sdk:
        one = compile_in(root / "one", **apart)
        asked_first = list(sdk.calls)
        two = compile_in(root / "two", **apart, **other)
        asked_then = list(sdk.calls)[len(asked_first) :]
    return Sisters(Compiled(one, root / "one/artifact", asked_first), Compiled(two, root / "two/artifact", asked_then), root / "store")


def test_the_second_checkpoint_of_an_architecture_is_published_without_the_compiler(sisters: Sisters) -> None:
    assert [kind for kind, _ in sisters.first.calls] == ["analyze", *(["trace", "save"] * 4)], "not loaded while its weights are replaced"
    assert not any(inlined for kind, (_, _, inlined) in ((k, d) for k, d in sisters.first.calls if k == "trace"))
    assert sisters.second.calls == []
    files = [{file.path: file.sha256 for file in each.manifest.files} for each in (sisters.first, sisters.second)]
    assert "weights.safetensors" in files[0]
    differing = {path for path in files[0] | files[1] if files[0].get(path) != files[1].get(path)}
    assert differing == {"golden.npz", "weights.safetensors"}
    assert sisters.first.manifest.digest != sisters.second.manifest.digest


@pytest.mark.usefixtures("sdk")
@pytest.mark.parametrize("which", ["first", "second"])
def test_each_checkpoint_answers_as_itself_with_its_weights_on_its_cores(
    sisters: Sisters, which: str, device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(device, 2, monkeypatch)
    compiled = getattr(sisters, which)
    assert agreement(compiled.folder, load(compiled)) >= compiled.manifest.tolerance
    calls = [(kind, detail) for kind, detail in sys.modules["torch_neuronx"].calls if kind != "replace_weights"]
    assert calls == [("move_trace_to_device", core) for core in (0, 1) for _ in range(4)]


@pytest.mark.usefixtures("sdk")
def test_a_graph_whose_weights_were_not_replaced_is_found_out_by_the_golden_samples(
    sisters: Sisters, device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in(device, 1, monkeypatch)
    sys.modules.pop("torch_neuronx", None)
    monkeypatch.setattr(importlib.import_module("torch_neuronx"), "replace_weights", lambda graph, weights: None)
    engine = neuron.Neuron().load(sisters.second.folder, sisters.second.manifest, 1)
    assert agreement(sisters.second.folder, engine) < 0.5, "nonsense, and not what the first checkpoint would have said"


def test_graphs_of_the_store_that_are_corrupt_or_of_another_compiler_are_made_anew(
    tmp_path: Path, sisters: Sisters, sdk: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(sisters.store, tmp_path / "store")
    (shared,) = {folder.name for folder in (tmp_path / "store").iterdir()} - {"a" * 64, "b" * 64}
    apart = {"flags": ("--separate-weights",), "store_uri": f"file://{tmp_path}/store"}
    compile_in(tmp_path / "one", **apart, key="c" * 64)
    assert sdk.calls == []
    compile_in(tmp_path / "two", **{**apart, "flags": ("--optlevel=3", "--separate-weights")}, key="d" * 64)
    assert len([kind for kind, _ in sdk.calls if kind == "trace"]) == 4, "another level is another graph"
    sdk.calls.clear()
    blob = next((tmp_path / "store" / shared / "blobs").iterdir())
    blob.write_bytes(blob.read_bytes()[:-1])
    compile_in(tmp_path / "three", **apart, key="e" * 64)
    assert len([kind for kind, _ in sdk.calls if kind == "trace"]) == 4, "one corrupt byte, and nothing of it is used"


def test_what_changes_the_graph_changes_the_architecture_and_nothing_else_does(tmp_path: Path) -> None:
    from steelyard_runtime.compile.encoder import load_encoder

    sister = sister_of(tmp_path / "model")
    encoder, settings = load_encoder(sister), TASKS["embeddings"].settings
    known = architecture_of(load_encoder(minilm.fetch()), minilm.fetch(), settings(minilm.fetch()))
    assert architecture_of(encoder, sister, settings(sister)) == known, "where a checkpoint came from, and its numbers"
    config = json.loads((sister / "config.json").read_text())
    (sister / "config.json").write_text(json.dumps({**config, "layer_norm_eps": 1e-5}))
    assert architecture_of(encoder, sister, settings(sister)) != known, "a constant in the graph"
    (sister / "config.json").write_text(json.dumps(config))
    pooling = json.loads((sister / "1_Pooling/config.json").read_text())
    turned = {**pooling, "pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}
    (sister / "1_Pooling/config.json").write_text(json.dumps(turned))
    assert architecture_of(encoder, sister, settings(sister)) != known, "how it pools"


def test_the_back_end_is_the_one_that_its_name_chooses() -> None:
    assert isinstance(backend_named("neuron"), neuron.Neuron)
