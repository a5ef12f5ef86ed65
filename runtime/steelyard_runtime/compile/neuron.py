"""AWS Neuron (Inferentia2, Trainium): torch-neuronx 2.9 (XLA) traces one graph for each bucket, ahead of time, on a node without a device.

Never run on a device: it follows the documentation, and `tests/contract` holds it to that.

PyPI serves empty placeholders under Neuron's names (torch-neuronx 1.0, neuronx-cc 1.0.post1): an image built without Neuron's own index
installs one without an error, so the version is held against a lower bound before anything else is believed.
"""

import itertools
import os
import queue
import tempfile
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile.backend import Note
from steelyard_runtime.compile.option import require_options
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.failure import Reason, infrastructure_failure, user_failure

INDEX = "https://pip.repos.neuron.amazonaws.com"
BASE_IMAGE = "public.ecr.aws/neuron/pytorch-inference-neuronx:2.9.0-neuronx-py312-sdk2.31.1-ubuntu24.04"
SERIES = "2.9."
"""The last on PyTorch/XLA; 2.13 and up are TorchNeuron, another product with another API (Trn2 and Trn3 only)."""
TARGETS = {"inf2": "trn1", "trn1": "trn1", "trn1n": "trn1", "trn2": "trn2", "trn3": "trn3"}
"""What a pool may say, and the compiler's word: Inferentia2 and Trainium1 share NeuronCore-v2, and one artifact."""
REMEDY = (
    f"use the image runtime-neuron, whose base {BASE_IMAGE} brings the real package,"
    f" or install torch-neuronx==2.9.* and neuronx-cc from {INDEX}"
)
COMPILER = "neuronx-cc"
CASTS = {
    "default": ("--auto-cast=matmult", "--auto-cast-type=bf16"),
    "bfloat16": ("--auto-cast=all", "--auto-cast-type=bf16"),
    "float32": ("--auto-cast=none",),
}
"""By dtype. The default casts what the matrix engine multiplies, which is where its speed is."""
PINNED = ("--native-int64=enabled", "--implicit-integer-downcast=none")
"""Their defaults change between releases, and with them what an equal key would mean."""
PINNED_SINCE = (2, 27)
"""The first neuronx-cc that knows them (SDK 2.32)."""
FLAGS: Mapping[str, tuple[str, ...]] = {
    "--optlevel": ("1", "2", "3"),
    "--model-type": ("generic", "transformer", "unet-inference"),
    "--logical-nc-config": ("1", "2"),
    "--enable-fast-loading-neuron-binaries": (),
    "--enable-fast-context-switch": (),
    "--enable-mixed-precision-accumulation": (),
    "--enable-saturate-infinity": (),
}
"""What spec.compile may add, each with its values; none is a switch."""
DEVICE = Path("/dev/neuron0")
LONGEST_TAG = 255
EXECUTION_SECONDS = "30"
"""The documentation names two defaults (30 and 2), so it is given."""


def require_torch_neuronx(version: str | None) -> None:
    """Refuse a missing package, PyPI's placeholder by name, and TorchNeuron."""
    if version is None:
        raise user_failure(Reason.UNSUPPORTED_TARGET, f"torch-neuronx is not installed in this image; {REMEDY}")
    if version.partition(".")[0] in ("0", "1"):
        raise user_failure(
            Reason.TOOLCHAIN_PLACEHOLDER, f"torch-neuronx {version} is the empty placeholder from PyPI, not AWS's compiler; {REMEDY}"
        )
    if not version.startswith(SERIES):
        raise user_failure(
            Reason.TOOLCHAIN_MISMATCH,
            f"torch-neuronx {version} is not of the series {SERIES}x (PyTorch/XLA), which this back end is for; {REMEDY}",
        )


def compiler_arguments(spec: CompileSpec, compiler: str) -> list[str]:
    """What neuronx-cc of that version is told; each as one word, so that its order and spelling are those of the key."""
    chosen = {flag.partition("=")[0]: flag for flag in spec.flags}
    words = [
        f"--target={_target(spec)}",
        *CASTS[spec.dtype],
        chosen.pop("--model-type", "--model-type=transformer"),
        chosen.pop("--optlevel", "--optlevel=2"),
        *(PINNED if _numbers(compiler) >= PINNED_SINCE else ()),
    ]
    return [*words, *(chosen[name] for name in sorted(chosen))]


