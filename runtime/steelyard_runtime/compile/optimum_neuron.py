"""Hugging Face's Optimum on the Neuron compiler: one export for each shape, by its command line. Never run on a device.

For models that Optimum knows how to export better than a plain trace does. `neuron` uses every core of a pod, and this one only the first: Optimum
places what it loads there. Sources: huggingface/optimum-neuron 0.4 (2026-08), `optimum/commands/export/neuronx.py`,
`optimum/exporters/neuron/__main__.py`, `optimum/neuron/modeling_traced.py`.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile.backend import Note
from steelyard_runtime.compile.encoder import split
from steelyard_runtime.compile.neuron import (
    COMPILER,
    DYNAMIC_BATCH,
    INDEX,
    NeuronEngine,
    device_is_here,
    piece_of,
    require_compiler,
    require_device,
    require_real,
    shapes_of,
    tell_runtime,
)
from steelyard_runtime.compile.option import require_options
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.failure import Reason, infrastructure_failure, user_failure
from steelyard_runtime.tasks.registry import TASKS
from steelyard_runtime.tasks.task import Task

PACKAGE = "optimum-neuron"
SERIES = "0.4."
TORCH_NEURONX = "2.8."
"""What that series is built on (SDK 2.26.1)."""
REMEDY = f"install optimum-neuron[neuronx]=={SERIES}* with {INDEX} as an extra index, on Python 3.11"
INSTANCES = ("inf2", "trn1", "trn1n", "trn2")
CASTS = {
    "default": ("--auto_cast", "matmul", "--auto_cast_type", "bf16"),
    "bfloat16": ("--auto_cast", "all", "--auto_cast_type", "bf16"),
    "float32": ("--auto_cast", "none"),
}
"""By dtype, as `neuron` has them. Optimum spells the compiler's matmult without its last letter."""
FLAGS = {
    "--optlevel=1": "-O1",
    "--optlevel=2": "-O2",
    "--optlevel=3": "-O3",
    DYNAMIC_BATCH: "--dynamic-batch-size",
}
"""What spec.compile.flags may ask for, and how it is spelt here."""
NEURON_FILE, CONFIG_FILE, SETTINGS_FILE = "model.neuron", "config.json", "settings.json"
LOG_TAIL = 1000
"""Characters."""


def require_optimum(version: str | None, torch_neuronx: str | None) -> None:
    """Refuse a missing or other Optimum, and one whose torch-neuronx is missing, empty, or not the one that it was made for."""
    if version is None:
        raise user_failure(Reason.UNSUPPORTED_TARGET, f"{PACKAGE} is not installed in this image; {REMEDY}")
    for package, found, series in ((PACKAGE, version, SERIES), ("torch-neuronx", require_real(torch_neuronx, REMEDY), TORCH_NEURONX)):
        if not found.startswith(series):
            raise user_failure(
                Reason.TOOLCHAIN_MISMATCH, f"{package} {found} is not of the series {series}x, which this back end is for; {REMEDY}"
            )


def export_command(spec: CompileSpec, batch: int, length: int, model: Path, scratch: Path, output: Path) -> list[str]:
    """What exports one shape. Weights are in the graph: what Optimum keeps apart, it cannot cut batches for."""
    return [
        "optimum-cli",
        "export",
        "neuron",
        "--model",
        str(model),
        "--task",
        TASKS[spec.task].exported.task,
        "--instance_type",
        _instance(spec),
        "--batch_size",
        str(batch),
        "--sequence_length",
        str(length),
        *CASTS[spec.dtype],
        *(FLAGS[flag] for flag in sorted(spec.flags)),
        "--inline-weights-neff",
        # What was exported elsewhere under other circumstances is not what the key says.
        "--disable_neuron_cache",
        # It would run the graph, on a device.
        "--disable-validation",
        "--compiler_workdir",
        str(scratch),
        str(output),
    ]


def _instance(spec: CompileSpec) -> str:
    target = spec.target.removeprefix("neuron/")
    if target not in INSTANCES:
        raise user_failure(
            Reason.UNSUPPORTED_TARGET, f"{spec.target!r} is no instance type that Optimum exports for; known are: {', '.join(INSTANCES)}"
        )
    return target


