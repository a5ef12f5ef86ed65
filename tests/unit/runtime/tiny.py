"""A tiny but real artifact of each task, made without torch: an OpenVINO graph (a table of words, and what the task reads off it; optional ballast)
and a word tokenizer.

The graph goes through the production back end, so no test needs a fake that production could select.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from openvino import opset13 as ops
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from steelyard_runtime.accuracy import answers_to
from steelyard_runtime.artifacts import golden as goldens
from steelyard_runtime.artifacts.golden import Golden, save_golden
from steelyard_runtime.artifacts.manifest import Cosine, Manifest, Measured
from steelyard_runtime.artifacts.publish import Published, files_of, publish
from steelyard_runtime.artifacts.store import open_store
from steelyard_runtime.compile.openvino import OpenVino
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.sha256 import hex_of_file
from steelyard_runtime.tasks.registry import TASKS
from steelyard_runtime.texts import WORDS

DIMENSION = 16
LENGTHS = (16, 32, 64)
KEY = "0" * 63 + "a"
NAMES = {"text-classification": ("joy", "anger", "calm"), "token-classification": ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")}
"""Classes, by task."""


def build(folder: Path, *, task: str = "embeddings", ballast: int = 0, wrong_golden: bool = False) -> Manifest:
    """Write the artifact's files. `ballast` is the side of a matrix that every token is multiplied by: work, to make the server slow."""
    folder.mkdir(parents=True, exist_ok=True)
    _tokenizer().save(str(folder / "tokenizer.json"))
    openvino.save_model(_graph(task, ballast), folder / "model.xml", compress_to_fp16=False)
    if task in NAMES:
        (folder / "labels.json").write_text(json.dumps({"names": NAMES[task], "several": False}))
    manifest = _manifest(task, ballast)
    (folder / goldens.NAME).unlink(missing_ok=True)
    samples = TASKS[task].samples(4, 1, LENGTHS[-1])
    save_golden(Golden(samples, tuple(_reference(folder, manifest, samples, wrong=wrong_golden))), folder)
    return replace(manifest, golden_sha256=hex_of_file(folder / goldens.NAME), files=files_of(folder))


def publish_tiny(root: Path, *, key: str = KEY, task: str = "embeddings", ballast: int = 0, wrong_golden: bool = False) -> Published:
    """Publish the artifact into a store below `root`."""
    manifest = replace(build(root / f"build-{key[-1]}", task=task, ballast=ballast, wrong_golden=wrong_golden), key=key)
    return publish(open_store(f"file://{root}/store"), root / f"build-{key[-1]}", manifest)


def _tokenizer() -> Tokenizer:
    words = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", ".", *sorted({word.lower() for word in WORDS} | {word.capitalize() for word in WORDS})]
    tokenizer = Tokenizer(WordLevel({word: index for index, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.enable_padding(length=64)  # as saved tokenizers often do; the runtime must not follow
    return tokenizer


def _graph(task: str, ballast: int) -> openvino.Model:
    chance = np.random.default_rng(7)
    size = _tokenizer().get_vocab_size()
    ids = ops.parameter([-1, -1], np.int64, name="input_ids")
    mask = ops.parameter([-1, -1], np.int64, name="attention_mask")
    for parameter, name in ((ids, "input_ids"), (mask, "attention_mask")):
        parameter.output(0).get_tensor().set_names({name})
    width = ballast or DIMENSION
    table = ops.constant(chance.standard_normal((size, width)).astype(np.float32))
    hidden = ops.gather(table, ids, ops.constant(np.int64(0)))
    for _ in range(8 if ballast else 0):
        weight = ops.constant((chance.standard_normal((ballast, ballast)) / np.sqrt(ballast)).astype(np.float32))
        hidden = ops.tanh(ops.matmul(hidden, weight, False, False))
    if ballast:
        weight = ops.constant(chance.standard_normal((ballast, DIMENSION)).astype(np.float32))
        hidden = ops.matmul(hidden, weight, False, False)
    return openvino.Model([_READ[task](hidden, mask, chance)], [ids, mask], "tiny")


def _mean(hidden: Any, counted: Any) -> Any:
    """Of the tokens that are counted: [batch, length, width] and booleans [batch, length] -> [batch, width]."""
    weight = ops.unsqueeze(ops.convert(counted, np.float32), ops.constant(np.int64(-1)))
    total = ops.reduce_sum(ops.multiply(hidden, weight), ops.constant(np.int64(1)))
    return ops.divide(total, ops.maximum(ops.reduce_sum(weight, ops.constant(np.int64(1))), ops.constant(np.float32(1))))


def _present(mask: Any) -> Any:
    return ops.greater(mask, ops.constant(np.int64(0)))


def _vector(hidden: Any, mask: Any, _: Any) -> Any:
    mean = _mean(hidden, _present(mask))
    return ops.divide(mean, ops.sqrt(ops.reduce_sum(ops.multiply(mean, mean), ops.constant(np.int64(1)), True)))


def _classes(names: tuple[str, ...], chance: Any) -> Any:
    return ops.constant(chance.standard_normal((DIMENSION, len(names))).astype(np.float32) / 2)


def _classes_of_text(hidden: Any, mask: Any, chance: Any) -> Any:
    return ops.matmul(_mean(hidden, _present(mask)), _classes(NAMES["text-classification"], chance), False, False)


def _classes_of_tokens(hidden: Any, _: Any, chance: Any) -> Any:
    return ops.matmul(hidden, _classes(NAMES["token-classification"], chance), False, False)


def _likeness(hidden: Any, mask: Any, _: Any) -> Any:
    """Of the words of two texts: a document with the query's words scores high."""
    first, second = (_mean(hidden, ops.equal(mask, ops.constant(np.int64(segment)))) for segment in (1, 2))
    return ops.reduce_sum(ops.multiply(first, second), ops.constant(np.int64(1)), True)


_READ = {
    "embeddings": _vector,
    "text-classification": _classes_of_text,
    "token-classification": _classes_of_tokens,
    "text-ranking": _likeness,
}


def _reference(folder: Path, manifest: Manifest, samples: Sequence[Any], *, wrong: bool) -> list[np.ndarray]:
    engine, head = OpenVino().load(folder, manifest, 1), TASKS[manifest.task].head(folder, LENGTHS[-1])
    found = answers_to(engine.run, head, LENGTHS, 1, samples)
    chance = np.random.default_rng(3)
    return [chance.standard_normal(answer.shape).astype(np.float32) for answer in found] if wrong else found


def _manifest(task: str, ballast: int) -> Manifest:
    measure = TASKS[task].measure
    return Manifest(
        key=KEY,
        model_digest="sha256:" + "1" * 64,
        model_revision=None,
        task=task,
        backend="openvino",
        toolchain=(("openvino", installed("openvino") or ""),),
        target="cpu/x86-64",
        dtype="float32",
        quantization="none",
        batch_sizes=(1, 8),
        sequence_lengths=LENGTHS,
        tensor_parallel=1,
        flags=(f"ballast={ballast}",) if ballast else (),
        golden_sha256="0" * 64,
        golden_samples=len(TASKS[task].samples(4, 1, LENGTHS[-1])),
        accuracy=Cosine(DIMENSION, 1.0, 0.9999)
        if task == "embeddings"
        else Measured(measure.word, 1.0 if measure.more_is_nearer else 0.0, TASKS[task].tolerance("float32", "none")),
        files=(),
    )
