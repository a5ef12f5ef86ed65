"""A scenario: pools, workloads, events and how long it lasts. The edge of the simulator: what is wrong is told by field."""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil
from typing import Annotated

from pydantic import AwareDatetime, Field, model_validator

from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.rule import Pattern, Rule, raise_broken
from steelyard.simulate.event import Event
from steelyard.simulate.pool_entry import PoolEntry
from steelyard.simulate.workload_entry import WorkloadEntry

START_SPREAD = 0.2
"""Standard deviation over mean of a replica's start."""
_LEAD = 600.0
"""Seconds; the lead is a multiple of it."""


class Scenario(SpecModel):
    """What `steelyard simulate` runs. Lengths of time are seconds, or a text such as 90s, 15m, 6h30m, 2d."""

    RULES = (
        Rule("", "must name at least one pool", lambda s: bool(s.pools), field="pools"),
        Rule("", "must name at least one workload", lambda s: bool(s.workloads), field="workloads"),
    )

    days: Annotated[Annotated[float, Field(gt=0, le=366)], says("How long it lasts.", unit="days", example=2)] = 1.0
    seed: Annotated[int, says("The same seed gives the same run, byte for byte.", low=0, high=2**31 - 1, example=7)] = 1
    start: Annotated[AwareDatetime, says("When the load begins.", example="2026-01-05T00:00:00Z")] = datetime(2026, 1, 5, tzinfo=UTC)
    step_seconds: Annotated[
        int, says("The grid of time: nodes, replicas and decisions change at its points only.", unit="seconds", low=1, high=3600, example=5)
    ] = 15
    currency: Annotated[
        str, Pattern("^[A-Z]{3}$", "must be three capital letters, such as USD"), says("Of all prices and costs.", example="EUR")
    ] = "USD"
    moves_at_once: Annotated[int, says("As config.movesAtOnce of the chart.", low=1, high=1000, example=2)] = 1
    pools: Annotated[
        tuple[PoolEntry, ...],
        says(
            "The pools; or the path of a file, relative to this one, with a list of them or with AcceleratorPool manifests.",
            most=200,
            keys=("name",),
        ),
    ]
    workloads: Annotated[tuple[WorkloadEntry, ...], says("The workloads; they share the pools' nodes.", most=1000, keys=("name",))]
    events: Annotated[tuple[Event, ...], says("What happens, in any order.", most=1000)] = ()

    @model_validator(mode="after")
    def _hangs_together(self) -> Scenario:
        """Names that are used exist, and windows fit the grid."""
        pools, workloads = {p.name for p in self.pools}, {w.name for w in self.workloads}
        broken = []

        def check(right: bool, must: str, field: str) -> None:
            if not right:
                broken.append(Rule("", must, lambda _: False, field=field))

        known = f"must be a pool of this scenario: {', '.join(sorted(pools))}"
        for i, workload in enumerate(self.workloads):
            for name in workload.truth:
                check(name in pools, known, f"workloads[{i}].truth.{name}")
            for name, truth in workload.truth.items():
                if truth.tokens is not None and workload.lengths is not None:
                    longest = workload.lengths.longest
                    holds = f"must be at least {longest}, the longest request of this workload"
                    check(truth.tokens.kv_tokens >= longest, holds, f"workloads[{i}].truth.{name}.tokens.kvTokens")
            window = workload.rebalancing.window_seconds
            grid = f"must be a multiple of stepSeconds, which is {self.step_seconds}"
            check(window % self.step_seconds == 0, grid, f"workloads[{i}].rebalancing.windowSeconds")
        for i, pool in enumerate(self.pools):
            for j, claim in enumerate(pool.claims):
                check(claim.relative_to is None or claim.relative_to in pools, known, f"pools[{i}].claims[{j}].relativeTo")
        for i, event in enumerate(self.events):
            check(event.pool is None or event.pool in pools, known, f"events[{i}].pool")
            mine = f"must be a workload of this scenario: {', '.join(sorted(workloads))}"
            check(event.workload is None or event.workload in workloads, mine, f"events[{i}].workload")
        raise_broken(tuple(broken), self)
        return self

    @property
    def seconds(self) -> float:
        """Length of the load, on the grid."""
        return max(1, round(self.days * 86400 / self.step_seconds)) * float(self.step_seconds)

    @property
    def lead_seconds(self) -> float:
        """Time before the load, in which models are compiled and the first replicas start."""
        pools = {p.name: p for p in self.pools}
        longest = max(
            truth.compile_seconds + pools[name].node_seconds + pools[name].pull_seconds + truth.start_seconds * (1 + 3 * START_SPREAD)
            for workload in self.workloads
            for name, truth in workload.truth.items()
        )
        lead = ceil((longest + 120) / _LEAD) * _LEAD
        return ceil(lead / self.step_seconds) * float(self.step_seconds)
