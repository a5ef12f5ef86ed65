"""AOTInductor: torch's own compiler, ahead of time, into a .pt2 package, for CPUs and for CUDA devices.

Compiling needs g++; for CUDA it needs triton, CUDA's headers and the device itself besides: kernels are tuned by running them. Running needs
torch alone. Never run on a CUDA device: that part follows PyTorch's documentation, and `tests/contract` holds it to that.
"""

import queue
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile.backend import Engine, Note
from steelyard_runtime.compile.cuda import Capability, capability_of, dtypes_of, require_devices
from steelyard_runtime.compile.encoder import example
from steelyard_runtime.compile.option import require_options
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.compile.target import require_cpu, require_isa
from steelyard_runtime.failure import Reason, user_failure

FILE = "model.pt2"
VECTOR_BITS = {"x86-64-v3": 256, "x86-64-v4": 512}
KERNEL_COMPILER = "triton"


@dataclass(frozen=True, slots=True)
class _Way:
    """How one target is compiled: where the graph is, in which numbers, and what torch's compiler is told."""

    device: str
    dtype: str
    settings: Mapping[str, object]


def _way(spec: CompileSpec) -> _Way:
    capability = capability_of(spec.target)
    if capability is not None:
        # What the host runs of it is a few calls: for any processor, because a pool's nodes may have another one than the node that compiled.
        return _Way("cuda", dtypes_of(capability)[spec.dtype], {"cpp.march": "", "cpp.simdlen": 1})
    isa = spec.target.partition("/")[2]
    # Weights are frozen in, which lets the compiler pack them.
    return _Way("cpu", "float32", {"freezing": True, "cpp.march": isa, "cpp.simdlen": VECTOR_BITS[isa]})


class Inductor:
    """Machine code for one instruction set or one compute capability, shapes dynamic within the buckets."""

    name = "inductor"
    packages = ("torch", "transformers")

    def probe(self, spec: CompileSpec) -> None:
        """Machine code needs a level: `cpu/x86-64` would mean whatever the compiling machine happens to have."""
        capability = capability_of(spec.target)
        if capability is not None:
            self._probe_cuda(spec, capability)
            return
        isa = require_cpu(spec.target, self.name)
        if isa not in VECTOR_BITS:
            raise user_failure(
                Reason.UNSUPPORTED_TARGET,
                f"back end inductor makes machine code and needs a level: cpu/x86-64-v3 or cpu/x86-64-v4, not {spec.target}",
            )
        require_isa(isa, f"tracing for {spec.target}")
        require_options(spec, dtypes=("default", "float32"))

    def _probe_cuda(self, spec: CompileSpec, capability: Capability) -> None:
        require_options(spec, dtypes=tuple(dtypes_of(capability)))
        require_devices(spec.target, capability)
        if KERNEL_COMPILER not in dict(spec.toolchain):
            raise user_failure(
                Reason.INVALID_SPEC,
                f"toolchain does not name {KERNEL_COMPILER}, which makes the kernels of back end inductor for {spec.target}; name its exact version",
            )

    def compile(self, encoder: Any, model: Path, spec: CompileSpec, into: Path, note: Note) -> None:
        """Export, then compile, both where the example is: torch compiles for the device of the inputs."""
        import torch  # type: ignore[import-not-found]  # noqa: PLC0415
        from torch._inductor import config  # type: ignore[import-not-found]  # noqa: PLC0415

        way = _way(spec)
        encoder = cast(encoder, getattr(torch, way.dtype)).to(device=way.device)
        arrays = tuple(each.to(way.device) for each in example(spec.batch_sizes[-1], spec.sequence_lengths[0]))
        # Bounds that leave 1 to the batch: inductor takes them as given and does not specialise.
        dynamic = {
            0: torch.export.Dim("batch", min=1, max=max(2, spec.batch_sizes[-1])),
            1: torch.export.Dim("length", min=2, max=spec.sequence_lengths[-1]),
        }
        note("exporting the graph")
        with torch.no_grad(), config.patch(dict(way.settings)):
            program = torch.export.export(encoder, arrays, dynamic_shapes=(dynamic,) * len(arrays))
            note("compiling the graph; this takes about half a minute for a small encoder")
            torch._inductor.aoti_compile_and_package(program, package_path=str(into / FILE))

    def runs_here(self) -> bool:
        """CPUs are everywhere, a CUDA device is needed to compile for it, and `probe` has looked at this one."""
        return True

    def load(self, folder: Path, manifest: Manifest, workers: int) -> Engine:
        """Load the package: on CPUs with one runner a worker, on CUDA once for each device that the pod was given."""
        import torch  # noqa: PLC0415

        package = str(folder / FILE)
        capability = capability_of(manifest.target)
        if capability is not None:
            count = require_devices(manifest.target, capability)
            return CudaEngine([torch._inductor.aoti_load_package(package, device_index=index) for index in range(count)])
        require_isa(manifest.target.partition("/")[2], f"this artifact ({manifest.target})")
        torch.set_num_threads(1)
        return InductorEngine(torch._inductor.aoti_load_package(package, num_runners=workers), workers)


def cast(encoder: Any, dtype: Any) -> Any:
    """The encoder in a dtype, but for the frequencies of rotary positions: rounded to bfloat16 they are off by more, the longer a text is.
    transformers keeps them in float32 too."""
    exact = [(name, buffer.clone()) for name, buffer in encoder.named_buffers() if name.endswith("inv_freq")]
    encoder = encoder.to(dtype=dtype)
    for name, buffer in exact:
        holder, _, last = name.rpartition(".")
        setattr(encoder.get_submodule(holder), last, buffer)
    return encoder


class InductorEngine:
    """A loaded package."""

    fixed_batch = False
    fixed_lengths = False

    def __init__(self, package: Any, workers: int) -> None:
        self.workers = workers
        self._package = package

    def run(self, *arrays: NDArray[Any]) -> NDArray[np.float32]:
        """Infer."""
        import torch  # noqa: PLC0415

        with torch.inference_mode():
            result: NDArray[np.float32] = self._package(*map(torch.from_numpy, arrays)).numpy()
        return result


class CudaEngine:
    """A package loaded on each device. One call at a time on each: on one stream a second would only wait behind the first."""

    fixed_batch = False
    fixed_lengths = False

    def __init__(self, packages: list[Any]) -> None:
        self.workers = len(packages)
        self._free: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        for each in enumerate(packages):
            self._free.put(each)

    def run(self, *arrays: NDArray[Any]) -> NDArray[np.float32]:
        """Infer on a free device: the inputs are copied there, and the output back, which waits for them."""
        import torch  # noqa: PLC0415

        index, package = self._free.get()
        try:
            # A package runs on the stream of the current device, and each thread has its own current device.
            with torch.inference_mode(), torch.cuda.device(index):
                result: NDArray[np.float32] = (
                    package(*(torch.from_numpy(each).to(f"cuda:{index}") for each in arrays)).float().cpu().numpy()
                )
        finally:
            self._free.put((index, package))
        return result
