"""Devices by ResourceClaims, as the API server keeps them: what was allocated and who holds it counts under the name that containers ask by."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest

from cluster.waiting import wait_until
from patience import PATIENCE
from steelyard.control.gather.device_claims import claimed
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.resource import PODS

pytestmark = pytest.mark.apiserver

API = "/apis/resource.k8s.io/v1"
DRIVER = "devices.example.com"


class Devices:
    """Classes, slices and claims; the test is the scheduler and the driver."""

    def __init__(self, cluster: Any, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.tag = uuid4().hex[:8]
        self.known, self.plain = f"known-{self.tag}", f"plain-{self.tag}"
        self.resource = f"example.com/device-{self.tag}"
        self._post(f"{API}/deviceclasses", "DeviceClass", self.known, {"extendedResourceName": self.resource})
        self._post(f"{API}/deviceclasses", "DeviceClass", self.plain, {})
        slice_ = {
            "driver": DRIVER,
            "nodeName": "n",
            "pool": {"name": f"n-{self.tag}", "generation": 1, "resourceSliceCount": 1},
            "devices": [{"name": f"d{number}"} for number in range(4)],
        }
        self._post(f"{API}/resourceslices", "ResourceSlice", f"n-{self.tag}", slice_)

    def _post(self, path: str, kind: str, name: str, spec: dict[str, Any], **metadata: Any) -> None:
        made = {"apiVersion": "resource.k8s.io/v1", "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}
        status, body = self.cluster.api.request("POST", path, made)
        assert status == 201, body.decode()

    def claim(self, requests: list[dict[str, Any]], given: list[tuple[str, str]], pods: list[dict[str, Any]]) -> None:
        """given: (request, device)."""
        name = f"claim-{uuid4().hex[:8]}"
        path = f"{API}/namespaces/{self.namespace}/resourceclaims"
        self._post(path, "ResourceClaim", name, {"devices": {"requests": requests}}, namespace=self.namespace)
        self.allocate(name, given, pods)

    def allocate(self, name: str, given: list[tuple[str, str]], pods: list[dict[str, Any]]) -> None:
        """What the scheduler writes of a claim."""
        path = f"{API}/namespaces/{self.namespace}/resourceclaims"
        results = [{"request": request, "driver": DRIVER, "pool": f"n-{self.tag}", "device": device} for request, device in given]
        status = {
            "allocation": {"devices": {"results": results}},
            "reservedFor": [{"resource": "pods", "name": manifests.name(pod), "uid": manifests.uid(pod)} for pod in pods],
        }
        answer, body = self.cluster.api.request("PATCH", f"{path}/{name}/status", {"status": status}, "application/merge-patch+json")
        assert answer == 200, body.decode()
        kept = json.loads(body)["status"]["allocation"]["devices"].get("results", ())
        assert len(kept) == len(given), "what the API server does not know it leaves out"


async def a_pod(client: Any, namespace: str, name: str) -> dict[str, Any]:
    """The controller of claims takes back what is reserved for pods that are not there."""
    spec = {"nodeName": f"node-of-{namespace}", "containers": [{"name": "a", "image": "stub"}]}
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}, "spec": spec}
    return dict(await client.create(PODS, made))


async def test_what_is_allocated_and_reserved_is_held(control_plane, namespace, client) -> None:
    devices = Devices(control_plane, namespace)
    first, second, third = [await a_pod(client, namespace, name) for name in ("first", "second", "third")]
    exactly = [{"name": "some", "exactly": {"deviceClassName": devices.known, "allocationMode": "ExactCount", "count": 2}}]
    devices.claim(exactly, [("some", "d0"), ("some", "d1")], [first])
    choices = [
        {
            "name": "any",
            "firstAvailable": [{"name": "best", "deviceClassName": devices.known}, {"name": "else", "deviceClassName": devices.plain}],
        }
    ]
    devices.claim(choices, [("any/else", "d2")], [second])
    devices.claim([{"name": "one", "exactly": {"deviceClassName": devices.known}}], [("one", "d3")], [first, third])
    devices.claim([{"name": "one", "exactly": {"deviceClassName": devices.known}}], [], [])
    found = await claimed(client)
    assert [dict(found[manifests.uid(pod)].devices) for pod in (first, second, third)] == [
        {devices.resource: 2.5},
        {f"deviceclass.resource.kubernetes.io/{devices.plain}": 1.0},
        {devices.resource: 0.5},
    ]
    assert [each[1:] for each in found[manifests.uid(second)].chosen] == [("any", ("best", "else"), "else")]
    assert not found[manifests.uid(first)].chosen and not found[manifests.uid(third)].chosen


async def test_a_claim_that_was_made_from_a_template_is_called_as_its_pod_calls_it(control_plane, namespace, client) -> None:
    devices = Devices(control_plane, namespace)
    choices = [{"name": "any", "firstAvailable": [{"name": "only", "deviceClassName": devices.known}]}]
    template = {"spec": {"devices": {"requests": choices}}}
    devices._post(f"{API}/namespaces/{namespace}/resourceclaimtemplates", "ResourceClaimTemplate", "some", template, namespace=namespace)
    spec = {
        "nodeName": f"node-of-{namespace}",
        "resourceClaims": [{"name": "accelerator", "resourceClaimTemplateName": "some"}],
        "containers": [{"name": "a", "image": "stub", "resources": {"claims": [{"name": "accelerator"}]}}],
    }
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "some", "namespace": namespace}, "spec": spec}
    pod = dict(await client.create(PODS, made))
    claims = f"{API}/namespaces/{namespace}/resourceclaims"

    def theirs() -> dict[str, Any] | None:
        return next(iter((control_plane.api.get(claims) or {}).get("items", ())), None)

    claim = await asyncio.to_thread(wait_until, "the controller's claim", theirs, seconds=PATIENCE)
    devices.allocate(manifests.name(claim), [("any/only", "d0")], [pod])
    held = (await claimed(client, namespace))[manifests.uid(pod)]
    assert held.chosen == (("the pods' claim accelerator", "any", ("only",), "only"),)
    assert held.devices == {devices.resource: 1.0}
