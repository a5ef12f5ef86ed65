"""A real KEDA, by the fleet's plan: its ScaledObject of docs/how-to/autoscalers.md asks the operator's external scaler, and the HPA that it makes writes a
ScaleTarget. Nodes, pods and servers are played."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cluster.certificates import Authority
from cluster.cluster import Cluster
from fault.holding import exposing
from fault.move_run import MOVE_SECONDS, SOON, WORKLOAD, MoveRun
from fault.scale_targets import scale, target, targets, told
from integrations import keda
from integrations.sized import (
    DOWN_SECONDS,
    ONE,
    THREE,
    cluster_with_our_kinds,
    shown,
    sized,
    until_scaled,
    until_with_a_number,
    until_without_a_number,
)
from unit.docs.shown import Document

pytestmark = pytest.mark.integrations

PROGRAMS = ("keda",)
PAGE = shown("ScaledObject")
SCALER_PORT = PAGE["spec"]["triggers"][0]["metadata"]["scalerAddress"].rpartition(":")[2]
SCALER = ("--external-scaler", "--external-scaler-port", SCALER_PORT)
BY_DAY = shown("ScaledObject", "embedder-by-day")
NEVER_POLLED = 3600
"""Seconds, of a ScaledObject that is told and does not ask."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with cluster_with_our_kinds("keda") as made:
        keda.start(made)
        yield made


def named(run: MoveRun, page: Document) -> Document:
    """The page's ScaledObject, for the run's workload on its dear pool."""
    made = deepcopy(page)
    made["metadata"] = {"name": target(run.dear), "namespace": run.namespace}
    made["spec"]["scaleTargetRef"]["name"] = target(run.dear)
    return made


def scaled(run: MoveRun, **changes: Any) -> str:
    """With the page's ScaledObject, whose names are the run's; the name of its HPA. `changes`: of its trigger, and its `spec`."""
    made = named(run, PAGE)
    spec = made["spec"]
    spec |= changes.pop("spec", {})
    spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"] = DOWN_SECONDS
    (trigger,) = spec["triggers"]
    trigger["metadata"] |= {"workload": WORKLOAD, "pool": run.dear, **changes.pop("metadata", {})}
    trigger |= changes
    run.cluster.api.apply(made)
    return f"keda-hpa-{target(run.dear)}"


def condition(run: MoveRun, kind: str) -> str:
    """Of the ScaledObject."""
    found = run.cluster.api.get(f"/apis/keda.sh/v1alpha1/namespaces/{run.namespace}/scaledobjects/{target(run.dear)}") or {}
    return next((c["status"] for c in (found.get("status") or {}).get("conditions", ()) if c["type"] == kind), "")


def test_replicas_follow_the_load_and_fall_back_where_it_is_not_known(cluster: Cluster) -> None:
    with sized(cluster, *SCALER) as run:
        run.until("a plan", lambda _: told(run, run.dear, cluster.identity.host) == 1, MOVE_SECONDS)
        hpa = scaled(run)
        until_with_a_number(run, hpa)
        run.play.load = THREE
        most = until_scaled(run, run.dear, lambda asked: asked >= 3)
        lost = exposing(run, "gone")
        lost.lose()
        until_without_a_number(run, hpa)
        assert targets(run)[run.dear] == most, "an error is no number"
        run.play.load = ONE
        fallback = max(most, PAGE["spec"]["fallback"]["replicas"])
        run.until("the fallback", lambda _: condition(run, "Fallback") == "True", MOVE_SECONDS)
        until_scaled(run, run.dear, lambda asked: asked == fallback)
        lost.mend()
        until_scaled(run, run.dear, lambda asked: asked == 1)
        run.until("no fallback any more", lambda _: condition(run, "Fallback") == "False", SOON)


