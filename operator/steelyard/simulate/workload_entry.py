"""A workload of a scenario: its load, its promise and policy, and how it truly runs on each pool."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.rebalancing import Rebalancing
from steelyard.api.rule import Pattern, Rule
from steelyard.api.scaling import Scaling
from steelyard.api.text import LABEL, WORKLOAD_NAME_MAX, PoolName
from steelyard.simulate.duration import Duration
from steelyard.simulate.load import Load, Noise
from steelyard.simulate.pool_entry import Amount, ReplicaSize

WorkloadName = Annotated[str, Field(max_length=WORKLOAD_NAME_MAX), Pattern(f"^{LABEL}$", "must be lower case letters, digits and hyphens")]
Share = Annotated[float, Field(ge=0, le=100)]


class ObjectiveEntry(SpecModel):
    """The latency promise."""

    milliseconds: Annotated[
        int, says("How long a request may take, queue included.", unit="milliseconds", low=1, high=3_600_000, example=200)
    ]
    percent: Annotated[
        Annotated[float, Field(ge=1, le=99.999)], says("The share of requests that must be within it.", unit="percent", example=99.5)
    ] = 99.0
    error_budget_percent: Annotated[
        int, says("As spec.objective.errorBudgetPercent of an InferenceWorkload.", unit="percent", low=0, high=100, example=25)
    ] = 50


class Truth(SpecModel):
    """How a replica truly runs on a pool, whatever is claimed."""

    service_milliseconds: Annotated[
        Amount, says("Mean time that a request occupies one slot of a replica.", unit="milliseconds", example=25)
    ]
    spread: Annotated[
        Annotated[float, Field(ge=0, le=10)],
        says("Standard deviation over mean of that time (gamma distributed). 0: all requests take the same time.", example=0.3),
    ] = 0.0
    slots: Annotated[
        int, says("Requests that one replica works on at the same time, each at its own pace.", low=1, high=1024, example=4)
    ] = 1
    queue: Annotated[
        int,
        says(
            "Mean requests that may wait in a replica; one that would have to wait for more is shed (429).", low=0, high=100_000, example=50
        ),
    ] = 100
    start_seconds: Annotated[Duration, says("From the image's presence until the replica is ready, 20 % more or less.", example=60)] = 60.0
    compile_seconds: Annotated[Duration, says("The compile for this pool's back end.", example="10m")] = 0.0
    error_percent: Annotated[Share, says("Requests that fail on this pool.", unit="percent")] = 0.0
    min_replicas: Annotated[int, says("The fewest replicas here.", low=0, high=10_000)] = 0
    max_replicas: Annotated[
        Annotated[int, says("", low=0, high=10_000)] | None, says("The most replicas here. Left out: no bound of its own.")
    ] = None
    devices: Annotated[int, says("Devices of one replica; ignored on CPU pools.", low=1, high=128)] = 1
    replica: Annotated[ReplicaSize | None, says("What one replica asks for here. Left out: what the pool says.")] = None


class WorkloadEntry(SpecModel):
    """One model with a promise."""

    RULES = (Rule("", "must name at least one pool", lambda w: bool(w.truth), field="truth"),)

    name: Annotated[WorkloadName, says("The workload's name.", example="search")]
    model: Annotated[str | None, says("The model's URI, for the globs of claims. Left out: sim://NAME.", example="hf://org/bert-base")] = (
        None
    )
    load: Annotated[Load, says("How many requests are asked, over time.")]
    noise: Annotated[Noise, says("Bursts. Left out: independent requests at the rate of the load.")] = Noise()
    objective: Annotated[ObjectiveEntry, says("The promise.")]
    scaling: Annotated[Scaling, says("As spec.scaling of an InferenceWorkload.")] = Scaling()
    rebalancing: Annotated[Rebalancing, says("As spec.rebalancing of an InferenceWorkload, defaults included: mode is Recommend.")] = (
        Rebalancing()
    )
    max_spot_percent: Annotated[int, says("As spec.placement.maxSpotPercent.", low=0, high=100)] = 100
    busy_known: Annotated[
        bool, says("Whether the server tells how long it was busy. Without it capacity is learnt from loads alone, as of a custom server.")
    ] = True
    truth: Annotated[
        dict[PoolName, Truth],
        says("The pools that it may use, and how it truly runs there: nothing else of a scenario is unknown to Steelyard."),
    ]

    @property
    def uri(self) -> str:
        """The model."""
        return self.model or f"sim://{self.name}"
