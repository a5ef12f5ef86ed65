"""Through `decide`: a workload that generates text, on devices that tell no busy time, runs on little more than what it needs."""

from __future__ import annotations

import pytest

from bench.judging.worlds import HOME
from bench.kinds import OBJECTIVES, Kind, lengths, objective, read_lengths, server
from steelyard.core.facts.capacity import Basis
from steelyard.simulate.carried import carried
from steelyard.simulate.drive import steps
from steelyard.simulate.scenario import Scenario
from steelyard.simulate.truth import Truth
from steelyard.simulate.world import World

SERVER = server(Kind.TOKENS, 1.0)
HOURS = 3.0


def capacity() -> float:
    """Of a replica, as it truly is."""
    return carried(Truth.model_validate(SERVER), objective(Kind.TOKENS), read_lengths(Kind.TOKENS))


def world(rate: float) -> World:
    """One pool of devices with room for 60 replicas, and that many requests a second."""
    pool = {"name": HOME, "family": "nvidia", "cpu": 10, "memoryGiB": 48, "devices": 1, "pricePerHour": 1.0, "nodes": 0, "maxNodes": 60}
    work = {
        "name": "work",
        "load": {"constant": rate},
        "lengths": lengths(Kind.TOKENS),
        "objective": OBJECTIVES[Kind.TOKENS],
        "scaling": {"minReplicas": 1, "maxReplicas": 60},
        "rebalancing": {"windowSeconds": 120},
        "truth": {HOME: SERVER},
    }
    return World(Scenario.model_validate({"days": HOURS / 24, "seed": 4, "stepSeconds": 60, "pools": [pool], "workloads": [work]}), {})


@pytest.mark.parametrize("needed", [4.5])
def test_text_without_busy_time_runs_on_little_more_than_it_needs(needed: float) -> None:
    played = world(needed * capacity())
    (tenant,) = played.tenants.values()
    before = tenant.tally.copy()
    for _ in steps(played):
        if played.now <= (HOURS - 1) * 3600:
            before = tenant.tally.copy()
    last_hour = tenant.tally.since(before)
    known = tenant.memory.known[0].capacity
    assert known is not None
    assert known.basis is Basis.FITTED
    assert known.rate.lower < capacity() < known.rate.upper
    assert sum(last_hour.replica_hours.values()) <= 1.3 * needed
    assert last_hour.missed <= 0.01 * last_hour.ended
