"""What Steelyard sees of a pool: nodes, devices, price, exhaustion."""

from typing import Annotated

from pydantic import Field

from steelyard.api.conditions import PoolCondition
from steelyard.api.describe import says
from steelyard.api.model import StatusModel
from steelyard.api.moment import Time
from steelyard.api.money import CurrencyCode, Decimal
from steelyard.api.shape import PriceClass
from steelyard.api.status_values import Generation, SmallCount


class Devices(StatusModel):
    """Devices of the pool's nodes."""

    total: Annotated[SmallCount, says("How many devices the ready nodes of the pool offer together.", unit="devices", example=8)] = 0
    used: Annotated[
        SmallCount,
        says(
            "How many of them pods hold. Those that are no workload's are looked at every five minutes, while they run.",
            unit="devices",
            example=6,
        ),
    ] = 0
    idle: Annotated[SmallCount, says("Total less used.", unit="devices", example=2)] = 0


class Price(StatusModel):
    """The price of one node hour now."""

    value: Annotated[
        Decimal,
        says(
            "What one node of the pool costs in one hour; over several instance types, that of the most expensive.",
            unit="currency per hour",
            example="0.7582",
        ),
    ]
    currency: Annotated[
        CurrencyCode | None,
        says("The currency of the price, by its ISO 4217 code, as the operator was configured.", example="EUR"),
    ] = None
    class_: Annotated[
        PriceClass, says("Where the price comes from; over several instance types, the least trusted class among them.", example="List")
    ]
    as_of: Annotated[
        Time,
        says("When the price was read at its source. Its age is shown beside every cost made from it.", example="2026-03-01T00:00:00Z"),
    ]


class Exhausted(StatusModel):
    """Replicas waited for nodes in vain."""

    since: Annotated[
        Time | None,
        says("When that was last seen. A node that is found for a replica later ends it.", example="2026-03-01T12:24:00Z"),
    ] = None
    until: Annotated[
        Time,
        says(
            "Until when no replicas are sent here; then one is, and where a node is found for it the pool is open again. Each failure doubles the pause, from 3 minutes up to an hour.",
            example="2026-03-01T12:30:00Z",
        ),
    ]
    failures: Annotated[
        SmallCount,
        says("How many times in a row replicas waited in vain; it decides the length of the pause.", unit="failures", example=2),
    ] = 0
    reason: Annotated[
        Annotated[str, Field(max_length=256)],
        says(
            "What the replicas wait for, in the words of Karpenter or Cluster Autoscaler where they have any.",
            example="no node of pool inf2 has room for a replica, which asks for cpu 4: free one or add one",
        ),
    ] = ""


class UnreadyNodes(StatusModel):
    """Too many nodes were unready at once."""

    started_time: Annotated[
        Time,
        says(
            "When more than 20 % of this pool's nodes, or more than 45 % of those of all pools, were first seen unready.",
            example="2026-03-01T12:00:00Z",
        ),
    ]
    ended_time: Annotated[
        Time | None,
        says(
            "When they were first seen ready again; moves to this pool begin ten minutes later. Missing while too many are unready.",
            example="2026-03-01T12:08:00Z",
        ),
    ] = None


class AcceleratorPoolStatus(StatusModel):
    """What Steelyard sees of the pool."""

    observed_generation: Annotated[
        Generation,
        says(
            "The generation of the spec that this status speaks about. Older than metadata.generation: the newest spec is not judged yet.",
            unit="generation",
            example=3,
        ),
    ] = 0
    conditions: Annotated[
        tuple[PoolCondition, ...],
        says(
            "What is true of the pool now: Ready sums up, Priced, Overlapping, Exhausted and Provisioned say more; Published where the pool asks for it.",
            most=6,
            keys=("type",),
        ),
    ] = ()
    nodes: Annotated[SmallCount, says("How many nodes match the selector now and are ready to take pods.", unit="nodes", example=4)] = 0
    devices: Annotated[
        Devices | None,
        says(
            "The devices of these nodes: all, asked for, idle. Missing for the family cpu, which has none, and where operators see the pods of some namespaces only."
        ),
    ] = None
    price: Annotated[
        Price | None,
        says("The present price of one node hour with its class and age. Missing while it is Unknown; it is never shown as 0."),
    ] = None
    unready_nodes: Annotated[
        UnreadyNodes | None,
        says("Set while too many nodes are unready, and for ten minutes after: no voluntary move goes to this pool meanwhile."),
    ] = None
    exhausted: Annotated[
        Exhausted | None,
        says(
            "Set when replicas have waited for a node here for six minutes, or Karpenter or Cluster Autoscaler says that there is none to be "
            "had: nobody is sent here until its time has passed."
        ),
    ] = None
