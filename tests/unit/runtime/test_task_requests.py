"""A request of each task by a load generator is as long as what was seen of a server's requests."""

import json
import random
from pathlib import Path

import pytest

from steelyard_runtime.tasks.registry import TASKS
from steelyard_runtime.texts import text_of
from unit.runtime import tiny


@pytest.mark.parametrize("task", sorted(TASKS))
@pytest.mark.parametrize("tokens", [120, 480])
def test_a_request_made_for_so_many_tokens_has_about_as_many(task: str, tokens: int, tmp_path: Path) -> None:
    tiny.build(tmp_path, task=task)
    head, chance = TASKS[task].head(tmp_path, 10_000), random.Random(1)
    asked = json.loads(TASKS[task].body("m", text_of(TASKS[task].words(tokens), chance), chance))
    texts = [(asked["query"], each) for each in asked["documents"]] if "query" in asked else [asked["input"]]
    rows, cut = head.encode(texts)
    assert cut == 0
    assert sum(map(len, rows)) == pytest.approx(tokens, rel=0.15)


@pytest.mark.parametrize("task", sorted(TASKS))
def test_golden_samples_are_of_all_lengths_and_the_same_on_every_machine(task: str, tmp_path: Path) -> None:
    tiny.build(tmp_path, task=task)
    samples = TASKS[task].samples(8, 1, 64)
    assert samples == TASKS[task].samples(8, 1, 64)
    assert samples != TASKS[task].samples(8, 2, 64)
    lengths = [len(row) for row in TASKS[task].head(tmp_path, 10_000).encode(samples)[0]]
    assert len(samples) == 8
    assert min(lengths) <= 20
    assert 50 <= max(lengths) <= 64
