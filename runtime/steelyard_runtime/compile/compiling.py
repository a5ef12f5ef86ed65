"""Compiling a model of texts: golden samples by the eager reference, the back end's work, and the comparison."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from steelyard_runtime import tokens
from steelyard_runtime.accuracy import answers_to, golden_accuracy
from steelyard_runtime.artifacts import golden as goldens
from steelyard_runtime.artifacts.golden import Golden, save_golden
from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile.backend import Backend
from steelyard_runtime.compile.blame import blame_the_model, not_the_models
from steelyard_runtime.compile.described import described
from steelyard_runtime.compile.encoder import longest_of, run_eagerly
from steelyard_runtime.compile.memory import in_float32
from steelyard_runtime.compile.progress import Phase, Progress
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.failure import Reason, user_failure
from steelyard_runtime.models.weights import safe_parameters
from steelyard_runtime.tasks.measure import Measure
from steelyard_runtime.tasks.registry import TASKS
from steelyard_runtime.tasks.task import Head, Task

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

    def memory(self, model: Path, spec: CompileSpec) -> tuple[int, str]:
        """The reference, and what is made of it, which is compared with it."""
        return in_float32(safe_parameters(model))

    def make(self, model: Path, digest: str, spec: CompileSpec, into: Path, progress: Progress) -> Manifest:
        """Trace, compile, compare."""
        backend, task = self._backend, TASKS[spec.task]
        _require_positions(model, spec)
        shutil.copyfile(model / tokens.NAME, into / tokens.NAME)
        task.keep(model, into)
        with blame_the_model("the model's tokenizer.json cannot be read"):
            head = task.head(into, spec.sequence_lengths[-1])

        progress.enter(Phase.TRACING)
        LOG.info("loading the eager reference")
        reference = task.reference(model)
        golden = _golden(task, reference, head, spec)
        save_golden(golden, into)

        progress.enter(Phase.COMPILING)
        LOG.info("compiling with %s", backend.name)
        with blame_the_compiler(backend):
            backend.compile(reference, model, spec, into, progress.note)
        del reference

        progress.enter(Phase.CHECKING)
        tolerance = task.tolerance(spec.dtype, spec.quantization)
        manifest = described(spec, digest, backend, into, into / goldens.NAME, len(golden.samples), task.accuracy(golden, None, tolerance))
        if not backend.runs_here():
            LOG.warning("this machine cannot run what it compiled: each serving pod checks it against the reference before it is ready")
            return manifest
        value = round(_check(backend, into, manifest, head, golden), 6)
        return replace(manifest, accuracy=task.accuracy(golden, value, tolerance))


def _require_positions(model: Path, spec: CompileSpec) -> None:
    if not (model / tokens.NAME).is_file():
        raise user_failure(Reason.MODEL_UNREADABLE, "the model has no tokenizer.json; save it with a fast tokenizer of transformers")
    positions = longest_of(model)
    if positions is not None and spec.sequence_lengths[-1] > positions:
        raise user_failure(
            Reason.INVALID_SPEC, f"sequenceLengths has {spec.sequence_lengths[-1]}, the model has {positions} positions; lower it"
        )


def _golden(task: Task, reference: Any, head: Head, spec: CompileSpec) -> Golden:
    samples = task.samples(spec.golden_samples, spec.golden_seed, spec.sequence_lengths[-1])
    return Golden(samples, tuple(answers_to(run_eagerly(reference), head, spec.sequence_lengths, 1, samples)))


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


def _check(backend: Backend, output: Path, manifest: Manifest, head: Head, golden: Golden) -> float:
    LOG.info("checking %d golden samples against the eager reference", manifest.golden_samples)
    task = TASKS[manifest.task]
    with blame_the_compiler(backend):
        engine = backend.load(output, manifest, 1)
        value = golden_accuracy(task, engine, head, manifest.sequence_lengths, manifest.batch_sizes, golden)
    require_kept(task.measure, value, manifest)
    return value


def require_kept(measure: Measure, value: float, manifest: Manifest) -> None:
    """Refuse an artifact whose answers are farther from the reference's than its tolerance."""
    LOG.info("%s %.6f, %s is the limit", measure.says, value, manifest.tolerance)
    if not measure.keeps(value, manifest.tolerance):
        raise user_failure(
            Reason.ACCURACY_TOO_LOW,
            f"{measure.broken(value, manifest.tolerance)} for dtype {manifest.dtype}"
            f" and quantization {manifest.quantization}; use dtype float32 without quantization, or another back end",
        )
