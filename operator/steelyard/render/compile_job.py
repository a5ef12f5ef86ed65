"""The Job of one attempt to compile. It has no API token: it serves its progress, and its result is its termination message."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from steelyard.core.compiling.candidate import VLLM
from steelyard.core.compiling.site import CompileSite
from steelyard.core.facts.snapshot import Settings
from steelyard.render import label, name, runtime_word
from steelyard.render.credentials import model_credentials, store_credentials
from steelyard.render.manifest import Manifest, owner
from steelyard.render.pod import (
    container_security,
    model_uri,
    nodes,
    pod_security,
    shared_memory,
    signing_keys,
    store_environment,
    store_uri,
    trusted_keys,
    volumes,
)
from steelyard.render.quantity import requests_equal_limits

PROGRESS_PORT = 8081
GOLDEN_SAMPLES = 8
KEEP_SECONDS = 3600
"""A finished Job keeps its log for an hour; its result stands in the CompiledModel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileJobIntent:
    """One attempt. `spec` is the CompiledModel's spec as stored."""

    namespace: str
    namespace_uid: str
    compiled_name: str
    compiled_uid: str
    spec: dict[str, Any]
    image: str
    attempt: int
    site: CompileSite


def download(settings: Settings) -> Manifest:
    """What a download of a model may do, as the runtime reads it."""
    registries = settings.registries
    return {
        "registries": list(registries.allowed),
        "private": list(registries.private),
        "plainHttp": list(registries.plain_http),
        "tokenHosts": dict(sorted(registries.token_hosts.items())),
        "maxBytes": round(settings.compile_disk_gib * 2**30),
    }


def compile_job(intent: CompileJobIntent, settings: Settings) -> Manifest:
    """A Job that never retries by itself: the operator knows which failures deserve another try, and with what memory."""
    model, site = intent.spec["model"], intent.site
    told = {
        "key": intent.spec["key"],
        "model": {
            **{k: v for k, v in model.items() if k in {"digest", "revision"}},
            "uri": model_uri(model["uri"]),
            "task": runtime_word.task(model.get("task", "")),
        },
        "backend": intent.spec["backend"],
        "toolchain": intent.spec.get("toolchain", {}),
        "target": intent.spec["target"],
        "dtype": runtime_word.dtype(intent.spec["dtype"]),
        "quantization": runtime_word.quantization(intent.spec.get("quantization", "None")),
        "batchSizes": intent.spec["batchSizes"],
        "sequenceLengths": intent.spec.get("sequenceLengths", []),
        "tensorParallel": intent.spec.get("tensorParallel", 1),
        "flags": intent.spec.get("flags", []),
        "store": {"uri": store_uri(settings, intent.namespace_uid)},
        "download": download(settings),
        "golden": {"samples": GOLDEN_SAMPLES, "seed": 1},
    }
    env = [
        *store_environment(settings),
        *store_credentials(settings.store_secret),
        *model_credentials(model["uri"], model.get("secretName")),
    ]
    if model["uri"].startswith("hf://"):
        # The image goes to no hub by itself.
        env.append({"name": "HF_HUB_OFFLINE", "value": "0"})
        if settings.hub_endpoint:
            env.append({"name": "HF_ENDPOINT", "value": settings.hub_endpoint})
    found, mounts = volumes(settings, model["uri"], reads_only=False)
    if intent.spec["backend"] == VLLM:
        volume, mount = shared_memory()
        found, mounts = [*found, volume], [*mounts, mount]
    key_volumes, key_mounts, key_env = signing_keys(settings)
    env += [*key_env, *trusted_keys(settings)]
    container: Manifest = {
        "name": "compile",
        "image": intent.image,
        "imagePullPolicy": settings.image_pull_policy,
        "args": ["compile"],
        "env": [{"name": "STEELYARD_COMPILE_SPEC", "value": json.dumps(told, sort_keys=True, separators=(",", ":"))}, *env],
        "ports": [{"name": "progress", "containerPort": PROGRESS_PORT}],
        "resources": requests_equal_limits(site.resources, site.resource_name),
        "securityContext": container_security(),
        "terminationMessagePolicy": "File",
        "volumeMounts": [*mounts, *key_mounts],
    }
    labels = {label.MANAGED_BY: label.MANAGER, label.COMPILED_MODEL: intent.compiled_name, label.ROLE: label.COMPILE}
    if site.pool is not None:
        labels[label.POOL] = site.pool
    pod: Manifest = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        "containers": [container],
        "volumes": [*found, *key_volumes],
        **nodes(site.node_selector, site.tolerations, site.scheduler, site.runtime_class),
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name.compile_job(intent.compiled_name, intent.attempt),
            "namespace": intent.namespace,
            "labels": labels,
            "ownerReferences": [owner("CompiledModel", intent.compiled_name, intent.compiled_uid, controller=True)],
        },
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": settings.compile_deadline_seconds,
            "ttlSecondsAfterFinished": KEEP_SECONDS,
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
