"""AWS Neuron (Inferentia2, Trainium): torch-neuronx 2.9 (XLA) traces one graph for each bucket, ahead of time, on a node without a device.

Never run on a device: it follows the documentation, and `tests/contract` holds it to that.

PyPI serves empty placeholders under Neuron's names (torch-neuronx 1.0, neuronx-cc 1.0.post1): an image built without Neuron's own index
installs one without an error, so the version is held against a lower bound before anything else is believed.
"""

import itertools
import os
import queue
import tempfile
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile.backend import Note
from steelyard_runtime.compile.option import require_options
from steelyard_runtime.compile.separate_weights import architecture_of, graphs_key, read_weights, shared_graphs, take_weights
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.compile.toolchain import installed, toolchain_of
from steelyard_runtime.failure import Reason, infrastructure_failure, user_failure
from steelyard_runtime.tasks.registry import TASKS

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
"""What spec.compile.flags may add to the compiler's arguments, each with its values; none is a switch."""
DYNAMIC_BATCH = "--dynamic-batch"
"""One graph for each length, of the smallest batch size: torch-neuronx cuts a larger batch into pieces of it, and fills up the last."""
SEPARATE_WEIGHTS = "--separate-weights"
"""Weights beside the graphs, which other checkpoints of the architecture then share."""
OWN_FLAGS = (DYNAMIC_BATCH, SEPARATE_WEIGHTS)
"""What spec.compile.flags may ask of this back end itself; the compiler never sees them."""
JOINING_TARGETS = ("trn2", "trn3")
"""The only ones whose physical cores can be joined."""
PLATFORM = "NEURON_PLATFORM_TARGET_OVERRIDE"
DEVICE = Path("/dev/neuron0")
MOST_CORES = 1024
"""More than any instance has, joined or not."""
LONGEST_TAG = 255
ONE_MODEL = 0.01
"""Largest difference between what two cores answer to the same, over the largest answer: they run the same program on the same weights."""
EXECUTION_SECONDS = "30"
"""The documentation names two defaults (30 and 2), so it is given."""


def require_torch_neuronx(version: str | None) -> None:
    """Refuse a missing package, PyPI's placeholder by name, and TorchNeuron."""
    if not require_real(version, REMEDY).startswith(SERIES):
        raise user_failure(
            Reason.TOOLCHAIN_MISMATCH,
            f"torch-neuronx {version} is not of the series {SERIES}x (PyTorch/XLA), which this back end is for; {REMEDY}",
        )


def require_real(version: str | None, remedy: str, package: str = "torch-neuronx") -> str:
    """Refuse a missing package of AWS's, and the empty one; `remedy` says what to do about it. Returns the version."""
    if version is None:
        raise user_failure(Reason.UNSUPPORTED_TARGET, f"{package} is not installed in this image; {remedy}")
    if version.partition(".")[0] in ("0", "1"):
        raise user_failure(
            Reason.TOOLCHAIN_PLACEHOLDER, f"{package} {version} is the empty placeholder from PyPI, not AWS's compiler; {remedy}"
        )
    return version


def compiler_arguments(spec: CompileSpec, compiler: str) -> list[str]:
    """What neuronx-cc of that version is told, in an order and spelling that are the key's too.

    The target is two words: torch-neuronx looks for the first by itself, and where it finds none it asks the machine, which is a CPU node.
    """
    chosen = {flag.partition("=")[0]: flag for flag in spec.flags if flag not in OWN_FLAGS}
    words = [
        "--target",
        _target(spec),
        *CASTS[spec.dtype],
        chosen.pop("--model-type", "--model-type=transformer"),
        chosen.pop("--optlevel", "--optlevel=2"),
        *(PINNED if numbers(compiler) >= PINNED_SINCE else ()),
    ]
    return [*words, *(chosen[name] for name in sorted(chosen))]


def _target(spec: CompileSpec) -> str:
    found = TARGETS.get(spec.target.removeprefix("neuron/"))
    if found is None:
        raise user_failure(
            Reason.UNSUPPORTED_TARGET, f"{spec.target!r} is no target of neuronx-cc that is known here; known are: {', '.join(TARGETS)}"
        )
    return found


def require_compiler(spec: CompileSpec) -> None:
    """The compiler makes the bytes: its version must be in the key, and it must be there."""
    if COMPILER not in dict(spec.toolchain):
        raise user_failure(
            Reason.INVALID_SPEC,
            f"toolchain does not name {COMPILER}, which makes the bytes of back end {spec.backend}; name its exact version",
        )
    require_real(installed(COMPILER), f"install it from {INDEX}", COMPILER)


def device_is_here() -> bool:
    """Whether this pod was given a Neuron device."""
    return DEVICE.exists()


