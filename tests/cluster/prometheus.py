"""A real Prometheus, started when it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from cluster.control_plane import ControlPlane
from cluster.errors import ClusterError
from cluster.http_probe import answers
from cluster.supervisor import Supervisor
from cluster.waiting import wait_until
from patience import PATIENCE

PORT = 9090
USER = "system:serviceaccount:kube-system:prometheus"

#: Every pod that is annotated in the usual way.
DEFAULT = """
global: {scrape_interval: 2s, scrape_timeout: 2s}
scrape_configs:
- job_name: pods
  kubernetes_sd_configs: [{role: pod}]
  relabel_configs:
  - {source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape], regex: "true", action: keep}
  - {source_labels: [__address__, __meta_kubernetes_pod_annotation_prometheus_io_port], regex: '([^:]+)(?::\\d+)?;(\\d+)', replacement: '$1:$2', target_label: __address__}
  - {source_labels: [__meta_kubernetes_namespace], target_label: namespace}
  - {source_labels: [__meta_kubernetes_pod_name], target_label: pod}
"""


def with_cluster_access(config: str, kubeconfig: str) -> str:
    """The configuration, with every Kubernetes discovery that says nothing else pointed at this cluster."""
    content: Any = yaml.safe_load(config)
    if not isinstance(content, dict) or not content.get("scrape_configs"):
        raise ClusterError("a configuration of Prometheus needs scrape_configs")
    for job in content["scrape_configs"]:
        for discovery in job.get("kubernetes_sd_configs", ()):
            if "api_server" not in discovery:
                discovery.setdefault("kubeconfig_file", kubeconfig)
    return yaml.safe_dump(content)


def start(control_plane: ControlPlane, supervisor: Supervisor, program: Path, config: str | None) -> str:
    """Start it, or start it anew with another configuration; returns its URL."""
    identity = control_plane.identity
    kubeconfig = control_plane.identity_of("prometheus", USER, "system:masters")
    target = identity.folder / "prometheus.yaml"
    target.write_text(with_cluster_access(config or DEFAULT, str(kubeconfig)))
    url = f"http://{identity.gateway}:{PORT}"
    supervisor.stop("prometheus")
    storage = f"--storage.tsdb.path={identity.folder / 'prometheus'}"
    supervisor.start("prometheus", program, f"--config.file={target}", storage, f"--web.listen-address={identity.gateway}:{PORT}")
    wait_until(
        "Prometheus", lambda: answers(f"{url}/-/ready"), seconds=PATIENCE, logs=(supervisor.log("prometheus"),), check=supervisor.check
    )
    return url
