"""What keeps a pod's container from running until somebody mends it: a Secret, an image, a volume, or what the kubelet says. Only statuses are
read, no Secret and no event, and only what stays the same while the pod waits is said."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.core.vocabulary.reason import Reason, Refusal
from steelyard.render import label
from steelyard.render.credentials import MODEL_KEYS, STORE_KEYS
from steelyard.status.scalar import time_of

LONGEST = 300
PATIENCE = timedelta(minutes=1)
"""Volumes are mounted within seconds, or a disk is attached first."""
SecretKeys = Mapping[str, tuple[str, ...]]
"""The keys that a Secret should have, by its name."""

_IMAGE = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable"}
)
_CONTAINER = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_NO_SECRET = re.compile(r'secret "([^"]+)" not found')
_NO_KEY = re.compile(r"couldn't find key (\S+) in Secret [^/\s]+/(\S+)")
_BACK_OFF = re.compile(r'^Back-off pulling image "[^"]*"(: ErrImagePull: )?')
_PORT = re.compile(r":\d+->")
"""Of our end of a connection: it is another one at each attempt."""


def trouble(pod: Manifest, what: str, keys: SecretKeys, now: datetime) -> Refusal | None:
    """The first of the checks that finds something; None for a pod that runs, starts, or leaves. `what` it is: "a replica on pool a"."""
    if manifests.is_leaving(pod):
        return None
    return next((found for check in _CHECKS if (found := check(pod, what, keys, now)) is not None), None)


def secret_keys(stores: Iterable[str | None], model_uri: str | None = None, model: str | None = None) -> SecretKeys:
    """Of the store's Secrets, and of the model's where it has one."""
    of_model = {model: MODEL_KEYS.get((model_uri or "").partition("://")[0], STORE_KEYS)} if model else {}
    return {**of_model, **{store: STORE_KEYS for store in stores if store}}


def _no_secret(pod: Manifest, what: str, keys: SecretKeys, _: datetime) -> Refusal | None:
    said = next((message for reason, message, _ in _waiting(pod) if reason == "CreateContainerConfigError"), "")
    missing, lacks = _NO_SECRET.search(said), _NO_KEY.search(said)
    where = manifests.namespace(pod)
    if missing:
        name = missing[1]
        values = " ".join(f"--from-literal={key}=..." for key in keys.get(name, ("KEY",)))
        make = f"kubectl create secret generic {name} --namespace {where} {values}"
        return Refusal(Reason.SECRET_MISSING, f"{what} waits for Secret {name}, which namespace {where} does not have: `{make}` makes it")
    if lacks:
        look = f"kubectl edit secret {lacks[2]} --namespace {where}"
        return Refusal(
            Reason.SECRET_MISSING, f"{what} waits for key {lacks[1]} of Secret {lacks[2]} in namespace {where}: add it with `{look}`"
        )
    return None


def _no_image(pod: Manifest, what: str, _: SecretKeys, __: datetime) -> Refusal | None:
    found = next(((message, image) for reason, message, image in _waiting(pod) if reason in _IMAGE), None)
    if found is None:
        return None
    said = _PORT.sub("->", _BACK_OFF.sub("", found[0])).strip()[:LONGEST]
    own = manifests.labels(pod).get(label.SERVER) == label.CUSTOM
    mend = "in spec.server.custom, or add what pulls it to spec.pods.imagePullSecrets" if own else "in config.toolchains"
    return Refusal(
        Reason.IMAGE_UNAVAILABLE,
        f"{what} waits for image {found[1]}, which its node cannot pull{f' ({said})' if said else ''}: correct the image {mend},"
        " or make its registry reachable for the nodes",
    )


def _not_created(pod: Manifest, what: str, _: SecretKeys, __: datetime) -> Refusal | None:
    found = next(((reason, message) for reason, message, _ in _waiting(pod) if reason in _CONTAINER), None)
    if found is None:
        return None
    return Refusal(Reason.CONTAINER_NOT_CREATED, f"{what} has no container: {found[0]}: {found[1][:LONGEST]}: {_look(pod)} says more")


def _no_volume(pod: Manifest, what: str, _: SecretKeys, now: datetime) -> Refusal | None:
    """Images are pulled, and containers made, once the volumes are mounted; that these are missing is told in events only."""
    conditions = {c.get("type"): c for c in (pod.get("status") or {}).get("conditions") or ()}
    bound, begun = conditions.get("PodScheduled", {}), conditions.get("PodReadyToStartContainers", {})
    needs = [
        f"Secret {volume['secret']['secretName']}"
        if "secret" in volume
        else f"PersistentVolumeClaim {volume['persistentVolumeClaim']['claimName']}"
        for volume in (pod.get("spec") or {}).get("volumes") or ()
        if "secret" in volume or "persistentVolumeClaim" in volume
    ]
    if not needs or begun.get("status") != "False" or bound.get("status") != "True" or not bound.get("lastTransitionTime"):
        return None
    if now - time_of(bound["lastTransitionTime"]) < PATIENCE:
        return None
    where = manifests.namespace(pod)
    return Refusal(
        Reason.CONTAINER_NOT_CREATED,
        f"{what} has had a node for over a minute and its volumes are not mounted: see that {' and '.join(needs)} can be had in namespace {where};"
        f" {_look(pod)} says more",
    )


_CHECKS: tuple[Callable[[Manifest, str, SecretKeys, datetime], Refusal | None], ...] = (_no_secret, _no_image, _not_created, _no_volume)


def _waiting(pod: Manifest) -> Iterator[tuple[str, str, str]]:
    """(reason, message on one line, image) of each container that waits."""
    status = pod.get("status") or {}
    images = {
        c.get("name"): str(c.get("image", "")) for key in ("initContainers", "containers") for c in (pod.get("spec") or {}).get(key) or ()
    }
    for each in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting: Mapping[str, Any] = (each.get("state") or {}).get("waiting") or {}
        if waiting:
            message = re.sub(r"\s+", " ", str(waiting.get("message") or "")).strip()
            yield str(waiting.get("reason") or ""), message, images.get(each.get("name")) or str(each.get("image", ""))


def _look(pod: Manifest) -> str:
    return f"`kubectl describe pod {manifests.name(pod)} --namespace {manifests.namespace(pod)}`"
