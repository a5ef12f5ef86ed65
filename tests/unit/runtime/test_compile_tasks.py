"""Every back end on every task beside embeddings, on small models: the same laws for all. Needs torch: runs in the compile image."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tiny_heads
from compile_image import IN_COMPILE_IMAGE
from steelyard_runtime.accuracy import answers_to
from steelyard_runtime.artifacts.fetch import fetch_artifact
from steelyard_runtime.artifacts.golden import load_golden
from steelyard_runtime.artifacts.manifest import Manifest, Measured
from steelyard_runtime.compile.choose import backend_named
from steelyard_runtime.compile.job import compile_model
from steelyard_runtime.compile.progress import Progress
from steelyard_runtime.compile.spec import CompileSpec, compile_spec
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.logs import LogTail
from steelyard_runtime.models.digest import model_digest
from steelyard_runtime.tasks.registry import TASKS
from unit.runtime.test_compile_minilm import BACKENDS
from unit.runtime.test_spec import COMPILE

pytestmark = list(IN_COMPILE_IMAGE)
LENGTHS = (16, 64)
MODELS = (("text-classification", "Bert"), ("token-classification", "Roberta"), ("text-ranking", "Bert"))


def asked(folder: Path, task: str, backend: str, model: Path, **change: Any) -> CompileSpec:
    package = backend_named(backend).packages[0]
    base = compile_spec({"STEELYARD_COMPILE_SPEC": json.dumps(COMPILE)})
    spec = replace(
        base,
        task=task,
        model_uri=f"file://{model}",
        model_digest=model_digest(model),
        backend=backend,
        toolchain=((package, installed(package) or ""),),
        target=BACKENDS[backend],
        sequence_lengths=LENGTHS,
        store_uri=f"file://{folder / 'store'}",
    )
    return replace(spec, **change)


def compiled(folder: Path, spec: CompileSpec) -> tuple[Manifest, Path]:
    (folder / "scratch").mkdir()
    published, _ = compile_model(spec, Progress(LogTail()), folder / "scratch")
    return fetch_artifact(published.uri, published.digest, folder / "artifact"), folder / "artifact"


@pytest.mark.parametrize(
    ("task", "family", "backend"),
    [
        *((*model, backend) for model in MODELS for backend in sorted(BACKENDS)),
        # How pairs are told apart without second texts is the tokenizer's matter, and no back end's.
        ("text-ranking", "Roberta", "openvino"),
    ],
)
def test_what_a_back_end_makes_of_a_task_is_as_good_as_the_reference(tmp_path: Path, task: str, family: str, backend: str) -> None:
    model = tiny_heads.write(tmp_path / "model", task, family=family)
    manifest, folder = compiled(tmp_path, asked(tmp_path, task, backend, model))
    assert isinstance(manifest.accuracy, Measured)
    assert manifest.accuracy.value is not None
    measure, golden = TASKS[task].measure, load_golden(folder)
    assert (manifest.task, manifest.accuracy.measure, manifest.golden_samples) == (task, measure.word, 8)
    assert measure.keeps(manifest.accuracy.value, manifest.tolerance)
    head, engine = TASKS[task].head(folder, LENGTHS[-1]), backend_named(backend).load(folder, manifest, 2)
    for batch in (1, 3, 8):
        assert measure.keeps(head.compare(answers_to(engine.run, head, LENGTHS, batch, golden.samples), golden.answers), manifest.tolerance)
    others = [answer[..., ::-1] if answer.shape[-1] > 1 else -answer for answer in golden.answers]
    assert not measure.keeps(head.compare(others, golden.answers), manifest.tolerance)


def test_the_reference_is_what_transformers_says_of_a_text_and_of_a_pair(tmp_path: Path) -> None:
    import torch
    import transformers

    model = tiny_heads.write(tmp_path / "model", "text-ranking")
    manifest, folder = compiled(tmp_path, asked(tmp_path, "text-ranking", "openvino", model, dtype="float32"))
    head = TASKS["text-ranking"].head(folder, LENGTHS[-1])
    engine = backend_named("openvino").load(folder, manifest, 1)
    pairs = [("the time", "good evening and more of it"), ("the time", "the time of the day")]
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(model).eval()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(model / "tokenizer.json"), pad_token="[PAD]")
    given = tokenizer([q for q, _ in pairs], [d for _, d in pairs], padding=True, return_tensors="pt", return_token_type_ids=True)
    assert given["token_type_ids"].max() == 1
    with torch.no_grad():
        expected = theirs(**given).logits.numpy()
    np.testing.assert_allclose(np.stack(answers_to(engine.run, head, LENGTHS, 2, pairs)), expected, atol=1e-4)


def test_an_encoder_without_the_head_is_no_model_for_the_task(tmp_path: Path) -> None:
    model = tiny_heads.write(tmp_path / "model", "fill")
    with pytest.raises(Failure, match=r"no weights for classifier\.bias.*no model for this task") as refused:
        compiled(tmp_path, asked(tmp_path, "text-classification", "eager", model))
    assert refused.value.reason is Reason.MODEL_UNREADABLE


def test_a_model_with_several_scores_does_not_rank(tmp_path: Path) -> None:
    model = tiny_heads.write(tmp_path / "model", "text-classification")
    with pytest.raises(Failure, match="ends in one score, and this one in 3") as refused:
        compiled(tmp_path, asked(tmp_path, "text-ranking", "eager", model))
    assert refused.value.reason is Reason.UNSUPPORTED_OPTION


@pytest.mark.parametrize("task", ["text-classification", "token-classification", "text-ranking"])
def test_other_weights_are_refused(tmp_path: Path, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_heads.write(tmp_path / "model", task)
    other = TASKS[task].reference(tiny_heads.write(tmp_path / "other", task, seed=2))
    backend = backend_named("openvino")
    honest = backend.compile
    monkeypatch.setattr(type(backend), "compile", lambda _, encoder, *rest: honest(other, *rest))
    with pytest.raises(Failure) as refused:
        compiled(tmp_path, asked(tmp_path, task, "openvino", model))
    assert refused.value.reason is Reason.ACCURACY_TOO_LOW


@pytest.mark.parametrize("quantization", ["int8weightonly", "int8dynamic"])
def test_weights_of_8_bits_keep_their_own_limit(tmp_path: Path, quantization: str) -> None:
    model = tiny_heads.write(tmp_path / "model", "text-classification")
    spec = asked(tmp_path, "text-classification", "openvino", model, dtype="float32", quantization=quantization)
    manifest, _ = compiled(tmp_path, spec)
    assert isinstance(manifest.accuracy, Measured)
    assert manifest.accuracy.value is not None
    assert 0 < manifest.accuracy.value <= manifest.tolerance
