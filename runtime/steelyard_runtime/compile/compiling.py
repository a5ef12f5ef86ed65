"""Compiling an encoder: golden samples by the eager reference, the back end's work, and the comparison."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime import tokens
from steelyard_runtime.accuracy import embed_samples, golden_cosine, tolerance
from steelyard_runtime.artifacts import golden as goldens
from steelyard_runtime.artifacts.golden import Golden, save_golden
from steelyard_runtime.artifacts.manifest import Cosine, Manifest
from steelyard_runtime.compile.backend import Backend
from steelyard_runtime.compile.blame import blame_the_model, not_the_models
from steelyard_runtime.compile.described import described
from steelyard_runtime.compile.encoder import embed_eagerly, load_encoder, longest_of
from steelyard_runtime.compile.progress import Phase, Progress
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.failure import Reason, user_failure
from steelyard_runtime.texts import golden_texts
from steelyard_runtime.tokens import TextTokenizer

LOG = logging.getLogger("steelyard.compile")


class Compiling:
    """By one back end."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @property
    def name(self) -> str:
        """The word in `spec.backend`."""
        return self._backend.name

    @property
    def packages(self) -> tuple[str, ...]:
        """Those of the back end."""
        return self._backend.packages

    def probe(self, spec: CompileSpec) -> None:
        """Ask the back end."""
        self._backend.probe(spec)

    def make(self, model: Path, digest: str, spec: CompileSpec, into: Path, progress: Progress) -> Manifest:
        """Trace, compile, compare."""
        backend = self._backend
        tokenizer = _tokenizer(model, spec)

        progress.enter(Phase.TRACING)
        LOG.info("loading the eager reference")
        encoder = load_encoder(model)
        golden = _golden(encoder, tokenizer, spec)
        shutil.copyfile(model / tokens.NAME, into / tokens.NAME)
        save_golden(golden, into)

        progress.enter(Phase.COMPILING)
        LOG.info("compiling with %s", backend.name)
        with blame_the_compiler(backend):
            backend.compile(encoder, model, spec, into, progress.note)
        del encoder

        progress.enter(Phase.CHECKING)
        accuracy = Cosine(int(golden.embeddings.shape[1]), None, tolerance(spec.dtype, spec.quantization))
        manifest = described(spec, digest, backend, into, into / goldens.NAME, len(golden.texts), accuracy)
        if not backend.runs_here():
            LOG.warning("this machine cannot run what it compiled: each serving pod checks it against the reference before it is ready")
            return manifest
        cosine = round(_check(backend, into, manifest, tokenizer, golden), 6)
        return replace(manifest, accuracy=Cosine(manifest.dimension, cosine, manifest.cosine_tolerance))


def _tokenizer(model: Path, spec: CompileSpec) -> TextTokenizer:
    if not (model / tokens.NAME).is_file():
        raise user_failure(Reason.MODEL_UNREADABLE, "the model has no tokenizer.json; save it with a fast tokenizer of transformers")
    positions = longest_of(model)
    if positions is not None and spec.sequence_lengths[-1] > positions:
        raise user_failure(
            Reason.INVALID_SPEC, f"sequenceLengths has {spec.sequence_lengths[-1]}, the model has {positions} positions; lower it"
        )
    with blame_the_model("the model's tokenizer.json cannot be read"):
        return TextTokenizer(model, spec.sequence_lengths[-1])


def _golden(encoder: Any, tokenizer: TextTokenizer, spec: CompileSpec) -> Golden:
    texts = golden_texts(spec.golden_samples, spec.golden_seed, spec.sequence_lengths[-1])
    reference: NDArray[np.float32] = embed_samples(embed_eagerly(encoder), tokenizer, spec.sequence_lengths, 1, texts)
    return Golden(texts, reference)


@contextmanager
def blame_the_compiler(backend: Backend) -> Iterator[None]:
    """What a compiler or its loader throws is about this model: the same again would end the same way."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        if (other := not_the_models(error)) is not None:
            raise other  # noqa: B904  it keeps its own cause
        LOG.exception("%s failed", backend.name)
        raise user_failure(
            Reason.COMPILE_FAILED,
            f"{backend.name} cannot compile this model: {str(error)[:1000]}; choose another back end, or report it with the log",
        ) from error


def _check(backend: Backend, output: Path, manifest: Manifest, tokenizer: TextTokenizer, golden: Golden) -> float:
    LOG.info("checking %d golden samples against the eager reference", manifest.golden_samples)
    with blame_the_compiler(backend):
        engine = backend.load(output, manifest, 1)
        cosine = golden_cosine(engine, tokenizer, manifest.sequence_lengths, manifest.batch_sizes, golden)
    LOG.info("least cosine %.6f, at least %.6f is needed", cosine, manifest.cosine_tolerance)
    if cosine < manifest.cosine_tolerance:
        raise user_failure(
            Reason.ACCURACY_TOO_LOW,
            f"the least cosine to the eager reference is {cosine:.6f}, below {manifest.cosine_tolerance} for dtype {manifest.dtype}"
            f" and quantization {manifest.quantization}; use dtype float32 without quantization, or another back end",
        )
    return cosine
