"""What a task is: all that differs between one kind of model and another, from its graph to the requests of a load generator.

A `Task` is what is known of a kind; its `Head` is that of one loaded model. Nothing else asks which task it is.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.artifacts.golden import Golden
from steelyard_runtime.artifacts.manifest import Cosine, Manifest, Measured
from steelyard_runtime.serve.door import Door, Endpoint, Tensors
from steelyard_runtime.serve.request import Limits
from steelyard_runtime.tasks.measure import Measure

Array = NDArray[Any]
Run = Callable[..., NDArray[np.float32]]
"""An engine's `run`, or the reference's: the arrays of the graph's inputs in order to the array of its output."""


@dataclass(frozen=True, slots=True)
class Exported:
    """How Optimum exports such a model: its word for the task, its class that loads it, and which of that class's outputs is used."""

    task: str
    loader: str
    output: str


class Head(Protocol):
    """One loaded model's way in and out. Thread-safe."""

    def encode(self, inputs: Sequence[Any]) -> tuple[list[Any], int]:
        """Return a row for each input (its length is that of the sequence: it picks the bucket), and how many inputs had to be cut."""

    def feed(self, rows: Sequence[Any], length: int, batch: int) -> tuple[Array, ...]:
        """Return the arrays of the graph's inputs for rows that run together, padded to a length and to so many rows."""

    def read(self, found: NDArray[np.float32], rows: Sequence[Any]) -> list[NDArray[np.float32]]:
        """Return the answer to each row out of what the graph gave for them; raises `ValueError` for a shape that is none."""

    def compare(self, found: Sequence[NDArray[np.float32]], reference: Sequence[NDArray[np.float32]]) -> float:
        """Return how near answers are to those of the reference, as the task's `measure` says."""

    def doors(self, model: str, limits: Limits, manifest: Manifest) -> tuple[Door, ...]:
        """Return what stands at each of the task's endpoints. `model`: the served name."""

    def tensors(self, limits: Limits, manifest: Manifest) -> Tensors:
        """Return what it takes and answers by the Open Inference Protocol."""


class Task(Protocol):
    """One kind of model. torch is imported on use: the load generator and the serving image do without."""

    @property
    def name(self) -> str:
        """The word in specifications and manifests."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the graph's inputs, in order; each is [batch, length] of int64."""

    @property
    def output(self) -> str:
        """Name of the graph's output."""

    @property
    def measure(self) -> Measure:
        """How it is compared with the reference."""

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Where it is asked beside the Open Inference Protocol; a load generator sends to the first."""

    @property
    def exported(self) -> Exported:
        """For the back end optimum-neuron."""

    def tolerance(self, dtype: str, quantization: str) -> float:
        """The figure that an artifact must keep, where it is made and wherever it is loaded."""

    def reference(self, model: Path) -> Any:
        """Return the model as a torch module in float32 on the CPU, from the graph's inputs to its output. No code of the model's is run."""

    def settings(self, model: Path) -> Mapping[str, object]:
        """What the graph is made from beside weights and config.json: a part of what an architecture is."""

    def finish(self, output: Any, mask: Any, settings: Mapping[str, Any]) -> Any:
        """Make the graph's output of what Optimum's export gives (`exported.output`), in torch."""

    def keep(self, model: Path, into: Path) -> None:
        """Write what a head needs beside the tokenizer into an artifact's folder."""

    def head(self, folder: Path, longest: int) -> Head:
        """Open what was kept in an artifact's folder. longest: compiled sequence, in tokens."""

    def samples(self, count: int, seed: int, longest: int) -> tuple[Any, ...]:
        """Return inputs for golden samples of about 3 to `longest` tokens: `count`, or as many as it takes."""

    def accuracy(self, golden: Golden, value: float | None, tolerance: float) -> Cosine | Measured:
        """Return what a manifest says; None where the machine that compiled could not run it."""

    def words(self, tokens: int) -> int:
        """Return how many words a text has that makes a request of about so many tokens."""

    def body(self, model: str, text: str, chance: random.Random) -> bytes:
        """Return a load generator's request about a text."""

    def tokens(self, answer: Any) -> int:
        """Return the tokens of a request, as the JSON of its answer tells them; raises as reading JSON does where it does not."""
