"""AOTInductor: torch's own compiler, ahead of time, into a .pt2 package. Compiling needs g++; running needs torch alone."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile.backend import Note
from steelyard_runtime.compile.encoder import example
from steelyard_runtime.compile.option import require_options
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.compile.target import require_cpu, require_isa
from steelyard_runtime.failure import Reason, user_failure

FILE = "model.pt2"
VECTOR_BITS = {"x86-64-v3": 256, "x86-64-v4": 512}


class Inductor:
    """Machine code for one instruction set, shapes dynamic within the buckets."""

    name = "inductor"
    packages = ("torch", "transformers")

    def probe(self, spec: CompileSpec) -> None:
        """Machine code needs a level: `cpu/x86-64` would mean whatever the compiling machine happens to have."""
        isa = require_cpu(spec.target, self.name)
        if isa not in VECTOR_BITS:
            raise user_failure(
                Reason.UNSUPPORTED_TARGET,
                f"back end inductor makes machine code and needs a level: cpu/x86-64-v3 or cpu/x86-64-v4, not {spec.target}",
            )
        require_isa(isa, f"tracing for {spec.target}")
        require_options(spec, dtypes=("default", "float32"))

    def compile(self, encoder: Any, model: Path, spec: CompileSpec, into: Path, note: Note) -> None:
        """Export, then compile; weights are frozen in, which lets the compiler pack them."""
        import torch  # type: ignore[import-not-found]  # noqa: PLC0415
        from torch._inductor import config  # type: ignore[import-not-found]  # noqa: PLC0415

        isa = spec.target.partition("/")[2]
        ids, mask = example(spec.batch_sizes[-1], spec.sequence_lengths[0])
        # Bounds that leave 1 to the batch: inductor takes them as given and does not specialise.
        dynamic = {
            0: torch.export.Dim("batch", min=1, max=max(2, spec.batch_sizes[-1])),
            1: torch.export.Dim("length", min=2, max=spec.sequence_lengths[-1]),
        }
        note("exporting the graph")
        with torch.no_grad(), config.patch({"freezing": True, "cpp.march": isa, "cpp.simdlen": VECTOR_BITS[isa]}):
            program = torch.export.export(encoder, (ids, mask), dynamic_shapes=(dynamic, dynamic))
            note("compiling the graph; this takes about half a minute for a small encoder")
            torch._inductor.aoti_compile_and_package(program, package_path=str(into / FILE))

    def runs_here(self) -> bool:
        """CPUs are everywhere, and `probe` has looked at this one."""
        return True

    def load(self, folder: Path, manifest: Manifest, workers: int) -> "InductorEngine":
        """Load the package, with one runner a worker."""
        import torch  # noqa: PLC0415

        require_isa(manifest.target.partition("/")[2], f"this artifact ({manifest.target})")
        torch.set_num_threads(1)
        return InductorEngine(torch._inductor.aoti_load_package(str(folder / FILE), num_runners=workers), workers)


class InductorEngine:
    """A loaded package."""

    fixed_batch = False

    def __init__(self, package: Any, workers: int) -> None:
        self.workers = workers
        self._package = package

    def run(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Infer."""
        import torch  # noqa: PLC0415

        with torch.inference_mode():
            result: NDArray[np.float32] = self._package(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
        return result
