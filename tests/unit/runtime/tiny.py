"""A tiny but real artifact, made without torch: an OpenVINO graph (embedding table, mean pooling, optional ballast) and a word tokenizer.

The graph goes through the production back end, so no test needs a fake that production could select.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import openvino
from openvino import opset13 as ops
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from steelyard_runtime.artifacts import golden as goldens
from steelyard_runtime.artifacts.golden import Golden, save_golden
from steelyard_runtime.artifacts.manifest import Cosine, Manifest
from steelyard_runtime.artifacts.publish import Published, files_of, publish
from steelyard_runtime.artifacts.store import open_store
from steelyard_runtime.compile.openvino import OpenVino
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.sha256 import hex_of_file
from steelyard_runtime.texts import WORDS, golden_texts
from steelyard_runtime.tokens import TextTokenizer, bucket_of, padded

DIMENSION = 16
LENGTHS = (16, 32, 64)
KEY = "0" * 63 + "a"


def build(folder: Path, *, ballast: int = 0, wrong_golden: bool = False) -> Manifest:
    """Write the artifact's files. `ballast` is the side of a matrix that every token is multiplied by: work, to make the server slow."""
    folder.mkdir(parents=True, exist_ok=True)
    _tokenizer().save(str(folder / "tokenizer.json"))
    openvino.save_model(_graph(ballast), folder / "model.xml", compress_to_fp16=False)
    manifest = _manifest(ballast)
    (folder / goldens.NAME).unlink(missing_ok=True)
    texts = golden_texts(4, 1, LENGTHS[-1])
    save_golden(Golden(texts, tuple(_reference(folder, manifest, texts, wrong=wrong_golden))), folder)
    return replace(manifest, golden_sha256=hex_of_file(folder / goldens.NAME), files=files_of(folder))


def publish_tiny(root: Path, *, key: str = KEY, ballast: int = 0, wrong_golden: bool = False) -> Published:
    """Publish the artifact into a store below `root`."""
    manifest = replace(build(root / f"build-{key[-1]}", ballast=ballast, wrong_golden=wrong_golden), key=key)
    return publish(open_store(f"file://{root}/store"), root / f"build-{key[-1]}", manifest)


def _tokenizer() -> Tokenizer:
    words = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", ".", *sorted({word.lower() for word in WORDS} | {word.capitalize() for word in WORDS})]
    tokenizer = Tokenizer(WordLevel({word: index for index, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    tokenizer.enable_padding(length=64)  # as saved tokenizers often do; the runtime must not follow
    return tokenizer


def _graph(ballast: int) -> openvino.Model:
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
    weight = ops.unsqueeze(ops.convert(mask, np.float32), ops.constant(np.int64(-1)))
    total = ops.reduce_sum(ops.multiply(hidden, weight), ops.constant(np.int64(1)))
    count = ops.reduce_sum(weight, ops.constant(np.int64(1)))
    mean = ops.divide(total, count)
    norm = ops.sqrt(ops.reduce_sum(ops.multiply(mean, mean), ops.constant(np.int64(1)), True))
    return openvino.Model([ops.divide(mean, norm)], [ids, mask], "tiny")


def _reference(folder: Path, manifest: Manifest, texts: tuple[str, ...], *, wrong: bool) -> np.ndarray:
    if wrong:
        return np.random.default_rng(3).standard_normal((len(texts), DIMENSION)).astype(np.float32)
    engine = OpenVino().load(folder, manifest, 1)
    rows, _ = TextTokenizer(folder, LENGTHS[-1]).encode(texts)
    return np.stack([engine.run(*padded([row], bucket_of(len(row), LENGTHS), 1))[0] for row in rows])


def _manifest(ballast: int) -> Manifest:
    return Manifest(
        key=KEY,
        model_digest="sha256:" + "1" * 64,
        model_revision=None,
        task="embeddings",
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
        golden_samples=4,
        accuracy=Cosine(DIMENSION, 1.0, 0.9999),
        files=(),
    )
