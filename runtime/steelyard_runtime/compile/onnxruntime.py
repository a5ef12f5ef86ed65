"""ONNX Runtime on CPUs, float32."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile.backend import Note
from steelyard_runtime.compile.encoder import example
from steelyard_runtime.compile.option import require_options
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.compile.target import require_cpu
from steelyard_runtime.tasks.registry import SERVED, TASKS
from steelyard_runtime.tensors.engine import OnnxGraph
from steelyard_runtime.tensors.graph import copy_graph
from steelyard_runtime.tensors.signature import Signature

FILE = "model.onnx"


class OnnxRuntime:
    """An ONNX graph with dynamic shapes, optimised at load."""

    name = "onnxruntime"
    packages: tuple[str, ...] = ("onnxruntime", "onnx", "onnxscript", "torch", "transformers")
    strings = True

    def probe(self, spec: CompileSpec) -> None:
        """Any CPU target, float32."""
        require_cpu(spec.target, self.name)
        require_options(spec, dtypes=("default", "float32"), tasks=SERVED)

    def compile(self, encoder: Any, model: Path, spec: CompileSpec, into: Path, note: Note) -> None:
        """Export by torch's own exporter."""
        import torch  # type: ignore[import-not-found]  # noqa: PLC0415

        task, arrays = TASKS[spec.task], example(spec.batch_sizes[-1], spec.sequence_lengths[0])
        dynamic = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
        note("exporting to ONNX")
        torch.onnx.export(
            encoder,
            arrays,
            into / FILE,
            input_names=list(task.inputs),
            output_names=[task.output],
            dynamic_shapes=(dynamic,) * len(arrays),
            dynamo=True,
            external_data=False,
            verbose=False,
        )

    def runs_here(self) -> bool:
        """CPUs are everywhere, and `probe` has looked at this one."""
        return True

    def load(self, folder: Path, manifest: Manifest, workers: int) -> "OnnxEngine":
        """Open a session."""
        return OnnxEngine(opened(folder / FILE), TASKS[manifest.task].inputs, workers)

    def compile_graph(self, model: Path, spec: CompileSpec, into: Path, note: Note) -> None:
        """Copy it: it is optimised at load."""
        note("copying the graph")
        copy_graph(model, into)

    def load_graph(self, folder: Path, manifest: Manifest, signature: Signature, workers: int) -> OnnxGraph:
        """Open a session as for an encoder."""
        return OnnxGraph(opened(folder / FILE), workers)


def opened(file: Path) -> Any:
    """A session whose runs each use the calling thread alone."""
    import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415

    return onnxruntime.InferenceSession(str(file), session_options(), providers=["CPUExecutionProvider"])


def session_options() -> Any:
    """No threads of its own."""
    import onnxruntime  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    return options


class OnnxEngine:
    """A session; it may run in several threads at once."""

    fixed_batch = False
    fixed_lengths = False

    def __init__(self, session: Any, inputs: tuple[str, ...], workers: int) -> None:
        self.workers = workers
        self._inputs = inputs
        self._session = session

    def run(self, *arrays: NDArray[Any]) -> NDArray[np.float32]:
        """Infer."""
        result: NDArray[np.float32] = self._session.run(None, dict(zip(self._inputs, arrays, strict=True)))[0]
        return result
