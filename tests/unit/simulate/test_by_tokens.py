"""Simulated token servers tell their tokens, and a workload that counts them goes where they are cheaper; a claim of them is judged there."""

from __future__ import annotations

import pytest

from property.simulate.strategies import scenario, workload
from steelyard.core.facts.memory import Memory, VerdictWord
from steelyard.core.facts.unit_cost import Unit
from steelyard.core.vocabulary.reading import Fresh
from steelyard.simulate.drive import steps
from steelyard.simulate.world import World

SERVER = {
    "floorMilliseconds": 20,
    "sequenceMicroseconds": 200,
    "contextMicroseconds": 0.3,
    "promptMicroseconds": 100,
    "outsideMilliseconds": 5,
}
MEMORY = {"kvTokens": 20_000, "maxSequences": 24}
LENGTHS = {"prompt": {"mean": 200, "spread": 0.3, "most": 600}, "output": {"mean": 50, "spread": 0.3, "most": 150}}
REBALANCING: dict[str, object] = {
    "mode": "Auto",
    "exploration": {"budget": "50", "deadlineSeconds": 3600},
    "paybackSeconds": 604_800,
    "deadlineSeconds": 3600,
}


def world() -> World:
    """Servers of `b` take half of the time, at half the price, and it is claimed that `a` is the one that costs half."""
    whole = {"cpu": 4, "memoryGiB": 16, "replica": {"cpu": 4, "memoryGiB": 16}, "nodes": 12}
    cheap = {"name": "cheap", "metric": "UnitCost", "ratio": 0.5, "relativeTo": "b"}
    fast = [{"name": f"times-{times}", "metric": "Throughput", "unit": "OutputTokens", "timesTruth": times} for times in (0.8, 3)]
    pools = [{"name": "a", **whole, "pricePerHour": 1.0, "claims": [cheap]}, {"name": "b", **whole, "pricePerHour": 0.5, "claims": fast}]
    twice = {name: figure / 2 for name, figure in SERVER.items()}
    truth = {pool: {"tokens": {**server, **MEMORY}, "startSeconds": 10} for pool, server in (("a", SERVER), ("b", twice))}
    objective = {"ttftMilliseconds": 1500, "itlMilliseconds": 120, "percent": 99, "unit": "OutputTokens"}
    scaling = {"minReplicas": 2, "maxReplicas": 12}
    mine = workload("w", 24.0, truth, busyKnown=False, rebalancing=REBALANCING, lengths=LENGTHS, objective=objective, scaling=scaling)
    loaded = scenario(days=4 / 24, pools=pools, workloads=[mine])
    return World(loaded.scenario, loaded.traces)


def after(hours: float) -> tuple[World, Memory]:
    seen = world()
    for _ in steps(seen):
        if seen.now >= hours * 3600:
            break
    return seen, seen.tenants["w"].memory


def test_windows_tell_the_tokens_of_all_requests_and_of_good_ones() -> None:
    seen, memory = after(0.2)
    assert seen.snapshot("w").workload.unit is Unit.OUTPUT_TOKENS
    reading = seen.snapshot("w").traffic[memory.allocation[0]]
    assert isinstance(reading, Fresh)
    window = reading.value.windows[-1]
    assert window.tokens is not None and window.tokens.good is not None
    assert window.tokens.good.output / window.good == pytest.approx(50, rel=0.1)
    assert window.tokens.good.input / window.good == pytest.approx(200, rel=0.1)
    assert window.tokens.every.output >= window.tokens.good.output > 0
    assert window.tokens.every.cached == 0


def test_it_moves_to_where_output_tokens_are_cheaper_and_what_was_claimed_of_them_is_judged_rightly() -> None:
    started = after(0.0)[1].allocation[0].pool
    memory = after(3)[1]
    assert (started, memory.allocation[0].pool) == ("a", "b")
    known = {k.pool: k.unit_cost for k in memory.known}
    assert known["a"] and known["b"] and known["a"].output and known["b"].output
    assert known["b"].output.interval.upper < known["a"].output.interval.lower
    words = {v.name: (v.verdict, v.unit) for v in memory.claims}
    assert words == {
        "cheap": (VerdictWord.REFUTED, Unit.OUTPUT_TOKENS),
        "times-0.8": (VerdictWord.CONFIRMED, Unit.OUTPUT_TOKENS),
        "times-3": (VerdictWord.REFUTED, Unit.OUTPUT_TOKENS),
    }, [v.message for v in memory.claims]
    assert all("output tokens" in v.message for v in memory.claims)
