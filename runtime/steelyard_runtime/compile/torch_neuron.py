"""TorchNeuron (torch-neuronx 2.13 and up, Trainium2 and 3): torch.compile with AWS's own back end. Unverified: it was never run on a device.

It compiles at the first call with a shape, on the device, and keeps what it compiled in a folder of NEFFs. The artifact is the model with that
folder filled: a serving pod makes the same first calls, and finds their results there. A node without a device cannot fill it, so it compiles only
where there is one. Its documentation names a mode that compiles only; how it is switched on could not be read, so nothing here relies on it.

Sources: AWS Neuron documentation 2.33 (2026-10), "torch.compile backend reference", "How to optimize a model with torch.compile", "TorchNeuron
environment variables".
"""

import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile.backend import Note
from steelyard_runtime.compile.neuron import (
    COMPILER,
    INDEX,
    Graphs,
    NeuronEngine,
    device_is_here,
    example_of,
    numbers,
    require_compiler,
    require_device,
    require_real,
    shapes_of,
    tell_runtime,
)
from steelyard_runtime.compile.option import require_options
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.failure import Reason, user_failure
from steelyard_runtime.tasks.registry import TASKS

LOG = logging.getLogger("steelyard.compile")
FIRST = (2, 13)
"""The first torch-neuronx that is TorchNeuron. It has torch's own number."""
TARGETS = ("trn2", "trn3")
DEVICE_TYPE = "neuron"
MODEL, NEFFS = "model", "neffs"
CACHE = "TORCH_NEURONX_NEFF_CACHE_DIR"
LOCAL_CACHE = "TORCH_NEURONX_NEFF_LOCAL_CACHE_DIR"
REMEDY = f"install torch-neuronx 2.13 or later and {COMPILER} from {INDEX}, or name torch-neuronx 2.9 in the toolchain"


def is_torch_neuron(version: str) -> bool:
    """Whether a version of torch-neuronx is this product, and not the one on PyTorch/XLA."""
    return numbers(version)[:2] >= FIRST


class TorchNeuron:
    """The model as it is, with its NEFFs. It has the name of the product before it: the version in the toolchain decides."""

    name = "neuron"
    packages = ("torch-neuronx", COMPILER, "torch", "transformers")

    def probe(self, spec: CompileSpec) -> None:
        """Refuse other chips, and a node without a device, before anything is downloaded."""
        version = require_real(installed("torch-neuronx"), REMEDY)
        if not is_torch_neuron(version):
            raise user_failure(
                Reason.TOOLCHAIN_MISMATCH, f"torch-neuronx {version} is not TorchNeuron, which the toolchain names; {REMEDY}"
            )
        if spec.target.removeprefix("neuron/") not in TARGETS:
            raise user_failure(
                Reason.UNSUPPORTED_TARGET,
                f"TorchNeuron compiles for {' and '.join(TARGETS)}, not for {spec.target!r}; for Inferentia2 and Trainium1 name torch-neuronx 2.9 in the toolchain",
            )
        require_compiler(spec)
        require_options(spec, dtypes=("default", "float32"))
        if not device_is_here():
            raise user_failure(
                Reason.UNSUPPORTED_TARGET,
                "TorchNeuron compiles at the first call, on a device, and this node has none: compile with torch-neuronx 2.9, which needs none,"
                " or give the compile Job a node with Trainium2 or 3 and its device",
            )

    def runs_here(self) -> bool:
        """Where it can be compiled, it can be run."""
        return device_is_here()

    def compile(self, encoder: Any, model: Path, spec: CompileSpec, into: Path, note: Note) -> None:
        """Call the model once with each shape, and keep what that leaves in the cache."""
        neffs = Path(tempfile.mkdtemp(prefix="neffs-"))
        use_cache(neffs)
        shutil.copytree(model, into / MODEL)
        shapes = shapes_of(spec)
        graphs = _compiled(encoder, shapes)
        for number, shape in enumerate(shapes, 1):
            note(f"compiling bucket {number} of {len(shapes)}: {shape[0]} x {shape[1]} tokens", (number - 1) / len(shapes))
            graphs[shape](*example_of(*shape))
        if not _neffs(neffs):
            raise user_failure(
                Reason.COMPILE_FAILED,
                f"TorchNeuron left nothing in {CACHE}: the artifact would be compiled anew in every pod; report it with the log",
            )
        # A lock that nobody holds any more would be waited for in every pod.
        shutil.copytree(neffs, into / NEFFS, ignore=shutil.ignore_patterns("*.lock"))

    def load(self, folder: Path, manifest: Manifest, workers: int) -> NeuronEngine:
        """Fill the cache, and make the calls that the compile made. One core: how a process is told of more could not be read."""
        require_device()
        tell_runtime(os.environ, manifest)
        # A copy: the library writes there, and an artifact is not to be changed.
        neffs = Path(tempfile.mkdtemp(prefix="neffs-"))
        shutil.copytree(folder / NEFFS, neffs, dirs_exist_ok=True)
        use_cache(neffs)
        known = _neffs(neffs)
        engine = NeuronEngine([_compiled(TASKS[manifest.task].reference(folder / MODEL), shapes_of(manifest))])
        engine.wake()
        if more := _neffs(neffs) - known:
            LOG.warning("%d graphs were not in the artifact and were compiled in this pod: it started late for it", len(more))
        return engine


def use_cache(folder: Path) -> None:
    """Say where NEFFs are kept: the library reads it once, before its first work on a device."""
    os.environ[CACHE] = str(folder)
    os.environ[LOCAL_CACHE] = tempfile.mkdtemp(prefix="neffs-local-")


def _neffs(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.neff")}


def _compiled(encoder: Any, shapes: list[tuple[int, int]]) -> Graphs:
    """One callable for all shapes; none is compiled before its first call."""
    import torch  # type: ignore[import-not-found]  # noqa: PLC0415

    # Each shape is one more compile of the same code, here and when the job loads what it made; with fullgraph one too many is an error.
    torch._dynamo.config.recompile_limit += len(shapes)
    # Not dynamic: the second shape would else be taken for a sign that any may come.
    model = torch.compile(encoder.to(DEVICE_TYPE), backend="neuron", fullgraph=True, dynamic=False)

    def run(ids: Any, mask: Any) -> Any:
        with torch.no_grad():
            return model(ids.to(DEVICE_TYPE), mask.to(DEVICE_TYPE)).cpu()

    return dict.fromkeys(shapes, run)
