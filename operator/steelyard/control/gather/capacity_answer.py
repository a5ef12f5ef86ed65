"""What Cluster Autoscaler has answered to a ProvisioningRequest of ours, by its conditions (autoscaling.x-k8s.io/v1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.core.facts.capacity_request import Answer, CapacityRequest
from steelyard.core.facts.identity import WorkloadKey
from steelyard.render import label, name

WORDS = 200
"""Characters of what Cluster Autoscaler says that are told."""


def answer_to(request: Manifest, workload: WorkloadKey, move: str) -> CapacityRequest | None:
    """None for one that is leaving, or of another move. What has failed does not become better; what was given may be over."""
    labels = manifests.labels(request)
    key = label.key_of(labels)
    mine = manifests.name(request) == name.capacity_request(workload, key, move)
    if not mine or labels.get(label.MOVE) != move or manifests.is_leaving(request):
        return None
    by_type = {str(c["type"]): c for c in (request.get("status") or {}).get("conditions") or ()}
    holds = {kind for kind, condition in by_type.items() if condition.get("status") == "True"}
    asked = f"Cluster Autoscaler is asked for room on pool {key.pool}"
    if "Failed" in holds:
        said = f"Cluster Autoscaler has no room on pool {key.pool}: {_words(by_type['Failed'])}"
        return CapacityRequest(Answer.REFUSED, said)
    if over := holds & {"BookingExpired", "CapacityRevoked"}:
        return CapacityRequest(Answer.OVER, f"{asked} again: {_words(by_type[min(over)])}")
    if "Provisioned" in holds:
        said = f"Cluster Autoscaler has room on pool {key.pool}: {_words(by_type['Provisioned'])}"
        return CapacityRequest(Answer.GIVEN, said)
    last = by_type.get("Provisioned") or by_type.get("Accepted")
    return CapacityRequest(said=f"{asked}: {'it has not answered' if last is None else _words(last)}")


def _words(condition: Mapping[str, Any]) -> str:
    return " ".join(f"{condition.get('reason') or ''}: {condition.get('message') or ''}".split())[:WORDS]
