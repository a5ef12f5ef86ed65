"""One compile: from a model's address to a published, checked artifact; and its result as a termination message."""

import errno
import logging
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime import tokens
from steelyard_runtime.accuracy import embed_samples, tolerance
from steelyard_runtime.artifacts import golden as goldens
from steelyard_runtime.artifacts.fetch import fetch_artifact
from steelyard_runtime.artifacts.golden import Golden, least_cosine, save_golden
from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.artifacts.publish import Published, files_of, manifest_path, publish
from steelyard_runtime.artifacts.store import Store, open_store
from steelyard_runtime.compile.backend import Backend
from steelyard_runtime.compile.choose import backend_named
from steelyard_runtime.compile.encoder import embed_eagerly, load_encoder, longest_of
from steelyard_runtime.compile.memory import limit, require_memory
from steelyard_runtime.compile.progress import Phase, Progress, ProgressServer
from steelyard_runtime.compile.spec import CompileSpec, compile_spec
from steelyard_runtime.compile.toolchain import require_toolchain, toolchain_of
from steelyard_runtime.failure import Failure, FailureClass, Reason, infrastructure_failure, user_failure
from steelyard_runtime.logs import LogTail
from steelyard_runtime.models.source import fetch, lists_files, verified_digest
from steelyard_runtime.models.weights import parameters_of, refuse_pickle
from steelyard_runtime.sha256 import hex_of_file
from steelyard_runtime.termination import write_termination_message
from steelyard_runtime.texts import golden_texts
from steelyard_runtime.tokens import TextTokenizer

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
            published, cached = compile_model(spec, progress, Path(folder))
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
            **({} if published.manifest.cosine_min is None else {"accuracy": {"cosineMin": published.manifest.cosine_min}}),
        }
        LOG.info("%s in %.1f s: %s", "found" if cached else "published", time.monotonic() - began, published.uri)
        code = 0
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    write_termination_message(result, environment)
    server.stop()
    return code


def compile_model(spec: CompileSpec, progress: Progress, folder: Path) -> tuple[Published, bool]:
    """Return the artifact of a key, and whether it was there already. `folder` is scratch space."""
    backend = backend_named(spec.backend)
    progress.enter(Phase.FETCHING)
    store = open_store(spec.store_uri)
    found = _already_there(store, spec.key, folder / "found")
    if found is not None:
        return found, True

    backend.probe(spec)
    require_toolchain(spec.toolchain, backend)
    LOG.info("fetching %s", spec.model_uri)
    model = fetch(spec.model_uri, folder / "model", progress.arrived, revision=spec.model_revision, digest=spec.model_digest)

    progress.enter(Phase.VERIFYING)
    LOG.info("verifying the model's digest")
    digest = verified_digest(model, spec.model_digest if lists_files(spec.model_uri) else None)
    refuse_pickle(model)
    require_memory(parameters_of(model), limit())
    tokenizer = _tokenizer(model, spec)

    progress.enter(Phase.TRACING)
    LOG.info("loading the eager reference")
    encoder = load_encoder(model)
    golden = _golden(encoder, tokenizer, spec)
    output = folder / "artifact"
    output.mkdir()
    shutil.copyfile(model / tokens.NAME, output / tokens.NAME)
    save_golden(golden, output)

    progress.enter(Phase.COMPILING)
    LOG.info("compiling with %s", backend.name)
    with _blame_the_compiler(backend):
        backend.compile(encoder, model, spec, output, progress.note)
    del encoder

    progress.enter(Phase.CHECKING)
    manifest = _manifest(spec, digest, backend, golden, output)
    if backend.runs_here():
        manifest = replace(manifest, cosine_min=round(_check(backend, output, manifest, tokenizer, golden), 6))
    else:
        LOG.warning("this machine cannot run what it compiled: each serving pod checks it against the reference before it is ready")

    progress.enter(Phase.PUBLISHING)
    LOG.info("publishing %d files, %d bytes", len(manifest.files), manifest.size)
    published = publish(store, output, manifest)
    if published.adopted:
        LOG.info("another job published this key first; taking its artifact")
        shutil.rmtree(output)
        fetch_artifact(published.uri, published.digest, folder / "adopted")
    return published, False


def _already_there(store: Store, key: str, folder: Path) -> Published | None:
    uri = f"{store.uri}/{manifest_path(key)}"
    try:
        manifest = fetch_artifact(uri, None, folder)
    except Failure as failure:
        if failure.reason is Reason.ARTIFACT_NOT_FOUND:
            return None
        if failure.reason is not Reason.ARTIFACT_CORRUPT:
            raise
        LOG.warning("what the store has under this key is not to be used, and is compiled anew: %s", failure.message)
        store.remove(key)
        return None
    shutil.rmtree(folder)
    if manifest.key != key:
        LOG.warning("the store has the artifact of another key (%s) under this one; it is removed and compiled anew", manifest.key)
        store.remove(key)
        return None
    return Published(uri, manifest.digest, manifest.size, manifest, adopted=False)


