"""What was decided is told once it stands in the status, before anything is done about it: the next pass has nothing new to tell."""

from types import SimpleNamespace
from typing import Any

import pytest

from steelyard.control.kube.errors import ServerError
from steelyard.control.reconcile.trial import TrialReconciler
from steelyard.core.vocabulary.reason import Reason
from unit.control.reconciler_stage import KEY, Stage, new_workload
from unit.control.test_compile import Cluster
from unit.control.virtual_time import VirtualClock, run

DOWN = ServerError("etcd is away", status=500)


def test_of_a_workload_whose_objects_the_api_server_fails_to_take():
    async def scenario():
        stage = Stage(new_workload(), VirtualClock())
        stage.server.refuses["deployments"] = DOWN
        with pytest.raises(ServerError):
            await stage.reconciler.reconcile(KEY)
        assert stage.server.taken["patch_status", "inferenceworkloads"] == len(stage.decided) == 1

    run(scenario())


def test_of_a_compile_whose_job_the_api_server_fails_to_take():
    cluster = Cluster()
    cluster.pool("gpu")
    cluster.use("w")
    cluster.refuses = DOWN
    with pytest.raises(ServerError):
        cluster.reconcile()
    assert [note.reason for note in cluster.notes] == [Reason.COMPILING]


def test_of_a_trial_whose_job_the_api_server_fails_to_take(monkeypatch: pytest.MonkeyPatch):
    done: list[str] = []

    def doing(what: str, then: Any = None) -> Any:
        async def act(*_: Any, **__: Any) -> Any:
            done.append(what)
            if isinstance(then, Exception):
                raise then
            return then

        return act

    raw = {"metadata": {"namespace": "ns", "name": "asked", "uid": "u", "resourceVersion": "1"}}
    snapshot = SimpleNamespace(trial=SimpleNamespace(live=False))
    decision = SimpleNamespace(jobs=("of pool a",), begin={}, enough=())
    where = "steelyard.control.reconcile.trial"
    monkeypatch.setattr(f"{where}.with_progress", doing("looked", snapshot))
    monkeypatch.setattr(f"{where}.decide_trial", lambda *_: decision)
    monkeypatch.setattr(f"{where}.trial_job", lambda *_: {"metadata": {"namespace": "ns", "name": "asked-a"}})
    monkeypatch.setattr(TrialReconciler, "_write_down", doing("written down", raw))
    parts: dict[str, Any] = {
        "applier": SimpleNamespace(apply=doing("made", DOWN)),
        "store": SimpleNamespace(get=lambda _: raw, behind=lambda _: False),
        "snapshots": SimpleNamespace(freeze=lambda *_: snapshot),
        "decision_log": SimpleNamespace(tried=lambda *_: done.append("told")),
    }
    unused = dict.fromkeys(("client", "settings", "fetch", "events", "wake"))
    trials = TrialReconciler(**parts, **unused, clock=VirtualClock())

    async def scenario():
        with pytest.raises(ServerError):
            await trials.reconcile(SimpleNamespace(namespace="ns", name="asked"))

    run(scenario())
    assert done == ["looked", "written down", "told", "made"]
