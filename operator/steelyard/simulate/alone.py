"""What a workload would have cost on each of its pools alone, sized by the same rule: the comparison that a saving is told against."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from steelyard.api.rebalancing import Mode
from steelyard.simulate.run import Run, Say, run
from steelyard.simulate.scenario import Scenario
from steelyard.simulate.scenario_file import Loaded


def pairs(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """(workload, pool): every comparison there is."""
    for workload in scenario.workloads:
        for pool in sorted(workload.truth):
            yield workload.name, pool


def alone(loaded: Loaded, workload: str, pool: str, say: Say) -> Run:
    """The workload on that pool only, with all nodes of it to itself: the same requests, faults and prices, and no moves. Nodes that stand from
    the start are paid for in all pools."""
    scenario = loaded.scenario
    entry = next(w for w in scenario.workloads if w.name == workload)
    policy = entry.rebalancing.model_copy(update={"mode": Mode.OBSERVE})
    bound = entry.model_copy(update={"truth": {pool: entry.truth[pool]}, "rebalancing": policy})
    one = scenario.model_copy(update={"workloads": (bound,)})
    return run(replace(loaded, scenario=one), say, lambda *_: None)
