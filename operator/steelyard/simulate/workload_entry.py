"""A workload of a scenario: its load, its promise and policy, and how it truly runs on each pool."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.objective import CostUnit
from steelyard.api.rebalancing import Rebalancing
from steelyard.api.rule import Rule
from steelyard.api.scaling import Scaling
from steelyard.api.text import PoolName, WorkloadName
from steelyard.simulate.lengths import Lengths
from steelyard.simulate.load import Load, Noise
from steelyard.simulate.pool_entry import PoolEntry
from steelyard.simulate.promise import Promise
from steelyard.simulate.truth import Truth

Milliseconds = Annotated[int, says("", unit="milliseconds", low=1, high=3_600_000)]


class ObjectiveEntry(SpecModel):
    """The latency promise. A request is good if it keeps all of it."""

    RULES = (
        Rule(
            "",
            "must give milliseconds, ttftMilliseconds or itlMilliseconds",
            lambda o: any(each is not None for each in (o.milliseconds, o.ttft_milliseconds, o.itl_milliseconds)),
        ),
    )

    milliseconds: Annotated[Milliseconds | None, says("How long a request may take, queue included.", unit="milliseconds", example=200)] = (
        None
    )
    ttft_milliseconds: Annotated[
        Milliseconds | None, says("How long it may take to its first token. For tokens only.", unit="milliseconds", example=1000)
    ] = None
    itl_milliseconds: Annotated[
        Milliseconds | None, says("Mean time that may pass between its tokens. For tokens only.", unit="milliseconds", example=50)
    ] = None
    percent: Annotated[
        Annotated[float, Field(ge=1, le=99.999)], says("The share of requests that must be within it.", unit="percent", example=99.5)
    ] = 99.0
    error_budget_percent: Annotated[
        int, says("As spec.objective.errorBudgetPercent of an InferenceWorkload.", unit="percent", low=0, high=100, example=25)
    ] = 50

    unit: Annotated[
        CostUnit, says("As spec.objective.unit of an InferenceWorkload. With tokens it needs lengths.", example="OutputTokens")
    ] = CostUnit.GOOD_REQUESTS

    @property
    def promises(self) -> tuple[tuple[str, int], ...]:
        """(metric as in spec.objective.latency, milliseconds), of those that are promised."""
        told = (("e2e", self.milliseconds), ("ttft", self.ttft_milliseconds), ("itl", self.itl_milliseconds))
        return tuple((metric, milliseconds) for metric, milliseconds in told if milliseconds is not None)

    @property
    def of_tokens(self) -> bool:
        """Whether a time of tokens is promised."""
        return self.ttft_milliseconds is not None or self.itl_milliseconds is not None

    @property
    def promise(self) -> Promise:
        """What answers are judged by."""
        return Promise(**{metric: milliseconds / 1000 for metric, milliseconds in self.promises})


class WorkloadEntry(SpecModel):
    """One model with a promise."""

    RULES = (
        Rule("", "must name at least one pool", lambda w: bool(w.truth), field="truth"),
        Rule(
            "",
            "must be given where a truth is of kind tokens",
            lambda w: w.lengths is not None or not any(t.tokens for t in w.truth.values()),
            field="lengths",
        ),
        Rule(
            "",
            "must be given where objective.unit is tokens",
            lambda w: w.lengths is not None or w.objective.unit is CostUnit.GOOD_REQUESTS,
            field="lengths",
        ),
        Rule(
            "",
            "must promise nothing but milliseconds where a truth is of another kind than tokens: its answers do not stream",
            lambda w: not w.objective.of_tokens or all(t.tokens for t in w.truth.values()),
            field="objective",
        ),
    )

    name: Annotated[WorkloadName, says("The workload's name.", example="search")]
    model: Annotated[str | None, says("The model's URI, for the globs of claims. Left out: sim://NAME.", example="hf://org/bert-base")] = (
        None
    )
    load: Annotated[Load, says("How many requests are asked, over time.")]
    noise: Annotated[Noise, says("Bursts. Left out: independent requests at the rate of the load.")] = Noise()
    lengths: Annotated[Lengths | None, says("Tokens of its requests, where it generates text.")] = None
    objective: Annotated[ObjectiveEntry, says("The promise.")]
    scaling: Annotated[Scaling, says("As spec.scaling of an InferenceWorkload.")] = Scaling()
    rebalancing: Annotated[Rebalancing, says("As spec.rebalancing of an InferenceWorkload, defaults included: mode is Recommend.")] = (
        Rebalancing()
    )
    max_spot_percent: Annotated[int, says("As spec.placement.maxSpotPercent.", low=0, high=100)] = 100
    busy_known: Annotated[
        bool, says("Whether the server tells how long it was busy. Without it capacity is learnt from loads alone, as of a custom server.")
    ] = True
    custom: Annotated[
        bool,
        says(
            "Whether it is an image of the user's own (spec.server.custom), which runs on the families of all its pools. Nothing is compiled for it, it "
            "does not tell how long it was busy, and no move of it begins with a probe unless it has samples."
        ),
    ] = False
    samples: Annotated[
        bool,
        says("Whether samples of its requests are given (spec.traffic.samples), by which a custom server is probed. Others need none."),
    ] = False
    route: Annotated[
        bool,
        says(
            "Whether its requests come by a gateway that follows the weights of its route at once (spec.traffic). Else by one Service, with an equal "
            "share for each ready replica."
        ),
    ] = False
    truth: Annotated[
        dict[PoolName, Truth],
        says("The pools that it may use, and how it truly runs there: nothing else of a scenario is unknown to Steelyard."),
    ]

    @property
    def uri(self) -> str:
        """The model."""
        return self.model or f"sim://{self.name}"

    def busy_told(self, pool: PoolEntry) -> bool:
        """Whether its server there tells how long it was busy."""
        truth = self.truth[pool.name]
        if truth.busy_told is not None:
            return truth.busy_told
        return self.busy_known and not self.custom and not (truth.tokens is not None and pool.devices > 0)
