"""Of a server that its owner made no replica can be made elsewhere, and one whose requests nobody knows cannot be asked: a trial that names such a
workload ends at once, and says what to do."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from steelyard.app.config import Config
from steelyard.app.wiring import settings_of
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.gather.spec import Unreadable
from steelyard.control.gather.trial_snapshots import TrialSnapshots
from steelyard.control.kube.reader import Reader
from steelyard.control.kube.resource import INFERENCE_WORKLOADS, JOBS, PODS, Resource
from steelyard.control.kube.store import Store
from steelyard.core.decide_trial import TrialDecision, decide_trial
from steelyard.core.economics.ledger import Component
from steelyard.core.facts.trial import Neighbours
from steelyard.core.trials.look import TrialSnapshot
from steelyard.core.vocabulary.reading import Unknown
from steelyard.core.vocabulary.reason import Reason
from steelyard.render.name import trial_job
from unit.api.objects import CUSTOM, EXISTING, GONE, changed, trial, workload
from unit.control.test_probe_facts import RUNS, a_job, a_pod
from unit.control.virtual_time import ManualClock

MADE = "2026-03-01T12:00:00Z"
INDEXED = ("steelyard.dev/workload", "steelyard.dev/pool")
NOW = datetime.fromisoformat("2026-03-01T12:00:05Z")


def decided(of: dict[str, Any] | None, **changes: Any) -> TrialDecision:
    """On a trial that was made five seconds ago."""
    store, reader = Store(ManualClock(), index_labels=INDEXED), Reader(lambda *_: None)
    seen = SnapshotBuilder(
        store, settings_of(Config()), lambda *_: Unknown(""), synced=lambda: True, clock_suspect=lambda: False, reader=reader
    )
    if of is not None:
        of["metadata"] |= {"namespace": "ns", "name": "w", "uid": "u-w", "resourceVersion": "1", "generation": 1}
        store.observe(INFERENCE_WORKLOADS, "ADDED", of)
    meta = {"name": "asked", "namespace": "ns", "uid": "u", "resourceVersion": "1", "generation": 1, "creationTimestamp": MADE}
    asked = changed({**trial(), "metadata": meta}, {"spec.workloadName": "w", **changes})
    snapshot = TrialSnapshots(store, seen, reader, lambda: True).freeze(asked, (), NOW)
    assert not isinstance(snapshot, Unreadable)
    return decide_trial(snapshot, NOW)


def test_one_of_requests_that_nobody_knows_ends_at_its_first_look_and_says_how_it_goes() -> None:
    found = decided(changed(workload(), {"spec.server": CUSTOM}), **{"spec.load": {"mode": "Synthetic"}})
    assert found.over and found.memory.finished == Reason.NOTHING_MEASURED, "the server is Steelyard's own to make, and no one else's"
    assert "spec.load.mode Live" in found.memory.said


@pytest.mark.parametrize("mode", ["Synthetic", "Live"])
def test_one_of_a_server_that_exists_ends_at_its_first_look(mode: str) -> None:
    theirs = changed(workload(), {"spec.server": EXISTING, "spec.model": GONE, "spec.rebalancing": {"mode": "Observe"}})
    found = decided(theirs, **{"spec.load": {"mode": mode}})
    assert found.over and found.memory.finished == Reason.NOT_OURS
    assert "Deployment chat" in found.memory.said and "whose server Steelyard makes" in found.memory.said
    assert [note.warning for note in found.notes] == [True]


def test_one_of_a_workload_that_is_not_there_yet_waits_for_it() -> None:
    found = decided(None)
    assert not found.over and "there is no InferenceWorkload w" in found.finished.message


def shared() -> tuple[Store, TrialSnapshots]:
    """Where pods of others ask for 1.5 CPU on the node n."""
    store, reader = Store(ManualClock(), index_labels=INDEXED), Reader(lambda *_: None)
    others = {Component.OTHERS: {"cpu": 1.5}, Component.SHARED: {"cpu": 9.0}}
    seen = SnapshotBuilder(
        store,
        settings_of(Config()),
        lambda *_: Unknown(""),
        synced=lambda: True,
        clock_suspect=lambda: False,
        reader=reader,
        others=lambda node: others if node == "n" else {},
    )
    return store, TrialSnapshots(store, seen, reader, lambda: True)


def frozen(snapshots: TrialSnapshots, **changes: Any) -> TrialSnapshot:
    meta = {"name": "asked", "namespace": "ns", "uid": "u", "resourceVersion": "1", "generation": 1, "creationTimestamp": MADE}
    snapshot = snapshots.freeze(changed({**trial(), "metadata": meta}, changes), (), NOW)
    assert not isinstance(snapshot, Unreadable)
    return snapshot


def put(store: Store, resource: Resource, made: dict[str, Any], **meta: Any) -> None:
    store.observe(resource, "ADDED", {**made, "metadata": {**made["metadata"], "resourceVersion": "1", "namespace": "ns", **meta}})


def on(node: str, **more: Any) -> dict[str, Any]:
    """A pod there."""
    made = a_pod(of="else", **more)
    return {**made, "spec": {**made["spec"], "nodeName": node}}


def test_who_runs_on_the_node_of_a_replica_that_measures_is_seen() -> None:
    store, snapshots = shared()
    owner = {"kind": "AcceleratorTrial", "name": "asked", "uid": "u", "controller": True}
    job = a_job(owner=owner, **{"steelyard.dev/trial": "asked"})
    job["metadata"]["name"] = trial_job("asked", "g5-xlarge")
    put(store, JOBS, job)
    mine = a_pod(server=RUNS, generator=RUNS)
    mine["metadata"]["ownerReferences"][0]["name"] = job["metadata"]["name"]
    put(store, PODS, mine)
    put(store, PODS, on("n"), name="beside", uid="u-beside")
    put(store, PODS, on("n", phase="Succeeded"), name="over", uid="u-over")
    put(store, PODS, on("m"), name="away", uid="u-away")
    found = frozen(snapshots).replicas["g5-xlarge"]
    assert (found.neighbours, found.others_cpu) == (("ns/beside",), 1.5)


def test_of_live_traffic_it_is_who_runs_on_the_nodes_of_the_pods_that_serve_on_each_pool() -> None:
    store, snapshots = shared()

    def serves(name: str, node: str, pool: str = "g5-xlarge", role: str = "serving", **more: Any) -> None:
        labels = {"steelyard.dev/workload": "w", "steelyard.dev/pool": pool, "steelyard.dev/revision": "r", "steelyard.dev/role": role}
        put(store, PODS, on(node, **more), name=name, uid=f"u-{name}", labels=labels)

    for name, node in (("one", "n"), ("two", "n"), ("three", "m")):
        serves(name, node)
    serves("starting", "k", phase="Pending")
    serves("probed", "k", role="probe")
    serves("elsewhere", "m", pool="another")
    put(store, PODS, on("n"), name="beside", uid="u-beside")
    live = {"spec.workloadName": "w", "spec.load": {"mode": "Live"}}
    assert frozen(snapshots, **live).neighbours == {
        "g5-xlarge": Neighbours(pods=("ns/beside", "ns/elsewhere"), others_cpu=1.5, nodes=2),
    }
    assert frozen(snapshots, **{"spec.workloadName": "w"}).neighbours == {}, "a generator's replica has a node of its own"
