"""The JSON of a Kubernetes object, and the parts that every object of ours has."""

from __future__ import annotations

from typing import Any, TypeAlias

from steelyard.core.facts.identity import WorkloadKey

Manifest: TypeAlias = dict[str, Any]


def owner(kind: str, name: str, uid: str, *, controller: bool) -> Manifest:
    """An ownerReference to one of our kinds: when the owner goes, so does the object."""
    reference: Manifest = {"apiVersion": "steelyard.dev/v1alpha1", "kind": kind, "name": name, "uid": uid}
    if controller:
        reference |= {"controller": True, "blockOwnerDeletion": True}
    return reference


def owned_by_workload(workload: WorkloadKey, uid: str) -> Manifest:
    """The controller reference of a workload's children."""
    return owner("InferenceWorkload", workload.name, uid, controller=True)
