"""Through `decide`: a workload on processors whose server computes in batches runs on little more than what it needs, whether its busy time is told or
not. Told, it is of small batches wherever there are too many replicas, and they stay too many."""

from __future__ import annotations

import pytest

from bench.judging.worlds import HOME
from bench.kinds import OBJECTIVES, Kind, objective, server
from steelyard.simulate.carried import carried
from steelyard.simulate.drive import steps
from steelyard.simulate.scenario import Scenario
from steelyard.simulate.truth import Truth
from steelyard.simulate.world import World

SERVER = server(Kind.BATCHING, 1.0)
CAPACITY = carried(Truth.model_validate(SERVER), objective(Kind.BATCHING), None)
NEEDED = 4.5
HOURS = 4.0


def world(*, told: bool) -> World:
    """One pool of processors with room for 60 replicas, and a load that begins small."""
    size = {"cpu": 8, "memoryGiB": 32}
    rates = [{"at": "0s", "rate": CAPACITY * NEEDED / 8}, {"at": "40m", "rate": CAPACITY * NEEDED}]
    work = {
        "name": "work",
        "load": {"steps": rates},
        "objective": OBJECTIVES[Kind.BATCHING],
        "scaling": {"minReplicas": 1, "maxReplicas": 60},
        "rebalancing": {"windowSeconds": 120},
        "truth": {HOME: {**SERVER, "busyTold": told}},
    }
    pool = {"name": HOME, **size, "replica": size, "pricePerHour": 1.0, "maxNodes": 60}
    return World(Scenario.model_validate({"days": HOURS / 24, "seed": 4, "stepSeconds": 60, "pools": [pool], "workloads": [work]}), {})


@pytest.mark.parametrize(("told", "most"), [(True, 1.3), (False, 2.0)], ids=["busy time told", "not told"])
def test_a_server_that_batches_runs_on_little_more_than_it_needs(told: bool, most: float) -> None:
    played = world(told=told)
    (tenant,) = played.tenants.values()
    before = tenant.tally.copy()
    for _ in steps(played):
        if played.now <= (HOURS - 1) * 3600:
            before = tenant.tally.copy()
    last_hour = tenant.tally.since(before)
    assert sum(last_hour.replica_hours.values()) <= most * NEEDED
    assert last_hour.missed <= 0.01 * last_hour.ended
