"""How many nodes a pool may have, on which terms, and what makes them appear."""

from typing import Annotated

from pydantic import Field, StrictBool

from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.rule import Pattern, Rule
from steelyard.api.text import ObjectName
from steelyard.api.word import Word


class CapacityType(Word):
    """On which terms nodes are had."""

    ON_DEMAND = "OnDemand", "kept until given back"
    SPOT = "Spot", "can be taken back at short notice"
    RESERVED = "Reserved", "paid whether used or not"


class ProvisionerType(Word):
    """What makes nodes appear."""

    KARPENTER = "Karpenter", "a NodePool of Karpenter"
    CLUSTER_AUTOSCALER = "ClusterAutoscaler", "a node group of Cluster Autoscaler"
    NONE = "None", "nothing does; the nodes are there"


class Ask(Word):
    """What is asked for before a move for cost makes its first replica."""

    CHECK_CAPACITY = "CheckCapacity", "whether all replicas that the move ends with have room on nodes that stand"
    ATOMIC_SCALE_UP = "AtomicScaleUp", "a node for the first replica, where none that stands has room"


class Capacity(SpecModel):
    """How much there may be, and on which terms."""

    type: Annotated[
        CapacityType,
        says(
            "On which terms the nodes are had. Use one pool for each, since price and risk differ. Reserved nodes are paid for in any "
            "case: a replica on one that stands idle adds nothing to the bill, and decisions count it with a thousandth of its price.",
            example="Spot",
        ),
    ] = CapacityType.ON_DEMAND
    max_nodes: Annotated[
        Annotated[int, says("", low=0, high=15_000)] | None,
        says(
            "The most nodes this pool may have, which bounds what it can cost. Left out, it is what spec.limits of provisioner.nodePool allows, "
            "and where that says nothing of nodes, only existing nodes are planned with. Of two limits the lower counts.",
            unit="nodes",
            example=20,
        ),
    ] = None


def _only_with(kind: ProvisionerType, field: str, why: str) -> Rule:
    """A field of a provisioner that another kind does not have."""
    return Rule(
        f"self.type == '{kind}' || !has(self.{field})",
        f"must be left out unless type is {kind}: {why}",
        lambda p: p.type == kind or p.to_raw().get(field) is None,
        field=field,
        reason="FieldValueForbidden",
    )


class Provisioner(SpecModel):
    """What makes nodes of the pool appear."""

    RULES = (
        _only_with(ProvisionerType.KARPENTER, "nodePool", "only Karpenter has NodePools"),
        _only_with(ProvisionerType.CLUSTER_AUTOSCALER, "nodeGroup", "only Cluster Autoscaler has node groups"),
        Rule(
            "!self.publish || self.type == 'Karpenter' || has(self.nodeGroup)",
            "must be false unless type is Karpenter, or ClusterAutoscaler with a nodeGroup: nobody else chooses nodes by what they cost",
            lambda p: not p.publish or p.type == ProvisionerType.KARPENTER or p.node_group is not None,
            field="publish",
        ),
        _only_with(ProvisionerType.CLUSTER_AUTOSCALER, "ask", "it answers ProvisioningRequests"),
    )

    type: Annotated[
        ProvisionerType,
        says(
            "What makes nodes appear when replicas wait for them: up to maxNodes can be had. Of Karpenter the NodePool is read, if nodePool names it, "
            "and of Cluster Autoscaler what it says of the node group, if nodeGroup names it.",
            example="Karpenter",
        ),
    ] = ProvisionerType.NONE
    node_pool: Annotated[
        ObjectName | None,
        says(
            "The NodePool of Karpenter that makes the nodes of this pool: its nodes are those of nodes.selector that carry its label "
            "karpenter.sh/nodepool, pods ask for it and accept its taints, and its spec.limits are limits of the pool. While it is missing "
            "or not ready the nodes that stand are planned with, as the condition Provisioned says.",
            example="inf2",
        ),
    ] = None
    node_group: Annotated[
        Annotated[
            str,
            Field(max_length=512),
            Pattern("^[!-~]+$", 'must be the id of a node group in printable ASCII without blanks, such as "eks-inf2-5ec0ffee"'),
        ]
        | None,
        says(
            "The node group of Cluster Autoscaler that the nodes of this pool are of: its id, as its log and its ConfigMap "
            "cluster-autoscaler-status print it: the whole id, and no pattern. Where config.clusterAutoscaler.readStatus is set, its maxSize is a "
            "limit of the pool, and while the autoscaler backs off from it replicas that wait there exhaust the pool, in its words. What is not known "
            "of it changes nothing. `publish` and the gRPC expander know the pool by it.",
            example="eks-inf2-5ec0ffee",
        ),
    ] = None
    publish: Annotated[
        StrictBool,
        says(
            "Whether what good requests cost here, as measured and compared with other pools, is told to what makes the nodes. To Karpenter as the "
            "price of one NodeOverlay for each instance type in shapes, which counts for all pods of the cluster; to Cluster Autoscaler as a "
            "priority of the node group. What is not measured is not told. The condition Published says what is.",
            example=True,
        ),
    ] = False
    ask: Annotated[
        Ask | None,
        says(
            "What a move for cost to this pool, an exploration included, asks Cluster Autoscaler for by a ProvisioningRequest before anything of it "
            "is made: without room it ends before anything was paid. Moves that keep the promise, replicas that are missing, new revisions and the "
            "Jobs of an AcceleratorTrial never ask. Needs config.clusterAutoscaler.provisioningRequests. Left out, nobody is asked.",
            example="CheckCapacity",
        ),
    ] = None
