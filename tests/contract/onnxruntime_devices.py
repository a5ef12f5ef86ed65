"""A stand-in for onnxruntime-gpu under a real ONNX Runtime: the CUDA provider's documented behaviour and failures. Everything runs on the CPU.

Sources: ONNX Runtime's Python source 1.32, `onnxruntime_inference_collection.py` (a provider that is not available is a warning, one that cannot be
made is logged and left out, a run that fails in a provider is made again on processors unless `disable_fallback`) and `__init__.py`
(`preload_dlls`); its documentation, "CUDA Execution Provider" (options; device_id is 0 and TF32 is on by default). A wrong call fails here as it would
fail there, or sooner.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import onnxruntime
import pytest

CUDA, PROCESSORS = "CUDAExecutionProvider", "CPUExecutionProvider"
KNOWN = {
    "device_id",
    "gpu_mem_limit",
    "arena_extend_strategy",
    "cudnn_conv_algo_search",
    "do_copy_in_default_stream",
    "cudnn_conv_use_max_workspace",
    "use_tf32",
    "prefer_nhwc",
    "enable_cuda_graph",
}
ALGORITHMS = {"EXHAUSTIVE", "HEURISTIC", "DEFAULT"}
Real = onnxruntime.InferenceSession


class Runtime:
    """ONNX Runtime with its CUDA provider on a machine with so many devices."""

    def __init__(self, devices: int) -> None:
        self.devices = devices
        self.fails = False
        """Whether runs fail on a device now."""
        self.missing: set[str] = set()
        """Libraries that no one has loaded or put where the linker looks."""
        self.opened: list[dict[str, str]] = []
        self.ran_on: list[str] = []

    def preload(self, **_: Any) -> None:
        """Loads what lies in the wheels of NVIDIA, `nvidia-curand` among them."""
        self.missing.discard("libcurand.so.10")

    def session(self, path: str, options: Any = None, providers: Any = None) -> "Session":
        return Session(self, path, options, providers)

    @contextmanager
    def installed(self) -> Iterator["Runtime"]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(onnxruntime, "InferenceSession", self.session)
            patch.setattr(onnxruntime, "preload_dlls", self.preload)
            yield self


class Session:
    """One that runs on a device, or without a word on the processors."""

    def __init__(self, runtime: Runtime, path: str, options: Any, providers: Any) -> None:
        self._runtime, self._fallback, self._real = runtime, True, Real(path, options, providers=[PROCESSORS])
        self._options: dict[str, str] | None = None
        for each in providers:
            name, given = each if isinstance(each, tuple) else (each, {})
            if name == CUDA:
                self._options = self._taken({str(key): str(value) for key, value in given.items()})
            elif name != PROCESSORS:
                warnings.warn(f"Specified provider '{name}' is not in available provider names.", stacklevel=2)

    def _taken(self, given: dict[str, str]) -> dict[str, str] | None:
        """None where the provider cannot be made: it is logged, and left out."""
        if unknown := set(given) - KNOWN:
            raise RuntimeError(f"Unknown provider option: {sorted(unknown)[0]}")
        assert given.get("cudnn_conv_algo_search", "EXHAUSTIVE") in ALGORITHMS
        if self._runtime.missing or int(given.get("device_id", "0")) >= self._runtime.devices:
            return None
        self._runtime.opened.append(given)
        return given

    def get_providers(self) -> list[str]:
        return [PROCESSORS] if self._options is None else [CUDA, PROCESSORS]

    def get_inputs(self) -> Any:
        return self._real.get_inputs()

    def get_outputs(self) -> Any:
        return self._real.get_outputs()

    def disable_fallback(self) -> None:
        self._fallback = False

    def run(self, outputs: Any, inputs: Any) -> Any:
        on = "cpu" if self._options is None else self._options.get("device_id", "0")
        if on != "cpu" and self._runtime.fails:
            if not self._fallback:
                raise RuntimeError("[ONNXRuntimeError] : 11 : EP_FAIL : CUDA failure 700: an illegal memory access was encountered")
            self._options, self._fallback, on = None, False, "cpu"
        self._runtime.ran_on.append(on)
        return self._real.run(outputs, inputs)
