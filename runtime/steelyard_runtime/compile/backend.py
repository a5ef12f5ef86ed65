"""What a back end is: it says whether it can, compiles, and loads what it compiled."""

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.tensors.engine import TensorEngine
from steelyard_runtime.tensors.signature import Signature


class Note(Protocol):
    """Takes one line about how it goes on, and which part of the compile is done then (0 to 1), where that is known."""

    def __call__(self, line: str, done: float | None = None) -> None:
        """Tell it."""


class Engine(Protocol):
    """A loaded model."""

    @property
    def fixed_batch(self) -> bool:
        """Whether a batch must be padded to a compiled size (static shapes), or may be any size up to the largest."""

    @property
    def fixed_lengths(self) -> bool:
        """Whether a batch must be padded to a compiled length, or may be of any length up to the longest."""

    @property
    def workers(self) -> int:
        """How many calls at once it has places for."""

    def run(self, *arrays: NDArray[Any]) -> NDArray[np.float32]:
        """Return the graph's output for the arrays of its inputs, in order. Called from several threads; lets go of the GIL."""


class Backend(Protocol):
    """A toolchain. Its libraries are imported when they are needed: the serving image has no torch."""

    @property
    def name(self) -> str:
        """The word in `spec.backend`."""

    @property
    def packages(self) -> tuple[str, ...]:
        """Distributions whose versions make the toolchain; the first is the one that must agree between compile and load."""

    def probe(self, spec: CompileSpec) -> None:
        """Refuse (`Failure`) what this back end cannot honour: target, dtype, flags, or what is installed."""

    def compile(self, encoder: Any, model: Path, spec: CompileSpec, into: Path, note: Note) -> None:
        """Write the compiled model into a folder. `encoder` is the task's reference, a torch module, `model` the folder it came from."""

    def runs_here(self) -> bool:
        """Whether this machine has what it takes to run what was compiled. A compile node may lack the accelerator: then a serving pod is
        the first to hold the golden samples against the reference, as each does before it is ready."""

    def load(self, folder: Path, manifest: Manifest, workers: int) -> Engine:
        """Load a verified artifact. `workers` is how many processors there are to run it on; an accelerator's engine has its own number."""


@runtime_checkable
class GraphBackend(Backend, Protocol):
    """One that reads ONNX graphs too."""

    @property
    def strings(self) -> bool:
        """Whether its tensors may be of strings."""

    def compile_graph(self, model: Path, spec: CompileSpec, into: Path, note: Note) -> None:
        """Write a model that is one ONNX graph, which was read and loaded before, into a folder of its own."""

    def load_graph(self, folder: Path, manifest: Manifest, signature: Signature, workers: int) -> TensorEngine:
        """Load what `compile_graph` wrote. `workers` as of `load`."""
