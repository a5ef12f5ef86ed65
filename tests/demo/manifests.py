"""The objects that the demo puts into the cluster: two pools, a claim, a workload, and the load."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from demo.served import Manifest, Unit
from demo.story import Story

PRICE_PER_HOUR = "0.40"
"""Of a node of either pool, where what differs is how much a replica gets done."""
DEARER_PRICE_PER_HOUR = "0.60"
"""Of a node of the slower pool, where both get about the same done: half as much again for a good request."""
AS_OF = "2026-01-01"
MOST_REPLICAS = 4
"""At any moment, of which a load is chosen that leaves one for a move."""
LEAST_SAVING, UNHEARD_OF = 10, 90
"""Per cent that a move must save. No pool is ten times cheaper than the other here: the second stops every move."""
HALVES = "0.5"
"""The claim to be refuted: one good request costs half of what it costs on the other pool."""
LABEL = "steelyard.dev/demo"
LEAST_CONNECTIONS, MOST_CONNECTIONS = 16, 96
"""The second is less than a server's queue holds: nothing is turned away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a pool's nodes are, as the cluster says: architecture, instance type, CPUs and memory that pods can have."""

    architecture: str
    instance_type: str
    cpu: str
    memory: str


def pool(story: Story, name: str, shape: Shape, price: str, claims: list[Manifest]) -> Manifest:
    """One AcceleratorPool of CPU nodes. price: of a node, per hour."""
    return {
        "apiVersion": "steelyard.dev/v1alpha1",
        "kind": "AcceleratorPool",
        "metadata": {"name": name, "labels": {LABEL: story.namespace, f"{LABEL}-pool": name}},
        "spec": {
            "accelerator": {"family": "cpu", "model": shape.architecture},
            "backends": [{"name": dict(story.pools)[name].backend}],
            "nodes": {"selector": {"steelyard.dev/pool": name}},
            "shapes": [
                {
                    "instanceType": shape.instance_type,
                    "devices": 0,
                    "cpu": shape.cpu,
                    "memory": shape.memory,
                    "pricePerHour": price,
                    "priceClass": "Static",
                    "asOf": AS_OF,
                }
            ],
            "resources": dict(story.resources[name]),
            "claims": claims,
        },
    }


def claim(ratio: str, relative_to: str, unit: Unit) -> Manifest:
    """An advertised saving."""
    return {
        "name": "advertised",
        "metric": "UnitCost",
        "ratio": ratio,
        "relativeTo": relative_to,
        "conditions": "none given, as usual",
        "source": "the demo's own advertisement",
        "date": "2026-01-01",
        **({"unit": "PerMillionTokens"} if unit.tokens else {}),
    }


def workload(
    story: Story, name: str, *, only_pool: str | None, mode: str, window: int, least_saving: int = LEAST_SAVING, least_replicas: int = 1
) -> Manifest:
    """The workload, or a probe of one pool with the same model and promise. Times are short through the API's own fields."""
    selector: Manifest = {"matchLabels": {LABEL: story.namespace}}
    if only_pool is not None:
        selector["matchLabels"][f"{LABEL}-pool"] = only_pool
    served = story.served
    model: Manifest = {"uri": story.model_uri, "digest": story.model_digest, "task": served.task}
    if story.secret:
        model["secretName"] = story.secret
    return {
        "apiVersion": "steelyard.dev/v1alpha1",
        "kind": "InferenceWorkload",
        "metadata": {"name": name, "namespace": story.namespace},
        "spec": {
            "model": model,
            "server": served.server,
            "compile": served.compile,
            "objective": served.objective,
            "scaling": {"minReplicas": least_replicas, "maxReplicas": 1 if only_pool else served.most_replicas},
            "placement": {"poolSelector": selector},
            "rebalancing": {
                "mode": mode,
                "windowSeconds": window,
                "bakeSeconds": window,
                "minGoodRequests": served.least_requests,
                "cooldownSeconds": 3600,
                "deadlineSeconds": served.step_seconds,
                "paybackSeconds": 86400,
                "minSavingPercent": least_saving,
                "exploration": {"budget": "1.00", "deadlineSeconds": served.step_seconds, "aim": served.aim},
            },
        },
    }


def connections(capacity: float, milliseconds: float) -> int:
    """As many as let an overload be seen by the server: with fewer, requests would wait in the client, late by its clock and good by the
    server's. capacity: requests per second of all replicas together; milliseconds: in which an answer is good."""
    return max(LEAST_CONNECTIONS, min(MOST_CONNECTIONS, ceil(2 * capacity * milliseconds / 1000)))


def until_answered(url: str, image: str) -> Manifest:
    """An init container that ends when the Service first answers on this node: kube-proxy is told of a new one a moment after it is ready.

    After a minute it ends all the same, and the client's log then shows what is wrong.
    """
    script = (
        "import time, urllib.error, urllib.request\n"
        "for _ in range(240):\n"
        "    try:\n"
        f"        urllib.request.urlopen({url + '/v2/health/ready'!r}, timeout=2).close()\n"
        "        break\n"
        "    except urllib.error.HTTPError as error:\n"
        "        if error.code == 404:\n"  # a server that does not speak this protocol, and answers
        "            break\n"
        "        time.sleep(0.25)\n"
        "    except OSError:\n"
        "        time.sleep(0.25)\n"
    )
    return {
        "name": "until-answered",
        "image": image,
        "command": ["python3", "-c", script],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
    }


def load_pod(
    story: Story,
    name: str,
    *,
    service: str,
    model: str,
    rate: float,
    most_seconds: int,
    seed: int,
    node_selector: dict[str, str],
    connections: int = LEAST_CONNECTIONS,
) -> Manifest:
    """The open-loop load generator, which runs only as a pod: inside the cluster, through the Service."""
    url = f"http://{service}.{story.namespace}.svc"
    arguments = [
        "load", "--url", url, "--model", model, "--rate", f"{rate:.3f}", "--duration", str(most_seconds),
        "--until-signal", "--seed", str(seed), "--connections", str(connections), *story.served.load,
    ]  # fmt: skip
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": story.namespace, "labels": {LABEL: "load"}},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 60,
            "automountServiceAccountToken": False,
            "nodeSelector": node_selector,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "initContainers": [{**until_answered(url, story.runtime_image), "imagePullPolicy": "IfNotPresent"}],
            "containers": [
                {
                    "name": "load",
                    "image": story.runtime_image,
                    "imagePullPolicy": "IfNotPresent",
                    "args": arguments,
                    "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                }
            ],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        },
    }