def _tokenizer(model: Path, spec: CompileSpec) -> TextTokenizer:
    if not (model / tokens.NAME).is_file():
        raise user_failure(Reason.MODEL_UNREADABLE, "the model has no tokenizer.json; save it with a fast tokenizer of transformers")
    positions = longest_of(model)
    if positions is not None and spec.sequence_lengths[-1] > positions:
        raise user_failure(
            Reason.INVALID_SPEC, f"sequenceLengths has {spec.sequence_lengths[-1]}, the model has {positions} positions; lower it"
        )
    try:
        return TextTokenizer(model, spec.sequence_lengths[-1])
    except Exception as error:  # the library raises bare Exception
        raise user_failure(Reason.MODEL_UNREADABLE, f"the model's tokenizer.json cannot be read: {error}") from error


def _golden(encoder: Any, tokenizer: TextTokenizer, spec: CompileSpec) -> Golden:
    texts = golden_texts(spec.golden_samples, spec.golden_seed, spec.sequence_lengths[-1])
    reference: NDArray[np.float32] = embed_samples(embed_eagerly(encoder), tokenizer, spec.sequence_lengths, 1, texts)
    return Golden(texts, reference)


@contextmanager
def _blame_the_compiler(backend: Backend) -> Iterator[None]:
    """What a compiler or its loader throws is about this model: the same again would end the same way."""
    try:
        yield
    except (Failure, MemoryError, OSError):
        raise
    except Exception as error:
        if _out_of_memory(error):
            raise
        LOG.exception("%s failed", backend.name)
        raise user_failure(
            Reason.COMPILE_FAILED,
            f"{backend.name} cannot compile this model: {str(error)[:1000]}; choose another back end, or report it with the log",
        ) from error


def _check(backend: Backend, output: Path, manifest: Manifest, tokenizer: TextTokenizer, golden: Golden) -> float:
    LOG.info("checking %d golden samples against the eager reference", manifest.golden_samples)
    with _blame_the_compiler(backend):
        engine = backend.load(output, manifest, 1)
        batch = manifest.batch_sizes[0] if engine.fixed_batch else 1
        cosine = least_cosine(embed_samples(engine.run, tokenizer, manifest.sequence_lengths, batch, golden.texts), golden.embeddings)
    LOG.info("least cosine %.6f, at least %.6f is needed", cosine, manifest.cosine_tolerance)
    if cosine < manifest.cosine_tolerance:
        raise user_failure(
            Reason.ACCURACY_TOO_LOW,
            f"the least cosine to the eager reference is {cosine:.6f}, below {manifest.cosine_tolerance} for dtype {manifest.dtype}"
            f" and quantization {manifest.quantization}; use dtype float32 without quantization, or another back end",
        )
    return cosine


def _manifest(spec: CompileSpec, digest: str, backend: Backend, golden: Golden, output: Path) -> Manifest:
    return Manifest(
        key=spec.key,
        model_digest=digest,
        model_revision=spec.model_revision,
        task=spec.task,
        backend=backend.name,
        toolchain=tuple(sorted({**dict(toolchain_of(backend)), **dict(spec.toolchain)}.items())),
        target=spec.target,
        dtype=spec.dtype,
        quantization=spec.quantization,
        batch_sizes=spec.batch_sizes,
        sequence_lengths=spec.sequence_lengths,
        tensor_parallel=spec.tensor_parallel,
        flags=spec.flags,
        dimension=int(golden.embeddings.shape[1]),
        golden_sha256=hex_of_file(output / goldens.NAME),
        golden_samples=len(golden.texts),
        cosine_min=None,
        cosine_tolerance=tolerance(spec.dtype, spec.quantization),
        files=files_of(output),
    )


def _as_failure(error: Exception) -> Failure:
    if isinstance(error, Failure):
        return error
    if _out_of_memory(error):
        return Failure(FailureClass.OUT_OF_MEMORY, Reason.OUT_OF_MEMORY, f"out of memory: {error}; give the job more memory")
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return infrastructure_failure(Reason.STORE_UNAVAILABLE, f"the disk is full: {error}; give the job a larger scratch volume")
    return infrastructure_failure(Reason.UNEXPECTED, f"{type(error).__name__}: {error}")


def _out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "not enough memory" in str(error))


def _interrupted(_signal: int, _frame: FrameType | None) -> None:
    raise infrastructure_failure(Reason.INTERRUPTED, "the job was told to stop (SIGTERM) before it was done; it will be tried again")
