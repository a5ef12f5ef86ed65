"""Kthena's autoscaler over two pools of the same server: one number of replicas for all, filled in the order of their cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from bench.living import hour, hpa
from cluster import binaries
from cluster.cluster import Cluster
from e2e.tenant import WORKLOAD

Manifest = dict[str, Any]
TOOL, API = "kthena", "workload.serving.volcano.sh/v1alpha1"
(_PACE,) = binaries.TOOLS[TOOL].changes
SYNC_SECONDS = int(_PACE.after.rpartition("=")[2])
"""Of its autoscaler, whose 15 seconds no argument sets: it is built with this figure."""
METRIC = "requests-per-second"
PERIOD_SECONDS, DOWN_SECONDS = (round(seconds / hour.TIMES) for seconds in (60, 300))
"""Of the rule that bounds a step, and of the stabilisation on the way down: its defaults at the pace of the trace."""
STEP_UP = 4
TOLERANCE_PERCENT, COST_EXPANSION_PERCENT, PANIC_PERCENT = 10, 200, 200
"""Its defaults. Its panic mode begins at that percent of the replicas, and by default lasts no time."""


def start(cluster: Cluster) -> None:
    """Its controllers, as one process of the cluster. Their webhooks give defaults, which the objects here name, and refuse what is written wrongly."""
    (program,) = binaries.programs([TOOL]).values()
    for path in sorted(program.parent.glob("*.yaml")):
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(path))
    cluster.until_established("crd", "--all")
    cluster.supervisor.stop(TOOL)  # of the policy before, where that was Kthena's too
    config = cluster.kubeconfig_for("system:serviceaccount:kthena-system:kthena", "system:masters")
    cluster.supervisor.start(TOOL, program, f"--kubeconfig={config}", "--enable-webhook=false", "--controllers=modelserving,autoscaler")


def objects(namespace: str, deployment: Manifest, pools: Mapping[str, str], target: float, prometheus: str) -> Iterator[Manifest]:
    """A Service, a ModelServing for each pool, and what scales both. deployment: another's, whose pods are the same; pools: their names by word. target:
    requests per second of a replica."""
    yield hpa.service(namespace)
    for word, pool in pools.items():
        pod = deepcopy(deployment["spec"]["template"]["spec"])
        pod["nodeSelector"] = {hpa.POOL: hour.NODES[word]}
        role = {"name": "server", "replicas": 1, "workerReplicas": 0, "entryTemplate": {"metadata": {"labels": {**hpa.SERVING, hpa.POOL: pool}}, "spec": pod}}  # fmt: skip
        yield {
            "apiVersion": API,
            "kind": "ModelServing",
            "metadata": {"name": word, "namespace": namespace},
            "spec": {
                "replicas": hour.LEAST if word == hour.CHEAP else 0,
                "schedulerName": "default-scheduler",
                "recoveryPolicy": "RoleRecreate",
                "template": {"roles": [role]},
            },
        }
    yield {
        "apiVersion": API,
        "kind": "AutoscalingPolicy",
        "metadata": {"name": WORKLOAD, "namespace": namespace},
        "spec": {
            "tolerancePercent": TOLERANCE_PERCENT,
            "metrics": [{"name": METRIC, "targetValue": f"{round(1000 * target)}m"}],
            "behavior": _behavior(),
            "heterogeneousTarget": {
                "costExpansionRatePercent": COST_EXPANSION_PERCENT,
                "params": [_of_pool(namespace, word, pool, prometheus) for word, pool in pools.items()],
            },
        },
    }


def _of_pool(namespace: str, word: str, pool: str, prometheus: str) -> Manifest:
    rate = f'sum(rate({hpa.SERIES}{{namespace="{namespace}",pool="{pool}"}}[{hpa.RATE_SECONDS}s]))'
    cheap = word == hour.CHEAP
    return {
        "target": {
            "targetRef": {"kind": "ModelServing", "name": word},
            "metricSources": {METRIC: {"prometheus": {"serverURL": prometheus, "query": rate}}},
        },
        "cost": round(100 * float(hour.PRICES[word])),
        "minReplicas": hour.LEAST if cheap else 0,
        "maxReplicas": hour.LIMIT if cheap else hour.MOST - hour.LIMIT,
    }


def _behavior() -> Manifest:
    def bounded(instances: int, stabilised: int) -> Manifest:
        return {
            "instances": instances,
            "percent": 100,
            "period": f"{PERIOD_SECONDS}s",
            "selectPolicy": "Or",
            "stabilizationWindow": f"{stabilised}s",
        }

    panic = {"percent": 0, "period": "0s", "panicThresholdPercent": PANIC_PERCENT, "panicModeHold": "0s"}
    return {"scaleDown": bounded(0, DOWN_SECONDS), "scaleUp": {"stablePolicy": bounded(STEP_UP, 0), "panicPolicy": panic}}
