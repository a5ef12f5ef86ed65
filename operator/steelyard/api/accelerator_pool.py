"""AcceleratorPool: nodes of one accelerator model, one price class and one source of capacity."""

import re
from typing import Annotated, Literal

from steelyard.api.accelerator import CPU_FAMILY, Accelerator, Backend, BackendName
from steelyard.api.capacity import Capacity, CapacityType, Provisioner, ProvisionerType
from steelyard.api.claim import CLAIMS_MAX, Claim
from steelyard.api.describe import says
from steelyard.api.kind import Column, Kind, Resource
from steelyard.api.model import SpecModel
from steelyard.api.nodes import Nodes
from steelyard.api.placement import ReplicaResources
from steelyard.api.pool_status import AcceleratorPoolStatus
from steelyard.api.rule import Rule
from steelyard.api.shape import PriceClass, Shape
from steelyard.api.text import LABEL, POOL_NAME_MAX

__all__ = ["ACCELERATOR_POOL", "AcceleratorPool", "AcceleratorPoolSpec", "AcceleratorPoolStatus", "CapacityType", "ProvisionerType"]
"""With the pool come the two vocabularies by which it is judged; everything else is imported from its own file."""
NODE_POOL = "karpenter.sh/nodepool"
"""Karpenter's label of nodes: the NodePool that made them."""


class AcceleratorPoolSpec(SpecModel):
    """What the nodes of the pool are, hold, cost and are claimed to do."""

    RULES = (
        Rule(
            "self.accelerator.family == 'cpu' ? self.shapes.all(s, s.devices == 0) : self.shapes.all(s, s.devices > 0)",
            "must have devices 0 in every shape for the family cpu, and at least 1 for every other family",
            lambda p: all((s.devices == 0) == (p.accelerator.family == CPU_FAMILY) for s in p.shapes),
            field="shapes",
        ),
        Rule(
            "self.backends.all(b, !(b.name in ['neuron', 'optimum-neuron']) || self.accelerator.family.startsWith('neuron-'))",
            "must not name neuron or optimum-neuron unless accelerator.family starts with neuron-: they compile for nothing else",
            lambda p: all(
                b.name not in {BackendName.NEURON, BackendName.OPTIMUM_NEURON} or p.accelerator.family.startswith("neuron-")
                for b in p.backends
            ),
            field="backends",
        ),
        Rule(
            "self.backends.all(b, b.name != 'openvino' || self.accelerator.family == 'cpu')",
            "must not name openvino unless accelerator.family is cpu: artifacts are made for CPUs only",
            lambda p: all(b.name != BackendName.OPENVINO or p.accelerator.family == CPU_FAMILY for b in p.backends),
            field="backends",
        ),
        Rule(
            "self.provisioner.type == 'None' || has(self.provisioner.nodePool) || has(self.capacity.maxNodes)",
            "must be given when a provisioner makes the nodes and no NodePool with limits is named: without a limit there is no bound on what "
            "the pool can cost",
            lambda p: p.provisioner.type == ProvisionerType.NONE or p.provisioner.node_pool is not None or p.capacity.max_nodes is not None,
            field="capacity.maxNodes",
            reason="FieldValueRequired",
        ),
        Rule(
            "has(self.provisioner.nodePool) || (has(self.nodes) && has(self.nodes.selector) && self.nodes.selector.size() > 0)",
            "must have at least 1 label unless provisioner.nodePool says whose nodes they are: a pool of all nodes shares them with every other",
            lambda p: p.provisioner.node_pool is not None or bool(p.nodes.selector),
            field="nodes.selector",
            reason="FieldValueRequired",
        ),
        Rule(
            "self.capacity.type == 'Spot' || self.shapes.all(s, !has(s.priceClass) || s.priceClass != 'SpotMarket')",
            "must not use the price class SpotMarket unless capacity.type is Spot: other nodes are not billed at the spot price",
            lambda p: p.capacity.type == CapacityType.SPOT or all(s.price_class != PriceClass.SPOT_MARKET for s in p.shapes),
            field="shapes",
        ),
        Rule(
            "!self.provisioner.publish || self.provisioner.type != 'Karpenter' || self.capacity.type != 'Reserved'",
            "must be false for a pool of Karpenter with capacity.type Reserved: nodes that are paid in any case are used first, whatever they cost",
            lambda p: (
                not (p.provisioner.publish and p.provisioner.type == ProvisionerType.KARPENTER and p.capacity.type == CapacityType.RESERVED)
            ),
            field="provisioner.publish",
        ),
    )

    @property
    def node_labels(self) -> dict[str, str]:
        """That a node of the pool has, and that pods ask for."""
        made_by = self.provisioner.node_pool
        return {**self.nodes.selector, **({} if made_by is None else {NODE_POOL: made_by})}

    accelerator: Annotated[Accelerator, says("The accelerator of the nodes: exactly one model, or the family cpu for nodes without one.")]
    backends: Annotated[
        tuple[Backend, ...],
        says(
            "The back ends for this pool, in order of preference. The first that supports a model compiles and runs it here.",
            least=1,
            most=7,
            list_type="atomic",
        ),
        Rule(
            "self.all(b, self.exists_one(c, c.name == b.name))",
            "must name each back end once: the order is the preference, and only the first would ever be used",
            lambda backends: len({b.name for b in backends}) == len(backends),
        ),
    ]
    nodes: Annotated[Nodes, says("How the nodes of this pool are found, and what replicas need to be scheduled on them.")] = Nodes()
    shapes: Annotated[
        tuple[Shape, ...],
        says(
            "The instance types of the pool with what they hold and cost. All have the accelerator model above, and differ in size only.",
            least=1,
            most=16,
            keys=("instanceType",),
        ),
    ]
    capacity: Annotated[Capacity, says("On which terms the nodes are had, and how many there may be at most.")] = Capacity()
    provisioner: Annotated[
        Provisioner,
        says(
            "What makes nodes appear when replicas wait for them. Left out, nothing does, and only the nodes that stand are planned with."
        ),
    ] = Provisioner()
    resources: Annotated[
        ReplicaResources | None,
        says(
            "CPU and memory of one replica on this pool, for workloads that do not say. Left out: 1 CPU and 2 GiB, or on an accelerator pool "
            "its devices' part of what the system leaves of a node."
        ),
    ] = None
    claims: Annotated[
        tuple[Claim, ...],
        says(
            "What is advertised for this accelerator, each with its source. Claims are where estimates start; measurements always win.",
            most=CLAIMS_MAX,
            keys=("name",),
        ),
    ] = ()


