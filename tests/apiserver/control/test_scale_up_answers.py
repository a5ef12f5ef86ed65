"""Cluster Autoscaler's word on a pod, written as it writes it (client-go's recorder for core/v1) and found by the fields that an API server selects by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from steelyard.control.gather.scale_up_answers import ScaleUpAnswers
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.resource import CORE_EVENTS, PODS

pytestmark = pytest.mark.apiserver

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def event(pod: dict[str, Any], reason: str, message: str, seconds: int, component: str = "cluster-autoscaler") -> dict[str, Any]:
    at = (BEGAN + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    about = {"apiVersion": "v1", "kind": "Pod", **{field: pod["metadata"][field] for field in ("name", "namespace", "uid")}}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{about['name']}.{reason.lower()}.{seconds}", "namespace": about["namespace"]},
        "involvedObject": about,
        "reason": reason,
        "message": message,
        "source": {"component": component},
        "reportingComponent": component,
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
        "type": "Normal",
    }


async def test_the_newest_of_its_words_is_found_and_nobody_elses(client, namespace):
    pods = []
    for name in ("refused", "brought", "silent"):
        container = {"name": "a", "image": "stub"}
        pods.append(
            await client.create(
                PODS,
                {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "metadata": {"name": name, "namespace": namespace},
                    "spec": {"containers": [container]},
                },
            )
        )
    refused, brought, silent = pods
    none = "pod didn't trigger scale-up: 1 max node group size reached"
    for each in (
        event(refused, "TriggeredScaleUp", "pod triggered scale-up: [{group 0->1 (max: 1)}]", 10),
        event(refused, "NotTriggerScaleUp", none, 20),
        event(brought, "NotTriggerScaleUp", none, 10),
        event(brought, "TriggeredScaleUp", "pod triggered scale-up: [{group 0->1 (max: 1)}]", 20),
        event(silent, "NotTriggerScaleUp", none, 10, component="somebody-else"),
        event(silent, "FailedScheduling", "0/1 nodes are available", 30),
    ):
        await client.create(CORE_EVENTS, each)
    seen = ScaleUpAnswers(client)
    changed = await seen.look(pods)
    assert [manifests.name(pod) for pod in changed] == ["refused"]
    assert [seen.of(pod) for pod in pods] == ["1 max node group size reached", "", ""]
