"""etcd is restored from a backup: versions go back, and what was made since has never been. The operator lists everything anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cluster.cluster import Cluster
from cluster.fixtures import new_namespace
from cluster.waiting import wait_until
from fault.meanwhile import first, meanwhile
from fault.move_run import SOON, MoveRun
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
                wait_until("it to end", lambda operator=operator: not operator.running, seconds=SOON)
                assert operator.process is not None and operator.process.returncode == 1
            run.apply(mode="Observe")
            run.free_lease()
            run.start_operator()
            run.until("the workload to serve again", lambda _: run.condition("Ready").get("status") == "True", SOON)
            assert [d["spec"]["replicas"] for d in run.listed("apps/v1/deployments")] == [1]
