"""Through `decide`: traffic that stops and comes back at once, in the middle of a window, teaches no capacity."""

import pytest

from steelyard.simulate.drive import steps
from steelyard.simulate.scenario import Scenario
from steelyard.simulate.world import World

BACK = 3 * 3600 + 30
"""Seconds: half a minute into a window."""


def world() -> World:
    """One pool of servers that take a third of a second for a request, with a promise of two and a half, and a load of 50 requests/s."""
    size = {"cpu": 8, "memoryGiB": 32}
    pool = {"name": "b", **size, "replica": size, "pricePerHour": 1.0, "maxNodes": 60}
    stops = {"kind": "Load", "at": "2h", "for": f"{BACK - 7200}s", "times": 0.003}
    work = {
        "name": "work",
        "load": {"steps": [{"at": "0s", "rate": 5.0}, {"at": "30m", "rate": 50.0}]},
        "objective": {"milliseconds": 2500, "percent": 99},
        "scaling": {"minReplicas": 1, "maxReplicas": 60},
        "truth": {"b": {"serviceMilliseconds": 1000 / 3}},
    }
    given = {"days": 4 / 24, "seed": 1, "stepSeconds": 15, "pools": [pool], "workloads": [work], "events": [stops]}
    return World(Scenario.model_validate(given), {})


def test_what_a_replica_carries_is_the_same_before_and_after() -> None:
    played = world()
    (tenant,) = played.tenants.values()
    before = after = 0.0
    for _ in steps(played):
        capacity = tenant.memory.known[0].capacity if tenant.memory.known else None
        if capacity is not None and played.now <= BACK:
            before = capacity.rate.point
        elif capacity is not None:
            after = capacity.rate.point
            assert after == pytest.approx(before, rel=0.05), played.now - BACK
    assert before > 0 and after > 0
