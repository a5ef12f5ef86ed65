"""Whatever happens to compiles, and in whichever order: one Job for a key, no more than may run, and no user error tried again."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property.core.test_a_record_is_read_back import anything
from property.effort import effort
from steelyard.core.compiling.attempt import Attempts, Built, Failure, FailureClass
from steelyard.core.compiling.corrupt import Refused
from steelyard.core.compiling.snapshot import CompileJob, CompileSnapshot
from steelyard.core.decide_compile import CompileVerdict, decide_compile
from steelyard.core.replay.codec import plain, rebuilt
from steelyard.core.replay.compile_record import compile_outcome, compile_record, read_compile
from unit.core.compiles import CPU, GPU, NOW, SETTINGS, WORKLOAD, compile_snapshot, failure, on_a_device, running

SNAPSHOTS = anything(CompileSnapshot)
REAL = st.builds(
    lambda snapshot, settings, users: replace(
        snapshot, backend=settings[0], target=settings[1], versions={}, settings=SETTINGS, key=settings[2], users=users
    ),
    SNAPSHOTS,
    st.sampled_from([("openvino", "cpu/x86-64", compile_snapshot().key), ("inductor", "sm_86", on_a_device().key), ("gone", "x", "k")]),
    st.sampled_from([(), ((WORKLOAD, (CPU, GPU)),)]),
)
TIMES = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=36500)).map(NOW.__add__)


@effort(200)
@given(SNAPSHOTS | REAL, TIMES)
def test_any_snapshot_is_decided_and_every_time_the_same_way(snapshot: CompileSnapshot, now: datetime) -> None:
    decision = decide_compile(snapshot, now)
    assert plain(decide_compile(snapshot, now)) == plain(decision)
    assert decision.reconsider_at is None or decision.reconsider_at > now - timedelta(milliseconds=1)
    if decision.start is not None:
        assert snapshot.job is None or not snapshot.attempts.open
        assert decision.attempts.open
        assert decision.start.attempt == decision.attempts.count
        assert snapshot.queue.taken(snapshot.namespace) < snapshot.settings.compile_jobs_at_once
    if decision.ready.status:
        assert decision.attempts.built is not None


@effort(60)
@given(SNAPSHOTS | REAL, TIMES)
def test_any_snapshot_is_read_back_from_its_record_and_decided_the_same_way(snapshot: CompileSnapshot, now: datetime) -> None:
    written = json.loads(json.dumps(compile_record(snapshot, decide_compile(snapshot, now), now)))
    found = read_compile(written)
    assert json.dumps(plain(found.snapshot)) == json.dumps(plain(snapshot))
    assert json.dumps(compile_outcome(decide_compile(found.snapshot, found.now))) == json.dumps(
        {name: written[name] for name in found.decided}
    )
    assert rebuilt(CompileSnapshot, plain(found.snapshot), "compile") == snapshot


ENDS: dict[str, Built | Failure] = {
    "built": Built(uri="u", digest="d", size_bytes=1, seconds=1.0),
    "user": failure(FailureClass.USER),
    "target": failure(FailureClass.UNSUPPORTED_TARGET),
    "model": failure(FailureClass.USER, "ModelNotFound"),
    "memory": failure(FailureClass.OUT_OF_MEMORY),
    "node": failure(FailureClass.INFRASTRUCTURE),
}
FOR_GOOD = {"user", "target"}
MODELS = 3


@dataclass
class Cluster:
    """CompiledModels that share two places, as a reconciler drives them: the status is written, then the Job is made."""

    now: datetime = NOW
    attempts: dict[int, Attempts] = field(default_factory=lambda: dict.fromkeys(range(MODELS), Attempts()))
    jobs: dict[tuple[int, int], CompileJob] = field(default_factory=dict)
    """By CompiledModel and attempt."""
    over: set[int] = field(default_factory=set)
    """CompiledModels whose user has something to mend."""
    refusals: dict[int, Refused] = field(default_factory=dict)
    started: Counter[tuple[int, int]] = field(default_factory=Counter)

    @property
    def running(self) -> list[tuple[int, int]]:
        return [key for key, job in self.jobs.items() if job.built is None and job.failure is None]

    def snapshot(self, model: int) -> CompileSnapshot:
        attempts = self.attempts[model]
        return compile_snapshot(
            name=f"openvino-{model}",
            attempts=attempts,
            job=self.jobs.get((model, attempts.count)),
            queue=running(len(self.running)),
            users=((WORKLOAD, (CPU,)),),
            refusals=tuple(word for key, word in self.refusals.items() if key == model),
        )

    def look(self, model: int, *, dies: bool = False) -> None:
        """One pass. `dies`: after the status is written, before the Job is made."""
        decision = decide_compile(self.snapshot(model), self.now)
        self.attempts[model] = decision.attempts
        if decision.start is None:
            return
        assert model not in self.over, "a user error is not tried again"
        key = (model, decision.start.attempt)
        assert key not in self.jobs, "its Job exists"
        if not dies:
            self.jobs[key] = CompileJob(started=self.now)
            self.started[key] += 1
        of_one = Counter(model for model, _ in self.running)
        assert max(of_one.values(), default=0) <= 1, "one Job for a key"
        assert len(self.running) <= SETTINGS.compile_jobs_at_once

    def end(self, model: int, how: str) -> None:
        """Its Job ends, and the next pass sees it."""
        for key in [key for key in self.running if key[0] == model]:
            what = ENDS[how]
            self.jobs[key] = CompileJob(
                started=self.now, built=what if isinstance(what, Built) else None, failure=what if isinstance(what, Failure) else None
            )
            self.over |= {model} if how in FOR_GOOD and self.attempts[model].open else set()
            self.look(model)

    def refuse(self, model: int) -> None:
        self.refusals[model] = Refused(pod="p", uri="u", digest="d", started=self.now, reason="ArtifactCorrupt", message="m")

    def vanish(self, model: int) -> None:
        for key in [key for key in self.jobs if key[0] == model]:
            del self.jobs[key]


WHICH = st.integers(0, MODELS - 1)
STEPS = st.one_of(
    st.tuples(st.just("look"), WHICH),
    st.tuples(st.just("die"), WHICH),
    st.tuples(st.just("end"), WHICH, st.sampled_from(sorted(ENDS))),
    st.tuples(st.just("vanish"), WHICH),
    st.tuples(st.just("refuse"), WHICH),
    st.tuples(st.just("wait"), st.sampled_from([1, 60, 7200, 90000])),
)


def drive(cluster: Cluster, steps: list[Any]) -> None:
    for verb, *what in steps:
        match verb:
            case "look":
                cluster.look(*what)
            case "die":
                cluster.look(*what, dies=True)
            case "end":
                cluster.end(*what)
            case "vanish":
                cluster.vanish(*what)
            case "refuse":
                cluster.refuse(*what)
            case "wait":
                cluster.now += timedelta(seconds=what[0])


@effort(300)
@given(st.lists(STEPS, max_size=60))
def test_one_job_for_a_key_no_more_than_may_run_and_no_user_error_is_tried_again(steps: list[Any]) -> None:
    drive(Cluster(), steps)


@effort(60)
@given(st.lists(STEPS, max_size=40))
def test_whatever_has_happened_every_compile_that_nobody_has_to_mend_is_built_when_faults_end(steps: list[Any]) -> None:
    cluster = Cluster()
    drive(cluster, steps)
    cluster.refusals.clear()
    for _ in range(4 * MODELS):
        for model in range(MODELS):
            cluster.look(model)
            cluster.end(model, "built")
        cluster.now += timedelta(hours=7)
    done = {model for model in range(MODELS) if decide_compile(cluster.snapshot(model), cluster.now).verdict is CompileVerdict.DONE}
    exhausted = {m for m, a in cluster.attempts.items() if a.failure is not None and a.failure.failure_class is FailureClass.OUT_OF_MEMORY}
    assert done | cluster.over | exhausted == set(range(MODELS))


@pytest.mark.parametrize("verdict", CompileVerdict)
def test_every_verdict_is_reached(verdict: CompileVerdict) -> None:
    failed = Attempts(count=1, failure=failure(FailureClass.INFRASTRUCTURE), retry_at=NOW + timedelta(hours=1))
    met = [
        compile_snapshot(),
        compile_snapshot(queue=running(2)),
        compile_snapshot(attempts=Attempts(count=1, open=True), job=CompileJob()),
        compile_snapshot(attempts=Attempts(count=1, built=Built(uri="u", digest="d", size_bytes=1, seconds=1.0))),
        compile_snapshot(attempts=failed, users=((WORKLOAD, (CPU,)),)),
        compile_snapshot(attempts=replace(failed, failure=failure(FailureClass.USER), retry_at=None)),
    ]
    assert verdict in {decide_compile(each, NOW).verdict for each in met}
