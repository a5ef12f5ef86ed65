"""What makes an artifact out of a verified model: a compiler of models of texts or of graphs, or what prepares a model for vLLM."""

from pathlib import Path
from typing import Protocol

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile.progress import Progress
from steelyard_runtime.compile.spec import CompileSpec


class Making(Protocol):
    """One way."""

    @property
    def name(self) -> str:
        """The word in `spec.backend`."""

    @property
    def packages(self) -> tuple[str, ...]:
        """Distributions whose versions make the toolchain; the first is the one that must agree between compile and load."""

    def probe(self, spec: CompileSpec) -> None:
        """Refuse (`Failure`) what cannot be honoured, before anything is downloaded."""

    def memory(self, model: Path, spec: CompileSpec) -> tuple[int, str]:
        """Refuse (`Failure`) a model that must not be loaded. Bytes that the work on it takes at least, and what they are."""

    def make(self, model: Path, digest: str, spec: CompileSpec, into: Path, progress: Progress) -> Manifest:
        """Fill a folder with the artifact's files and say what they are. `digest` is the model's, verified."""
