"""What serving and compile pods have in common: restricted security, no API token, credentials of the store, places to write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from steelyard.core.facts.snapshot import Settings
from steelyard.render.manifest import Manifest
from steelyard.render.quantity import memory

USER = 65532
STORE_MOUNT = "/var/lib/steelyard/store"
MODEL_MOUNT = "/var/lib/steelyard/model"
SIGNING_MOUNT = "/var/run/steelyard/signing"
CACHE_MOUNT = "/var/cache/steelyard"
WORK_MOUNT = "/work"
FETCHED = "fetched"
"""The folder of a fetched model, which one container writes and those after it read."""
FETCHED_MOUNT = f"{WORK_MOUNT}/{FETCHED}"


def pod_security() -> Manifest:
    """Pod Security Standard `restricted`."""
    return {"runAsNonRoot": True, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER, "seccompProfile": {"type": "RuntimeDefault"}}


def container_security() -> Manifest:
    """Pod Security Standard `restricted`, and a root file system that nobody writes to."""
    return {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def store_uri(settings: Settings, namespace_uid: str) -> str:
    """The namespace's part of the artifact store as a pod sees it. A claim is seen as a folder."""
    parts = urlsplit(settings.store_uri)
    if parts.scheme == "pvc":
        return "/".join([f"file://{STORE_MOUNT}", *filter(None, [parts.path.strip("/")]), namespace_uid])
    return f"{settings.store_uri.rstrip('/')}/{namespace_uid}"


def model_uri(uri: str) -> str:
    """The model as a pod sees it."""
    parts = urlsplit(uri)
    return f"file://{MODEL_MOUNT}/{parts.path.strip('/')}".rstrip("/") if parts.scheme == "pvc" else uri


def store_environment(settings: Settings) -> list[Manifest]:
    """env of a pod that goes to an object store: where it is, by the configuration."""
    env: list[Manifest] = [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]
    if settings.store_endpoint:
        env.append({"name": "AWS_ENDPOINT_URL", "value": settings.store_endpoint})
        if settings.store_endpoint.startswith("http://"):
            env.append({"name": "AWS_ALLOW_HTTP", "value": "true"})
    # Whatever the store is: a model may be on S3 all the same.
    return [*env, {"name": "AWS_REGION", "value": settings.store_region}]


def trusted_keys(settings: Settings) -> list[Manifest]:
    """env that has signatures verified; nothing where the configuration names no key."""
    return [{"name": "STEELYARD_PUBLIC_KEYS", "value": settings.public_keys}] if settings.public_keys else []


def signing_keys(settings: Settings) -> tuple[list[Part], list[Manifest]]:
    """The private keys, and env that names them, for the container that publishes. As files: what is in the environment shows in more places."""
    if settings.signing_secret is None:
        return [], []
    volume: Manifest = {"name": "signing", "secret": {"secretName": settings.signing_secret, "defaultMode": 0o440}}
    mount: Manifest = {"name": "signing", "mountPath": SIGNING_MOUNT, "readOnly": True}
    return [(volume, mount)], [{"name": "STEELYARD_SIGNING_KEYS", "value": SIGNING_MOUNT}]


def cache(settings: Settings) -> tuple[list[Part], list[Manifest]]:
    """The folder in which serving pods keep what they downloaded, and env that names it; nothing where the configuration has none."""
    place = settings.serve_cache
    if place is None:
        return [], []
    # A folder that kubelet makes is root's, and nothing is kept there: the pod serves all the same, and says what to do.
    volume: Manifest = (
        {"persistentVolumeClaim": {"claimName": place.claim}}
        if place.host_path is None
        else {"hostPath": {"path": place.host_path, "type": "DirectoryOrCreate"}}
    )
    env = [{"name": "STEELYARD_CACHE_DIR", "value": CACHE_MOUNT}, {"name": "STEELYARD_CACHE_BYTES", "value": str(place.size_bytes)}]
    return [({"name": "cache", **volume}, {"name": "cache", "mountPath": CACHE_MOUNT})], env


