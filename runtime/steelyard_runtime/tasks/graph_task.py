"""A task whose model is a graph of tensors: any ONNX graph, or one that is exported from a model that takes no text."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.serve.door import Door, Endpoint, Infer
from steelyard_runtime.serve.request import Limits
from steelyard_runtime.tensors.samples import Sample
from steelyard_runtime.tensors.signature import Signature


@dataclass(frozen=True, slots=True)
class Described:
    """A folder with `model.onnx`, what the graph takes and gives, and golden samples of it: single rows where rows are computed together."""

    folder: Path
    signature: Signature
    samples: Sequence[Sample]


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """What a load generator sends."""

    path: str
    body: bytes
    headers: Mapping[str, str]


class GraphHead(Protocol):
    """One loaded graph's way in and out. Thread-safe."""

    def encode(self, inputs: Sequence[Any]) -> tuple[list[Any], int]:
        """Return a row for each input that is no row yet, and 0: nothing is cut. Raises `Rejected`."""

    def doors(self, model: str, limits: Limits) -> tuple[Door, ...]:
        """Return what stands at each of the task's endpoints. `model`: the served name."""

    def infer(self, model: str, limits: Limits) -> Infer:
        """Return what it takes and answers by the Open Inference Protocol."""


class GraphTask(Protocol):
    """One kind. What only a compile needs is imported on use."""

    @property
    def name(self) -> str:
        """The word in specifications and manifests."""

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Where it is asked beside the Open Inference Protocol."""

    def parameters(self, model: Path) -> int:
        """Refuse (`Failure`) what must not be loaded, and count the model's parameters."""

    def described(self, model: Path, spec: CompileSpec, scratch: Path) -> Described:
        """Return the model as a graph, exported into `scratch` where it is none. Raises `Failure`."""

    def keep(self, model: Path, into: Path) -> None:
        """Write what a head needs beside the graph into an artifact's folder."""

    def head(
        self, folder: Path, manifest: Manifest, signature: Signature, samples: Sequence[Sample], whole: tuple[int, int] | None
    ) -> GraphHead:
        """Open what was kept. whole: the whole numbers that the engine computes with, where they are fewer than the datatypes promise."""

    def request(self, model: str, metadata: Mapping[str, Any], chance: random.Random) -> LoadRequest:
        """Return a load generator's request. metadata: the answer to GET /v2/models/{model}."""
