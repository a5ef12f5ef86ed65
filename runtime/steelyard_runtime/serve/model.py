"""From an artifact's address to a model that has passed its golden samples."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

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
from steelyard_runtime.serve.spec import ServeSpec
from steelyard_runtime.tasks.registry import TASKS
from steelyard_runtime.tasks.task import Head, Task

LOG = logging.getLogger("steelyard.serve")


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded artifact."""

    manifest: Manifest
    engine: Engine
    head: Head
    golden: Golden

    @property
    def task(self) -> Task:
        """What it does."""
        return TASKS[self.manifest.task]

    def golden_accuracy(self) -> float:
        """Run the golden samples through head, bucket and engine; return how near the answers are to the reference's."""
        manifest = self.manifest
        return golden_accuracy(self.task, self.engine, self.head, manifest.sequence_lengths, manifest.batch_sizes, self.golden)


def load_model(spec: ServeSpec, environment: Mapping[str, str], advance: Advance = lambda *_: None) -> Model:
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
