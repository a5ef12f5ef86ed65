"""The artifacts that all servers serve: the model, with a head for each task, as the compile job publishes it for OpenVINO; kept in the user's cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import minilm
from bench.benchmark import Say
from bench.environment import interpreter
from bench.servers.inputs import CLASSIFICATION, EMBEDDINGS, RANKING, VISION
from steelyard_runtime.artifacts import manifest as manifests
from steelyard_runtime.artifacts.fetch import fetch_artifact
from unit.runtime.tiny import publish_tiny
from unit.runtime.tiny_vision import publish_vision, write

ROOT = Path(__file__).parents[3]
COMPILE = """
import json, shutil, sys
from pathlib import Path
from steelyard_runtime.compile.job import compile_model
from steelyard_runtime.compile.progress import Progress
from steelyard_runtime.compile.spec import compile_spec
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.logs import LogTail
from steelyard_runtime.models.digest import model_digest
task, key, model, store, scratch = sys.argv[1:]
classes = {"text-classification": 3, "text-ranking": 1}.get(task)
if classes:
    # A head of random weights: what it says is worth nothing, and takes as long as if it were.
    import torch
    from transformers import AutoModelForSequenceClassification
    torch.manual_seed(1)
    into = Path(scratch) / "model"
    AutoModelForSequenceClassification.from_pretrained(model, num_labels=classes).save_pretrained(into)
    shutil.copyfile(Path(model) / "tokenizer.json", into / "tokenizer.json")
    model, scratch = into, Path(scratch) / "work"
    scratch.mkdir()
lengths = [32, 64, 128]
if task == "image-classification":
    # As large as ViT-Tiny, with random weights.
    import tiny_vit
    model, lengths = Path(scratch) / "model", [1]
    sizes = {"hidden_size": 192, "num_hidden_layers": 12, "num_attention_heads": 3, "intermediate_size": 768, "patch_size": 16}
    tiny_vit.write(model, side=224, **{**sizes, "initializer_range": 0.02})
    scratch = Path(scratch) / "work"
    scratch.mkdir()
document = {
    "key": key, "model": {"uri": f"file://{model}", "digest": model_digest(Path(model)), "task": task},
    "backend": "openvino", "toolchain": {"openvino": installed("openvino")}, "target": "cpu/x86-64",
    "batchSizes": [1, 8], "sequenceLengths": lengths, "store": {"uri": f"file://{store}"},
}
compile_model(compile_spec({"STEELYARD_COMPILE_SPEC": json.dumps(document)}), Progress(LogTail()), Path(scratch))
"""
KEYS = {EMBEDDINGS: "5" * 64, CLASSIFICATION: "6" * 64, RANKING: "7" * 64, VISION: "8" * 64}
"""Of the artifact of each task."""
BALLAST = 512
"""Of the small model: work enough that a client can send more than a server answers."""


@dataclass(frozen=True)
class Artifact:
    """Of a task, in a store, and unpacked into `folder` with its manifest for servers that know no store. `scratch`: for what servers need beside it."""

    task: str
    uri: str
    digest: str
    folder: Path
    scratch: Path

    @property
    def store(self) -> Path:
        """The folder that the store is."""
        return Path(self.uri.removeprefix("file://")).parents[1]


def compiled(task: str, scratch: Path, say: Say, *, install: bool) -> Artifact:
    """Of the real model. Raises NotHereError."""
    return unpacked(task, f"file://{_published(task, say, install=install)}/{KEYS[task]}/{manifests.NAME}", scratch)


def tiny(task: str, scratch: Path) -> Artifact:
    """Of a small model, made here and now without torch: what it says is worth nothing, and it is as slow as a real one."""
    if task == VISION:
        published = publish_vision(write(scratch / "model"), "openvino")
    else:
        published = publish_tiny(scratch, task=task, ballast=BALLAST)
    return unpacked(task, published.uri, scratch)


def unpacked(task: str, uri: str, scratch: Path) -> Artifact:
    """Fetch its files, and put its manifest beside them."""
    folder = scratch / "artifact"
    manifest = fetch_artifact(uri, None, folder)
    (folder / manifests.NAME).write_bytes(manifest.encoded())
    return Artifact(task, uri, manifest.digest, folder, scratch)


def _published(task: str, say: Say, *, install: bool) -> Path:
    python = interpreter("compile", "runtime-compile.txt", say, install=install, megabytes=4500, python=">=3.11,<3.12")
    store = python.parents[2] / f"{python.parents[1].name}-store"
    if not (store / KEYS[task] / manifests.NAME).is_file():
        say(f"compiling the model once for {task}")
        shutil.rmtree(store / KEYS[task], ignore_errors=True)
        with tempfile.TemporaryDirectory() as scratch:
            environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'runtime'}:{ROOT / 'tests'}", "HF_HUB_OFFLINE": "1"}
            command = (python, "-W", "ignore", "-c", COMPILE, task, KEYS[task], minilm.fetch(), store, scratch)
            subprocess.run(command, env=environment, check=True, capture_output=True)
    return store
