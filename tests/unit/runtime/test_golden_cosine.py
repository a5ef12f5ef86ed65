"""Golden samples go through every graph, and through every row of it."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from steelyard_runtime.accuracy import golden_accuracy
from steelyard_runtime.artifacts.golden import Golden
from steelyard_runtime.compile import compiling
from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.serve.model import Model
from steelyard_runtime.tasks.embeddings import EmbeddingHead, Embeddings
from steelyard_runtime.tokens import TextTokenizer
from unit.runtime import tiny

TASK = Embeddings()
TEXTS = ("one", "two words", "three short words", "a fourth text of some more words")


class Fake:
    """Answers with the number of tokens of each row; where `wrong` says so with something else."""

    def __init__(self, wrong: Callable[[int, int], bool], *, fixed: bool = True) -> None:
        self.fixed_batch, self.fixed_lengths, self.workers = fixed, True, 1
        self.batches: set[int] = set()
        self._wrong = wrong

    def run(self, ids: Any, mask: Any) -> Any:
        self.batches.add(len(ids))
        found = np.stack([mask.sum(1), np.ones(len(ids))], 1).astype(np.float32)
        found[[row for row in range(len(ids)) if self._wrong(len(ids), row)]] = [0.0, 1.0]
        return found


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> TextTokenizer:
    folder = tmp_path_factory.mktemp("tiny")
    tiny.build(folder)
    return TextTokenizer(folder, 32)


def least(engine: Fake, tokenizer: TextTokenizer) -> float:
    rows, _ = tokenizer.encode(TEXTS)
    golden = Golden(TEXTS, tuple(np.array([len(row), 1.0], np.float32) for row in rows))
    return golden_accuracy(TASK, engine, EmbeddingHead(tokenizer), (16, 32), (1, 4), golden)


def test_each_batch_size_with_a_graph_of_its_own_is_asked(tokenizer: TextTokenizer) -> None:
    engine = Fake(lambda batch, row: False)
    assert least(engine, tokenizer) > 0.9999 and engine.batches == {1, 4}
    assert least(Fake(lambda batch, row: batch == 4), tokenizer) < 0.5
    one = Fake(lambda batch, row: batch == 4, fixed=False)
    assert least(one, tokenizer) > 0.9999 and one.batches == {1}


@pytest.mark.parametrize("wrong", range(4))
def test_a_row_that_is_wrong_is_seen_whichever_it_is(wrong: int, tokenizer: TextTokenizer) -> None:
    assert least(Fake(lambda batch, row: batch == 4 and row == wrong), tokenizer) < 0.5


def test_a_server_and_a_compile_ask_each_batch_size_of_the_manifest(tokenizer: TextTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, _ = tokenizer.encode(TEXTS)
    golden = Golden(TEXTS, tuple(np.array([len(row), 1.0], np.float32) for row in rows))
    manifest: Any = SimpleNamespace(
        batch_sizes=(1, 4),
        sequence_lengths=(16, 32),
        golden_samples=4,
        tolerance=0.9,
        task="embeddings",
        dtype="float32",
        quantization="none",
    )
    broken = Fake(lambda batch, row: batch == 4)
    assert Model(manifest, broken, EmbeddingHead(tokenizer), golden).golden_accuracy() < 0.5
    backend: Any = SimpleNamespace(name="fake", load=lambda *_: broken)
    with pytest.raises(Failure) as refused:
        compiling._check(backend, Path(), manifest, EmbeddingHead(tokenizer), golden)
    assert refused.value.reason is Reason.ACCURACY_TOO_LOW
