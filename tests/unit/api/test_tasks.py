"""The tasks of Steelyard's own server are the same ones everywhere: what users may say, what is asked of the server, and what the server does."""

from typing import Any

import pytest

from steelyard.api.inference_workload import InferenceWorkload
from steelyard.api.parse import parse
from steelyard.api.task import GRAPHS as SAID_GRAPHS
from steelyard.api.task import TASKS as SAID
from steelyard.api.vllm_task import TEXT, VLLM_TASKS
from steelyard.control.gather.compile_job import accuracy_of
from steelyard.core.facts.accuracy import Measure
from steelyard.core.vocabulary.task import GRAPHS as KNOWN_GRAPHS
from steelyard.core.vocabulary.task import SERVED
from steelyard_runtime.generate.task import task_of
from steelyard_runtime.tasks.registry import GRAPHS, TASKS, endpoints_of
from steelyard_runtime.tasks.registry import SERVED as DONE
from steelyard_runtime.tensors.difference import LARGEST_DIFFERENCE
from unit.api.objects import changed, workload


def test_what_users_may_say_is_what_the_server_does() -> None:
    assert tuple(SERVED) == SAID
    assert set(SERVED.values()) == set(DONE)
    assert set(SAID_GRAPHS) == KNOWN_GRAPHS == set(GRAPHS)


@pytest.mark.parametrize("task", VLLM_TASKS)
def test_where_a_load_generator_asks_is_judged_by_vllm_too(task: str) -> None:
    word = SERVED.get(task, task)
    path = "/v1/completions" if task == TEXT else endpoints_of(word)[0].path
    assert path in task_of(word).judged
    assert task_of(word) is task_of(task), "whichever of the two words is said"


@pytest.mark.parametrize("task", sorted(GRAPHS))
@pytest.mark.parametrize(
    "lengths",
    [{"sequenceLengths": [128]}, {"sequenceLengths": [128, 256, 512]}, {"families": [{"family": "cpu", "sequenceLengths": [128, 512]}]}],
    ids=["other", "more", "of a family"],
)
def test_lengths_of_texts_are_refused_for_what_is_none(task: str, lengths: dict[str, Any]) -> None:
    changes = {"spec.model.task": task, "spec.compile": lengths}
    refusal = parse(InferenceWorkload, changed(workload(), changes))
    assert not isinstance(refusal, InferenceWorkload)
    assert "their inputs are no texts" in str(refusal)
    usual = parse(
        InferenceWorkload, changed(workload(), {**changes, "spec.compile": {"sequenceLengths": [512, 128], "batchSizes": [1, 4]}})
    )
    assert isinstance(usual, InferenceWorkload)


def test_every_spelling_of_before_is_taken() -> None:
    for task in (*DONE, "feature-extraction", "sentence-similarity", "embeddings"):
        assert isinstance(parse(InferenceWorkload, changed(workload(), {"spec.model.task": task})), InferenceWorkload), task


def test_the_operator_understands_each_figure_that_a_compile_tells() -> None:
    told = {task.measure.word: accuracy_of({task.measure.word: 0.5}) for task in TASKS.values()}
    told |= {LARGEST_DIFFERENCE.word: accuracy_of({LARGEST_DIFFERENCE.word: 0.5})}
    assert all(found is not None and found.value == 0.5 for found in told.values())
    assert {found.measure for found in told.values() if found} == set(Measure) - {Measure.WORST_LOGPROB}
