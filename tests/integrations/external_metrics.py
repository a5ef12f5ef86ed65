"""The API `external.metrics.k8s.io`, which a process of the cluster serves and the API server passes on: an HPA reads its external metrics there."""

from __future__ import annotations

import base64

from cluster.certificates import Certificate
from cluster.cluster import Cluster
from cluster.waiting import wait_until
from patience import PATIENCE

VERSION = "v1beta1"
GROUP = "external.metrics.k8s.io"


def certificate(cluster: Cluster, service: str, namespace: str) -> Certificate:
    """With which a process serves an API as this Service."""
    names = (f"DNS:{service}.{namespace}.svc", f"DNS:{service}.{namespace}.svc.cluster.local", f"IP:{cluster.identity.gateway}")
    return cluster.control_plane.authority.issue(f"{namespace}-{service}", service, addresses=names)


def register(cluster: Cluster, service: str, namespace: str, port: int) -> None:
    """The process serves it at this port with the certificate of that Service; returns when the API server has reached it."""
    cluster.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    cluster.api.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": service, "namespace": namespace},
            # Without nodes a Service has no address: the API server goes to this one.
            "spec": {"type": "ExternalName", "externalName": cluster.identity.gateway},
        }
    )
    name = f"{VERSION}.{GROUP}"
    authority = cluster.control_plane.authority.authority.certificate
    cluster.api.apply(
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": name},
            "spec": {
                "group": GROUP,
                "version": VERSION,
                "service": {"name": service, "namespace": namespace, "port": port},
                "caBundle": base64.b64encode(authority.read_bytes()).decode(),
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
            },
        }
    )

    def available() -> bool:
        served = cluster.api.get(f"/apis/apiregistration.k8s.io/v1/apiservices/{name}") or {}
        return any(c["type"] == "Available" and c["status"] == "True" for c in (served.get("status") or {}).get("conditions", ()))

    wait_until(name, available, seconds=PATIENCE, logs=(cluster.supervisor.log(service),), check=cluster.supervisor.check)
