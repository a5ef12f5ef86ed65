"""A task that Steelyard's own server does not do is told, and no Job is made that would fail."""

from __future__ import annotations

import pytest

from steelyard.core.compiling.candidate import Candidate
from steelyard.core.vocabulary.reason import Reason
from steelyard.core.vocabulary.task import SERVED
from unit.core.test_vllm import pool, seen, toolchain, workload


def found(task: str, server: str = "steelyard") -> Candidate:
    (only,) = seen(workload(server, None, task), pool("cpu", "cpu", "openvino"), openvino=toolchain("openvino", "cpu/x86-64")).values()
    return only


@pytest.mark.parametrize("task", ["fill-mask", "text-generation", ""])
def test_a_task_that_nobody_does_is_told(task: str) -> None:
    refusal = found(task).refusal
    assert refusal is not None
    assert refusal.reason is Reason.UNSUPPORTED_TASK
    assert "text-ranking" in refusal.message


@pytest.mark.parametrize("task", SERVED)
def test_every_task_that_the_server_does_is_compiled(task: str) -> None:
    refusal = found(task).refusal
    assert refusal is not None
    assert refusal.reason is Reason.COMPILING


@pytest.mark.parametrize("server", ["existing", "vllm"])
def test_other_servers_do_as_they_do(server: str) -> None:
    refusal = found("image-classification", server).refusal
    assert refusal is None or refusal.reason is not Reason.UNSUPPORTED_TASK
