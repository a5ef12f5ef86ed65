"""One compile: from a model's address to a published, checked artifact; and its result as a termination message."""

import errno
import logging
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from steelyard_runtime.artifacts.fetch import fetch_artifact
from steelyard_runtime.artifacts.manifest import Cosine, Logprob, Manifest
from steelyard_runtime.artifacts.publish import Published, manifest_path, publish
from steelyard_runtime.artifacts.signature import Signer, Trust, own_trust, signer_from_environment, trust_from_environment
from steelyard_runtime.artifacts.store import Store, open_store
from steelyard_runtime.artifacts.whole import whole
from steelyard_runtime.compile.choose import backend_named
from steelyard_runtime.compile.compiling import Compiling
from steelyard_runtime.compile.making import Making
from steelyard_runtime.compile.memory import limit, out_of_memory, require_memory
from steelyard_runtime.compile.progress import Phase, Progress, ProgressServer
from steelyard_runtime.compile.spec import CompileSpec, compile_spec
from steelyard_runtime.compile.toolchain import require_toolchain
from steelyard_runtime.compile.vllm import VLLM, Preparing
from steelyard_runtime.failure import Failure, FailureClass, Reason, infrastructure_failure
from steelyard_runtime.logs import LogTail
from steelyard_runtime.models.source import fetch, lists_files, verified_digest
from steelyard_runtime.models.weights import parameters_of, refuse_pickle
from steelyard_runtime.termination import write_termination_message

LOG = logging.getLogger("steelyard.compile")


def run_compile_job(environment: Mapping[str, str], port: int) -> int:
    """Run the job that the environment describes, tell its result, and return the exit code: 0 or 1."""
    tail = LogTail()
    logging.getLogger().addHandler(tail)
    began = time.monotonic()
    progress = Progress(tail)
    server = ProgressServer(progress, port)
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        server.start()
        spec = compile_spec(environment)
        with tempfile.TemporaryDirectory(prefix="compile-") as folder:
            signer, trust = signer_from_environment(environment), trust_from_environment(environment)
            published, cached = compile_model(spec, progress, Path(folder), signer, trust)
    except Exception as error:  # every end of a job is a result
        failure = _as_failure(error)
        LOG.error("%s: %s", failure.reason, failure.message, exc_info=None if isinstance(error, Failure) else error)
        result: dict[str, object] = {
            "result": "Failed",
            "class": str(failure.kind),
            "reason": str(failure.reason),
            "message": failure.message,
            "logTail": tail.text(),
        }
        code = 1
    else:
        result = {
            "result": "Succeeded",
            "artifact": {"uri": published.uri, "digest": published.digest, "sizeBytes": published.size},
            "seconds": round(time.monotonic() - began, 3),
            "cached": cached,
            **_accuracy_told(published.manifest),
        }
        LOG.info("%s in %.1f s: %s", "found" if cached else "published", time.monotonic() - began, published.uri)
        code = 0
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    write_termination_message(result, environment)
    server.stop()
    return code


def compile_model(
    spec: CompileSpec, progress: Progress, folder: Path, signer: Signer | None = None, trust: Trust | None = None
) -> tuple[Published, bool]:
    """Return the artifact of a key, and whether it was there already. `folder` is scratch space. With a signer or a trust what the store has is
    taken only if it is signed by a key that either names."""
    trust = own_trust(signer, trust)
    making: Making = Preparing() if spec.backend == VLLM else Compiling(backend_named(spec.backend, spec.toolchain))
    progress.enter(Phase.FETCHING)
    store = open_store(spec.store_uri)
    found = _already_there(store, spec.key, folder / "found", trust)
    if found is not None:
        return found, True

    making.probe(spec)
    require_toolchain(spec.toolchain, making)
    LOG.info("fetching %s", spec.model_uri)
    model = fetch(
        spec.model_uri,
        folder / "model",
        progress.arrived,
        revision=spec.model_revision,
        digest=spec.model_digest,
        policy=spec.download,
    )

    progress.enter(Phase.VERIFYING)
    LOG.info("verifying the model's digest")
    digest = verified_digest(model, spec.model_digest if lists_files(spec.model_uri) else None)
    refuse_pickle(model)
    require_memory(parameters_of(model), limit())
    output = folder / "artifact"
    output.mkdir()
    manifest = making.make(model, digest, spec, output, progress)

    progress.enter(Phase.PUBLISHING)
    LOG.info("publishing %d files, %d bytes", len(manifest.files), manifest.size)
    published = publish(store, output, manifest, signer)
    if published.adopted:
        LOG.info("another job published this key first; taking its artifact")
        shutil.rmtree(output)
        fetch_artifact(published.uri, published.digest, folder / "adopted", trust=trust)
    return published, False


def _already_there(store: Store, key: str, folder: Path, trust: Trust | None) -> Published | None:
    manifest = whole(store, key, folder, trust)
    if manifest is None:
        return None
    shutil.rmtree(folder)
    return Published(f"{store.uri}/{manifest_path(key)}", manifest.digest, manifest.size, manifest, adopted=False)


def _accuracy_told(manifest: Manifest) -> dict[str, object]:
    match manifest.accuracy:
        case Cosine(_, float(least), _):
            return {"accuracy": {"cosineMin": least}}
        case Logprob(float(worst), _):
            return {"accuracy": {"logprobWorst": worst}}
    return {}


def _as_failure(error: Exception) -> Failure:
    if isinstance(error, Failure):
        return error
    if out_of_memory(error):
        return Failure(FailureClass.OUT_OF_MEMORY, Reason.OUT_OF_MEMORY, f"out of memory: {error}; give the job more memory")
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return infrastructure_failure(Reason.STORE_UNAVAILABLE, f"the disk is full: {error}; give the job a larger scratch volume")
    return infrastructure_failure(Reason.UNEXPECTED, f"{type(error).__name__}: {error}")


def _interrupted(_signal: int, _frame: FrameType | None) -> None:
    raise infrastructure_failure(Reason.INTERRUPTED, "the job was told to stop (SIGTERM) before it was done; it will be tried again")
