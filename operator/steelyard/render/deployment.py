"""The Deployment of one placement. Its template is rendered once: the name holds the revision, and what exists is never rendered again."""

from __future__ import annotations

import json
from typing import NamedTuple

from steelyard.core.compiling.vllm_words import served_words
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import Settings
from steelyard.core.placing.intent import CustomIntent, PlacementIntent
from steelyard.render import label, name, runtime_word
from steelyard.render.credentials import store_credentials
from steelyard.render.custom_server import custom_pod
from steelyard.render.manifest import Manifest, owned_by_workload
from steelyard.render.pod import (
    access,
    cache,
    container_security,
    nodes,
    pod_security,
    scratch,
    shared_memory,
    store_claim,
    store_environment,
    trusted_keys,
)
from steelyard.render.quantity import requests_equal_limits

HTTP_PORT = 8080
METRICS_PORT = 9090
DRAIN_DELAY_SECONDS = 5
"""How long a terminating replica goes on accepting: kube-proxy on every node has to take it out first."""
DRAIN_TIMEOUT_SECONDS = 30
QUEUE_BATCHES = 16
"""Bound of a replica's queue, in full batches; beyond it requests are shed with 429."""
VLLM_SEQUENCES = 256
"""Requests that vLLM decodes together where nobody says how many (its own default on most devices)."""
VLLM_ROUNDS = 4
"""Requests in a replica at most, in multiples of those that it decodes together: an answer takes seconds, so few may wait."""
START_SECONDS = 900
VLLM_START_SECONDS = 3600
"""Weights of a large model take long to come and to load, and what is not in the artifact's cache is compiled then."""
SERVE_SPEC = "STEELYARD_SERVE_SPEC"
CACHE = "/tmp/artifacts"  # noqa: S108 - inside the pod
"""Lives as long as the pod: a server that is started again in it downloads nothing, and one that died while it downloaded goes on."""


UNKNOWN_DISK_GIB = 20.0
"""Of the node's disk, for a serving pod whose artifact's size is not known."""
DISK_COPIES, DISK_MORE_GIB = 2, 2.0
"""An artifact lies in a pod's cache and where it is loaded from, mostly as links to the same bytes; libraries unpack and compile beside it."""


def disk_of(artifact_bytes: int | None) -> float:
    """GiB of the node's disk that a serving pod may use."""
    return UNKNOWN_DISK_GIB if artifact_bytes is None else DISK_COPIES * artifact_bytes / 2**30 + DISK_MORE_GIB


def serve_spec(intent: PlacementIntent, settings: Settings) -> Manifest:
    """What the server is told: everything in it is part of the revision or of the operator's fixed contract."""
    most = max(intent.batch_sizes)
    if intent.vllm is None:
        own: Manifest = {"batching": {"maxBatch": most, "maxDelayMs": 0}, "queue": {"limit": most * QUEUE_BATCHES}}
    else:
        own = {"words": list(served_words(intent.vllm)), "queue": {"limit": (intent.vllm.max_sequences or VLLM_SEQUENCES) * VLLM_ROUNDS}}
    return {
        "model": intent.model_name,
        "task": runtime_word.task(intent.task),
        "backend": intent.backend,
        "artifact": {"uri": intent.artifact_uri, "digest": intent.artifact_digest},
        "objective": {
            "latency": [{"metric": o.metric, "milliseconds": o.milliseconds, "percent": f"{o.percent:g}"} for o in intent.latency]
        },
        **own,
        "connection": {"maxAgeSeconds": settings.connection_max_age_seconds},
        "drain": {"delaySeconds": DRAIN_DELAY_SECONDS, "timeoutSeconds": DRAIN_TIMEOUT_SECONDS},
        "threads": max(1, int(intent.resources.cpu)),
    }


