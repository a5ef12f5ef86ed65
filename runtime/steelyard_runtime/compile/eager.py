"""The reference as a back end: the model as it is, run by torch. Slow, and right by definition."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile.backend import Note
from steelyard_runtime.compile.encoder import run_eagerly
from steelyard_runtime.compile.option import require_options
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.compile.target import require_cpu
from steelyard_runtime.tasks.registry import TASKS

FOLDER = "model"


class Eager:
    """Nothing is compiled; the artifact is the model."""

    name = "eager"
    packages = ("torch", "transformers")

    def probe(self, spec: CompileSpec) -> None:
        """Any CPU target, float32."""
        require_cpu(spec.target, self.name)
        require_options(spec, dtypes=("default", "float32"))

    def compile(self, encoder: Any, model: Path, spec: CompileSpec, into: Path, note: Note) -> None:
        """Copy the model's files."""
        note("copying the model")
        shutil.copytree(model, into / FOLDER)

    def runs_here(self) -> bool:
        """CPUs are everywhere, and `probe` has looked at this one."""
        return True

    def load(self, folder: Path, manifest: Manifest, workers: int) -> "EagerEngine":
        """Load the model into torch, one core for each call."""
        import torch  # type: ignore[import-not-found]  # noqa: PLC0415

        torch.set_num_threads(1)
        return EagerEngine(TASKS[manifest.task].reference(folder / FOLDER), workers)


class EagerEngine:
    """A torch module without gradients."""

    fixed_batch = False
    fixed_lengths = False

    def __init__(self, encoder: Any, workers: int) -> None:
        self.workers = workers
        self._run = run_eagerly(encoder)

    def run(self, *arrays: NDArray[Any]) -> NDArray[np.float32]:
        """Infer."""
        return self._run(*arrays)
