"""A task that Steelyard's own server does not do is told, and no Job is made that would fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steelyard.core.compiling.candidate import Candidate
from steelyard.core.decide import decide
from steelyard.core.vocabulary.reason import Reason
from steelyard.core.vocabulary.task import SERVED
from unit.core.test_vllm import pool, seen, toolchain, workload
from unit.core.world import START, Ground, World


def found(task: str, server: str = "steelyard") -> Candidate:
    (only,) = seen(workload(server, None, task), pool("cpu", "cpu", "openvino"), openvino=toolchain("openvino", "cpu/x86-64")).values()
    return only


@pytest.mark.parametrize("task", ["fill-mask", "text-generation", ""])
def test_a_task_that_nobody_does_is_told(task: str) -> None:
    refusal = found(task).refusal
    assert refusal is not None
    assert refusal.reason is Reason.UNSUPPORTED_TASK
    assert "text-ranking" in refusal.message


def test_it_is_told_once_for_all_pools_and_nothing_is_compiled_for_it() -> None:
    facts = World({"a": Ground(compiled=False), "b": Ground(compiled=False)}, rate=4.0).snapshot()
    assert decide(facts, START).intent.compile != ()
    model = replace(facts.workload.model, task="fill-mask")
    decision = decide(replace(facts, workload=replace(facts.workload, model=model), artifacts={}), START)
    assert decision.intent.compile == ()
    assert decision.reason is Reason.UNSUPPORTED_TASK and decision.message.count("fill-mask") == 1


@pytest.mark.parametrize("task", SERVED)
def test_every_task_that_the_server_does_is_compiled(task: str) -> None:
    refusal = found(task).refusal
    assert refusal is not None
    assert refusal.reason is Reason.COMPILING


@pytest.mark.parametrize("server", ["existing", "vllm"])
def test_other_servers_do_as_they_do(server: str) -> None:
    refusal = found("image-classification", server).refusal
    assert refusal is None or refusal.reason is not Reason.UNSUPPORTED_TASK
