"""etcd is restored from a backup: versions go back, and what was made since has never been. The operator lists everything anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cluster.cluster import Cluster
from cluster.fixtures import new_namespace
from cluster.waiting import wait_until
from fault.meanwhile import first, meanwhile
from fault.move_run import OWN, SOON, MoveRun
from fault.test_upgrade import ROOT, definitions, install

pytestmark = pytest.mark.apiserver


def backup(cluster: Cluster) -> Path:
    """A copy of the data of an etcd that stands still."""
    with cluster.control_plane.standing_still() as live:
        return Path(shutil.copytree(live, live.with_name("etcd-backup")))


def restore(cluster: Cluster, kept: Path) -> None:
    """Put the copy in the place of the data."""
    with cluster.control_plane.standing_still() as live:
        shutil.rmtree(live)
        kept.rename(live)


def serves_with_one_replica(run: MoveRun) -> bool:
    """By what the API server has now: a watch may still know a workload that the restored etcd never had.

    What the leader made in its last seconds for such a workload is deleted as an orphan, and made again.
    """
    workloads = run.listed(f"{OWN.removeprefix('/apis/')}/inferenceworkloads")
    ready = [c["status"] for w in workloads for c in w.get("status", {}).get("conditions", ()) if c["type"] == "Ready"]
    owners = [owner["uid"] for d in run.listed("apps/v1/deployments") for owner in d["metadata"]["ownerReferences"]]
    replicas = [d["status"].get("readyReplicas") for d in run.listed("apps/v1/deployments")]
    return ready == ["True"] and replicas == [1] and owners == [w["metadata"]["uid"] for w in workloads]


@first
@meanwhile
def test_after_a_restore_of_etcd_leader_and_standby_end_and_the_next_one_brings_back_what_was_lost(a_move):
    with Cluster.start("test-restored") as cluster, new_namespace(cluster, "move") as namespace:
        install(cluster, definitions(ROOT / "crds"))
        with MoveRun(cluster, namespace, small=True) as run:
            kept = backup(cluster)
            operators = [run.start_operator(), run.start_operator(user=f"standby-{run.tag}")]
            run.apply(mode="Observe")
            run.until_serving()
            wait_until(
                "the standby to be warm", lambda: all(any(x.get("message") == "synced" for x in o.lines()) for o in operators), seconds=SOON
            )
            restore(cluster, kept)
            for operator in operators:
                wait_until("it to end", lambda operator=operator: not operator.running, seconds=SOON, logs=[operator.log])
                assert operator.process is not None and operator.process.returncode == 1
            run.apply(mode="Observe")
            run.free_lease()
            run.start_operator()
            wait_until(
                "the workload to serve again", lambda: serves_with_one_replica(run), seconds=SOON, logs=[o.log for o in run.operators]
            )