def _target(spec: CompileSpec) -> str:
    found = TARGETS.get(spec.target.removeprefix("neuron/"))
    if found is None:
        raise user_failure(
            Reason.UNSUPPORTED_TARGET, f"{spec.target!r} is no target of neuronx-cc that is known here; known are: {', '.join(TARGETS)}"
        )
    return found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in itertools.takewhile(str.isdigit, version.split(".")))


def _require_flags(spec: CompileSpec) -> None:
    for flag in spec.flags:
        name, _, value = flag.partition("=")
        if name not in FLAGS:
            raise user_failure(
                Reason.UNSUPPORTED_OPTION,
                f"back end neuron does not pass {flag!r} on (target, casts and integers are set by the pool and by dtype);"
                f" it passes: {', '.join(FLAGS)}",
            )
        if value not in (FLAGS[name] or ("",)):
            raise user_failure(
                Reason.UNSUPPORTED_OPTION, f"{flag!r}: write it as {' or '.join(f'{name}={v}' for v in FLAGS[name]) or name}, in one word"
            )
    if len({flag.partition("=")[0] for flag in spec.flags}) < len(spec.flags):
        raise user_failure(Reason.UNSUPPORTED_OPTION, f"a flag is given twice: {', '.join(spec.flags)}")


class Neuron:
    """Inferentia2 and Trainium, through the trace API."""

    name = "neuron"
    packages = ("torch-neuronx", COMPILER, "torch", "transformers")

    def probe(self, spec: CompileSpec) -> None:
        """Refuse the wrong package first: whoever built the image must hear of it, whatever was asked."""
        require_torch_neuronx(installed("torch-neuronx"))
        _target(spec)
        if COMPILER not in dict(spec.toolchain):
            raise user_failure(
                Reason.INVALID_SPEC, f"toolchain does not name {COMPILER}, which makes the bytes of back end neuron; name its exact version"
            )
        _require_flags(spec)
        require_options(spec, dtypes=tuple(CASTS), flags=spec.flags)

    def runs_here(self) -> bool:
        """A compile node has no device, and a device is what it takes to run, and even to load."""
        return DEVICE.exists()

    def compile(self, encoder: Any, model: Path, spec: CompileSpec, into: Path, note: Note) -> None:
        """Ask first whether each operator is supported, which takes seconds; then trace each bucket, which takes minutes."""
        import torch  # type: ignore[import-not-found]  # noqa: PLC0415
        import torch_neuronx  # type: ignore[import-not-found]  # noqa: PLC0415

        arguments = compiler_arguments(spec, installed(COMPILER) or "")
        buckets = [(batch, length) for length in spec.sequence_lengths for batch in spec.batch_sizes]
        with tempfile.TemporaryDirectory(prefix="neuronx-cc-") as scratch:
            note("asking the compiler whether it supports each operator")
            _require_operators(
                torch_neuronx.analyze(encoder, _example(*buckets[0]), compiler_workdir=f"{scratch}/analyze", is_hf_transformers=True)
            )
            for number, (batch, length) in enumerate(buckets, 1):
                note(f"compiling bucket {number} of {len(buckets)}: {batch} x {length} tokens", (number - 1) / len(buckets))
                # Wholly on the CPU even where there is a device: what is published must not depend on the node.
                traced = torch_neuronx.trace(
                    encoder,
                    _example(batch, length),
                    compiler_workdir=f"{scratch}/{batch}x{length}",
                    compiler_args=arguments,
                    cpu_backend=True,
                )
                # Kept in the file, so it has to be said before it is saved: graphs go to the device while others are still read.
                torch_neuronx.async_load(traced)
                torch.jit.save(traced, str(into / _file(batch, length)))

    def load(self, folder: Path, manifest: Manifest, workers: int) -> "NeuronEngine":
        """Every graph on each core that the pod was given: cores belong to one process, and what it does not use nobody can."""
        require_torch_neuronx(installed("torch-neuronx"))
        if not self.runs_here():
            raise user_failure(
                Reason.UNSUPPORTED_TARGET,
                f"there is no Neuron device in this pod ({DEVICE}); its pool must ask for aws.amazon.com/neuron, and the node needs the device plugin",
            )
        tell_runtime(os.environ, manifest)
        import torch  # noqa: PLC0415
        import torch_neuronx  # noqa: PLC0415

        buckets = [(batch, length) for length in manifest.sequence_lengths for batch in manifest.batch_sizes]
        cores: list[Graphs] = []
        while True:
            try:
                # Placement counts while a graph is loaded, and in one thread only.
                with torch_neuronx.neuron_cores_context(start_nc=len(cores), nc_count=1):
                    cores.append({bucket: torch.jit.load(str(folder / _file(*bucket))) for bucket in buckets})
            except ValueError as error:
                # Documented for a core that is not there: nothing else says how many there are.
                if not cores:
                    raise infrastructure_failure(Reason.UNEXPECTED, f"the Neuron runtime shows no core to this pod: {error}") from error
                break
            except RuntimeError as error:
                raise infrastructure_failure(
                    Reason.UNEXPECTED,
                    f"the Neuron runtime does not load the model on core {len(cores)}: {error}; another process may hold it",
                ) from error
        engine = NeuronEngine(cores)
        engine.wake()
        return engine


