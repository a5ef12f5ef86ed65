"""The tasks of Steelyard's own server are the same ones everywhere: what users may say, what is asked of the server, and what the server does."""

from steelyard.api.inference_workload import InferenceWorkload
from steelyard.api.parse import parse
from steelyard.api.task import TASKS as SAID
from steelyard.control.gather.compile_job import accuracy_of
from steelyard.core.facts.accuracy import Measure
from steelyard.core.vocabulary.task import SERVED
from steelyard_runtime.tasks.registry import TASKS
from unit.api.objects import changed, workload


def test_what_users_may_say_is_what_the_server_does() -> None:
    assert tuple(SERVED) == SAID
    assert set(SERVED.values()) == set(TASKS)


def test_every_spelling_of_before_is_taken() -> None:
    for task in (*TASKS, "feature-extraction", "sentence-similarity", "embeddings"):
        assert isinstance(parse(InferenceWorkload, changed(workload(), {"spec.model.task": task})), InferenceWorkload), task


def test_the_operator_understands_each_figure_that_a_compile_tells() -> None:
    told = {task.measure.word: accuracy_of({task.measure.word: 0.5}) for task in TASKS.values()}
    assert all(found is not None and found.value == 0.5 for found in told.values())
    assert {found.measure for found in told.values() if found} == set(Measure) - {Measure.WORST_LOGPROB}
