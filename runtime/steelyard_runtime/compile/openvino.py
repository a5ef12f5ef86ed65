"""OpenVINO on CPUs. Default precision is what the plugin finds best on the machine it runs on (bfloat16 with AVX512-BF16 or AMX)."""

import threading
from dataclasses import replace
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
from steelyard_runtime.tensors.engine import OpenVinoGraph
from steelyard_runtime.tensors.graph import graph_file
from steelyard_runtime.tensors.signature import Signature

FILE = "model.xml"
PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}
ACTIVATION_GROUPS = {"int8weightonly": "0", "int8dynamic": "32"}
"""By quantisation: how many activations share a scale that is found while they pass (the plugin's DYNAMIC_QUANTIZATION_GROUP_SIZE; 0 leaves
them as they are). The weights are the same 8 bits in both."""


class OpenVino:
    """An intermediate representation with dynamic shapes; the plugin compiles it at load, and each bucket's shape on its first use."""

    name = "openvino"
    packages = ("openvino", "nncf", "torch", "transformers")
    strings = False
    """2026.4 computes with them, and then frees memory that is not its own."""

    def probe(self, spec: CompileSpec) -> None:
        """Any CPU target, default or explicit precision."""
        require_cpu(spec.target, self.name)
        require_options(spec, dtypes=("default", *PRECISIONS), quantizations=("none", *ACTIVATION_GROUPS), tasks=SERVED)

    def compile(self, encoder: Any, model: Path, spec: CompileSpec, into: Path, note: Note) -> None:
        """Trace and save."""
        import openvino  # type: ignore[import-untyped]  # noqa: PLC0415

        names = TASKS[spec.task].inputs
        note("converting to OpenVINO")
        converted = openvino.convert_model(
            encoder, example_input=dict(zip(names, example(spec.batch_sizes[-1], spec.sequence_lengths[0]), strict=True))
        )
        for port, name in zip(converted.inputs, names, strict=True):
            port.get_tensor().set_names({name})
        converted.reshape({name: openvino.PartialShape([-1, -1]) for name in names})
        _save(converted, spec, into, note)

    def runs_here(self) -> bool:
        """CPUs are everywhere, and `probe` has looked at this one."""
        return True

    def load(self, folder: Path, manifest: Manifest, workers: int) -> "OpenVinoEngine":
        """Compile for this machine."""
        return OpenVinoEngine(compiled(folder / FILE, manifest, workers), TASKS[manifest.task].inputs, workers)

    def compile_graph(self, model: Path, spec: CompileSpec, into: Path, note: Note) -> None:
        """Convert and save, as an encoder is."""
        import openvino  # noqa: PLC0415

        note("converting to OpenVINO")
        _save(openvino.convert_model(graph_file(model)), spec, into, note)

    def load_graph(self, folder: Path, manifest: Manifest, signature: Signature, workers: int) -> OpenVinoGraph:
        """Compile for this machine; in float32 where nothing else was asked for, as a graph may lose too much by the plugin's own choice."""
        default = replace(manifest, dtype="float32") if manifest.dtype == "default" else manifest
        return OpenVinoGraph(compiled(folder / FILE, default, workers), signature, workers)


def compiled(file: Path, manifest: Manifest, workers: int) -> Any:
    """Compile an intermediate representation for this machine, in the precision of the manifest."""
    import openvino  # noqa: PLC0415

    config: dict[str, Any] = {
        "NUM_STREAMS": str(workers),
        "INFERENCE_NUM_THREADS": str(workers),
        # A pod's cores are shared: pinned threads would wait for the one core while others are idle.
        "ENABLE_CPU_PINNING": "NO",
    }
    if manifest.dtype in PRECISIONS:
        config["INFERENCE_PRECISION_HINT"] = PRECISIONS[manifest.dtype]
    if manifest.quantization in ACTIVATION_GROUPS:
        config["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = ACTIVATION_GROUPS[manifest.quantization]
    return openvino.Core().compile_model(file, "CPU", config)


def _save(converted: Any, spec: CompileSpec, into: Path, note: Note) -> None:
    """Save it; weights stay float32 unless they are quantised, the precision of what is computed is chosen at load."""
    import openvino  # noqa: PLC0415

    if spec.quantization in ACTIVATION_GROUPS:
        import nncf  # type: ignore[import-not-found]  # noqa: PLC0415

        note("compressing the weights to 8 bits")
        converted = nncf.compress_weights(converted, mode=nncf.CompressWeightsMode.INT8_ASYM)
    openvino.save_model(converted, into / FILE, compress_to_fp16=False)


class OpenVinoEngine:
    """One infer request for each thread that calls."""

    fixed_batch = False
    fixed_lengths = False

    def __init__(self, compiled: Any, inputs: tuple[str, ...], workers: int) -> None:
        self.workers = workers
        self._inputs = inputs
        self._compiled = compiled
        self._local = threading.local()

    def run(self, *arrays: NDArray[Any]) -> NDArray[np.float32]:
        """Infer; the result is copied out of the request's own memory."""
        request = getattr(self._local, "request", None)
        if request is None:
            request = self._local.request = self._compiled.create_infer_request()
        result = request.infer(dict(zip(self._inputs, arrays, strict=True)), share_inputs=True)
        return np.array(result[0], dtype=np.float32)
