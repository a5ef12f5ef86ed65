import asyncio
import json

import pytest

from apiserver.control.resources import CONFIG_MAPS
from cluster.waiting import wait_until
from patience import PATIENCE
from steelyard.control.telemetry.events import EventRecorder, EventType
from steelyard.core.vocabulary.reason import Reason

pytestmark = pytest.mark.apiserver


async def test_events_are_seen_by_kubectl_with_their_count(client, clock, control_plane, namespace):
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": namespace, "name": "a"}}
    about = await client.create(CONFIG_MAPS, body)
    dropped = []
    recorder = EventRecorder(client, clock, instance="pod-1", on_drop=dropped.append)
    running = asyncio.create_task(recorder.run())
    await asyncio.sleep(0)
    for _ in range(3):
        recorder.record(about, EventType.WARNING, Reason.FROZEN, "SavingNotSignificant: wait for 200 good requests (has 3)")
    recorder.record(about, EventType.NORMAL, Reason.SCALED, "2 to 3 replicas on pool inf2")
    posted = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
    await asyncio.to_thread(wait_until, "both events", lambda: len((control_plane.api.get(posted) or {})["items"]) == 2, seconds=PATIENCE)
    await recorder.flush()  # counts of what was posted before
    running.cancel()
    shown = await asyncio.to_thread(control_plane.kubectl, "-n", namespace, "get", "events.events.k8s.io", "-o", "json")
    found = {item["reason"]: item for item in json.loads(shown)["items"] if item["regarding"]["name"] == "a"}
    assert set(found) == {"Frozen", "Scaled"} and dropped == []
    assert found["Frozen"]["series"]["count"] == 3
    assert found["Frozen"]["reportingController"] == "steelyard.dev"
    described = await asyncio.to_thread(control_plane.kubectl, "-n", namespace, "describe", "configmap", "a")
    assert "SavingNotSignificant" in described
