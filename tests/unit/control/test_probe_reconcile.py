"""The Job of a probe is made after its move is written down, and is gone when nobody asks about it any more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from steelyard.control.kube.errors import QuotaExceeded
from steelyard.control.kube.resource import JOBS
from steelyard.control.reconcile import workload as reconciling
from steelyard.core.decide import decide
from steelyard.core.facts.probe import Ramp
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.placing.decision import Decision
from steelyard.core.placing.intent import ProbeIntent
from steelyard.render.name import probe_job
from unit.control.reconciler_stage import KEY, Stage, new_workload
from unit.control.virtual_time import VirtualClock, run
from unit.render.test_what_pods_are_told import PLACEMENT

RAMP = Ramp(first=1.0, most=8.0, step_seconds=30, halvings=3)
ONE, OTHER = (ProbeIntent(move=move, placement=PLACEMENT, ramp=RAMP, seconds=900) for move in ("m1", "m2"))
Asks = Callable[[ProbeIntent | None], None]


def called(intent: ProbeIntent) -> str:
    return probe_job(KEY, intent.placement.key, intent.move)


@pytest.fixture
def asks(monkeypatch: pytest.MonkeyPatch) -> Asks:
    """The core as it is, which asks for this probe beside what it decides."""
    wanted: list[ProbeIntent | None] = [None]

    def decided(snapshot: Snapshot, now: datetime) -> Decision:
        decision = decide(snapshot, now)
        return replace(decision, intent=replace(decision.intent, probe=wanted[0]))

    monkeypatch.setattr(reconciling, "decide", decided)
    return lambda intent: wanted.__setitem__(0, intent)


def writes_of_jobs(stage: Stage) -> list[str]:
    return [verb for _, verb, plural in stage.server.asked if plural == "jobs"]


def jobs(stage: Stage) -> list[str]:
    return [job["metadata"]["name"] for job in stage.store.all(JOBS)]


def test_it_is_made_once_after_the_status_is_written(asks: Asks) -> None:
    async def scenario() -> None:
        stage = Stage(new_workload(), VirtualClock())
        asks(ONE)
        await stage.work(30, woken_every=0.5)
        assert jobs(stage) == [called(ONE)] and writes_of_jobs(stage) == ["create"]
        order = [(verb, plural) for _, verb, plural in stage.server.asked]
        assert order.index(("patch_status", "inferenceworkloads")) < order.index(("create", "jobs"))

    run(scenario())


def test_one_that_nobody_asks_about_is_removed_by_its_uid(asks: Asks) -> None:
    async def scenario() -> None:
        stage = Stage(new_workload(), VirtualClock())
        asks(ONE)
        await stage.work(5)
        (made,) = stage.store.all(JOBS)
        asks(None)
        await stage.work(5, woken_every=0.5)
        assert stage.server.deleted == [(called(ONE), made["metadata"]["uid"])] and jobs(stage) == []

    run(scenario())


def test_the_next_takes_the_place_of_the_last(asks: Asks) -> None:
    async def scenario() -> None:
        stage = Stage(new_workload(), VirtualClock())
        for intent in (ONE, OTHER):
            asks(intent)
            await stage.work(5, woken_every=0.5)
        assert jobs(stage) == [called(OTHER)]
        assert [name for name, _ in stage.server.deleted] == [called(ONE)]

    run(scenario())


def test_what_is_not_a_probe_of_this_workload_is_left_alone(asks: Asks) -> None:
    async def scenario() -> None:
        stage = Stage(new_workload(), VirtualClock())
        asks(ONE)
        await stage.work(5)
        (made,) = stage.store.all(JOBS)
        others = {
            "of-another": {"ownerReferences": [{**made["metadata"]["ownerReferences"][0], "uid": "u-another"}]},
            "no-probe": {"labels": {}},
        }
        for name, change in others.items():
            stage.store.observe(JOBS, "ADDED", {**made, "metadata": {**made["metadata"], "name": name, "uid": name, **change}})
        asks(None)
        await stage.work(5, woken_every=0.5)
        assert sorted(jobs(stage)) == sorted(others)

    run(scenario())


def test_nothing_is_removed_by_who_has_not_seen_everything(asks: Asks, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        stage = Stage(new_workload(), VirtualClock())
        asks(ONE)
        await stage.work(5)
        asks(None)
        seen = stage.snapshot
        monkeypatch.setattr(stage, "snapshot", lambda: replace(seen(), synced=False))
        await stage.work(5, woken_every=0.5)
        assert jobs(stage) == [called(ONE)]

    run(scenario())


def test_a_quota_that_refuses_it_keeps_nothing_else_waiting_and_is_told(asks: Asks) -> None:
    async def scenario() -> None:
        stage = Stage(new_workload(), VirtualClock())
        stage.server.refuses["jobs"] = QuotaExceeded("exceeded quota: q, requested: count/jobs.batch=1", status=403)
        asks(ONE)
        await stage.work(5)
        made = {kind for verb, kind in stage.server.taken if verb == "create"}
        assert made == {"deployments", "services", "poddisruptionbudgets", "compiledmodels"}
        assert any("exceeded quota: q" in note for note in stage.events)
        assert stage.server.condition("Placed")["reason"] != "ObjectInvalid", "what serves needs no probe"

    run(scenario())
