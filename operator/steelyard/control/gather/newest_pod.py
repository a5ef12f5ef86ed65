"""The pod that speaks for a Job: its newest, where its controller has made another one."""

from __future__ import annotations

from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import PODS
from steelyard.control.kube.store import Store


def newest_pod(store: Store, job: Manifest) -> Manifest | None:
    """Of those that the Job controls; the last by name where several were made in the same second. None without any."""
    uid = manifests.uid(job)
    pods = (pod for pod in store.owned_by(uid, PODS) if manifests.controller_uid(pod) == uid)
    return max(pods, key=lambda pod: (str(manifests.metadata(pod).get("creationTimestamp", "")), manifests.name(pod)), default=None)