SHARED_GIB = 2.0
"""For each process of vLLM's that holds a part of a model: its queues take 160 MiB (16 MiB times ten, shm_broadcast.py of 0.32), its libraries for
communication the more the more there are; vLLM's own manifests for Kubernetes give one process 2 GiB."""
MOST_SHARED = 0.5
"""Of the container's memory."""


def shared_memory(memory_gib: float, processes: int) -> Part:
    """The memory that vLLM's processes share: they pass batches through it, and a runtime's own 64 MiB are too small to start. It counts as the
    container's memory where it is used; what would fill it fails by itself, and nothing else is killed in its place."""
    size = min(SHARED_GIB * processes, MOST_SHARED * memory_gib)
    mount = {"name": "shm", "mountPath": "/dev/shm"}  # noqa: S108 - inside the pod
    return {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": memory(size)}}, mount


def access(pull_secrets: Sequence[str], account: str | None) -> Manifest:
    """The part of a pod's spec that says who it is: no token, the Secrets that its images are pulled with, and its service account."""
    spec: Manifest = {"automountServiceAccountToken": False}
    if pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in pull_secrets]
    if account:
        spec["serviceAccountName"] = account
    return spec


def nodes(
    selector: Mapping[str, str], tolerations: Sequence[Mapping[str, str]], scheduler: str | None, runtime_class: str | None
) -> Manifest:
    """The part of a pod's spec that says which nodes it may run on, who chooses, and by what it is run; empty where everything is as usual."""
    spec: Manifest = {}
    if selector:
        spec["nodeSelector"] = dict(sorted(selector.items()))
    if tolerations:
        spec["tolerations"] = [dict(t) for t in tolerations]
    if scheduler:
        spec["schedulerName"] = scheduler
    if runtime_class:
        spec["runtimeClassName"] = runtime_class
    return spec


def hub(uri: str, settings: Settings) -> list[Manifest]:
    """env for a download from the hub: the image goes to none by itself."""
    if not uri.startswith("hf://"):
        return []
    endpoint = [{"name": "HF_ENDPOINT", "value": settings.hub_endpoint}] if settings.hub_endpoint else []
    return [{"name": "HF_HUB_OFFLINE", "value": "0"}, *endpoint]


def download(settings: Settings, most_gib: float) -> Manifest:
    """What a download of a model may do, as the runtime reads it."""
    registries = settings.registries
    return {
        "registries": list(registries.allowed),
        "private": list(registries.private),
        "plainHttp": list(registries.plain_http),
        "tokenHosts": dict(sorted(registries.token_hosts.items())),
        "maxBytes": round(most_gib * 2**30),
    }


Part = tuple[Manifest, Manifest]
"""A volume of a pod, and where a container mounts it."""


def scratch(name: str, path: str, disk_gib: float) -> Part:
    """An empty folder of the node's disk, of so many GiB at most."""
    return {"name": name, "emptyDir": {"sizeLimit": memory(disk_gib)}}, {"name": name, "mountPath": path}


def read_only(parts: Sequence[Part]) -> list[Part]:
    """The same, as a container sees them that writes to none."""
    return [(volume, {**mount, "readOnly": True}) for volume, mount in parts]


def store_claim(settings: Settings, *, reads_only: bool) -> list[Part]:
    """The claim that the artifact store stands on; nothing where it is an object store."""
    store = urlsplit(settings.store_uri)
    if store.scheme != "pvc":
        return []
    volume = {"name": "store", "persistentVolumeClaim": {"claimName": store.netloc, "readOnly": reads_only}}
    return [(volume, {"name": "store", "mountPath": STORE_MOUNT, "readOnly": reads_only})]


def model_claim(uri: str) -> list[Part]:
    """The claim that the model lies on; nothing where it is downloaded."""
    if urlsplit(uri).scheme != "pvc":
        return []
    volume = {"name": "model", "persistentVolumeClaim": {"claimName": urlsplit(uri).netloc, "readOnly": True}}
    return [(volume, {"name": "model", "mountPath": MODEL_MOUNT, "readOnly": True})]