class OptimumNeuron:
    """Encoders as Optimum exports them, pooled as the model's own files say."""

    name = PACKAGE
    packages = (PACKAGE, "torch-neuronx", COMPILER, "torch", "transformers")

    def probe(self, spec: CompileSpec) -> None:
        """Refuse Optimum without what it needs: on PyPI it installs alone, and Neuron's names there are empty."""
        require_optimum(installed(PACKAGE), installed("torch-neuronx"))
        _instance(spec)
        require_compiler(spec)
        require_options(spec, dtypes=tuple(CASTS), flags=tuple(FLAGS))

    def runs_here(self) -> bool:
        """A compile node has no device."""
        return device_is_here()

    def compile(self, encoder: Any, model: Path, spec: CompileSpec, into: Path, note: Note) -> None:
        """Export each shape into a folder of its own; `encoder` is the reference, and not what is exported."""
        shapes = shapes_of(spec)
        (into / SETTINGS_FILE).write_text(json.dumps(TASKS[spec.task].settings(model), sort_keys=True))
        with tempfile.TemporaryDirectory(prefix="optimum-") as scratch:
            transformer = _transformer_alone(model, Path(scratch) / "model")
            for number, (batch, length) in enumerate(shapes, 1):
                note(f"exporting bucket {number} of {len(shapes)}: {batch} x {length} tokens", (number - 1) / len(shapes))
                output = Path(scratch) / f"{batch}x{length}"
                _run(export_command(spec, batch, length, transformer, Path(scratch) / f"{batch}x{length}-work", output))
                kept = into / output.name
                kept.mkdir()
                for name in (NEURON_FILE, CONFIG_FILE):
                    if not (output / name).is_file():
                        raise user_failure(Reason.COMPILE_FAILED, f"optimum-cli wrote no {name} for {output.name}; report it with the log")
                    shutil.copyfile(output / name, kept / name)

    def load(self, folder: Path, manifest: Manifest, workers: int) -> NeuronEngine:
        """Load each shape; all of them are on the first core, and so one call runs at a time."""
        require_optimum(installed(PACKAGE), installed("torch-neuronx"))
        require_device()
        tell_runtime(os.environ, manifest)
        from optimum import neuron  # type: ignore[import-not-found]  # noqa: PLC0415

        task = TASKS[manifest.task]
        loader, settings = getattr(neuron, task.exported.loader), json.loads((folder / SETTINGS_FILE).read_text())
        try:
            graphs = {
                (batch, length): _finished(loader.from_pretrained(str(folder / f"{batch}x{length}")), task, settings)
                for batch, length in shapes_of(manifest)
            }
        except RuntimeError as error:
            raise infrastructure_failure(
                Reason.UNEXPECTED, f"the Neuron runtime does not load the model: {error}; another process may hold the core"
            ) from error
        engine = NeuronEngine([graphs], piece_of(manifest))
        engine.wake()
        return engine


def _transformer_alone(model: Path, into: Path) -> Path:
    """The files of the transformer without those of sentence-transformers: Optimum would take the folder for a model of that library, and
    export another graph with another class."""
    into.mkdir()
    for pattern in ("config.json", "*.safetensors", "*.safetensors.index.json", "tokenizer*", "special_tokens_map.json", "vocab*"):
        for file in sorted(model.glob(pattern)):
            shutil.copyfile(file, into / file.name)
    return into


def _run(command: list[str]) -> None:
    """Run it, without the network: the model is here. Optimum hands its words on to a shell, so all of them are ours: numbers, words of
    this file, and paths below the temporary folder."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    try:
        ended = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    except FileNotFoundError as error:
        raise user_failure(Reason.UNSUPPORTED_TARGET, f"there is no optimum-cli in this image; {REMEDY}") from error
    if ended.returncode != 0:
        raise user_failure(
            Reason.COMPILE_FAILED,
            f"optimum-cli ended with code {ended.returncode}: {ended.stdout.strip()[-LOG_TAIL:]}; choose another back end",
        )


def _finished(model: Any, task: Task, settings: Mapping[str, Any]) -> Callable[[Any, Any], Any]:
    """From ids and mask to the task's output. Models with segments are told which tokens are of a second text."""
    segments = "token_type_ids" in model.config.neuron["input_names"]

    def run(ids: Any, mask: Any) -> Any:
        present, second = split(mask)
        found = getattr(
            model(input_ids=ids, attention_mask=present, **({"token_type_ids": second} if segments else {})), task.exported.output
        )
        return task.finish(found, mask, settings)

    return run
