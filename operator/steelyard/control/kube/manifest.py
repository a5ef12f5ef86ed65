"""Manifests: Kubernetes objects as the raw JSON the API server sent, and how to read their metadata.

Raw dictionaries cost a sixth of typed models to decode and hold. They are shared between the store and its readers,
so nobody edits one: a changed manifest is a new dictionary.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias, cast

Manifest: TypeAlias = dict[str, Any]


def metadata(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object's metadata, empty when it has none."""
    return cast("Mapping[str, Any]", manifest.get("metadata") or {})


def name(manifest: Mapping[str, Any]) -> str:
    """The object's name, empty when it has none."""
    return str(metadata(manifest).get("name") or "")


def namespace(manifest: Mapping[str, Any]) -> str | None:
    """The object's namespace, None for cluster-scoped objects."""
    found = metadata(manifest).get("namespace")
    return str(found) if found else None


def uid(manifest: Mapping[str, Any]) -> str:
    """The object's uid, empty before it is created."""
    return str(metadata(manifest).get("uid") or "")


def version(manifest: Mapping[str, Any]) -> str:
    """The object's resourceVersion, empty before it is created."""
    return str(metadata(manifest).get("resourceVersion") or "")


def labels(manifest: Mapping[str, Any]) -> Mapping[str, str]:
    """The object's labels, empty when it has none."""
    return cast("Mapping[str, str]", metadata(manifest).get("labels") or {})


def annotations(manifest: Mapping[str, Any]) -> Mapping[str, str]:
    """The object's annotations, empty when it has none."""
    return cast("Mapping[str, str]", metadata(manifest).get("annotations") or {})


def owner_uids(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """The uids of all owners, controller or not, in the order of ownerReferences."""
    return tuple(str(owner["uid"]) for owner in metadata(manifest).get("ownerReferences") or () if owner.get("uid"))


def controller_uid(manifest: Mapping[str, Any]) -> str | None:
    """The uid of the owner with `controller: true`, if there is one."""
    for owner in metadata(manifest).get("ownerReferences") or ():
        if owner.get("controller") and owner.get("uid"):
            return str(owner["uid"])
    return None


def node_name(pod: Mapping[str, Any]) -> str | None:
    """The node that a pod is bound to; None before it is, and where that is no name."""
    called = (pod.get("spec") or {}).get("nodeName")
    return called if isinstance(called, str) and called else None


def is_sound(manifest: Mapping[str, Any]) -> bool:
    """Whether its metadata has the types that every API server gives it, by which alone objects are told apart, indexed and woken for, and
    its spec and status are objects."""
    if not all(isinstance(manifest.get(part) or {}, Mapping) for part in ("spec", "status")):
        return False
    meta = manifest.get("metadata")
    if not isinstance(meta, Mapping) or not isinstance(meta.get("name"), str) or not isinstance(meta.get("uid"), str):
        return False
    maps = (meta.get("labels"), meta.get("annotations"))
    owners = meta.get("ownerReferences")
    return all(_is_text_by_text(each) for each in maps) and (owners is None or (isinstance(owners, list) and all(map(_is_owner, owners))))


def _is_text_by_text(value: Any) -> bool:
    return value is None or (isinstance(value, Mapping) and all(isinstance(part, str) for pair in value.items() for part in pair))


def _is_owner(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(value.get(part), str | None) for part in ("kind", "name", "uid"))


def is_leaving(manifest: Mapping[str, Any]) -> bool:
    """Whether a deletion was accepted and waits for finalizers or a grace period."""
    return metadata(manifest).get("deletionTimestamp") is not None
