"""The three steps of a compile, each in a container of its own: what it holds is what it needs.

`fetch` reaches the model's source with its credentials, and reads the store. `make` parses what was downloaded, and holds no credentials.
`deliver` writes the store and signs, and parses nothing but a small manifest of ours.
"""

import logging
import shutil
from dataclasses import replace
from pathlib import Path

from steelyard_runtime.artifacts.fetch import fetch_artifact
from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.artifacts.publish import Published, manifest_path, publish
from steelyard_runtime.artifacts.signature import Signer, Trust, own_trust
from steelyard_runtime.artifacts.store import Store, open_store
from steelyard_runtime.artifacts.whole import found_whole, whole
from steelyard_runtime.compile.choose import backend_named
from steelyard_runtime.compile.compiling import Compiling
from steelyard_runtime.compile.compiling_graph import CompilingGraph
from steelyard_runtime.compile.making import Making
from steelyard_runtime.compile.memory import limit, require_memory
from steelyard_runtime.compile.progress import Phase, Progress
from steelyard_runtime.compile.separate_weights import shared_key
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.compile.toolchain import require_toolchain
from steelyard_runtime.compile.vllm import VLLM, Preparing
from steelyard_runtime.compile.workplace import Fetched, Workplace, describe
from steelyard_runtime.failure import Reason, infrastructure_failure
from steelyard_runtime.models.source import fetch, lists_files, verified_digest
from steelyard_runtime.tasks.registry import GRAPHS

LOG = logging.getLogger("steelyard.compile")


def fetch_step(spec: CompileSpec, progress: Progress, place: Workplace, trust: Trust | None) -> None:
    """Look whether the store has the artifact, and download the model where it has not."""
    progress.enter(Phase.FETCHING)
    found = None if spec.signed and trust is None else _stored(open_store(spec.store_uri), spec.key, place.fetched / "found", trust)
    if found is not None:
        place.note(Fetched(progress.started_at, None, found))
        return
    making = _making(spec)
    LOG.info("fetching %s", spec.model_uri)
    model = fetch(
        spec.model_uri,
        place.model,
        progress.arrived,
        revision=spec.model_revision,
        digest=spec.model_digest,
        policy=spec.download,
        task=spec.task,
    )
    place.note(Fetched(progress.started_at, model, None))
    LOG.info("%s makes an artifact of it next", making.name)


def make_step(spec: CompileSpec, progress: Progress, place: Workplace) -> None:
    """Verify the model and compile it; nothing to do where the store has the artifact."""
    noted = place.noted()
    model = noted.folder
    if model is None:
        return
    making = _making(spec)
    progress.enter(Phase.VERIFYING)
    LOG.info("verifying the model's digest")
    digest = verified_digest(model, spec.model_digest if lists_files(spec.model_uri) else None)
    require_memory(*making.memory(model, spec), limit())
    place.artifact.mkdir()
    manifest = making.make(model, digest, spec, place.artifact, progress)
    describe(place.artifact, manifest)


def deliver_step(
    spec: CompileSpec, progress: Progress, place: Workplace, signer: Signer | None, trust: Trust | None, scratch: Path
) -> tuple[Published, bool]:
    """Publish what was made. Returns the artifact, and whether it was in the store already. `scratch` is an empty folder."""
    progress.enter(Phase.PUBLISHING)
    store, noted = open_store(spec.store_uri), place.noted()
    if noted.stored is not None:
        found = noted.stored
        return Published(f"{store.uri}/{manifest_path(spec.key)}", found.digest, found.size, found, adopted=False), True
    graphs = place.described(place.graphs)
    if graphs is not None:
        shared = replace(graphs, key=shared_key(graphs.key))
        _published(store, place.graphs, shared, signer, own_trust(signer, trust), scratch / "graphs")
    manifest = place.described(place.artifact)
    if manifest is None:
        raise infrastructure_failure(Reason.UNEXPECTED, "the compiling container has handed nothing on")
    _require_ours(manifest, spec)
    LOG.info("publishing %d files, %d bytes", len(manifest.files), manifest.size)
    return _published(store, place.artifact, manifest, signer, own_trust(signer, trust), scratch), False


def _making(spec: CompileSpec) -> Making:
    """What compiles it, once it is known that it can."""
    making = _way(spec)
    making.probe(spec)
    require_toolchain(spec.toolchain, making)
    return making


def _way(spec: CompileSpec) -> Making:
    if spec.backend == VLLM:
        return Preparing()
    backend = backend_named(spec.backend, spec.toolchain)
    return CompilingGraph(backend, GRAPHS[spec.task]) if spec.task in GRAPHS else Compiling(backend)


def _stored(store: Store, key: str, folder: Path, trust: Trust | None) -> Manifest | None:
    manifest = found_whole(store, key, folder, trust)
    shutil.rmtree(folder, ignore_errors=True)
    return manifest


def _require_ours(manifest: Manifest, spec: CompileSpec) -> None:
    """Whatever compiled it may have been made to say: under this key, and of this model, and nothing else."""
    wanted = spec.model_digest if lists_files(spec.model_uri) else None
    if manifest.key != spec.key or wanted not in (None, manifest.model_digest):
        raise infrastructure_failure(
            Reason.COMPILE_FAILED, "what the compiling container has made is not published: its manifest is of another key or model"
        )


def _published(store: Store, folder: Path, manifest: Manifest, signer: Signer | None, trust: Trust | None, scratch: Path) -> Published:
    """Publish, or take what another job published first; what lies there and is not to be used makes way."""
    published = publish(store, folder, manifest, signer)
    if not published.adopted:
        return published
    LOG.info("this key is in the store already; taking what is there if it is intact")
    if whole(store, manifest.key, scratch / "adopted", trust) is not None:
        return published
    published = publish(store, folder, manifest, signer)
    if published.adopted:
        fetch_artifact(published.uri, published.digest, scratch / "again", trust=trust)
    return published
