"""What a pool has of the provisioner that makes its nodes: a limit of nodes, tolerations, and what its condition Provisioned says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from steelyard.api.accelerator_pool import AcceleratorPoolSpec
from steelyard.api.capacity import Provisioner, ProvisionerType
from steelyard.core.facts.node_group import NodeGroup
from steelyard.core.facts.node_pool import NodePool, Provisioning
from steelyard.core.facts.snapshot import Shape
from steelyard.core.planning.node_limit import NodeLimit, node_limit
from steelyard.core.vocabulary.reason import Reason, Refusal

Toleration = Mapping[str, str]
Found: TypeAlias = NodePool | NodeGroup | Refusal | None
"""The NodePool or the node group that a pool names, or why there is none; None before the first look, and where it names none."""
NOTHING = Provisioning(False, Reason.NO_PROVISIONER, "nothing makes nodes of the pool: those that stand are planned with")


@dataclass(frozen=True, slots=True)
class Supply:
    """`most`: nodes that the pool may have; None where nothing says, and no provisioner makes any. `tolerations`: beside the pool's own."""

    most: int | None
    told: Provisioning
    tolerations: tuple[Toleration, ...] = ()


def supply_of(spec: AcceleratorPoolSpec, shapes: Sequence[Shape], standing: int, own: Sequence[Toleration], found: Found) -> Supply:
    """`standing`: its nodes now; `own`: the pool's tolerations."""
    most, provisioner = spec.capacity.max_nodes, spec.provisioner
    if provisioner.type == ProvisionerType.NONE:
        return Supply(most, NOTHING)
    if provisioner.node_group is not None:
        return _by_node_group(most, provisioner.node_group, found)
    if provisioner.node_pool is None:
        return Supply(most, _unread(f"{provisioner.type} makes its nodes, {most} at most, and is not asked"))
    if not isinstance(found, NodePool | Refusal):
        told = _unread(f"NodePool {provisioner.node_pool} was not read yet: up to maxNodes can be had, or what stands")
        return Supply(standing if most is None else most, told)
    if isinstance(found, Refusal):
        return Supply(_no_more(most, standing), Provisioning(False, found.reason, found.message))
    return _by_node_pool(most, shapes, standing, own, found, spec.accelerator.resource_name)


def asking(told: Provisioning, provisioner: Provisioner, *, can_ask: bool) -> Provisioning:
    """With what comes of a wish to ask first, where it is there."""
    if provisioner.ask is None:
        return told
    how = (
        f"moves for cost ask first ({provisioner.ask})"
        if can_ask
        else "moves do not ask first: set config.clusterAutoscaler.provisioningRequests of the chart, and see that the API server serves "
        "ProvisioningRequests of autoscaling.x-k8s.io/v1"
    )
    return replace(told, message=f"{told.message}; {how}")


def _by_node_pool(
    most: int | None, shapes: Sequence[Shape], standing: int, own: Sequence[Toleration], found: NodePool, resource_name: str | None
) -> Supply:
    accepted = tuple(_accepting(taint) for taint in found.taints if not any(tolerates(each, taint) for each in own))
    if found.not_ready:
        told = f"NodePool {found.name} makes no nodes, and those that stand are planned with: {found.not_ready}"
        return Supply(_no_more(most, standing), Provisioning(False, Reason.NODE_POOL_NOT_READY, told), accepted)
    limits = [node_limit(found.limits, shapes, resource_name), None if most is None else NodeLimit(most, "")]
    lowest = min((limit for limit in limits if limit is not None), default=None)
    if lowest is None:
        told = (
            f"neither spec.limits of NodePool {found.name} nor spec.capacity.maxNodes bounds the pool's nodes, so that those that stand are "
            "planned with: set one of them"
        )
        return Supply(standing, Provisioning(False, Reason.NO_NODE_LIMIT, told), accepted)
    by = f"by its spec.limits ({lowest.by})" if lowest.by else "by spec.capacity.maxNodes"
    told = f"NodePool {found.name} makes its nodes, {lowest.nodes} at most {by}"
    return Supply(lowest.nodes, Provisioning(True, Reason.NODE_POOL_READY, told), accepted)


def _by_node_group(most: int | None, called: str, found: Found) -> Supply:
    """What is not known of it changes nothing."""
    if not isinstance(found, NodeGroup):
        why = found.message if isinstance(found, Refusal) else "it was not read yet"
        return Supply(most, _unread(f"node group {called}: {why}; up to maxNodes can be had"))
    lowest = found.most if most is None else min(most, found.most)
    if found.backoff:
        told = f"Cluster Autoscaler adds no node to node group {called} for a while: {found.backoff}"
        return Supply(lowest, Provisioning(False, Reason.NODE_GROUP_BACKOFF, told))
    by = "its maxSize" if lowest == found.most else "spec.capacity.maxNodes"
    told = f"Cluster Autoscaler adds nodes to node group {called}, {lowest} at most by {by}"
    return Supply(lowest, Provisioning(True, Reason.NODE_GROUP_READY, told))


def _unread(message: str) -> Provisioning:
    return Provisioning(None, Reason.PROVISIONER_NOT_READ, message)


def _no_more(most: int | None, standing: int) -> int:
    return standing if most is None else min(most, standing)


def tolerates(toleration: Toleration, taint: Mapping[str, str]) -> bool:
    """Whether a pod with this toleration is scheduled in spite of the taint (Kubernetes, "Taints and Tolerations")."""
    if toleration.get("effect") not in {None, taint.get("effect")}:
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return toleration.get("key") in {None, taint["key"]}
    return toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", "")


def _accepting(taint: Mapping[str, str]) -> Toleration:
    return {"operator": "Equal", **taint}
