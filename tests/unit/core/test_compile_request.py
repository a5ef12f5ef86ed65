"""What a compile asks for: the workload's word, else the configuration's, and more where the model is known to need it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steelyard.core.compiling.attempt import Attempts, Failure, FailureClass
from steelyard.core.compiling.compile_request import compile_resources
from steelyard.core.compiling.site import compile_site
from steelyard.core.compiling.way import Way, begins_anew
from steelyard.core.facts.resources import CompileResources, Resources
from steelyard.core.facts.snapshot import Settings, Workload
from unit.core.test_vllm import toolchain, workload

SETTINGS = Settings(toolchains={}, store_uri="s3://a", compile_resources=Resources(2.0, 8.0))


def of(parameters: float | None, *, text: bool = True) -> Workload:
    given = workload() if text else workload("steelyard", None)
    return replace(given, model=replace(given.model, parameters=parameters))


@pytest.mark.parametrize(
    ("parameters", "text", "dtype", "memory"),
    [
        (None, True, "bfloat16", None),
        (1000.0, True, "bfloat16", None),
        (8000.0, True, "bfloat16", 23.0),
        (8000.0, True, "float32", 35.0),
        (340.0, False, "float32", None),
        (8000.0, False, "bfloat16", 61.0),
    ],
)
def test_memory_follows_from_the_size_of_the_model_and_is_never_less_than_configured(
    parameters: float | None, text: bool, dtype: str, memory: float | None
) -> None:
    found = compile_resources(of(parameters, text=text), dtype, SETTINGS)
    assert found == (None if memory is None else CompileResources(2.0, memory))


def test_the_word_of_the_workload_goes_before_and_is_what_the_job_has_times_the_factor() -> None:
    said = CompileResources(8.0, 16.0, disk_gib=40.0)
    assert compile_resources(replace(of(70_000.0), compile_resources=said), "bfloat16", SETTINGS) == said
    site = compile_site(toolchain("vllm", "sm_90"), SETTINGS, (), attempt=2, factor=2, asked=said)
    assert site is not None
    assert (site.resources, site.disk_gib) == (Resources(8.0, 32.0), 40.0), "a model needs no more disk because it needed more memory"


@pytest.mark.parametrize(
    ("kind", "anew"), [(FailureClass.OUT_OF_MEMORY, True), (FailureClass.USER, True), (FailureClass.INFRASTRUCTURE, False)]
)
def test_more_memory_begins_a_compile_anew_that_ran_out_of_it(kind: FailureClass, anew: bool) -> None:
    failed = Attempts(count=4, factor=8, failure=Failure(failure_class=kind, reason="r", message="m"))
    before, after = Way("s3://m", None), Way("s3://m", None, CompileResources(8.0, 64.0))
    assert begins_anew(failed, before, after, shared=False) is anew
    assert not begins_anew(failed, after, after, shared=False)
    assert not begins_anew(failed, before, after, shared=True)
