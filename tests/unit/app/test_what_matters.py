"""Of what others write all the time, only what a decision reads wakes the workloads."""

from types import SimpleNamespace
from typing import Any

import pytest

from steelyard.app.config import Config
from steelyard.app.operator import Identity, Operator, pool_matters
from steelyard.app.wiring import settings_of
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube.resource import ACCELERATOR_POOLS, ACCELERATOR_TRIALS, DEPLOYMENTS, NODES
from steelyard.control.kube.store import Change, Store
from steelyard.control.reconcile.workqueue import WorkQueue
from steelyard.core.vocabulary.reading import Unknown
from unit.api.objects import pool
from unit.control.virtual_time import ManualClock

NODE: dict[str, Any] = {
    "metadata": {"name": "n", "labels": {"pool": "a"}},
    "status": {
        "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-05T08:00:00Z"}],
        "allocatable": {"cpu": "4"},
    },
}
POOL: dict[str, Any] = {**pool(), "metadata": {"name": "p", "generation": 1, "labels": {"team": "a"}}, "status": {"nodes": 1}}


def status(**fields: Any) -> dict[str, Any]:
    return {**POOL, "status": {**POOL["status"], **fields}}


def meta(**fields: Any) -> dict[str, Any]:
    return {**POOL, "metadata": {**POOL["metadata"], **fields}}


@pytest.mark.parametrize(
    ("new", "matters"),
    [
        (status(nodes=2), False),
        (status(conditions=[{"type": "Ready", "status": "False"}]), False),
        (status(unreadyNodes={"startedTime": "2026-01-05T08:00:00Z"}), True),
        (status(exhausted={"until": "2026-01-05T08:00:00Z"}), True),
        (meta(generation=2), True),
        (meta(labels={"team": "b"}), True),
        (None, True),
    ],
)
def test_of_a_pool(new: dict[str, Any] | None, matters: bool) -> None:
    assert pool_matters(Change(ACCELERATOR_POOLS.key(None, "p"), POOL, new)) == matters
    assert pool_matters(Change(ACCELERATOR_POOLS.key(None, "p"), None, POOL))


def node(**fields: Any) -> dict[str, Any]:
    return {**NODE, "status": {**NODE["status"], **fields}}


def labelled(**labels: str) -> dict[str, Any]:
    return {**NODE, "metadata": {**NODE["metadata"], "labels": {**NODE["metadata"]["labels"], **labels}}}


@pytest.mark.parametrize(
    ("new", "concerns"),
    [
        (node(conditions=[{"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-05T08:00:10Z"}]), ()),
        (node(images=[{"names": ["new"]}]), ()),
        (labelled(**{"feature.example/avx512": "true"}), ()),
        (node(conditions=[{"type": "Ready", "status": "Unknown"}]), ("a",)),
        (node(allocatable={"cpu": "3"}), ("a",)),
        (labelled(**{"kubernetes.io/arch": "arm64"}), ("a",)),
        (labelled(**{"node.kubernetes.io/instance-type": "large"}), ("a",)),
        (labelled(pool="b"), ("a", "b")),
        (labelled(pool="nobody's"), ("a",)),
        (None, ("a",)),
    ],
)
def test_a_node_concerns_the_pools_that_see_something_else_of_it(new: dict[str, Any] | None, concerns: tuple[str, ...]) -> None:
    snapshots = builder()
    assert snapshots.pools_reading(NODE, new) == concerns
    assert snapshots.pools_reading(None, NODE) == ("a",)
    assert snapshots.pools_reading(None, labelled(pool="nobody's")) == ()


def builder() -> SnapshotBuilder:
    """Two pools, by a label."""
    store = Store(ManualClock(), index_labels=("steelyard.dev/workload", "steelyard.dev/pool"))
    for number, name in enumerate(("a", "b")):
        manifest = pool()
        manifest["metadata"] = {"name": name, "uid": f"u-{name}", "generation": 1, "resourceVersion": str(number + 1)}
        manifest["spec"]["nodes"] = {"selector": {"pool": name}}
        store.observe(ACCELERATOR_POOLS, "ADDED", manifest)
    made = SnapshotBuilder(store, settings_of(Config()), lambda *_: Unknown(""), synced=lambda: True, clock_suspect=lambda: False)
    made.pools()
    return made


def test_a_label_that_a_new_pool_reads_is_read_of_the_nodes_that_were_there() -> None:
    store = Store(ManualClock(), index_labels=("steelyard.dev/workload", "steelyard.dev/pool"))
    made = SnapshotBuilder(store, settings_of(Config()), lambda *_: Unknown(""), synced=lambda: True, clock_suspect=lambda: False)
    store.observe(NODES, "ADDED", {**NODE, "metadata": {**NODE["metadata"], "uid": "u-n", "resourceVersion": "1"}})
    assert made.pools() == ()
    manifest = pool()
    manifest["metadata"] = {"name": "a", "uid": "u-a", "generation": 1, "resourceVersion": "2"}
    manifest["spec"]["nodes"] = {"selector": {"pool": "a"}}
    store.observe(ACCELERATOR_POOLS, "ADDED", manifest)
    assert [each.nodes for each in made.pools()] == [1]


def test_a_node_wakes_its_pools_and_the_workloads_that_have_replicas_there() -> None:
    operator = Operator(Config(), SimpleNamespace(), Identity("operator-0", "steelyard", "1"), host="127.0.0.1", port=0)  # type: ignore[arg-type]
    operator.snapshots = builder()
    for number, name in enumerate(("a", "b")):
        labels = {"steelyard.dev/workload": f"on-{name}", "steelyard.dev/pool": name}
        meta = {"name": f"d-{name}", "namespace": "shop", "uid": f"u-{name}", "resourceVersion": str(number + 1), "labels": labels}
        operator.store.observe(DEPLOYMENTS, "ADDED", {"metadata": meta})
    operator.queue = WorkQueue(ManualClock())
    operator._changed(Change(NODES.key(None, "n"), NODE, node(conditions=[{"type": "Ready", "status": "Unknown"}])))
    woken = {(key.plural, key.name) for key in operator.queue._ready}
    assert woken == {("acceleratorpools", "a"), ("inferenceworkloads", "on-a")}


def test_a_trial_wakes_the_workload_whose_requests_it_wants_and_one_that_is_gone_does_once_more() -> None:
    def trial(mode: str) -> dict[str, Any]:
        meta = {"name": "asked", "namespace": "shop", "uid": "u", "resourceVersion": "1"}
        return {"metadata": meta, "spec": {"workloadName": "search", "load": {"mode": mode}}}

    def woken(old: dict[str, Any] | None, new: dict[str, Any] | None) -> set[tuple[str, str]]:
        operator = Operator(Config(), SimpleNamespace(), Identity("operator-0", "steelyard", "1"), host="127.0.0.1", port=0)  # type: ignore[arg-type]
        operator.queue = WorkQueue(ManualClock())
        operator._changed(Change(ACCELERATOR_TRIALS.key("shop", "asked"), old, new))
        return {(key.plural, key.name) for key in operator.queue._ready}

    live, own = trial("Live"), trial("Synthetic")
    both = {("acceleratortrials", "asked"), ("inferenceworkloads", "search")}
    assert woken(None, live) == woken(live, None) == both
    stopped = {**live, "spec": {**live["spec"], "stop": True}}
    assert woken(live, stopped) == both
    over = {**live, "status": {"conditions": [{"type": "Finished", "status": "True"}]}}
    assert woken(live, over) == both and woken(over, None) == {("acceleratortrials", "asked")}
    assert woken(None, own) == woken(own, None) == {("acceleratortrials", "asked")}
