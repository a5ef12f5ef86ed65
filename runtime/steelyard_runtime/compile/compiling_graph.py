"""Compiling an ONNX graph: golden samples by ONNX Runtime without optimisations, the back end's work, and the comparison."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from steelyard_runtime.artifacts.manifest import Manifest, Measured
from steelyard_runtime.compile.backend import Backend, GraphBackend
from steelyard_runtime.compile.blame import not_the_models
from steelyard_runtime.compile.compiling import blame_the_compiler
from steelyard_runtime.compile.described import described
from steelyard_runtime.compile.progress import Phase, Progress
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.failure import Reason, user_failure
from steelyard_runtime.tensors.datatype import Kind
from steelyard_runtime.tensors.difference import LARGEST_DIFFERENCE, SAME, golden_difference, relative_difference, scales_of, tolerance
from steelyard_runtime.tensors.graph import graph_file, reference_session, size_of, tensors_of, weights_beside
from steelyard_runtime.tensors.samples import Array, Inputs, Run, Sample, given_inputs, random_inputs, rows_of, save_samples
from steelyard_runtime.tensors.signature import Signature, first_axis, save_signature

LOG = logging.getLogger("steelyard.compile")
TASK = "tensors"


class CompilingGraph:
    """By one back end that reads ONNX."""

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
        """Refuse a back end that reads no ONNX, and what the others cannot honour."""
        graph_backend(self._backend, spec.task)
        self._backend.probe(spec)

    def parameters(self, model: Path) -> int:
        """By its size, each of four bytes: of a graph the files tell no other."""
        return size_of(model) // 4

    def make(self, model: Path, digest: str, spec: CompileSpec, into: Path, progress: Progress) -> Manifest:
        """Read, sample, compile, compare."""
        backend = graph_backend(self._backend, spec.task)
        progress.enter(Phase.TRACING)
        LOG.info("running the graph without optimisations")
        signature, samples = described_graph(model, spec)
        _require_taken(backend, signature)
        LOG.info(
            "the graph takes %s; %s",
            ", ".join(each.name for each in signature.inputs),
            "its rows are computed together" if signature.batched else "each request is computed alone",
        )

        progress.enter(Phase.COMPILING)
        LOG.info("compiling with %s", backend.name)
        (into / "graph").mkdir()
        with blame_the_compiler(backend):
            backend.compile_graph(model, spec, into / "graph", progress.note)
        save_signature(signature, into)
        golden = save_samples(samples, signature, into)

        progress.enter(Phase.CHECKING)
        accuracy = Measured(LARGEST_DIFFERENCE.word, None, tolerance(spec.dtype, spec.quantization))
        manifest = described(spec, digest, backend, into, golden, len(samples), accuracy)
        LOG.info("checking %d golden samples against the reference", len(samples))
        with blame_the_compiler(backend):
            engine = backend.load_graph(into / "graph", manifest, signature, 1)
            found = round(golden_difference(engine, signature, spec.batch_sizes, samples), 9)
        LOG.info("largest relative difference %.6f, at most %.6f is allowed", found, accuracy.tolerance)
        if not found <= accuracy.tolerance:
            raise user_failure(
                Reason.ACCURACY_TOO_LOW,
                f"the largest relative difference to ONNX Runtime without optimisations is {found:.6f}, above {accuracy.tolerance} for dtype"
                f" {spec.dtype} and quantization {spec.quantization}; use dtype float32 without quantization, or another back end",
            )
        return replace(manifest, accuracy=replace(accuracy, value=found))


def graph_backend(backend: Backend, task: str) -> GraphBackend:
    """Return it as one that reads ONNX; raises `Failure` where it does not."""
    if isinstance(backend, GraphBackend):
        return backend
    raise user_failure(
        Reason.UNSUPPORTED_OPTION,
        f"back end {backend.name} reads no ONNX, which model.task {task!r} is: take a pool with openvino or onnxruntime",
    )


def _require_taken(backend: GraphBackend, signature: Signature) -> None:
    strings = [each.name for each in (*signature.inputs, *signature.outputs) if each.datatype.kind is Kind.BYTES]
    if strings and not backend.strings:
        raise user_failure(
            Reason.UNSUPPORTED_OPTION,
            f"back end {backend.name} computes with no strings, and {strings[0]!r} is one: take a pool with onnxruntime",
        )


def described_graph(model: Path, spec: CompileSpec) -> tuple[Signature, list[Sample]]:
    """Return what a graph takes and gives, and golden samples of it: single rows where it computes rows together. Raises `Failure`."""
    weights_beside(graph_file(model))  # before anything follows a path in it
    session = reference_session(graph_file(model))
    inputs, outputs = tensors_of(session)

    def run(asked: Inputs) -> Sequence[Array]:
        found: Sequence[Array] = session.run(None, dict(asked))
        return found

    maybe, fixed = first_axis((*inputs, *outputs))
    chance = np.random.default_rng(spec.golden_seed)
    requests = given_inputs(model, inputs, spec.golden_samples) or random_inputs(run, inputs, fixed or 1, spec.golden_samples, chance)
    rows = list(rows_of(requests)) if maybe else []
    alone = [_sample(run, row, fixed or 1) for row in rows]
    if alone and _independent(run, alone, fixed or len(alone)):
        _require_the_same_again(lambda row: _sample(run, row, fixed or 1).outputs, alone)
        return Signature(inputs, outputs, batched=True, rows=fixed), alone[: spec.golden_samples]
    samples = [Sample(asked, tuple(run(asked))) for asked in requests]
    _require_the_same_again(run, samples)
    return Signature(inputs, outputs), samples


def _sample(run: Run, row: Inputs, rows: int) -> Sample:
    """A row's answer by itself: the only one of its run, or in all rows of a graph that fixes how many there are."""
    found = run({name: np.concatenate([array] * rows) for name, array in row.items()})
    return Sample(row, tuple(np.asarray(output)[:1] for output in found))


def _independent(run: Run, alone: Sequence[Sample], rows: int) -> bool:
    """Whether each row is answered among others as it is by itself, which no shape tells: a graph may mix its rows, or count something else."""
    scales = scales_of(alone)
    for first in range(0, len(alone), rows):
        these = [alone[(first + at) % len(alone)] for at in range(rows)]
        try:
            found = run({name: np.concatenate([sample.inputs[name] for sample in these]) for name in these[0].inputs})
        except Exception as error:  # rows of other shapes, or a graph whose first axis is not what it seems
            if (other := not_the_models(error)) is not None:
                raise other from error
            return False
        if any(np.ndim(output) == 0 or len(output) != rows for output in found):
            return False
        for at, sample in enumerate(these):
            if relative_difference([output[at : at + 1] for output in found], sample.outputs, scales) > SAME:
                return False
    return True


def _require_the_same_again(run: Run, samples: Sequence[Sample]) -> None:
    scales = scales_of(samples)
    if any(relative_difference(run(sample.inputs), sample.outputs, scales) > SAME for sample in samples):
        raise user_failure(
            Reason.MODEL_UNREADABLE,
            "the graph answers the same inputs differently each time; export it without random operators (in evaluation mode)",
        )
