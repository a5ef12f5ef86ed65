"""A workload that an autoscaler sizes, with a real API server and HPA controller; nodes, pods and servers are played, as in the fault tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cluster.audit import AuditEvent
from cluster.cluster import Cluster
from cluster.control_plane import ExtraFlags
from cluster.fixtures import new_namespace
from fault.move_run import MOVE_SECONDS, SOON, MoveRun
from fault.scale_targets import targets
from unit.docs.shown import ROOT, Document, documents

CONTROLLER = "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
SYNC_SECONDS = 1
"""Between two looks of the HPA controller, 15 by default."""
SYNCS = 5
"""After which a number that was wrong would have been written."""
DOWN_SECONDS = 3
"""Instead of the page's 300: for so long an HPA waits before it takes replicas away."""
CALM_SECONDS = 3
"""A server's queue holds less work than that."""
MOST = 8
ONE, THREE, FOUR = 100.0, 300.0, 560.0
"""Requests a second, by the replicas on the dear pool that they need at least."""


def shown(kind: str, name: str = "") -> Document:
    """The first object of this kind that docs/how-to/autoscalers.md shows, or the one of that name."""
    found = (each for each in documents(ROOT / "docs/how-to/autoscalers.md") if each.get("kind") == kind)
    return next(each for each in found if name in {"", each["metadata"]["name"]})


@contextmanager
def cluster_with_our_kinds(name: str) -> Iterator[Cluster]:
    """A control plane whose HPA controller looks often."""
    flags = ExtraFlags(controllers=(f"--horizontal-pod-autoscaler-sync-period={SYNC_SECONDS}s",))
    with Cluster.start(name, flags=flags) as cluster:
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
        cluster.until_established()
        yield cluster


@contextmanager
def sized(cluster: Cluster, *flags: str) -> Iterator[MoveRun]:
    """A workload that serves with one replica, and its operator, which the cluster reaches. `flags`: of the operator's command line."""
    with new_namespace(cluster, "sized") as namespace, MoveRun(cluster, namespace, small=True) as run:
        run.start_operator(flags=("--host", cluster.identity.host, *flags))
        run.ask_for(scaling={"owner": "External", "minReplicas": 1, "maxReplicas": MOST})
        run.apply(mode="Recommend")
        run.until_serving()
        run.until("its targets", lambda _: targets(run) == {run.dear: 1, run.cheap: 0}, SOON)
        yield run


def active(run: MoveRun, autoscaler: str) -> dict[str, Any]:
    """The condition ScalingActive of an HPA: whether it has a metric to go by."""
    path = f"/apis/autoscaling/v2/namespaces/{run.namespace}/horizontalpodautoscalers/{autoscaler}"
    status = (run.cluster.api.get(path) or {}).get("status") or {}
    return next((c for c in status.get("conditions", ()) if c["type"] == "ScalingActive"), {})


def until_scaled(run: MoveRun, pool: str, right: Callable[[int], bool]) -> int:
    """Wait until such a number is asked for, and as many serve; that number."""

    def brought_about(_: Any) -> int | None:
        asked = targets(run)[pool]
        return asked if right(asked) and run.world.ready_pods(pool) == asked else None

    return int(run.until(f"replicas on {pool} by the load", brought_about, MOVE_SECONDS))


def until_nothing_is_lost(run: MoveRun) -> int:
    """Wait until what came before there were enough replicas is over; the requests that were lost by it."""
    seen = [run.world.lost]

    def none_since() -> bool:
        time.sleep(CALM_SECONDS)
        seen.append(run.world.lost)
        return seen[-1] == seen[-2]

    run.until("no request to be lost", lambda _: none_since(), SOON)
    return seen[-1]


def written(run: MoveRun) -> list[AuditEvent]:
    """What the HPA controller has written to ScaleTargets of the run since the audit's mark."""
    return [e for e in run.audit.writes(CONTROLLER) if e.resource == "scaletargets/scale" and e.namespace == run.namespace]


def until_without_a_number(run: MoveRun, autoscaler: str) -> None:
    """Wait until the HPA says that it has none."""
    run.until("an HPA without a metric", lambda _: active(run, autoscaler).get("reason") == "FailedGetExternalMetric", SOON)


def until_with_a_number(run: MoveRun, autoscaler: str) -> None:
    """Wait until the HPA says that it has one."""
    run.until("an HPA with a metric", lambda _: active(run, autoscaler).get("status") == "True", SOON)


def stays_without_a_number(run: MoveRun, pool: str, autoscaler: str) -> None:
    """The HPA says that it has none, and writes nothing."""
    until_without_a_number(run, autoscaler)
    run.audit.mark()
    asked = targets(run)
    time.sleep(SYNCS * SYNC_SECONDS)
    assert active(run, autoscaler)["reason"] == "FailedGetExternalMetric", active(run, autoscaler)
    assert (targets(run), written(run)) == (asked, []), "what is not known changes no replica"
    assert run.world.ready_pods(pool) == asked[pool]
