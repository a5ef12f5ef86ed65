"""A compile that fails makes a pool ineligible, with a reason and a time of the next try, and never touches serving."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from fault.meanwhile import meanwhile
from fault.move_run import SOON, MoveRun
from stub.compiler import CompileFailure
from stub.world import Play

pytestmark = pytest.mark.apiserver


def compiled(run: MoveRun, backend: str):
    """The CompiledModel of a back end."""
    found = [c for c in run.listed("steelyard.dev/v1alpha1/compiledmodels") if c["metadata"]["name"].startswith(backend)]
    return found[0] if found else {}


def jobs(run: MoveRun, backend: str) -> list[str]:
    """Names of the compile Jobs of a back end."""
    return sorted(j["metadata"]["name"] for j in run.listed("batch/v1/jobs") if j["metadata"]["name"].startswith(backend))


def memory(run: MoveRun, backend: str) -> list[str]:
    """What each attempt may use."""
    found = [j for j in run.listed("batch/v1/jobs") if j["metadata"]["name"].startswith(backend)]
    found.sort(key=lambda j: j["metadata"]["name"])
    return [j["spec"]["template"]["spec"]["initContainers"][1]["resources"]["limits"]["memory"] for j in found]


def until_failed(run: MoveRun, backend: str, failure_class: str):
    """Its status once it has failed like this."""
    run.until(
        f"{backend} to fail", lambda _: (compiled(run, backend).get("status", {}).get("failure") or {}).get("class") == failure_class, SOON
    )
    return compiled(run, backend)["status"]


def serving_is_untouched(run: MoveRun) -> None:
    """The other pool serves, and nothing moves."""
    run.until_serving()
    assert run.holds() == run.dear
    option = next(o for o in run.status()["lastDecision"]["options"] if o["pool"] == run.cheap)
    assert option["reason"] == "CompileFailed"
    assert run.world.lost == 0


@meanwhile
def test_what_failed_is_let_go_of_when_the_workload_asks_for_something_else_and_what_serves_stays(a_move):
    run = a_move(small=True, play=Play(compiles={"onnxruntime": CompileFailure("User", "the model has no such task")}))
    run.start_operator()
    run.apply(mode="Observe")
    until_failed(run, "onnxruntime", "User")
    run.until_serving()
    failed, serves = (compiled(run, backend)["metadata"]["name"] for backend in ("onnxruntime", "openvino"))

    def names() -> set[str]:
        return {c["metadata"]["name"] for c in run.listed("steelyard.dev/v1alpha1/compiledmodels")}

    run.ask_for(compile={"batchSizes": [1, 8], "sequenceLengths": [32]})
    run.apply(mode="Observe")
    run.until("the failed one to be gone", lambda _: failed not in names() and len(names()) == 3)
    assert serves in names(), "to go back to"
    assert run.world.lost == 0


@meanwhile
def test_a_users_error_is_told_and_never_tried_again(a_move):
    run = a_move(small=True, play=Play(compiles={"onnxruntime": CompileFailure("User", "the model has no such task")}))
    run.start_operator()
    run.apply()
    status = until_failed(run, "onnxruntime", "User")
    assert "nextRetryTime" not in status
    run.until_serving()
    run.until(
        "the option to be refused",
        lambda s: any(o["reason"] == "CompileFailed" for o in (s.get("lastDecision") or {}).get("options", ())),
        SOON,
    )
    time.sleep(15)
    assert len(jobs(run, "onnxruntime")) == 1
    serving_is_untouched(run)
    assert run.condition("Compiled")["reason"] == "CompileFailed"


@meanwhile
def test_running_out_of_memory_is_tried_again_at_once_with_twice_as_much(a_move):
    run = a_move(small=True, play=Play(compiles={"onnxruntime": CompileFailure("Killed")}))
    run.start_operator()
    run.apply()
    run.until("four attempts", lambda _: len(jobs(run, "onnxruntime")) == 4, SOON)
    assert memory(run, "onnxruntime") == ["4Gi", "8Gi", "16Gi", "32Gi"]
    run.until(
        "the end of the attempts",
        lambda _: compiled(run, "onnxruntime")["status"].get("failure") and not compiled(run, "onnxruntime")["status"].get("jobName"),
        SOON,
    )
    time.sleep(10)
    assert len(jobs(run, "onnxruntime")) == 4, "it does not fit anywhere"
    serving_is_untouched(run)


@meanwhile
@pytest.mark.parametrize("artifact", ["{}", '{"uri":"s3://a/b","digest":"sha256:' + "0" * 64 + '"}'])
def test_a_compile_pod_whose_word_makes_no_sense_is_a_failure_of_that_compile_and_tried_again_later(a_move, artifact):
    run = a_move(small=True, play=Play(compiles={"onnxruntime": CompileFailure("Senseless", artifact)}))
    run.start_operator()
    run.apply()
    status = until_failed(run, "onnxruntime", "Infrastructure")
    assert status["failure"]["reason"] == "ResultUnreadable" and status["nextRetryTime"]
    serving_is_untouched(run)


@meanwhile
def test_infrastructure_is_tried_again_later_and_the_pool_is_used_then(a_move):
    run = a_move(small=True, play=Play(compiles={"onnxruntime": CompileFailure("Infrastructure", "the store did not answer")}))
    run.start_operator()
    run.apply()
    status = until_failed(run, "onnxruntime", "Infrastructure")
    assert datetime.fromisoformat(status["nextRetryTime"].replace("Z", "+00:00")).tzinfo
    run.until_serving()
    assert len(jobs(run, "onnxruntime")) == 1, "not at once"
    run.play.compiles.clear()
    run.until_moved()
    assert len(jobs(run, "onnxruntime")) == 2
    assert run.world.lost == 0


@meanwhile
def test_a_compile_that_hangs_keeps_nobody_from_serving(a_move):
    run = a_move(small=True, play=Play(compiles={"onnxruntime": CompileFailure("Hang")}), settings={"compile": {"deadlineSeconds": 60}})
    run.start_operator()
    run.apply()
    run.until_serving()
    assert run.holds() == run.dear
    assert not compiled(run, "onnxruntime")["status"].get("failure")
    run.until(
        "the deadline",
        lambda _: (compiled(run, "onnxruntime")["status"].get("failure") or {}).get("reason") == "DeadlineExceeded",
        60 + SOON,
    )
    assert compiled(run, "onnxruntime")["status"].get("nextRetryTime")
    assert run.world.lost == 0