def serving_pod(intent: PlacementIntent, settings: Settings) -> Manifest:
    """The pod that serves a placement, with one container."""
    env = [*store_environment(settings), *store_credentials(settings.store_read_secret)]
    spec = json.dumps(serve_spec(intent, settings), sort_keys=True, separators=(",", ":"))
    cached, cache_env = cache(settings)
    disk = disk_of(intent.artifact_bytes)
    parts = [
        scratch("tmp", "/tmp", disk),  # noqa: S108 - inside the pod
        *store_claim(settings, reads_only=True),
        *([shared_memory(intent.resources.memory_gib, intent.tensor_parallel)] if intent.vllm is not None else []),
        *cached,
    ]
    cache_env = cache_env or [{"name": "STEELYARD_CACHE_DIR", "value": CACHE}]
    container: Manifest = {
        "name": "server",
        "image": intent.image,
        "imagePullPolicy": settings.image_pull_policy,
        "args": ["serve"],
        "env": [{"name": SERVE_SPEC, "value": spec}, *cache_env, *trusted_keys(settings), *env],
        "ports": [{"name": "http", "containerPort": HTTP_PORT}, {"name": "metrics", "containerPort": METRICS_PORT}],
        "resources": requests_equal_limits(intent.resources, intent.resource_name, disk),
        "startupProbe": {
            "httpGet": {"path": "/startupz", "port": "metrics"},
            "periodSeconds": 1,
            "failureThreshold": START_SECONDS if intent.vllm is None else VLLM_START_SECONDS,
            "timeoutSeconds": 2,
        },
        "readinessProbe": {
            "httpGet": {"path": "/readyz", "port": "metrics"},
            "periodSeconds": 1,
            "failureThreshold": 2,
            "timeoutSeconds": 2,
        },
        "livenessProbe": {
            "httpGet": {"path": "/livez", "port": "metrics"},
            "periodSeconds": 10,
            "failureThreshold": 6,
            "timeoutSeconds": 5,
        },
        "securityContext": container_security(),
        "terminationMessagePolicy": "File",
        "volumeMounts": [mount for _, mount in parts],
    }
    return {
        **access(intent.access.pull_secrets, intent.access.account),
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        "terminationGracePeriodSeconds": DRAIN_DELAY_SECONDS + DRAIN_TIMEOUT_SECONDS + 10,
        "containers": [container],
        "volumes": [volume for volume, _ in parts],
        **nodes(intent.node_selector, intent.tolerations, intent.scheduler, intent.runtime_class),
    }


def deployment(
    workload: WorkloadKey, uid: str, intent: PlacementIntent | CustomIntent, settings: Settings, called: str | None = None
) -> Manifest:
    """A Deployment with `intent.replicas` replicas; afterwards only /scale changes their number. `called`: its name, where it stands."""
    labels, queue = label.of_placement(workload, intent.key), label.of_queue(intent.access.queue)
    pod = pod_of(intent, settings)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": called or name.placement(workload, intent.key),
            "namespace": workload.namespace,
            "labels": {**labels, **queue},
            "annotations": {label.ASKED: intent.asked, **pod.annotations},
            "ownerReferences": [owned_by_workload(workload, uid)],
        },
        "spec": {
            "replicas": intent.replicas,
            "revisionHistoryLimit": 1,
            # Surge first, never below: the template does not change, so this speaks for replaced pods only.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "progressDeadlineSeconds": pod.deadline_seconds,
            "selector": {"matchLabels": label.selector(workload, intent.key)},
            "template": {"metadata": {"labels": {**labels, **queue, **pod.labels}}, "spec": pod.spec},
        },
    }


class PodOfPlacement(NamedTuple):
    """What is different of placements with our servers and with the user's own. labels: of its pods, beside those of a placement."""

    spec: Manifest
    deadline_seconds: int
    annotations: dict[str, str]
    labels: dict[str, str]


def pod_of(intent: PlacementIntent | CustomIntent, settings: Settings) -> PodOfPlacement:
    """By whose server it is."""
    if isinstance(intent, CustomIntent):
        deadline = intent.server.probes.startup_seconds + START_SECONDS
        return PodOfPlacement(custom_pod(intent, settings), deadline, {}, label.of_custom(fetches=intent.model is not None))
    deadline = 2 * START_SECONDS if intent.vllm is None else VLLM_START_SECONDS + START_SECONDS
    return PodOfPlacement(serving_pod(intent, settings), deadline, {label.ARTIFACT: intent.artifact_digest}, {})
