"""The tasks of Steelyard's own server are the same ones everywhere: what users may say, what is asked of the server, and what the server does."""

from typing import Any

import pytest

from steelyard.api.inference_workload import InferenceWorkload
from steelyard.api.parse import parse
from steelyard.api.task import GRAPHS as SAID_GRAPHS
from steelyard.api.task import TASKS as SAID
from steelyard.api.task_measure import measure_of
from steelyard.api.vllm_task import TEXT, VLLM_TASKS
from steelyard.control.gather.compile_job import accuracy_of
from steelyard.core.facts.accuracy import Measure
from steelyard.core.vocabulary.task import GRAPHS as KNOWN_GRAPHS
from steelyard.core.vocabulary.task import READ_ONNX, SERVED
from steelyard_runtime.compile.backend import GraphBackend
from steelyard_runtime.compile.choose import BACKENDS, TORCH_NEURON
from steelyard_runtime.generate.task import EMBED, task_of
from steelyard_runtime.tasks.registry import GRAPHS, TASKS, endpoints_of
from steelyard_runtime.tasks.registry import SERVED as DONE
from steelyard_runtime.tensors.difference import LARGEST_DIFFERENCE
from unit.api.objects import changed, workload


def test_what_users_may_say_is_what_the_server_does() -> None:
    assert tuple(SERVED) == SAID
    assert set(SERVED.values()) == set(DONE)
    assert set(SAID_GRAPHS) == KNOWN_GRAPHS == set(GRAPHS)


def test_back_ends_that_the_operator_gives_graphs_to_are_those_that_read_them() -> None:
    assert {each.name for each in (*BACKENDS, TORCH_NEURON) if isinstance(each, GraphBackend)} == READ_ONNX


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
    assert "their inputs have no lengths" in str(refusal)
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


@pytest.mark.parametrize("task", SAID)
def test_the_measure_that_users_give_a_limit_of_is_the_one_that_the_server_is_compared_by(task: str) -> None:
    done = SERVED[task]
    word = (TASKS[done].measure if done in TASKS else LARGEST_DIFFERENCE).word
    told = accuracy_of({word: 0.5})
    assert told is not None and measure_of(task, vllm=False) == told.measure.value


@pytest.mark.parametrize("task", [None, *VLLM_TASKS])
def test_vllm_is_compared_by_a_cosine_where_it_gives_vectors_and_else_by_log_probabilities(task: str | None) -> None:
    vectors = task_of(task or TEXT) is EMBED
    assert measure_of(task, vllm=True) == (Measure.LEAST_COSINE if vectors else Measure.WORST_LOGPROB).value


@pytest.mark.parametrize("vllm", [True, False])
@pytest.mark.parametrize("measure", Measure)
@pytest.mark.parametrize("task", ["feature-extraction", "text-classification", "text-ranking"])
def test_a_limit_by_another_measure_is_refused(task: str, measure: Measure, vllm: bool) -> None:
    asked = {
        "spec.model.task": task,
        "spec.server": {"vllm" if vllm else "steelyard": {}},
        "spec.objective.accuracy": [{"measure": measure.value, "limit": "0.5"}],
    }
    read = parse(InferenceWorkload, changed(workload(), asked))
    fits = measure.value == measure_of(task, vllm=vllm)
    assert isinstance(read, InferenceWorkload) == fits
    assert fits or "must be by the one measure that is told of model.task" in str(read)
