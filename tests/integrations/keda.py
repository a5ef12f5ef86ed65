"""The real KEDA, its operator and its adapter, as processes of the cluster. Its webhooks only refuse what is written wrongly, and are left out."""

from __future__ import annotations

import shutil
from pathlib import Path

from cluster import binaries
from cluster.cluster import Cluster
from cluster.waiting import wait_until
from integrations import external_metrics
from patience import PATIENCE

TOOL = "keda"
NAMESPACE = "keda"
OPERATOR, ADAPTER = "keda-operator", "keda-metrics-apiserver"
"""The names of its Services, which its programs go by."""
PORT, METRICS_SERVICE = 6446, 9666
SCALER = "steelyard-scaler.steelyard-system"
"""The operator's Service in the documentation, which KEDA finds by name."""


def start(cluster: Cluster) -> None:
    """Start both; returns when the API server serves the adapter's API. What KEDA asks SCALER is asked of this machine."""
    programs = binaries.programs([TOOL])
    for path in sorted(programs["operator"].parent.glob("*.yaml")):
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(path))
    cluster.until_established("crd", "--all")
    cluster.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    hosts = cluster.identity.folder / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n{cluster.identity.host} {SCALER}\n")
    cluster.supervisor.script(f"mount --bind {hosts} /etc/hosts")
    config = cluster.kubeconfig_for(f"system:serviceaccount:{NAMESPACE}:{OPERATOR}", "system:masters")
    environment = {
        "KUBECONFIG": str(config),
        "WATCH_NAMESPACE": "",
        "POD_NAME": OPERATOR,
        "POD_NAMESPACE": NAMESPACE,
        "KEDA_CLUSTER_OBJECT_NAMESPACE": NAMESPACE,
    }
    cluster.supervisor.start(
        OPERATOR,
        programs["operator"],
        f"--cert-dir={_certificates(cluster, OPERATOR)}",
        f"--metrics-service-bind-address={cluster.identity.gateway}:{METRICS_SERVICE}",
        "--metrics-bind-address=127.0.0.1:18080",
        "--health-probe-bind-address=127.0.0.1:18081",
        env=environment,
    )
    own = _certificates(cluster, ADAPTER)
    cluster.supervisor.start(
        ADAPTER,
        programs["adapter"],
        f"--secure-port={PORT}",
        f"--bind-address={cluster.identity.gateway}",
        f"--cert-dir={own}",
        f"--client-ca-file={own / 'ca.crt'}",
        f"--tls-cert-file={own / 'tls.crt'}",
        f"--tls-private-key-file={own / 'tls.key'}",
        f"--metrics-service-address={cluster.identity.gateway}:{METRICS_SERVICE}",
        "--port=18082",
        *(f"--{use}-kubeconfig={config}" for use in ("lister", "authentication", "authorization")),
        env=environment,
    )
    external_metrics.register(cluster, ADAPTER, NAMESPACE, PORT)
    log = cluster.supervisor.log(OPERATOR)
    wait_until(
        "KEDA's controllers", lambda: "Starting workers" in log.read_text(), seconds=PATIENCE, logs=(log,), check=cluster.supervisor.check
    )


def _certificates(cluster: Cluster, service: str) -> Path:
    """A folder as KEDA's Secret is mounted: its programs know each other by it."""
    folder = cluster.identity.folder / service
    folder.mkdir()
    issued = external_metrics.certificate(cluster, service, NAMESPACE)
    authority = cluster.control_plane.authority.authority.certificate
    for name, path in (("tls.crt", issued.certificate), ("tls.key", issued.key), ("ca.crt", authority)):
        shutil.copyfile(path, folder / name)
    return folder
