"""The cluster's DNS: CoreDNS as a process beside the control plane, behind the usual Service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cluster.api import Api
from cluster.control_plane import ControlPlane
from cluster.identity import Identity
from cluster.supervisor import Supervisor

USER = "system:coredns"


def corefile(identity: Identity, kubeconfig: Path) -> str:
    """Answers for the cluster. Everything else is said not to exist, at once: there is no way to ask anybody."""
    return f"""\
cluster.local:53 in-addr.arpa:53 ip6.arpa:53 {{
    bind {identity.gateway}
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        kubeconfig {kubeconfig}
        pods insecure
        ttl 5
    }}
}}
.:53 {{
    bind {identity.gateway}
    template ANY ANY . {{
        rcode NXDOMAIN
    }}
}}
"""


def objects(identity: Identity) -> list[dict[str, Any]]:
    """What CoreDNS may read, and the Service that leads to it."""
    ports = [{"name": name, "port": 53, "protocol": protocol} for name, protocol in (("dns", "UDP"), ("dns-tcp", "TCP"))]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": USER}
    reading = [
        {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": ["list", "watch"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ]
    metadata = {"name": "kube-dns", "namespace": "kube-system"}
    return [
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": USER}, "rules": reading},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": USER},
            "roleRef": role,
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": USER}],
        },
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"clusterIP": identity.dns_service, "ports": ports}},
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**metadata, "labels": {"kubernetes.io/service-name": "kube-dns"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [identity.gateway], "conditions": {"ready": True}}],
            "ports": ports,
        },
    ]


def start(control_plane: ControlPlane, supervisor: Supervisor, api: Api, program: Path) -> None:
    """Start the server, and point the Service at it."""
    identity = control_plane.identity
    config = identity.folder / "Corefile"
    config.write_text(corefile(identity, control_plane.identity_of("coredns", USER)))
    for manifest in objects(identity):
        api.apply(manifest)
    supervisor.start("coredns", program, "-conf", config)
