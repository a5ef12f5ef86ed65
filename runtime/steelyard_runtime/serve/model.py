"""From an artifact's address to a model that has passed its golden samples."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from steelyard_runtime.accuracy import golden_accuracy
from steelyard_runtime.arrival import Advance
from steelyard_runtime.artifacts.cache import cache_from_environment
from steelyard_runtime.artifacts.fetch import fetch_artifact
from steelyard_runtime.artifacts.golden import Golden, load_golden
from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.artifacts.own_folder import own_folder
from steelyard_runtime.artifacts.signature import trust_from_environment
from steelyard_runtime.compile.backend import Backend, Engine
from steelyard_runtime.compile.choose import backend_named
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.failure import Reason, user_failure
from steelyard_runtime.serve.batcher import Batcher, Batching
from steelyard_runtime.serve.door import Door, Infer
from steelyard_runtime.serve.graph_model import loaded_graph
from steelyard_runtime.serve.metrics import Metrics
from steelyard_runtime.serve.request import Limits
from steelyard_runtime.serve.spec import ServeSpec
from steelyard_runtime.serve.state import State
from steelyard_runtime.serve.text_infer import TextInfer
from steelyard_runtime.tasks.measure import Measure
from steelyard_runtime.tasks.registry import GRAPHS, TASKS
from steelyard_runtime.tasks.task import Head, Task

LOG = logging.getLogger("steelyard.serve")


class Loaded(Protocol):
    """A loaded artifact, of whatever task."""

    @property
    def manifest(self) -> Manifest:
        """What it is."""

    @property
    def measure(self) -> Measure:
        """How it is compared with the reference."""

    def golden_accuracy(self) -> float:
        """Run the golden samples; return how near the answers are to the reference's."""

    def encode(self, inputs: Sequence[Any]) -> tuple[list[Any], int]:
        """Return a row for each input, and how many inputs had to be cut; raises `Rejected`."""

    def tokens(self, rows: Sequence[Any]) -> int:
        """How many tokens there are in rows; 0 where there is no such thing."""

    def doors(self, model: str, limits: Limits) -> tuple[Door, ...]:
        """Return what stands at each of the task's endpoints. `model`: the served name."""

    def infer(self, model: str, limits: Limits) -> Infer:
        """Return what it takes and answers by the Open Inference Protocol."""

    def batcher(self, spec: ServeSpec, metrics: Metrics, state: State) -> Batcher:
        """Start what its rows wait in."""


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded artifact of a task about texts."""

    manifest: Manifest
    engine: Engine
    head: Head
    golden: Golden

    @property
    def task(self) -> Task:
        """What it does."""
        return TASKS[self.manifest.task]

    @property
    def measure(self) -> Measure:
        """The task's."""
        return self.task.measure

    def encode(self, inputs: Sequence[Any]) -> tuple[list[Any], int]:
        """By the head."""
        return self.head.encode(inputs)

    def tokens(self, rows: Sequence[Any]) -> int:
        """A row's length is in tokens."""
        return sum(map(len, rows))

    def doors(self, model: str, limits: Limits) -> tuple[Door, ...]:
        """The head's."""
        return self.head.doors(model, limits, self.manifest)

    def infer(self, model: str, limits: Limits) -> Infer:
        """Texts."""
        return TextInfer(model, limits, self.head.tensors(limits, self.manifest))

    def batcher(self, spec: ServeSpec, metrics: Metrics, state: State) -> Batcher:
        """By the compiled shapes."""
        lengths, sizes = self.manifest.sequence_lengths, self.manifest.batch_sizes
        batching = Batching(lengths, sizes, spec.max_batch, spec.max_delay, spec.queue_limit, self.engine.workers)
        return Batcher(self.engine, self.head, batching, metrics, state)

    def golden_accuracy(self) -> float:
        """Run the golden samples through head, bucket and engine; return how near the answers are to the reference's."""
        manifest = self.manifest
        return golden_accuracy(self.task, self.engine, self.head, manifest.sequence_lengths, manifest.batch_sizes, self.golden)


def load_model(spec: ServeSpec, environment: Mapping[str, str], advance: Advance = lambda *_: None) -> Loaded:
    """Fetch, verify and load; raises `Failure`. Blocks: call it from a thread."""
    backend_named(spec.backend)  # an unknown one is refused before anything is downloaded
    # Not removed before the end: an engine may map its files.
    folder = own_folder() / "artifact"
    LOG.info("fetching and verifying %s", spec.artifact_uri)
    trust, cache = trust_from_environment(environment), cache_from_environment(environment)
    manifest = fetch_artifact(spec.artifact_uri, spec.artifact_digest, folder, cache, advance, trust)
    backend = backend_named(spec.backend, manifest.toolchain)
    _require_match(spec, manifest, backend)
    LOG.info("loading %d bytes into %s", manifest.size, backend.name)
    if manifest.task in GRAPHS:
        return loaded_graph(GRAPHS[manifest.task], folder, manifest, backend, spec.threads)
    engine = backend.load(folder, manifest, spec.threads)
    head = TASKS[manifest.task].head(folder, manifest.sequence_lengths[-1])
    return Model(manifest, engine, head, load_golden(folder))


def _require_match(spec: ServeSpec, manifest: Manifest, backend: Backend) -> None:
    for what, wanted, found in (("backend", spec.backend, manifest.backend), ("task", spec.task, manifest.task)):
        if wanted != found:
            raise user_failure(Reason.UNSUPPORTED_OPTION, f"the artifact's {what} is {found}, not {wanted}; use the artifact's")
    package = backend.packages[0]
    made_with = dict(manifest.toolchain)[package]
    if installed(package) != made_with:
        raise user_failure(
            Reason.TOOLCHAIN_MISMATCH,
            f"the artifact was made with {package} {made_with}, {installed(package) or 'none'} is installed in this image; use the image of that toolchain",
        )
