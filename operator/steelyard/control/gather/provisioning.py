"""What a pool has of the provisioner that makes its nodes: a limit of nodes, tolerations, and what its condition Provisioned says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steelyard.api.accelerator_pool import AcceleratorPoolSpec
from steelyard.api.capacity import ProvisionerType
from steelyard.core.facts.node_pool import NodePool, Provisioning
from steelyard.core.facts.snapshot import Shape
from steelyard.core.planning.node_limit import NodeLimit, node_limit
from steelyard.core.vocabulary.reason import Reason, Refusal

Toleration = Mapping[str, str]
NOTHING = Provisioning(False, Reason.NO_PROVISIONER, "nothing makes nodes of the pool: those that stand are planned with")


@dataclass(frozen=True, slots=True)
class Supply:
    """`most`: nodes that the pool may have; None where nothing says, and no provisioner makes any. `tolerations`: beside the pool's own."""

    most: int | None
    told: Provisioning
    tolerations: tuple[Toleration, ...] = ()


def supply_of(
    spec: AcceleratorPoolSpec, shapes: Sequence[Shape], standing: int, own: Sequence[Toleration], found: NodePool | Refusal | None
) -> Supply:
    """`standing`: its nodes now; `own`: the pool's tolerations. `found`: the NodePool that it names, or why there is none; None before the first look."""
    most, provisioner = spec.capacity.max_nodes, spec.provisioner
    if provisioner.type == ProvisionerType.NONE:
        return Supply(most, NOTHING)
    if provisioner.node_pool is None:
        return Supply(most, _unread(f"{provisioner.type} makes its nodes, {most} at most, and is not asked"))
    if found is None:
        told = _unread(f"NodePool {provisioner.node_pool} was not read yet: up to maxNodes can be had, or what stands")
        return Supply(standing if most is None else most, told)
    if isinstance(found, Refusal):
        return Supply(_no_more(most, standing), Provisioning(False, found.reason, found.message))
    return _by_node_pool(most, shapes, standing, own, found, spec.accelerator.resource_name)


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
