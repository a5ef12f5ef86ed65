"""The pod that speaks for a Job."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.control.gather.newest_pod import newest_pod
from steelyard.control.kube.resource import PODS
from steelyard.control.kube.store import Store
from unit.control.virtual_time import ManualClock

JOB = {"metadata": {"namespace": "n", "name": "j", "uid": "job"}}


def pod(name: str, created: str, owner: dict[str, Any]) -> dict[str, Any]:
    meta = {"namespace": "n", "name": name, "uid": f"u-{name}", "resourceVersion": "1", "creationTimestamp": created}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {**meta, "ownerReferences": [owner]}}


MINE = {"kind": "Job", "name": "j", "uid": "job", "controller": True}


@pytest.mark.parametrize(
    ("pods", "found"),
    [
        ([], None),
        ([("a", "2026-01-01T00:00:09Z", MINE), ("b", "2026-01-01T00:00:01Z", MINE)], "a"),
        ([("a", "2026-01-01T00:00:01Z", MINE), ("b", "2026-01-01T00:00:01Z", MINE)], "b"),
        ([("a", "2026-01-01T00:00:01Z", MINE), ("b", "2026-01-01T00:00:09Z", {**MINE, "controller": False})], "a"),
    ],
    ids=["none", "the later one", "the last by name in the same second", "one that the Job does not control speaks for nobody"],
)
def test_the_newest_pod_that_a_job_controls_speaks_for_it(pods: list[tuple[str, str, dict[str, Any]]], found: str | None) -> None:
    store = Store(ManualClock(), on_change=lambda _: None, index_labels=())
    for each in pods:
        store.observe(PODS, "ADDED", pod(*each))
    newest = newest_pod(store, JOB)
    assert (newest and newest["metadata"]["name"]) == found
