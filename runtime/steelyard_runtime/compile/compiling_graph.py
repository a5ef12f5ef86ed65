"""Compiling a graph: golden samples by its reference, the back end's work, and the comparison."""

import logging
import tempfile
from dataclasses import replace
from pathlib import Path

from steelyard_runtime.artifacts.manifest import Manifest, Measured
from steelyard_runtime.compile.backend import Backend, GraphBackend
from steelyard_runtime.compile.compiling import blame_the_compiler, require_kept
from steelyard_runtime.compile.described import described
from steelyard_runtime.compile.memory import in_float32
from steelyard_runtime.compile.progress import Phase, Progress
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.failure import Reason, user_failure
from steelyard_runtime.tasks.graph_task import Described, GraphTask
from steelyard_runtime.tensors.datatype import Kind
from steelyard_runtime.tensors.difference import LARGEST_DIFFERENCE, golden_difference, tolerance
from steelyard_runtime.tensors.samples import save_samples
from steelyard_runtime.tensors.signature import Signature, save_signature

LOG = logging.getLogger("steelyard.compile")
FOLDER = "graph"
"""Of the compiled graph, in an artifact."""
NO_SEQUENCES = (1,)
"""What the operator says of the lengths of a model that has none."""


class CompilingGraph:
    """By one back end that reads ONNX."""

    def __init__(self, backend: Backend, task: GraphTask) -> None:
        self._backend = backend
        self._task = task

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
        if spec.sequence_lengths != NO_SEQUENCES:
            raise user_failure(
                Reason.UNSUPPORTED_OPTION, f"sequenceLengths are of texts, and model.task {spec.task!r} has none: leave them out"
            )
        self._backend.probe(spec)

    def memory(self, model: Path, spec: CompileSpec) -> tuple[int, str]:
        """The reference, and what is made of it, which is compared with it."""
        return in_float32(self._task.parameters(model))

    def make(self, model: Path, digest: str, spec: CompileSpec, into: Path, progress: Progress) -> Manifest:
        """Read, sample, compile, compare."""
        backend = graph_backend(self._backend, spec.task)
        progress.enter(Phase.TRACING)
        LOG.info("running the reference")
        with tempfile.TemporaryDirectory(prefix="graph-") as scratch:
            described = self._task.described(model, spec, Path(scratch))
            self._task.keep(model, into)
            return self._made(backend, described, digest, spec, into, progress)

    def _made(self, backend: GraphBackend, graph: Described, digest: str, spec: CompileSpec, into: Path, progress: Progress) -> Manifest:
        signature, samples = graph.signature, graph.samples
        _require_taken(backend, signature)
        LOG.info(
            "the graph takes %s; %s",
            ", ".join(each.name for each in signature.inputs),
            "its rows are computed together" if signature.batched else "each request is computed alone",
        )

        progress.enter(Phase.COMPILING)
        LOG.info("compiling with %s", backend.name)
        (into / FOLDER).mkdir()
        with blame_the_compiler(backend):
            backend.compile_graph(graph.folder, spec, into / FOLDER, progress.note)
        save_signature(signature, into)
        golden = save_samples(samples, signature, into)

        progress.enter(Phase.CHECKING)
        accuracy = Measured(LARGEST_DIFFERENCE.word, None, tolerance(spec.dtype, spec.quantization))
        manifest = described(spec, digest, backend, into, golden, len(samples), accuracy)
        LOG.info("checking %d golden samples against the reference", len(samples))
        with blame_the_compiler(backend):
            engine = backend.load_graph(into / FOLDER, manifest, signature, 1)
            found = round(golden_difference(engine, signature, spec.batch_sizes, samples), 9)
        require_kept(LARGEST_DIFFERENCE, found, manifest)
        return replace(manifest, accuracy=replace(accuracy, value=found))


def graph_backend(backend: Backend, task: str) -> GraphBackend:
    """Return it as one that reads ONNX; raises `Failure` where it does not."""
    if isinstance(backend, GraphBackend):
        return backend
    raise user_failure(
        Reason.UNSUPPORTED_OPTION,
        f"back end {backend.name} reads no ONNX, which model.task {task!r} is: take a pool with openvino or onnxruntime (for CUDA devices, with onnxruntime-gpu in its toolchain)",
    )


def _require_taken(backend: GraphBackend, signature: Signature) -> None:
    strings = [each.name for each in (*signature.inputs, *signature.outputs) if each.datatype.kind is Kind.BYTES]
    if strings and not backend.strings:
        raise user_failure(
            Reason.UNSUPPORTED_OPTION,
            f"back end {backend.name} computes with no strings, and {strings[0]!r} is one: take a pool with onnxruntime",
        )