def require_device() -> None:
    """Refuse to run where there is none."""
    if not device_is_here():
        raise user_failure(
            Reason.UNSUPPORTED_TARGET,
            f"there is no Neuron device in this pod ({DEVICE}); its pool must ask for aws.amazon.com/neuron, and the node needs the device plugin",
        )


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers at the beginning of a version."""
    return tuple(int(part) for part in itertools.takewhile(str.isdigit, version.split(".")))


def _require_flags(spec: CompileSpec) -> None:
    for flag in spec.flags:
        name, _, value = flag.partition("=")
        if flag in OWN_FLAGS:
            continue
        if name not in FLAGS:
            raise user_failure(
                Reason.UNSUPPORTED_OPTION,
                f"back end neuron does not pass {flag!r} on (target, casts and integers are set by the pool and by dtype);"
                f" it passes: {', '.join(FLAGS)}; and it honours itself: {', '.join(OWN_FLAGS)}",
            )
        if value not in (FLAGS[name] or ("",)):
            raise user_failure(
                Reason.UNSUPPORTED_OPTION, f"{flag!r}: write it as {' or '.join(f'{name}={v}' for v in FLAGS[name]) or name}, in one word"
            )
    if len({flag.partition("=")[0] for flag in spec.flags}) < len(spec.flags):
        raise user_failure(Reason.UNSUPPORTED_OPTION, f"a flag is given twice: {', '.join(spec.flags)}")
    if set(OWN_FLAGS) <= set(spec.flags):
        raise user_failure(
            Reason.UNSUPPORTED_OPTION,
            f"torch-neuronx cuts batches only for graphs that hold their weights: take away {' or '.join(OWN_FLAGS)}",
        )
    if "--logical-nc-config=2" in spec.flags and _target(spec) not in JOINING_TARGETS:
        raise user_failure(
            Reason.UNSUPPORTED_OPTION,
            f"cores are joined on {' and '.join(JOINING_TARGETS)} only, not on {spec.target}: take away --logical-nc-config=2",
        )


class Neuron:
    """Inferentia2 and Trainium, through the trace API."""

    name = "neuron"
    packages = ("torch-neuronx", COMPILER, "torch", "transformers")

    def probe(self, spec: CompileSpec) -> None:
        """Refuse the wrong package first: whoever built the image must hear of it, whatever was asked."""
        require_torch_neuronx(installed("torch-neuronx"))
        _target(spec)
        require_compiler(spec)
        _require_flags(spec)
        require_options(spec, dtypes=tuple(CASTS), flags=spec.flags)
        # Read when Neuron's libraries are imported, and by those calls that take no compiler arguments: a CPU node has no device to ask.
        os.environ[PLATFORM] = _target(spec)

    def runs_here(self) -> bool:
        """A compile node has no device, and a device is what it takes to run, and even to load."""
        return device_is_here()

    def compile(self, encoder: Any, model: Path, spec: CompileSpec, into: Path, note: Note) -> None:
        """Trace a graph for each shape, or, where weights are apart, take those that another checkpoint of the architecture left in the store."""
        arguments = compiler_arguments(spec, installed(COMPILER) or "")
        if SEPARATE_WEIGHTS not in spec.flags:
            _trace(encoder, arguments, spec, into, note)
            return
        architecture, versions = architecture_of(encoder, model, TASKS[spec.task].settings(model)), toolchain_of(self)
        take_weights(encoder, into)
        key = graphs_key(architecture, arguments, shapes_of(spec), versions)
        note(f"asking the store for the graphs of this architecture ({key[:16]})")
        shared = shared_graphs(key, architecture, spec, versions, into, lambda folder: _trace(encoder, arguments, spec, folder, note))
        note(
            "the graphs are those of an earlier checkpoint: nothing is compiled"
            if shared
            else "the graphs are there for other checkpoints",
            1.0,
        )

    def load(self, folder: Path, manifest: Manifest, workers: int) -> "NeuronEngine":
        """Every graph on each core that the pod was given: cores belong to one process, and what it does not use nobody can."""
        require_torch_neuronx(installed("torch-neuronx"))
        require_device()
        tell_runtime(os.environ, manifest)
        import torch  # type: ignore[import-not-found]  # noqa: PLC0415
        import torch_neuronx  # type: ignore[import-not-found]  # noqa: PLC0415

        shapes = shapes_of(manifest)
        weights = read_weights(folder) if SEPARATE_WEIGHTS in manifest.flags else None
        cores: list[Graphs] = []
        for core in range(_count_cores(torch_neuronx)):
            try:
                # Placement counts while a graph is loaded, and in one thread only.
                with torch_neuronx.neuron_cores_context(start_nc=core, nc_count=1):
                    graphs = {shape: torch.jit.load(str(folder / _file(*shape))) for shape in shapes}
            except (RuntimeError, ValueError) as error:
                raise infrastructure_failure(
                    Reason.UNEXPECTED,
                    f"the Neuron runtime does not load the model on core {core}: {error}; another process may hold it",
                ) from error
            for graph in graphs.values() if weights is not None else ():
                torch_neuronx.replace_weights(graph, weights)
                # Else they would go to the device anew with every call.
                torch_neuronx.move_trace_to_device(graph, core)
            cores.append(graphs)
        engine = NeuronEngine(cores, piece_of(manifest))
        engine.wake()
        return engine


def _count_cores(torch_neuronx: Any) -> int:
    """How many cores the runtime shows to this pod: it refuses to place anything on more, and nothing else says it."""
    found, why = 0, "none"
    try:
        for count in range(1, MOST_CORES + 1):
            with torch_neuronx.neuron_cores_context(start_nc=0, nc_count=count):
                found = count
    except ValueError as error:
        why = str(error)
    except RuntimeError as error:
        raise infrastructure_failure(
            Reason.UNEXPECTED, f"the Neuron runtime does not answer: {error}; another process may hold it"
        ) from error
    if not found:
        raise infrastructure_failure(Reason.UNEXPECTED, f"the Neuron runtime shows no core to this pod: {why}")
    return found


def _trace(encoder: Any, arguments: list[str], spec: CompileSpec, into: Path, note: Note) -> None:
    """Ask first whether each operator is supported, which takes seconds; then trace each shape, which takes minutes."""
    import torch  # noqa: PLC0415
    import torch_neuronx  # noqa: PLC0415

    shapes = shapes_of(spec)
    separate = SEPARATE_WEIGHTS in spec.flags
    with tempfile.TemporaryDirectory(prefix="neuronx-cc-") as scratch:
        note("asking the compiler whether it supports each operator")
        _require_operators(
            torch_neuronx.analyze(encoder, example_of(*shapes[0]), compiler_workdir=f"{scratch}/analyze", is_hf_transformers=True)
        )
        for number, (batch, length) in enumerate(shapes, 1):
            note(f"compiling bucket {number} of {len(shapes)}: {batch} x {length} tokens", (number - 1) / len(shapes))
            # Wholly on the CPU even where there is a device: what is published must not depend on the node.
            traced = torch_neuronx.trace(
                encoder,
                example_of(batch, length),
                compiler_workdir=f"{scratch}/{batch}x{length}",
                compiler_args=arguments,
                inline_weights_to_neff=not separate,
                cpu_backend=True,
            )
            if DYNAMIC_BATCH in spec.flags:
                traced = torch_neuronx.dynamic_batch(traced)
            if not separate:
                # Kept in the file, so it has to be said before it is saved: graphs go to the device while others are still read. Not where
                # weights are replaced after the load: that must not race with it.
                torch_neuronx.async_load(traced)
            torch.jit.save(traced, str(into / _file(batch, length)))


def piece_of(asked: CompileSpec | Manifest) -> int | None:
    """The batch size that every graph has, and batches are cut into; None where there is a graph for each batch size."""
    return asked.batch_sizes[0] if DYNAMIC_BATCH in asked.flags else None


def shapes_of(asked: CompileSpec | Manifest) -> list[tuple[int, int]]:
    """Batch size and length of every graph, in the order in which they are compiled."""
    piece = piece_of(asked)
    return [(batch, length) for length in asked.sequence_lengths for batch in (asked.batch_sizes if piece is None else (piece,))]


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


def example_of(batch: int, length: int) -> tuple[Any, Any]:
    """Ids and mask of exactly this shape: a graph takes no other."""
    import torch  # noqa: PLC0415

    return torch.ones((batch, length), dtype=torch.int64), torch.ones((batch, length), dtype=torch.int64)


Graphs = dict[tuple[int, int], Callable[[Any, Any], Any]]
"""What is loaded on one core, by batch size and length: the inputs to the output, tensors all."""


class NeuronEngine:
    """One set of graphs on each core. A call takes a free core, and gives it back.

    piece: the batch size of every graph, where a graph takes batches of any size and cuts them; None where it takes its own size only.
    """

    fixed_lengths = True

    def __init__(self, cores: list[Graphs], piece: int | None = None) -> None:
        self.fixed_batch = piece is None
        self.workers = len(cores)
        self._piece = piece
        self._cores = cores
        self._free: queue.SimpleQueue[Graphs] = queue.SimpleQueue()
        for core in cores:
            self._free.put(core)

    def wake(self) -> None:
        """Run every graph once: what is loaded in the background is there afterwards, and the first request does not wait for it.

        Golden samples go through one core each; the others must say what the first one says, or weights were not put into one of them.
        """
        import torch  # noqa: PLC0415

        said: dict[tuple[int, int], NDArray[np.float32]] = {}
        with torch.inference_mode():
            for number, graphs in enumerate(self._cores):
                for shape, graph in graphs.items():
                    found = graph(*example_of(*shape)).float().numpy()
                    if number == 0:
                        said[shape] = found
                    elif not np.abs(found - said[shape]).max() <= ONE_MODEL * np.abs(said[shape]).max():
                        raise infrastructure_failure(
                            Reason.UNEXPECTED, f"core {number} does not compute for {shape[0]} x {shape[1]} tokens what core 0 computes"
                        )

    def run(self, *arrays: NDArray[Any]) -> NDArray[np.float32]:
        """Infer a batch of a compiled length; of a compiled size too, unless batches are cut."""
        import torch  # noqa: PLC0415

        graphs = self._free.get()
        try:
            with torch.inference_mode():
                batch, length = arrays[0].shape
                graph = graphs[self._piece or batch, length]
                result: NDArray[np.float32] = graph(*map(torch.from_numpy, arrays)).float().numpy()
        finally:
            self._free.put(graphs)
        return result
