"""The pod of a program of the user's own: their image, in a pod that is ours. What it may do is the same, whatever the image.

Nothing of the artifact store is in it, and no credentials but those that the user names. A model is fetched and verified by the runtime first, in a
container that alone has the keys to it; the program finds it read only.
"""

from __future__ import annotations

import json
import math

from steelyard.core.facts.custom import Drain, Variable
from steelyard.core.facts.snapshot import Model, Settings
from steelyard.core.placing.intent import CustomIntent
from steelyard.render.credentials import model_credentials
from steelyard.render.manifest import Manifest
from steelyard.render.pod import (
    FETCHED,
    FETCHED_MOUNT,
    Part,
    access,
    container_security,
    download,
    hub,
    model_claim,
    model_uri,
    nodes,
    pod_security,
    read_only,
    scratch,
    shared_memory,
    store_environment,
)
from steelyard.render.quantity import requests_equal_limits

SERVER = "server"
FETCHER = "fetch-model"
FETCH_SPEC = "STEELYARD_MODEL_SPEC"
HOME: Manifest = {"name": "HOME", "value": "/tmp"}  # noqa: S108 - inside the pod
"""The one folder that can be written: libraries keep their caches at home."""
PERIOD_SECONDS = 5
"""Between two tries of the startup probe."""
LEFT_TO_KILL = 5
"""Seconds beyond a drain, before the kubelet kills what has not ended."""


def custom_pod(intent: CustomIntent, settings: Settings) -> Manifest:
    """With the program, and before it what fetches the model, where one is named."""
    server, disk = intent.server, intent.server.disk_gib
    model: Part = scratch(FETCHED, server.model_path, disk)
    shared = shared_memory(intent.resources.memory_gib, max(1, round(intent.resources.devices)))
    parts = [scratch("tmp", "/tmp", disk), shared, *(read_only([model]) if intent.model is not None else [])]  # noqa: S108
    pod: Manifest = {
        **access(intent.access.pull_secrets, intent.access.account),
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        "terminationGracePeriodSeconds": server.drain.delay_seconds + server.drain.timeout_seconds + LEFT_TO_KILL,
        "containers": [_program(intent, settings, [mount for _, mount in parts])],
        "volumes": [volume for volume, _ in parts],
        **nodes(intent.node_selector, intent.tolerations, intent.scheduler, intent.runtime_class),
    }
    if intent.model is None:
        return pod
    own = scratch("tmp-fetch", "/tmp", disk)  # noqa: S108
    claims = model_claim(intent.model.uri)
    mounts = [own[1], {**model[1], "mountPath": FETCHED_MOUNT}, *(mount for _, mount in claims)]
    return {
        **pod,
        "initContainers": [_fetcher(intent, intent.model, settings, mounts)],
        "volumes": [*pod["volumes"], own[0], *(volume for volume, _ in claims)],
    }


def _program(intent: CustomIntent, settings: Settings, mounts: list[Manifest]) -> Manifest:
    server, program = intent.server, intent.program
    own = {variable.name for variable in program.env}
    container: Manifest = {
        "name": SERVER,
        "image": program.image,
        "imagePullPolicy": settings.image_pull_policy,
        "env": [*([] if HOME["name"] in own else [dict(HOME)]), *map(_variable, program.env)],
        "ports": _ports(server.port, server.page.port),
        "resources": requests_equal_limits(intent.resources, intent.resource_name, server.disk_gib),
        "startupProbe": {
            **_asks(server.probes.ready),
            "periodSeconds": PERIOD_SECONDS,
            "failureThreshold": math.ceil(server.probes.startup_seconds / PERIOD_SECONDS),
        },
        "readinessProbe": {**_asks(server.probes.ready), "periodSeconds": PERIOD_SECONDS, "failureThreshold": 2},
        "livenessProbe": {**_asks(server.probes.live), "periodSeconds": 10, "failureThreshold": 3},
        "securityContext": container_security(),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts,
    }
    if program.command:
        container["command"] = list(program.command)
    if program.args:
        container["args"] = list(program.args)
    return {**container, **_goes_on(server.drain)}


def _goes_on(drain: Drain) -> Manifest:
    """It serves until every node has taken it out of the Service; by the kubelet's own sleep, for an image may have no shell."""
    return {"lifecycle": {"preStop": {"sleep": {"seconds": drain.delay_seconds}}}} if drain.delay_seconds else {}


def _asks(path: str) -> Manifest:
    return {"httpGet": {"path": path, "port": "http"}, "timeoutSeconds": 5}


def _ports(requests: int, metrics: int | None) -> list[Manifest]:
    """By name, since Services and NetworkPolicies find them so. A port may be listed once."""
    ports: list[Manifest] = [{"name": "http", "containerPort": requests}]
    return ports if metrics in {None, requests} else [*ports, {"name": "metrics", "containerPort": metrics}]


def _variable(variable: Variable) -> Manifest:
    if variable.secret is None:
        return {"name": variable.name, "value": variable.value or ""}
    name, key = variable.secret
    return {"name": variable.name, "valueFrom": {"secretKeyRef": {"name": name, "key": key}}}


def _fetcher(intent: CustomIntent, model: Model, settings: Settings, mounts: list[Manifest]) -> Manifest:
    """The runtime's image, with the keys to the model's source."""
    disk = intent.server.disk_gib
    told = {
        "model": {
            "uri": model_uri(model.uri),
            **({"digest": model.digest} if model.digest else {}),
            **({"revision": model.revision} if model.revision else {}),
        },
        "into": FETCHED_MOUNT,
        # A download lies beside what it is made into, an image's layers beside their files.
        "download": download(settings, disk / 2),
    }
    return {
        "name": FETCHER,
        "image": settings.fetch_image,
        "imagePullPolicy": settings.image_pull_policy,
        "args": [FETCHER],
        "env": [
            {"name": FETCH_SPEC, "value": json.dumps(told, sort_keys=True, separators=(",", ":"))},
            *(store_environment(settings) if model.uri.startswith("s3://") else []),
            *model_credentials(model.uri, model.secret_name),
            *hub(model.uri, settings),
        ],
        # As much as the program that starts after it, so that the pod is no larger than that.
        "resources": requests_equal_limits(intent.resources, None, disk),
        "securityContext": container_security(),
        "terminationMessagePolicy": "File",
        "volumeMounts": mounts,
    }
