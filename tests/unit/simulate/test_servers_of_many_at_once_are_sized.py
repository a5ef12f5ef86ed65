"""Through `decide`: a workload whose server works on many requests at once runs on little more than what it needs, whether its busy time is told or not.
Of a server that batches it is of small batches wherever there are too many replicas: sized by that, they would stay too many."""

from __future__ import annotations

import pytest

from bench.judging.worlds import HOME
from bench.kinds import OBJECTIVES, Kind, lengths, objective, requests, server
from steelyard.core.facts.capacity import Basis, Capacity
from steelyard.simulate.carried import carried
from steelyard.simulate.drive import steps
from steelyard.simulate.scenario import Scenario
from steelyard.simulate.tally import Tally
from steelyard.simulate.truth import Truth
from steelyard.simulate.world import World

NEEDED = 4.5
HOURS = 4.0


def true_capacity(kind: Kind) -> float:
    return carried(Truth.model_validate(server(kind, 1.0)), objective(kind), lengths(kind))


def world(kind: Kind, *, told: bool, seed: int = 4) -> World:
    """One pool with room for 60 replicas, and a load that begins small: of processors for batches, and of devices for text."""
    size = {"cpu": 8, "memoryGiB": 32}
    devices = {"family": "nvidia", "devices": 1, "nodes": 0} if kind is Kind.TOKENS else {"replica": size}
    pool = {"name": HOME, **size, **devices, "pricePerHour": 1.0, "maxNodes": 60}
    rate = NEEDED * true_capacity(kind)
    work = {
        "name": "work",
        "load": {"steps": [{"at": "0s", "rate": rate / 8}, {"at": "40m", "rate": rate}]},
        **requests(kind),
        "objective": OBJECTIVES[kind],
        "scaling": {"minReplicas": 1, "maxReplicas": 60},
        "rebalancing": {"windowSeconds": 120},
        "truth": {HOME: {**server(kind, 1.0), "busyTold": told}},
    }
    return World(Scenario.model_validate({"days": HOURS / 24, "seed": seed, "stepSeconds": 60, "pools": [pool], "workloads": [work]}), {})


def last_hour(played: World) -> tuple[Tally, Capacity]:
    """What was counted in it, and what a replica is known to carry at its end."""
    (tenant,) = played.tenants.values()
    before = tenant.tally.copy()
    for _ in steps(played):
        if played.now <= (HOURS - 1) * 3600:
            before = tenant.tally.copy()
    known = tenant.memory.known[0].capacity
    assert known is not None
    return tenant.tally.since(before), known


@pytest.mark.parametrize(
    ("kind", "told", "most"), [(Kind.BATCHING, True, 1.3), (Kind.BATCHING, False, 2.0), (Kind.TOKENS, False, 1.3)], ids=str
)
def test_it_runs_on_little_more_than_it_needs(kind: Kind, told: bool, most: float) -> None:
    counted, known = last_hour(world(kind, told=told))
    assert sum(counted.replica_hours.values()) <= most * NEEDED
    assert counted.missed <= 0.01 * counted.ended
    assert kind is not Kind.TOKENS or known.basis is Basis.FITTED


def test_what_a_replica_that_makes_tokens_carries_is_known_to_a_tenth_and_but_for_one_of_six_within_its_interval() -> None:
    true = true_capacity(Kind.TOKENS)
    found = [last_hour(world(Kind.TOKENS, told=False, seed=seed))[1].rate for seed in range(1, 7)]
    assert [rate.point for rate in found] == pytest.approx([true] * len(found), rel=0.1)
    assert sum(rate.lower < true < rate.upper for rate in found) >= len(found) - 1
