"""NetworkPolicies are enforced: kube-router's controller on each node, by iptables and ipset in the node's own network namespace.

It is started when it is asked for, for it watches every pod. Nothing else of kube-router runs, no routes and no service proxy. The bridge on
a node hands what pods of one node send each other to iptables, as it does what is routed (`bridge-nf-call-iptables`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cluster.api import Api
from cluster.control_plane import ControlPlane
from cluster.node import Node
from cluster.packages import SYSTEM_FOLDERS
from cluster.waiting import wait_until
from patience import PATIENCE

USER = "system:kube-router"
CHAIN = "KUBE-NWPLCY-DEFAULT"
"""Of iptables: pods without a policy pass by it."""


def _rights() -> list[dict[str, Any]]:
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": USER}
    watched = ["pods", "nodes", "namespaces", "services", "endpoints"]
    rules = [
        {"apiGroups": [""], "resources": watched, "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": ["list", "watch"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ]
    return [
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": USER}, "rules": rules},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": USER},
            "roleRef": role,
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": USER}],
        },
    ]


def enforce(control_plane: ControlPlane, api: Api, nodes: Iterable[Node], program: Path) -> None:
    """Enforce policies on these nodes until the cluster ends; returns when all of them do."""
    for manifest in _rights():
        api.apply(manifest)
    kubeconfig = control_plane.identity_of("kube-router", USER)
    enforcing = list(nodes)
    for node in enforcing:
        node.supervisor.start(
            "kube-router",
            program,
            f"--kubeconfig={kubeconfig}",
            f"--hostname-override={node.name}",
            "--run-firewall=true",
            "--run-router=false",
            "--run-service-proxy=false",
            f"--service-cluster-ip-range={control_plane.identity.services}",
            "--health-port=0",
            env={"PATH": f"{SYSTEM_FOLDERS}:/usr/bin:/bin"},
        )
    for node in enforcing:
        wait_until(
            f"policies to be enforced on {node.name}",
            lambda node=node: CHAIN in node.supervisor.script(f"PATH={SYSTEM_FOLDERS}:/usr/bin:/bin iptables-save -t filter"),
            seconds=PATIENCE,
            logs=(node.supervisor.log("kube-router"),),
            check=node.supervisor.check,
        )
