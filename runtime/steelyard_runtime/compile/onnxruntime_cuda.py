"""ONNX Runtime on CUDA devices, by its own CUDA provider, float32. Never run on a device: it follows ONNX Runtime's documentation and Python source,
and `tests/contract` holds it to that.

What its provider cannot load is logged there and replaced by the processors, without an error: each session is asked what it runs on.
"""

import queue
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile.cuda import capability_of, require_devices
from steelyard_runtime.compile.onnxruntime import FILE, OnnxEngine, OnnxRuntime, session_options
from steelyard_runtime.compile.option import require_options
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.failure import Reason, infrastructure_failure, user_failure
from steelyard_runtime.tasks.registry import SERVED, TASKS
from steelyard_runtime.tensors.engine import OnnxGraph
from steelyard_runtime.tensors.signature import Signature

PROVIDER = "CUDAExecutionProvider"
PACKAGE = "onnxruntime-gpu"
"""It has the module of the package for processors, and takes its place."""
OPTIONS = {
    # On by default, which computes in 10 bits of fraction what was asked for in float32.
    "use_tf32": "0",
    # By default every new shape is tried with each algorithm of cuDNN, and requests would wait for that.
    "cudnn_conv_algo_search": "HEURISTIC",
}


class OnnxRuntimeCuda(OnnxRuntime):
    """The graph as it is, optimised at load. It has the name of the back end for processors: the package in the toolchain decides."""

    packages = (PACKAGE, "onnx", "onnxscript", "torch", "transformers")

    def probe(self, spec: CompileSpec) -> None:
        """Refuse what is no CUDA device, and a node without the target's: what is made is compared with the reference where it is made."""
        capability = capability_of(spec.target)
        if capability is None:
            raise user_failure(
                Reason.UNSUPPORTED_TARGET,
                f"{PACKAGE}, which the toolchain names, is for CUDA devices (sm_75, sm_90), not for {spec.target!r}; name onnxruntime for processors",
            )
        require_options(spec, dtypes=("default", "float32"), tasks=SERVED)
        if installed(PACKAGE) is None:
            raise user_failure(Reason.UNSUPPORTED_TARGET, f"{PACKAGE} is not installed in this image; use the image runtime-cuda")
        require_devices(spec.target, capability)

    def load(self, folder: Path, manifest: Manifest, workers: int) -> OnnxEngine:
        """Open a session on each device that the pod was given."""
        devices = Devices(_opened(folder / FILE, manifest.target))
        return OnnxEngine(devices, TASKS[manifest.task].inputs, devices.count)

    def load_graph(self, folder: Path, manifest: Manifest, signature: Signature, workers: int) -> OnnxGraph:
        """Open sessions as for an encoder."""
        devices = Devices(_opened(folder / FILE, manifest.target))
        return OnnxGraph(devices, devices.count)


class Devices:
    """A session on each device, as one. One call at a time on each: on one stream a second would only wait behind the first."""

    def __init__(self, sessions: list[Any]) -> None:
        self.count = len(sessions)
        self._free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for each in sessions:
            self._free.put(each)

    def run(self, outputs: None, inputs: Mapping[str, Any]) -> Any:
        """Infer on a free device; inputs are copied there, and outputs back."""
        session = self._free.get()
        try:
            return session.run(outputs, inputs)
        finally:
            self._free.put(session)


def _opened(file: Path, target: str) -> list[Any]:
    capability = capability_of(target)
    if capability is None:
        raise user_failure(Reason.UNSUPPORTED_TARGET, f"an artifact of {PACKAGE} for {target!r} is not for a CUDA device; compile it again")
    # It imports torch, whose CUDA libraries are then those of the process.
    count = require_devices(target, capability)
    import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415

    onnxruntime.preload_dlls()  # those that torch does not load
    return [_session(onnxruntime, file, index) for index in range(count)]


def _session(onnxruntime: Any, file: Path, index: int) -> Any:
    session = onnxruntime.InferenceSession(str(file), session_options(), providers=[(PROVIDER, {"device_id": str(index), **OPTIONS})])
    on = session.get_providers()
    if on[0] != PROVIDER:
        raise infrastructure_failure(
            Reason.UNSUPPORTED_TARGET,
            f"{PACKAGE} cannot use device {index} and would compute on processors ({', '.join(on)}): its log says which library of CUDA or cuDNN does"
            " not load; use the image runtime-cuda, on a node whose driver is new enough for its CUDA",
        )
    # A run that fails there would else be made again on processors, and every one after it.
    session.disable_fallback()
    return session