class AcceleratorPool(Resource):
    """Nodes of one accelerator model, one price class and one source of capacity, and what is claimed about them."""

    RULES = (
        Rule(
            f"self.metadata.name.size() <= {POOL_NAME_MAX} && self.metadata.name.matches('^{LABEL}$')",
            f"must have a name of at most {POOL_NAME_MAX} lower case letters, digits and hyphens that starts with a letter: "
            "WORKLOAD-POOL-HASH is the name of Deployments and Services, which hold 63 characters",
            lambda p: len(p.metadata.name) <= POOL_NAME_MAX and re.fullmatch(LABEL, p.metadata.name) is not None,
        ),
    )

    kind: Literal["AcceleratorPool"] = "AcceleratorPool"
    spec: Annotated[
        AcceleratorPoolSpec, says("What the nodes of the pool are, hold and cost, how they come about, and what is claimed about them.")
    ]
    status: Annotated[
        AcceleratorPoolStatus, says("What Steelyard sees of the pool. Only the operator writes it; nothing here is a setting.")
    ] = AcceleratorPoolStatus()


ACCELERATOR_POOL = Kind(
    model=AcceleratorPool,
    name="AcceleratorPool",
    plural="acceleratorpools",
    short="apool",
    scope="Cluster",
    columns=(
        Column("Family", ".spec.accelerator.family", "The accelerator family."),
        Column("Capacity", ".spec.capacity.type", "On which terms nodes are had."),
        Column("Ready", '.status.conditions[?(@.type=="Ready")].status', "Whether the pool can take replicas."),
        Column("Nodes", ".status.nodes", "Ready nodes.", "integer"),
        Column("Idle", ".status.devices.idle", "Devices that nobody has asked for.", "integer"),
        Column("Price/Hour", ".status.price.value", "Price of one node hour."),
        Column("Currency", ".status.price.currency", "The currency of the price."),
        Column("Reason", '.status.conditions[?(@.type=="Ready")].reason', "Why it is ready, or why not."),
        Column("Age", ".metadata.creationTimestamp", "Time since creation.", "date"),
        Column("Model", ".spec.accelerator.model", "The accelerator model.", wide=True),
        Column("Devices", ".status.devices.total", "All devices.", "integer", wide=True),
        Column("Max", ".spec.capacity.maxNodes", "The most nodes.", "integer", wide=True),
        Column("Price-Class", ".status.price.class", "Where the price comes from.", wide=True),
        Column("Priced", ".status.price.asOf", "When the price was read.", "date", wide=True),
        Column("Exhausted-Until", ".status.exhausted.until", "When capacity is asked for again.", wide=True),
    ),
    selectable=(".spec.accelerator.family", ".spec.capacity.type"),
)
