"""Every back end for an accelerator on every task beside embeddings, by the stand-ins of its contract. Needs torch: runs in the compile image."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import tiny_heads
from compile_image import IN_COMPILE_IMAGE
from contract import test_cuda, test_neuron, test_optimum_neuron, test_torch_neuron
from steelyard_runtime.accuracy import answers_to
from steelyard_runtime.artifacts.fetch import fetch_artifact
from steelyard_runtime.artifacts.golden import load_golden
from steelyard_runtime.artifacts.manifest import Manifest, Measured
from steelyard_runtime.compile import neuron
from steelyard_runtime.compile.backend import Engine
from steelyard_runtime.compile.choose import backend_named
from steelyard_runtime.compile.job import compile_model
from steelyard_runtime.compile.optimum_neuron import OptimumNeuron
from steelyard_runtime.compile.progress import Progress
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.logs import LogTail
from steelyard_runtime.models.digest import model_digest
from steelyard_runtime.tasks.registry import TASKS

pytestmark = list(IN_COMPILE_IMAGE)
MODELS = [("text-classification", "Roberta"), ("token-classification", "Bert"), ("text-ranking", "Bert")]
"""Bert knows second texts, Roberta does not."""
LENGTHS, BATCH = (64,), 4
"""One shape: what is done for each of several is held by the back ends' own contracts."""


def change_of(folder: Path, task: str, family: str) -> dict[str, Any]:
    """What makes a request for MiniLM one for a small model of the task."""
    model = tiny_heads.write(folder / "model", task, family=family)
    shape = {"batch_sizes": (BATCH,), "sequence_lengths": LENGTHS}
    return {"task": task, "model_uri": f"file://{model}", "model_digest": model_digest(model), **shape}


def made(folder: Path, spec: CompileSpec) -> Manifest:
    (folder / "scratch").mkdir()
    published, _ = compile_model(spec, Progress(LogTail()), folder / "scratch")
    return fetch_artifact(published.uri, published.digest, folder / "artifact")


def agrees(folder: Path, manifest: Manifest, engine: Engine, batch: int = BATCH) -> bool:
    """Whether what a server answers keeps the limit of the task."""
    golden, task = load_golden(folder / "artifact"), TASKS[manifest.task]
    head = task.head(folder / "artifact", LENGTHS[-1])
    return task.measure.keeps(
        head.compare(answers_to(engine.run, head, LENGTHS, batch, golden.samples), golden.answers), manifest.tolerance
    )


@pytest.mark.parametrize(("task", "family", "flags"), [*((*model, ()) for model in MODELS), (*MODELS[0], ("--separate-weights",))])
def test_graphs_of_torch_neuronx_agree_with_the_reference(
    task: str, family: str, flags: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neuron, "DEVICE", tmp_path / "neuron0")
    with test_neuron.installed_sdk():
        manifest = made(tmp_path, test_neuron.asked(tmp_path, flags=flags, **change_of(tmp_path, task, family)))
        assert isinstance(manifest.accuracy, Measured)
        assert manifest.accuracy.value is None, "it was never run"
        test_neuron.plug_in(neuron.DEVICE, 2, monkeypatch)
        sys.modules.pop("torch_neuronx", None)
        engine = neuron.Neuron().load(tmp_path / "artifact", manifest, 1)
        assert engine.workers == 2
        assert agrees(tmp_path, manifest, engine)


@pytest.mark.parametrize(("task", "family"), MODELS)
def test_a_model_with_its_neffs_agrees_with_the_reference(task: str, family: str, tmp_path: Path) -> None:
    with test_torch_neuron.torch_neuron(tmp_path):
        manifest = made(tmp_path, test_torch_neuron.asked(tmp_path, **change_of(tmp_path, task, family)))
    with test_torch_neuron.torch_neuron(tmp_path):
        assert agrees(tmp_path, manifest, backend_named("neuron", manifest.toolchain).load(tmp_path / "artifact", manifest, 2))


@pytest.mark.parametrize(("task", "family"), MODELS)
def test_what_optimum_exports_agrees_with_the_reference(task: str, family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with test_optimum_neuron.optimum(tmp_path):
        manifest = made(tmp_path, test_optimum_neuron.asked(tmp_path, **change_of(tmp_path, task, family)))
        (tmp_path / "neuron0").touch()
        monkeypatch.setenv("STEELYARD_CONTRACT_NEURON_CORES", "2")
        assert agrees(tmp_path, manifest, OptimumNeuron().load(tmp_path / "artifact", manifest, 1))


@pytest.mark.parametrize(("task", "family"), MODELS)
def test_a_package_for_cuda_agrees_with_the_reference(task: str, family: str, tmp_path: Path) -> None:
    with test_cuda.machine(test_cuda.HOPPER):
        manifest = made(tmp_path, test_cuda.asked(tmp_path, **change_of(tmp_path, task, family)))
        assert isinstance(manifest.accuracy, Measured)
        assert manifest.accuracy.value is not None
        engine = backend_named("inductor").load(tmp_path / "artifact", manifest, workers=16)
        for batch in (1, 3):
            assert agrees(tmp_path, manifest, engine, batch)
