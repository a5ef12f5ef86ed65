"""Cluster Autoscaler as far as it answers ProvisioningRequests, by its source (cluster-autoscaler/provisioningrequest and processors/provreq).

It looks at those of one namespace. A class that it does not know it leaves alone for ever; a PodTemplate that is missing fails the request; what has no room
fails where it is not to be tried again, and else is tried again. What is booked is over after ten minutes.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from cluster.cluster import Cluster

Manifest = dict[str, Any]
DEFINITION = Path(__file__).with_name("provisioning_requests.yaml")
CHECK, ATOMIC = "check-capacity.autoscaling.x-k8s.io", "best-effort-atomic-scale-up.autoscaling.x-k8s.io"
TICK = 0.2


def answer(request: Manifest, templates: Collection[str], room: int) -> tuple[str, str, str, str] | None:
    """(type, status, reason, message) of the condition that it sets; None where it leaves a request alone. room: pods that nodes are there, or can be had,
    for."""
    spec = request["spec"]
    holds = {c["type"] for c in (request.get("status") or {}).get("conditions") or () if c["status"] == "True"}
    if spec["provisioningClassName"] not in {CHECK, ATOMIC} or holds & {"Provisioned", "Failed"}:
        return None
    missing = [each["podTemplateRef"]["name"] for each in spec["podSets"] if each["podTemplateRef"]["name"] not in templates]
    if missing:
        told = f"missing pod templates, {len(spec['podSets'])} pod templates were referenced, {len(missing)} templates were missing: {', '.join(missing)}"
        return "Failed", "True", "FailedToCreatePods", told
    checks = spec["provisioningClassName"] == CHECK
    if sum(each["count"] for each in spec["podSets"]) <= room:
        return "Provisioned", "True", "CapacityIsFound" if checks else "CapacityIsProvisioned", "Capacity is found in the cluster"
    if checks and (spec.get("parameters") or {}).get("noRetry") == "true":
        return "Failed", "True", "CapacityIsNotFound", "CA could not find requested capacity"
    return "Provisioned", "False", "CapacityIsNotFound", "Capacity is not found, CA will try to find it later."


class ClusterAutoscaler:
    """Use as a context manager. `room`: as of `answer`; None: it does not look at all."""

    def __init__(self, cluster: Cluster, namespace: str, room: int | None) -> None:
        self.room = room
        self.asked: dict[str, Manifest] = {}
        """The spec of every request that was seen, by name and uid."""
        self.templates: dict[str, Manifest] = {}
        """Every PodTemplate that was seen, by name."""
        self._cluster = cluster
        self._requests = f"/apis/autoscaling.x-k8s.io/v1/namespaces/{namespace}/provisioningrequests"
        self._templates = f"/api/v1/namespaces/{namespace}/podtemplates"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="cluster-autoscaler")

    def __enter__(self) -> Self:
        self._cluster.kubectl("apply", "--server-side", "-f", str(DEFINITION))
        self._cluster.until_established("crd/provisioningrequests.autoscaling.x-k8s.io")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def standing(self) -> list[str]:
        """Names of the requests and PodTemplates that are there."""
        return [each["metadata"]["name"] for path in (self._requests, self._templates) for each in self._listed(path)]

    def _run(self) -> None:
        while not self._stop.wait(TICK):
            for request in self._listed(self._requests):
                self._look(request)

    def _look(self, request: Manifest) -> None:
        meta, room = request["metadata"], self.room
        self.asked[f"{meta['name']} {meta['uid']}"] = request["spec"]
        self.templates |= {each["metadata"]["name"]: each for each in self._listed(self._templates)}
        found = None if room is None else answer(request, self.templates, room)
        if found is None:
            return
        kind, status, reason, message = found
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        told = {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": now}
        others = [c for c in (request.get("status") or {}).get("conditions") or () if c["type"] != kind]
        patch = {"metadata": {"uid": meta["uid"]}, "status": {"conditions": [*others, told]}}
        self._cluster.api.request("PATCH", f"{self._requests}/{meta['name']}/status", patch, "application/merge-patch+json")

    def _listed(self, path: str) -> list[Manifest]:
        return list((self._cluster.api.get(path) or {}).get("items", ()))
