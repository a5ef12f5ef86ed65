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
    FETCHED,
    FETCHED_MOUNT,
    WORK_MOUNT,
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
    signing_keys,
    store_claim,
    store_environment,
    store_uri,
    trusted_keys,
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


MADE = "made"
"""The folder of the artifact, which the second container writes and the third reads."""
SHARES_GRAPHS = "--separate-weights"
"""The flag with which compiling itself reads the store: graphs of the same architecture (docs/adr/0025-graphs-without-weights-are-shared.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One container of a compile: what of the pod it sees, and with what credentials."""

    name: str
    parts: list[Part]
    env: list[Manifest]
    device: bool


def _steps(intent: CompileJobIntent, settings: Settings) -> tuple[_Step, _Step, _Step]:
    """Fetch reaches the model's source. Compile, which reads a model of unknown origin, holds no credentials. Publish, which can write and sign,
    reads of the others' work only files, as they are."""
    model, disk = intent.spec["model"], _disk(intent, settings)
    reader = [*store_environment(settings), *store_credentials(settings.store_read_secret), *trusted_keys(settings)]
    reads_graphs = SHARES_GRAPHS in intent.spec.get("flags", [])
    keys, key_env = signing_keys(settings)
    fetched, made = scratch(FETCHED, FETCHED_MOUNT, disk), scratch(MADE, f"{WORK_MOUNT}/{MADE}", disk)
    store = store_claim(settings, reads_only=False)
    fetch = _Step(
        name="fetch",
        parts=[_own("fetch", disk), fetched, *read_only(store), *model_claim(model["uri"])],
        env=[*reader, *model_credentials(model["uri"], model.get("secretName")), *hub(model["uri"], settings)],
        device=True,  # Whether the compiler can do what is asked is found out before the download, and may need the device.
    )
    make = _Step(
        name="compile",
        parts=[
            _own("compile", disk),
            *read_only([fetched]),
            made,
            *(read_only(store) if reads_graphs else []),
            *model_claim(model["uri"]),
            *(
                [shared_memory(intent.site.resources.memory_gib, intent.spec.get("tensorParallel", 1))]
                if intent.spec["backend"] == VLLM
                else []
            ),
        ],
        env=reader if reads_graphs else [],
        device=True,
    )
    publish = _Step(
        name="publish",
        parts=[_own("publish", disk), *read_only([fetched, made]), *store, *keys],
        env=[*store_environment(settings), *store_credentials(settings.store_secret), *key_env, *trusted_keys(settings)],
        device=False,
    )
    return fetch, make, publish


def _disk(intent: CompileJobIntent, settings: Settings) -> float:
    """GiB of its node's."""
    return intent.site.disk_gib or settings.compile_disk_gib


def _own(step: str, disk_gib: float) -> Part:
    """Each has a /tmp of its own: what one leaves there, the next would find."""
    return scratch(f"tmp-{step}", "/tmp", disk_gib)  # noqa: S108 - inside the pod


def _container(step: _Step, intent: CompileJobIntent, settings: Settings, spec: Manifest) -> Manifest:
    site = intent.site
    return {
        "name": step.name,
        "image": intent.image,
        "imagePullPolicy": settings.image_pull_policy,
        "args": [step.name],
        "env": [spec, *step.env],
        "ports": [{"name": "progress", "containerPort": PROGRESS_PORT}],
        "resources": requests_equal_limits(site.resources, site.resource_name if step.device else None, _disk(intent, settings)),
        "securityContext": container_security(),
        "terminationMessagePolicy": "File",
        "volumeMounts": [mount for _, mount in step.parts],
    }


def compile_job(intent: CompileJobIntent, settings: Settings) -> Manifest:
    """A Job that never retries by itself: the operator knows which failures deserve another try, and with what memory.

    Its containers run one after another (docs/adr/0041-a-compile-is-three-containers.md): the last one's end is the compile's.
    """
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
        "signed": settings.signing_secret is not None,
        # What is made of a model needs as much again.
        "download": download(settings, _disk(intent, settings) / 2),
        "golden": {"samples": GOLDEN_SAMPLES, "seed": 1},
    }
    spec_env: Manifest = {"name": "STEELYARD_COMPILE_SPEC", "value": json.dumps(told, sort_keys=True, separators=(",", ":"))}
    steps = _steps(intent, settings)
    fetch, make, publish = (_container(step, intent, settings, spec_env) for step in steps)
    volumes = {volume["name"]: volume for step in steps for volume, _ in step.parts}
    labels = {label.MANAGED_BY: label.MANAGER, label.COMPILED_MODEL: intent.compiled_name, label.ROLE: label.COMPILE}
    if site.pool is not None:
        labels[label.POOL] = site.pool
    pod: Manifest = {
        "restartPolicy": "Never",
        **access(intent.spec.get("imagePullSecrets", []), intent.spec.get("serviceAccountName")),
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        "initContainers": [fetch, make],
        "containers": [publish],
        "volumes": list(volumes.values()),
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
