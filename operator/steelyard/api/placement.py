"""Which pools a workload may use, and how much of each."""

import re
from typing import Annotated

from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.exit_drill import ExitDrill
from steelyard.api.model import SpecModel
from steelyard.api.quantity import CpuQuantity, MemoryQuantity
from steelyard.api.rule import Pattern, Rule
from steelyard.api.text import PoolName
from steelyard.api.word import Word

LABEL_KEY = "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"

LABEL_VALUE = "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"

LabelKey = Annotated[
    str,
    Field(max_length=317),
    Pattern(LABEL_KEY, 'must be a label key, such as "tier" or "example.com/tier"'),
]

LabelValue = Annotated[
    str,
    Field(max_length=63),
    Pattern(
        LABEL_VALUE,
        "must be a label value: at most 63 letters, digits and - _ . and a letter or digit at both ends",
    ),
]

LABEL_KEYS_ONLY = Rule(
    f"self.all(key, key.size() <= 317 && key.matches('{LABEL_KEY}'))",
    'must use label keys only, such as "tier" or "example.com/tier"',
    lambda labels: all(len(key) <= 317 and re.search(LABEL_KEY, key) is not None for key in labels),
)
"""For the keys of a map of labels; a schema can bound their number but not their form."""


class LabelOperator(Word):
    """How a label is compared."""

    IN = "In", "the label has one of the values"
    NOT_IN = "NotIn", "the label is missing or has none of the values"
    EXISTS = "Exists", "the label is present"
    DOES_NOT_EXIST = "DoesNotExist", "the label is missing"


class LabelRequirement(SpecModel):
    """One condition on one label."""

    RULES = (
        Rule(
            "(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)",
            "must give values with In and NotIn, and none with Exists and DoesNotExist",
            lambda r: (r.operator in {LabelOperator.IN, LabelOperator.NOT_IN}) == bool(r.values),
            field="values",
        ),
    )

    key: Annotated[LabelKey, says("The label of the pool that is looked at, with its prefix if it has one.", example="example.com/tier")]
    operator: Annotated[
        LabelOperator, says("How the label is compared with the values below, as in every Kubernetes selector.", brief=True, example="In")
    ]
    values: Annotated[
        tuple[Annotated[LabelValue, says("One value to compare the label with.", example="standard")], ...],
        says(
            "The values to compare with, for In and NotIn. Exists and DoesNotExist take none.",
            example=["standard"],
            most=32,
            list_type="set",
        ),
    ] = ()


class LabelSelector(SpecModel):
    """A choice of pools by their labels; every condition must hold."""

    match_labels: Annotated[
        dict[str, Annotated[LabelValue, says("The value that this label must have.", example="standard")]],
        says(
            "Labels that a pool must have, with exactly these values. All of them must match, and the expressions below as well.",
            example={"tier": "standard"},
            most=16,
        ),
        LABEL_KEYS_ONLY,
    ] = Field(default_factory=dict)
    match_expressions: Annotated[
        tuple[LabelRequirement, ...],
        says(
            "Conditions on labels that an exact match cannot say, such as one of several values. All of them must hold.",
            most=16,
            list_type="atomic",
        ),
    ] = ()


class ReplicaResources(SpecModel):
    """What one replica gets; requests and limits are the same, so that a measurement means the same on every node."""

    cpu: Annotated[
        CpuQuantity,
        says(
            "The CPUs of one replica, as request and as limit: what is measured does not depend on its neighbours.",
            unit="CPUs",
            example="4",
        ),
    ]
    memory: Annotated[
        MemoryQuantity,
        says(
            "The memory of one replica, as request and as limit: the model, its shapes and the queue must fit.", unit="bytes", example="8Gi"
        ),
    ]


class PoolPlacement(SpecModel):
    """What this workload may take of one pool."""

    RULES = (
        Rule(
            "!has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
            "must not be more than maxReplicas of the same pool: lower minReplicas or raise maxReplicas",
            lambda p: p.max_replicas is None or p.min_replicas <= p.max_replicas,
            field="minReplicas",
        ),
    )

    name: Annotated[
        PoolName,
        says("The AcceleratorPool that the bounds below are for. Without a poolSelector, naming a pool allows it.", example="inf2-xlarge"),
    ]
    min_replicas: Annotated[
        int,
        says(
            "The fewest replicas kept on this pool whatever they cost, such as on a second supplier.",
            unit="replicas",
            example=1,
            low=0,
            high=10_000,
        ),
    ] = 0
    max_replicas: Annotated[
        Annotated[int, says("", low=0, high=10_000)] | None,
        says(
            "The most replicas on this pool. 0 forbids the pool while keeping its other settings; left out, only the workload's own "
            "maximum and the pool's devices bound it.",
            unit="replicas",
            example=8,
        ),
    ] = None
    devices_per_replica: Annotated[
        int,
        says(
            "How many accelerator devices one replica takes, all on one node. Pools of the family cpu ignore it.",
            unit="devices",
            example=2,
            low=1,
            high=128,
        ),
    ] = 1
    resources: Annotated[
        ReplicaResources | None,
        says(
            "CPU and memory of one replica on this pool, as request and as limit. Left out, the pool's spec.resources; without "
            "those 1 CPU and 2 GiB, or on an accelerator pool its devices' part of what the system leaves of a node."
        ),
    ] = None

    @property
    def bounds(self) -> bool:
        """Whether anything is said of the pool but its name."""
        return self.min_replicas > 0 or self.max_replicas is not None or self.devices_per_replica != 1 or self.resources is not None


class Placement(SpecModel):
    """The pools a workload may use."""

    RULES = (
        Rule(
            "!has(self.poolSelector) || !has(self.pools) || "
            "self.pools.all(p, p.minReplicas > 0 || has(p.maxReplicas) || p.devicesPerReplica != 1 || has(p.resources))",
            "must bound each pool beside a poolSelector, such as by maxReplicas: its name alone allows no pool there; leave it out, or let the selector "
            "choose it",
            lambda p: p.pool_selector is None or all(each.bounds for each in p.pools),
            field="pools",
            spares_stored=True,
        ),
    )

    pool_selector: Annotated[
        LabelSelector | None,
        says(
            "Allows pools by their labels, including pools that are added later, and no others. Left out, only the pools named below are "
            "allowed, and if none is named, every pool of the cluster."
        ),
    ] = None
    pools: Annotated[
        tuple[PoolPlacement, ...],
        says(
            "Pools by name, each with bounds of its own. Without a poolSelector only these are allowed; with one they only bound pools that it "
            "selects, and allow no others.",
            most=32,
            keys=("name",),
        ),
    ] = ()
    min_accelerator_families: Annotated[
        int,
        says(
            "Over how many accelerator families the replicas must be spread. 2 keeps a second supplier in use, which costs what the"
            " second best family costs more.",
            unit="families",
            example=2,
            low=1,
            high=8,
        ),
    ] = 1
    max_spot_percent: Annotated[
        int,
        says(
            "The largest share of the capacity that may be on Spot pools, which the provider can take back at short notice.",
            unit="percent",
            example=50,
            low=0,
            high=100,
        ),
    ] = 100
    exit_drill: Annotated[
        ExitDrill | None,
        says(
            "Proves now and then, by a trial on a pool of another one, that the workload could leave the accelerator family in use;"
            " status.exitDrill says how fast and at which cost, or why not."
        ),
    ] = None
