"""A pool of a scenario: its nodes, what they cost, how they come and go, and what is claimed of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.objective import CostUnit
from steelyard.api.rule import Rule
from steelyard.api.shape import PriceClass
from steelyard.api.text import FamilyName, PoolName
from steelyard.api.word import Word
from steelyard.simulate.duration import Duration
from steelyard.simulate.load import Factor

Amount = Annotated[float, Field(gt=0, le=1e6)]


class ReplicaSize(SpecModel):
    """What one replica asks for."""

    cpu: Annotated[Amount, says("CPUs of one replica.", unit="CPUs", example=1)]
    memory_gib: Annotated[Amount, says("Memory of one replica.", unit="GiB", example=4)]


class ClaimedMetric(Word):
    """What is claimed, of what a simulation can tell the truth of."""

    UNIT_COST = "UnitCost", "cost of one unit"
    THROUGHPUT = "Throughput", "requests or tokens per second of one replica"


UNITS: Mapping[ClaimedMetric, Mapping[CostUnit, str]] = {
    ClaimedMetric.UNIT_COST: {
        CostUnit.GOOD_REQUESTS: "PerThousandRequests",
        CostUnit.OUTPUT_TOKENS: "PerMillionTokens",
        CostUnit.INPUT_TOKENS: "PerMillionInputTokens",
    },
    ClaimedMetric.THROUGHPUT: {
        CostUnit.GOOD_REQUESTS: "RequestsPerSecond",
        CostUnit.OUTPUT_TOKENS: "TokensPerSecond",
        CostUnit.INPUT_TOKENS: "InputTokensPerSecond",
    },
}
"""The units of claims as an AcceleratorPool has them, by what they count."""


class Scheduling(Word):
    """Where replicas go, and which leave."""

    PACKED = "Packed", "to the fullest node that holds them (MostAllocated); the youngest leaves first"
    KUBERNETES = (
        "Kubernetes",
        "by its defaults: to the emptiest node that holds them (LeastAllocated); those that share a node with most others leave first",
    )


class ClaimEntry(SpecModel):
    """An advertised number."""

    RULES = (
        Rule(
            "",
            "must give exactly one of ratio, value and timesTruth",
            lambda c: sum(v is not None for v in (c.ratio, c.value, c.times_truth)) == 1,
        ),
        Rule("", "must be given with ratio", lambda c: c.ratio is None or c.relative_to is not None, field="relativeTo"),
        Rule("", "must be left out with value", lambda c: c.value is None or c.relative_to is None, field="relativeTo"),
    )

    name: Annotated[str, says("A name, once in this pool.", least=1, most=63)] = "advertised"
    metric: Annotated[ClaimedMetric, says("What it is about.")] = ClaimedMetric.UNIT_COST
    model: Annotated[str, says("A glob over the workloads' models.", example="*bert*", least=1)] = "*"
    ratio: Annotated[Amount | None, says("As a multiple of relativeTo.", example=0.5)] = None
    relative_to: Annotated[PoolName | None, says("The pool that ratio, or timesTruth, compares with.", example="g5")] = None
    value: Annotated[
        Amount | None, says("The number itself: money per 1,000 requests or 1M tokens, or requests or tokens per second.", example=120)
    ] = None
    unit: Annotated[
        CostUnit | None,
        says("What it counts. Left out: requests, for a value; what the workload's objective counts, for a ratio.", example="OutputTokens"),
    ] = None
    times_truth: Annotated[
        Factor | None,
        says(
            "The claim is the truth of this scenario times this factor: 0.5 for UnitCost promises half of what it really costs, 2 for "
            "Throughput twice the requests. With relativeTo it is claimed as a ratio, else as a value.",
            example=0.5,
        ),
    ] = None


class PoolEntry(SpecModel):
    """Nodes of one instance type."""

    RULES = (
        Rule("", "must give nodes, maxNodes or both: else the pool holds nothing", lambda p: p.nodes > 0 or bool(p.max_nodes)),
        Rule(
            "",
            "must not be less than nodes, which stand from the start",
            lambda p: p.max_nodes is None or p.max_nodes >= p.nodes,
            "maxNodes",
        ),
    )

    name: Annotated[PoolName, says("The pool's name.", example="inf2")]
    family: Annotated[FamilyName, says("The accelerator family.", example="neuron-inf2")] = "cpu"
    instance_type: Annotated[
        str | None,
        says(
            "The instance type; left out, the pool's name. Of one that the catalogue knows, cpu, memoryGiB, devices, family and accelerator may "
            "be left out, and with priceClass List the price too.",
            example="inf2.xlarge",
        ),
    ] = None
    accelerator: Annotated[
        str | None,
        says("The catalogue's name of the accelerator: what is advertised of it is a prior, as in the operator.", example="inferentia2"),
    ] = None
    cpu: Annotated[Amount, says("CPUs of one node.", unit="CPUs", example=4)]
    memory_gib: Annotated[Amount, says("Memory of one node.", unit="GiB", example=16)]
    devices: Annotated[int, says("Accelerator devices of one node; 0 for CPU nodes.", unit="devices", low=0, high=128, example=1)] = 0
    price_per_hour: Annotated[
        Amount | None, says("What one node costs. Left out: not known, which holds moves.", unit="currency per hour", example=0.7582)
    ] = None
    price_class: Annotated[
        PriceClass, says("Where the price comes from; it decides when it is too old. The feed renews it every day.", example="List")
    ] = PriceClass.STATIC
    spot: Annotated[bool, says("Whether the nodes can be taken back.")] = False
    nodes: Annotated[int, says("Nodes that stand from the start and stay.", unit="nodes", low=0, high=15_000, example=2)] = 0
    max_nodes: Annotated[
        Annotated[int, says("", low=0, high=15_000)] | None,
        says("The most nodes. Those above nodes are made when replicas wait for them. Left out: none are made.", unit="nodes", example=20),
    ] = None
    node_seconds: Annotated[Duration, says("From the order of a node until it is ready; it is paid from its order.", example=90)] = 90.0
    failing_percent: Annotated[
        Annotated[float, Field(ge=0, le=100)],
        says(
            "Orders of a node that come to nothing: it is paid, never becomes ready, and is given up and ordered anew.",
            unit="percent",
            example=5,
        ),
    ] = 0.0
    give_up_seconds: Annotated[
        Duration, says("From the order of such a node until it is given up (Karpenter waits 15 minutes).", example="15m")
    ] = 900.0
    scheduling: Annotated[Scheduling, says("Where replicas that are smaller than a node go, and which of them leave first.")] = (
        Scheduling.PACKED
    )
    empty_seconds: Annotated[Duration, says("How long a made node is kept after its last replica.", example=60)] = 60.0
    pull_seconds: Annotated[Duration, says("The pull of an image on a node that does not have it yet.", example=30)] = 30.0
    backend: Annotated[str | None, says("Pools of one back end share artifacts. Left out: the pool's own.", example="neuron")] = None
    replica: Annotated[
        ReplicaSize | None,
        says("One replica, where the workload does not say. Left out: 1 CPU and 2 GiB, or its devices with their part of a node."),
    ] = None
    claims: Annotated[tuple[ClaimEntry, ...], says("What is advertised of the pool.", most=32, keys=("name",))] = ()
