"""A loaded graph, as the server needs it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile.backend import Backend
from steelyard_runtime.compile.compiling_graph import FOLDER, graph_backend
from steelyard_runtime.serve.batcher import Batcher, Batching
from steelyard_runtime.serve.door import Door, Infer
from steelyard_runtime.serve.metrics import Metrics
from steelyard_runtime.serve.request import Limits
from steelyard_runtime.serve.spec import ServeSpec
from steelyard_runtime.serve.state import State
from steelyard_runtime.tasks.graph_task import GraphHead, GraphTask
from steelyard_runtime.tasks.measure import Measure
from steelyard_runtime.tensors.difference import LARGEST_DIFFERENCE, golden_difference
from steelyard_runtime.tensors.engine import TensorEngine
from steelyard_runtime.tensors.rows import KINDS, Rows, RunningGraph
from steelyard_runtime.tensors.samples import Sample, load_samples
from steelyard_runtime.tensors.signature import Signature, load_signature


@dataclass(frozen=True, slots=True)
class GraphModel:
    """A loaded artifact of a task about tensors."""

    manifest: Manifest
    engine: TensorEngine
    signature: Signature
    samples: Sequence[Sample]
    head: GraphHead

    @property
    def measure(self) -> Measure:
        """Of all graphs."""
        return LARGEST_DIFFERENCE

    def golden_accuracy(self) -> float:
        """The largest relative difference."""
        return golden_difference(self.engine, self.signature, self.manifest.batch_sizes, self.samples)

    def encode(self, inputs: Sequence[Any]) -> tuple[list[Any], int]:
        """By the head."""
        return self.head.encode(inputs)

    def tokens(self, rows: Sequence[Any]) -> int:
        """Tensors have none."""
        return 0

    def doors(self, model: str, limits: Limits) -> tuple[Door, ...]:
        """The head's."""
        return self.head.doors(model, limits)

    def infer(self, model: str, limits: Limits) -> Infer:
        """The head's."""
        return self.head.infer(model, limits)

    def batcher(self, spec: ServeSpec, metrics: Metrics, state: State) -> Batcher:
        """Of rows of one shape, where rows run together at all."""
        signature = self.signature
        sizes = self.manifest.batch_sizes if signature.batched else (1,)
        sizes = sizes if signature.rows is None else (signature.rows,)
        batching = Batching((KINDS,), sizes, spec.max_batch, spec.max_delay, spec.queue_limit, self.engine.workers, alike=True)
        rows = Rows(signature, self.samples)
        return Batcher(RunningGraph(self.engine, signature), rows, batching, metrics, state, rows.sound)


def loaded_graph(task: GraphTask, folder: Path, manifest: Manifest, backend: Backend, workers: int) -> GraphModel:
    """Load a verified artifact; raises `Failure`."""
    signature = load_signature(folder)
    samples = load_samples(signature, folder)
    engine = graph_backend(backend, manifest.task).load_graph(folder / FOLDER, manifest, signature, workers)
    return GraphModel(manifest, engine, signature, samples, task.head(folder, manifest, signature, samples, engine.whole))