def test_what_is_known_again_is_told_and_not_only_asked_for(cluster: Cluster) -> None:
    with sized(cluster, *SCALER) as run:
        lost = exposing(run, "gone")
        lost.lose()
        run.until("no reading", lambda _: run.condition("Observed").get("status") != "True", SOON)
        scaled(run, type="external-push", spec={"pollingInterval": NEVER_POLLED})
        # Active is "Unknown" for as long as it does not poll, where the first poll comes before its status is begun.
        run.until("a ScaledObject that asks in vain", lambda _: condition(run, "Fallback") == "True", SOON)
        assert condition(run, "Active") != "True"
        lost.mend()
        run.until("an active ScaledObject", lambda _: condition(run, "Active") == "True", SOON)


def test_by_tls_it_is_let_in_with_a_certificate_and_not_without(cluster: Cluster, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    authority.create()
    served, client = authority.issue("scaler", "scaler", addresses=(f"DNS:{keda.SCALER}",)), authority.issue("keda", "keda")
    for name, path in (("tls.crt", served.certificate), ("tls.key", served.key), ("ca.crt", authority.authority.certificate)):
        shutil.copyfile(path, tmp_path / name)
    certificate = ("--external-scaler-certificate", str(tmp_path), "--external-scaler-client-certificates")
    with sized(cluster, *SCALER, *certificate) as run:
        scaled(run)
        run.until("a ScaledObject that cannot ask", lambda _: condition(run, "Ready") == "False", SOON)
        files = {"ca.crt": authority.authority.certificate, "tls.crt": client.certificate, "tls.key": client.key}
        name = shown("TriggerAuthentication")["metadata"]["name"]
        (secret,) = {each["name"] for each in shown("TriggerAuthentication")["spec"]["secretTargetRef"]}
        run.cluster.api.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": secret, "namespace": run.namespace},
                "data": {file: base64.b64encode(path.read_bytes()).decode() for file, path in files.items()},
            }
        )
        run.cluster.api.apply({**shown("TriggerAuthentication"), "metadata": {"name": name, "namespace": run.namespace}})
        hpa = scaled(run, metadata={"enableTLS": "true"}, authenticationRef={"name": name})
        until_with_a_number(run, hpa)
        # Not what it falls back to before the first plan.
        run.until("a number of the plan", lambda _: condition(run, "Fallback") == "False" and targets(run)[run.dear] == 1, MOVE_SECONDS)
        run.play.load = THREE
        until_scaled(run, run.dear, lambda asked: asked >= 3)


def test_a_schedule_wakes_a_workload_that_is_idle_and_lets_it_sleep_again(cluster: Cluster) -> None:
    with sized(cluster) as run:
        scale(run, run.dear, 0)
        run.until("an idle workload", lambda _: run.condition("Ready").get("reason") == "Idle", SOON)
        hours = timedelta(hours=6)
        scheduled(run, datetime.now(UTC) + hours, datetime.now(UTC) + 2 * hours)
        run.until("a sleeping ScaledObject", lambda _: condition(run, "Active") == "False", SOON)
        assert targets(run)[run.dear] == 0
        asked = scheduled(run, datetime.now(UTC) - hours, datetime.now(UTC) + hours)
        until_scaled(run, run.dear, lambda replicas: replicas == asked)
        run.until("a workload that is ready", lambda _: run.condition("Ready").get("status") == "True", SOON)
        scheduled(run, datetime.now(UTC) + hours, datetime.now(UTC) + 2 * hours)
        run.until(
            "an idle workload", lambda _: targets(run)[run.dear] == 0 and run.condition("Ready").get("reason") == "Idle", MOVE_SECONDS
        )


def scheduled(run: MoveRun, start: datetime, end: datetime) -> int:
    """With the page's ScaledObject by a schedule, whose day is between these moments; the replicas that it asks for."""
    made = named(run, BY_DAY)
    made["spec"] |= {"pollingInterval": 1, "cooldownPeriod": 1}
    (trigger,) = made["spec"]["triggers"]
    times = {name: f"{at.minute} {at.hour} * * *" for name, at in (("start", start), ("end", end))}
    trigger["metadata"] |= {"timezone": "Etc/UTC", **times}
    run.cluster.api.apply(made)
    return int(trigger["metadata"]["desiredReplicas"])
