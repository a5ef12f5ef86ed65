"""A stand-in for CUDA devices under a real torch: its functions with their documented behaviour and failures. Everything runs on the CPU.

Sources: PyTorch 2.15 documentation, "torch.cuda" (is_available, device_count, get_device_capability, get_arch_list, the context manager
`device`), "Tensor.to", "Tensor.numpy" (only of tensors on the CPU), "torch.export", "AOTInductor" (compiled for the device of the model and
its example inputs; `aoti_load_package(device_index=)`), "CUDA semantics" (the current device is each thread's own); CUDA C++ Programming Guide,
"Binary Compatibility" (code for sm_XY runs on devices of the same X that have no smaller Y). A wrong call fails here as it would fail there,
or sooner.
"""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

ARCHITECTURES = ["sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"]
"""What torch 2.15 of PyPI is built for."""


class OnDevice(torch.Tensor):
    """A tensor in a device's memory: the host cannot look into it."""

    index: int

    def numpy(self, **_: Any) -> Any:
        raise TypeError(
            f"can't convert cuda:{self.index} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first."
        )

    def cpu(self, *_: Any, **__: Any) -> torch.Tensor:
        return self.as_subclass(torch.Tensor).clone()

    def float(self, *_: Any, **__: Any) -> "OnDevice":
        return on_device(self.as_subclass(torch.Tensor).to(torch.float32), self.index)


def on_device(tensor: torch.Tensor, index: int) -> OnDevice:
    found = tensor.clone().as_subclass(OnDevice)
    found.index = index
    return found


class Cuda:
    """The devices of this machine, and what was asked of them."""

    def __init__(self) -> None:
        self.capabilities: list[tuple[int, int]] = []
        self.compiled: dict[str, tuple[int, int]] = {}
        """What each package was compiled for, by its digest: it does not change on its way through the store."""
        self.compiled_with: list[dict[str, Any]] = []
        self.ran_on: list[int] = []
        self._current = threading.local()

    # torch.cuda

    def is_available(self) -> bool:
        return bool(self.capabilities)

    def device_count(self) -> int:
        return len(self.capabilities)

    def get_device_capability(self, device: int | str | None = None) -> tuple[int, int]:
        return self.capabilities[self._index(device)]

    def get_device_name(self, device: int | str | None = None) -> str:
        return f"NVIDIA stand-in {self._index(device)}"

    def get_arch_list(self) -> list[str]:
        return list(ARCHITECTURES) if self.capabilities else []

    @contextmanager
    def device(self, device: int | str) -> Iterator[None]:
        before, self._current.index = self.current, self._index(device)
        yield
        self._current.index = before

    @property
    def current(self) -> int:
        return int(getattr(self._current, "index", 0))

    def _index(self, device: Any) -> int:
        if not self.capabilities:
            raise RuntimeError("Found no NVIDIA driver on your system.")
        text = str(device)
        index = self.current if device is None or text == "cuda" else int(text.removeprefix("cuda:"))
        if index >= len(self.capabilities):
            raise RuntimeError("CUDA error: invalid device ordinal")
        return index

    # Moves

    def moved(self, tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        device = kwargs.get("device", args[0] if args else None)
        if str(device).startswith("cuda"):
            return on_device(tensor, self._index(device))
        return self._tensor_to(tensor, *args, **kwargs)

    def moved_with_its_weights(self, module: torch.nn.Module, device: Any = None, dtype: Any = None) -> torch.nn.Module:
        if str(device).startswith("cuda"):
            object.__setattr__(module, "device_of_the_stand_in", self._index(device))
            device = "cpu"
        return self._module_to(module, device=device, dtype=dtype)

    # Compiling and loading

    def export(self, module: Any, args: tuple[torch.Tensor, ...], **kwargs: Any) -> Any:
        devices = {getattr(each, "index", "cpu") for each in args} | {getattr(module, "device_of_the_stand_in", "cpu")}
        if len(devices) > 1:
            raise RuntimeError(f"Expected all tensors to be on the same device, but found at least two devices: {devices}")
        with self._away():
            program = torch.export.export(module, tuple(each.as_subclass(torch.Tensor) for each in args), **kwargs)
        (where,) = devices
        program.built_for = self.capabilities[where] if isinstance(where, int) else None
        return program

    def to_onnx(self, *args: Any, **kwargs: Any) -> Any:
        """Of a model on the CPU, which devices have nothing to do with."""
        with self._away():
            return torch.onnx.export(*args, **kwargs)

    def compile_and_package(self, program: Any, *, package_path: str) -> str:
        from torch._inductor import config

        self.compiled_with.append({"march": config.cpp.march, "simdlen": config.cpp.simdlen, "freezing": config.freezing})
        with self._away():
            made: str = torch._inductor.aoti_compile_and_package(program, package_path=package_path)
        if program.built_for is not None:
            self.compiled[_digest(package_path)] = program.built_for
        return made

    def load_package(self, path: str, run_single_threaded: bool = False, device_index: int = -1, *, num_runners: int = 1) -> Any:
        built_for = self.compiled[_digest(path)]
        index = self._index(device_index if device_index >= 0 else None)
        here = self.capabilities[index]
        if built_for[0] != here[0] or built_for[1] > here[1]:
            raise RuntimeError("CUDA error: no kernel image is available for execution on the device")
        with self._away():
            package = torch._inductor.aoti_load_package(path, num_runners=num_runners)

        def run(*inputs: torch.Tensor) -> OnDevice:
            if any(not isinstance(each, OnDevice) or each.index != index for each in inputs):
                raise RuntimeError(f"an input is not on cuda:{index}, for which the package was loaded")
            if self.current != index:
                raise RuntimeError(f"the current stream is of cuda:{self.current}, the package's memory is on cuda:{index}")
            self.ran_on.append(index)
            return on_device(package(*(each.as_subclass(torch.Tensor) for each in inputs)), index)

        return run

    @contextmanager
    def plugged_in(self) -> Iterator["Cuda"]:
        """Torch sees these devices until it ends."""
        self._plug_in()
        try:
            yield self
        finally:
            self._patch.undo()

    @contextmanager
    def _away(self) -> Iterator[None]:
        """The real torch for a moment: what its own compiler asks for, it must not be told."""
        self._patch.undo()
        try:
            yield
        finally:
            self._plug_in()

    def _plug_in(self) -> None:
        def tensor_to(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
            return self.moved(tensor, *args, **kwargs)

        def module_to(module: torch.nn.Module, **kwargs: Any) -> torch.nn.Module:
            return self.moved_with_its_weights(module, **kwargs)

        self._patch = patch = pytest.MonkeyPatch()
        self._tensor_to, self._module_to = torch.Tensor.to, torch.nn.Module.to
        for name in ("is_available", "device_count", "get_device_capability", "get_device_name", "get_arch_list", "device"):
            patch.setattr(torch.cuda, name, getattr(self, name))
        patch.setattr(torch.Tensor, "to", tensor_to)
        patch.setattr(torch.nn.Module, "to", module_to)
        patch.setattr(torch.export, "export", self.export)
        patch.setattr(torch.onnx, "export", self.to_onnx)
        patch.setattr(torch._inductor, "aoti_compile_and_package", self.compile_and_package)
        patch.setattr(torch._inductor, "aoti_load_package", self.load_package)


def _digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