def tell_runtime(environment: MutableMapping[str, str], manifest: Manifest) -> None:
    """Say what the runtime reads once, when it is imported. The device plugin's own variables stand; the tag ties telemetry to the pod."""
    environment.setdefault("NEURON_RT_EXEC_TIMEOUT", EXECUTION_SECONDS)
    environment.setdefault("NEURON_PROCESS_TAG", environment.get("POD_NAME", "steelyard")[:LONGEST_TAG])
    for flag in manifest.flags:
        name, _, value = flag.partition("=")
        if name == "--logical-nc-config" and environment.setdefault("NEURON_LOGICAL_NC_CONFIG", value) != value:
            raise user_failure(
                Reason.UNSUPPORTED_TARGET,
                f"the artifact was compiled with {flag}, and this node runs with NEURON_LOGICAL_NC_CONFIG={environment['NEURON_LOGICAL_NC_CONFIG']};"
                " both must be the same",
            )


def _require_operators(report: Mapping[str, Any]) -> None:
    kinds = sorted({str(each.get("kind")) for each in report["unsupported_operators"]})
    if kinds:
        raise user_failure(
            Reason.COMPILE_FAILED,
            f"neuronx-cc does not support {', '.join(kinds)} of this model ({report['support_percentage']} of its operators are supported);"
            " choose a pool with another back end",
        )


def _file(batch: int, length: int) -> str:
    return f"graph-{batch}x{length}.pt"


def _example(batch: int, length: int) -> tuple[Any, Any]:
    """Ids and mask of exactly this shape: a graph takes no other."""
    import torch  # noqa: PLC0415

    return torch.ones((batch, length), dtype=torch.int64), torch.ones((batch, length), dtype=torch.int64)


Graphs = dict[tuple[int, int], Any]
"""What is loaded on one core, by batch size and length."""


class NeuronEngine:
    """One set of graphs on each core. A call takes a free core, and gives it back."""

    fixed_batch = True

    def __init__(self, cores: list[Graphs]) -> None:
        self.workers = len(cores)
        self._cores = cores
        self._free: queue.SimpleQueue[Graphs] = queue.SimpleQueue()
        for core in cores:
            self._free.put(core)

    def wake(self) -> None:
        """Run every graph once: what is loaded in the background is there afterwards, and the first request does not wait for it."""
        import torch  # noqa: PLC0415

        with torch.inference_mode():
            for graphs in self._cores:
                for shape, graph in graphs.items():
                    graph(*_example(*shape))

    def run(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Infer a batch of a compiled shape."""
        import torch  # noqa: PLC0415

        graphs = self._free.get()
        try:
            with torch.inference_mode():
                result: NDArray[np.float32] = (
                    graphs[ids.shape[0], ids.shape[1]](torch.from_numpy(ids), torch.from_numpy(mask)).float().numpy()
                )
        finally:
            self._free.put(graphs)
        return result
