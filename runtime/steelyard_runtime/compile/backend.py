"""What a back end is: it says whether it can, compiles, and loads what it compiled."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile.spec import CompileSpec

Note = Callable[[str], None]
"""Takes one line about how it goes on."""


class Engine(Protocol):
    """A loaded model."""

    @property
    def fixed_batch(self) -> bool:
        """Whether a batch must be padded to a compiled size (static shapes), or may be any size up to the largest."""

    def run(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return embeddings [batch, dimension] for ids and mask [batch, length]. Called from several threads; lets go of the GIL."""


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
        """Write the compiled model into a folder. `encoder` is the traced module of `encoder.py`, `model` the folder it came from."""

    def load(self, folder: Path, manifest: Manifest, workers: int) -> Engine:
        """Load a verified artifact; up to `workers` threads will call `run` at once, each on one core."""
