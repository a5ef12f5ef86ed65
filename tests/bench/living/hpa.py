"""Kubernetes' own HPAs over Deployments of the same server, by requests per second through Prometheus and prometheus-adapter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import yaml

from bench.living import hour
from cluster.cluster import Cluster
from cluster.control_plane import ExtraFlags
from e2e.tenant import WORKLOAD
from integrations import prometheus_adapter

Manifest = dict[str, Any]
TARGET, FULLER = 0.7, (1.0, 1.3)
"""Requests per second of a replica that an HPA aims at, in what a replica carries within the promise: as people set it, and as those may who tune it."""
SYNC_SECONDS, RATE_SECONDS, DOWN_SECONDS, PERIOD_SECONDS = (round(seconds / hour.TIMES) for seconds in (15, 30, 300, 15))
"""Of the controller's pace, of the mean that metrics are, of the stabilisation on the way down, and of the rule that bounds a step up: Kubernetes'
defaults and metrics-server's mean, at the pace of the trace."""
FLAGS = ExtraFlags(controllers=(f"--horizontal-pod-autoscaler-sync-period={SYNC_SECONDS}s",))
SERIES = "steelyard_server_requests_total"
ALL = "requests_per_second"
SERVING = {"steelyard.dev/workload": WORKLOAD, "steelyard.dev/role": "serving"}
POOL = "steelyard.dev/pool"
SCRAPED = f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
- job_name: servers
  kubernetes_sd_configs: [{{role: pod}}]
  relabel_configs:
  - {{source_labels: [__meta_kubernetes_pod_label_steelyard_dev_role, __meta_kubernetes_pod_container_port_name], regex: serving;metrics, action: keep}}
  - {{source_labels: [__meta_kubernetes_namespace], target_label: namespace}}
  - {{source_labels: [__meta_kubernetes_pod_name], target_label: pod}}
  - {{source_labels: [__meta_kubernetes_pod_label_steelyard_dev_pool], target_label: pool}}
  metric_relabel_configs:
  - {{source_labels: [__name__], regex: {SERIES}, action: keep}}
"""


@dataclass(frozen=True, slots=True)
class Hpa:
    """One pool's: it asks for the load of a metric over what a replica is to have of it, within these replicas."""

    pool: str
    metric: str
    least: int
    most: int


def beyond(target: float) -> str:
    """The metric of the load that is not the first pool's, where a replica is to have `target` of what it carries."""
    return f"{ALL}_beyond_the_first_pool_at_{100 * target:.0f}_percent"


def queries(carried: float, first_pool: int) -> Mapping[str, str]:
    """The query of each metric. carried: requests per second, by a replica; first_pool: replicas that the first of two pools can have."""
    rate = f"sum(rate(<<.Series>>{{<<.LabelMatchers>>}}[{RATE_SECONDS}s]))"
    rest = {beyond(target): f"clamp_min({rate} - {first_pool * target * carried:.6g}, 0)" for target in (TARGET, *FULLER)}
    return {ALL: rate, **rest}


def serve_metrics(cluster: Cluster, carried: float, first_pool: int) -> str:
    """Have HPAs read all metrics; returns the URL of their Prometheus. The rest is as in `queries`."""
    rules = [
        {
            "seriesQuery": SERIES,
            "resources": {"overrides": {"namespace": {"resource": "namespace"}}},
            "name": {"as": name},
            "metricsQuery": query,
        }
        for name, query in queries(carried, first_pool).items()
    ]
    prometheus = cluster.prometheus(SCRAPED)
    prometheus_adapter.start(cluster, prometheus, yaml.safe_dump({"externalRules": rules}))
    return prometheus


def service(namespace: str) -> Manifest:
    """The one that clients know."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": WORKLOAD, "namespace": namespace},
        "spec": {"selector": SERVING, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }


def objects(namespace: str, deployment: Manifest, pools: Mapping[str, str], hpas: tuple[Hpa, ...], target: float) -> Iterator[Manifest]:
    """A Service, and a Deployment and an HPA for each pool. deployment: another's, whose pods are the same; pools: their names by word."""
    yield service(namespace)
    for each in hpas:
        labels = {**SERVING, POOL: pools[each.pool]}
        pod = deepcopy(deployment["spec"]["template"]["spec"])
        pod["nodeSelector"] = {POOL: hour.NODES[each.pool]}
        named = {"name": each.pool, "namespace": namespace}
        yield {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": named,
            "spec": {
                # An HPA wakes nothing that it has not put to sleep itself.
                "replicas": max(1, each.least),
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        }
        yield {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": named,
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": each.pool},
                "minReplicas": each.least,
                "maxReplicas": each.most,
                "metrics": [
                    {
                        "type": "External",
                        "external": {
                            "metric": {"name": each.metric},
                            "target": {"type": "AverageValue", "averageValue": f"{round(1000 * target)}m"},
                        },
                    }
                ],
                "behavior": {
                    "scaleUp": {
                        "policies": [
                            {"type": "Pods", "value": 4, "periodSeconds": PERIOD_SECONDS},
                            {"type": "Percent", "value": 100, "periodSeconds": PERIOD_SECONDS},
                        ]
                    },
                    "scaleDown": {
                        "stabilizationWindowSeconds": DOWN_SECONDS,
                        "policies": [{"type": "Percent", "value": 100, "periodSeconds": PERIOD_SECONDS}],
                    },
                },
            },
        }
