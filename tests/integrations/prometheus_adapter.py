"""A real Prometheus that scrapes the operator as the chart's ServiceMonitor says, and the real prometheus-adapter with the rule of the documentation."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Mapping

import yaml

from chart.helm import NAMESPACE, rendered, the
from cluster import binaries
from cluster.cluster import Cluster
from integrations import external_metrics
from integrations.sized import shown
from patience import PATIENCE

PROGRAM = "prometheus-adapter"
PORT = 6445
RULE = shown("ConfigMap")
"""As the documentation shows it."""
RELIST_SECONDS = 2
"""Between two looks at which series there are. The adapter's own default is ten minutes, its chart's one minute."""


def scrape(cluster: Cluster, port: int) -> str:
    """Prometheus reads the operator that listens on this machine at that port, and nothing else; its URL."""
    (endpoint,) = the(rendered({"serviceMonitor": {"enabled": True}}), "ServiceMonitor")["spec"]["endpoints"]
    job = {
        "job_name": "steelyard",
        "metrics_path": endpoint["path"],
        "honor_labels": endpoint["honorLabels"],
        # The operator of a ServiceMonitor stands in a namespace of its own, which Prometheus puts into the same label.
        "static_configs": [{"targets": [f"{cluster.identity.host}:{port}"], "labels": {"namespace": NAMESPACE}}],
    }
    return cluster.prometheus(yaml.safe_dump({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [job]}))


def by_the_rule(prometheus: str, labels: Mapping[str, str], *, at: float) -> list[float]:
    """What the rule's own query answers at that time (seconds of Unix)."""
    (rule,) = yaml.safe_load(RULE["data"]["config.yaml"])["externalRules"]
    query = rule["metricsQuery"].replace("<<.Series>>", rule["seriesQuery"])
    return _asked(prometheus, query.replace("<<.LabelMatchers>>", _matchers(labels)), at)


def last_known(prometheus: str, labels: Mapping[str, str], *, at: float) -> list[float]:
    """The number of the same series that Prometheus takes for that of this time."""
    (rule,) = yaml.safe_load(RULE["data"]["config.yaml"])["externalRules"]
    return _asked(prometheus, f"{rule['seriesQuery']}{{{_matchers(labels)}}}", at)


def _matchers(labels: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{value}"' for name, value in labels.items())


def _asked(prometheus: str, query: str, at: float) -> list[float]:
    url = f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query, 'time': at})}"
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return [float(each["value"][1]) for each in json.load(answer)["data"]["result"]]


def start(cluster: Cluster, prometheus: str, rules: str = RULE["data"]["config.yaml"]) -> None:
    """Start the adapter, which reads that Prometheus; returns when the API server serves its API. rules: its configuration."""
    namespace = RULE["metadata"]["namespace"]
    program = binaries.programs([PROGRAM])[PROGRAM]
    config = cluster.identity.folder / "prometheus-adapter.yaml"
    config.write_text(rules)
    kubeconfig = cluster.kubeconfig_for(f"system:serviceaccount:{namespace}:{PROGRAM}", "system:masters")
    own = external_metrics.certificate(cluster, PROGRAM, namespace)
    cluster.supervisor.start(
        PROGRAM,
        program,
        f"--config={config}",
        f"--prometheus-url={prometheus}",
        f"--metrics-relist-interval={RELIST_SECONDS}s",
        "--metrics-max-age=10m",
        f"--bind-address={cluster.identity.gateway}",
        f"--secure-port={PORT}",
        f"--tls-cert-file={own.certificate}",
        f"--tls-private-key-file={own.key}",
        *(f"--{use}-kubeconfig={kubeconfig}" for use in ("lister", "authentication", "authorization")),
    )
    external_metrics.register(cluster, PROGRAM, namespace, PORT)
