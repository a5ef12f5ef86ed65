"""The manifest of what a compile has made: everything of the key, and what is in the folder."""

from pathlib import Path

from steelyard_runtime.artifacts.manifest import Cosine, Logprob, Manifest, Measured
from steelyard_runtime.artifacts.publish import files_of
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.compile.toolchain import Packaged, toolchain_of
from steelyard_runtime.sha256 import hex_of_file


def described(
    spec: CompileSpec, digest: str, maker: Packaged, folder: Path, golden: Path, samples: int, accuracy: Cosine | Logprob | Measured
) -> Manifest:
    """`digest`: of the model, verified; `golden`: the file of the samples, which is in the folder too."""
    return Manifest(
        key=spec.key,
        model_digest=digest,
        model_revision=spec.model_revision,
        task=spec.task,
        backend=maker.name,
        toolchain=tuple(sorted({**dict(toolchain_of(maker)), **dict(spec.toolchain)}.items())),
        target=spec.target,
        dtype=spec.dtype,
        quantization=spec.quantization,
        batch_sizes=spec.batch_sizes,
        sequence_lengths=spec.sequence_lengths,
        tensor_parallel=spec.tensor_parallel,
        flags=spec.flags,
        golden_sha256=hex_of_file(golden),
        golden_samples=samples,
        accuracy=accuracy,
        files=files_of(folder),
    )
