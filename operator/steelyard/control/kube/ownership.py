"""Ownership: whose object is it, and whose field. Read from the object itself, never from a name or an annotation a user may write.

Creation is a POST, because only a POST says "taken" when a stale process comes late. But the API server then records us as manager
`steelyard` with operation Update, and a later server-side apply by the same `steelyard` would conflict with itself and could not remove
fields. `adopted` gives the managedFields in which our creation counts as our first apply (client-go's csaupgrade does the same).
"""

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.api_client import FIELD_MANAGER
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.store import FieldManager

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
OWNER_UID_LABEL = "steelyard.dev/owner-uid"
"""For what cannot carry an ownerReference: the uid of the object it serves."""


def is_ours(live: Mapping[str, Any], desired: Mapping[str, Any]) -> bool:
    """Whether the object in the cluster is the one that `desired` describes, not another's under the same name.

    With a controller, the controller's uid decides. Without one, nobody else may be its controller, and it must carry our label.
    """
    controller = manifests.controller_uid(desired)
    if controller is not None:
        return manifests.controller_uid(live) == controller
    return manifests.controller_uid(live) is None and manifests.labels(live).get(MANAGED_BY_LABEL) == FIELD_MANAGER


def serves(live: Mapping[str, Any], owner_uid: str) -> bool:
    """Whether the object exists for this owner: by controller, or by our label together with the owner's uid."""
    if manifests.controller_uid(live) == owner_uid:
        return True
    found = manifests.labels(live)
    by_label = found.get(OWNER_UID_LABEL) == owner_uid or owner_uid in manifests.owner_uids(live)
    return manifests.controller_uid(live) is None and found.get(MANAGED_BY_LABEL) == FIELD_MANAGER and by_label


def deployment_of(pod: Mapping[str, Any]) -> str | None:
    """The name of the Deployment that a pod was made for: its controller is the ReplicaSet of that name and of the pod's own template.

    ReplicaSets are not watched, so their uid stays unseen: who may create a ReplicaSet of that name in the namespace can still pass a pod
    off as the Deployment's. Who can only label pods cannot: without a ReplicaSet of the uid that they name they are collected as garbage.
    """
    template = manifests.labels(pod).get("pod-template-hash")
    references: Sequence[Mapping[str, Any]] = manifests.metadata(pod).get("ownerReferences") or ()
    controller: Mapping[str, Any] = next((r for r in references if r.get("controller")), {})
    called, tail = str(controller.get("name", "")), f"-{template}"
    return called.removesuffix(tail) if template and controller.get("kind") == "ReplicaSet" and called.endswith(tail) else None


def others(managers: Iterable[FieldManager]) -> tuple[FieldManager, ...]:
    """The managers that are not us."""
    return tuple(manager for manager in managers if manager.name != FIELD_MANAGER)


def created_but_not_applied(managers: Iterable[FieldManager]) -> bool:
    """Whether our creation still stands as an Update, so that an apply would conflict with ourselves."""
    return FieldManager(FIELD_MANAGER, "Update") in tuple(managers)


def adopted(live: Manifest) -> list[dict[str, Any]]:
    """The managedFields of `live` in which what we created counts as applied.

    spec.replicas stays out of it: an apply never lists it, and would then reset it.
    """
    entries: list[dict[str, Any]] = []
    for entry in manifests.metadata(live).get("managedFields") or ():
        if entry.get("manager") != FIELD_MANAGER or entry.get("operation") != "Update" or entry.get("subresource"):
            entries.append(entry)
            continue
        applied = copy.deepcopy(entry)
        applied["operation"] = "Apply"
        replicas = (applied.get("fieldsV1") or {}).get("f:spec", {}).pop("f:replicas", None)
        entries.append(applied)
        if replicas is not None:
            entries.append({**entry, "fieldsV1": {"f:spec": {"f:replicas": replicas}}})
    return entries
