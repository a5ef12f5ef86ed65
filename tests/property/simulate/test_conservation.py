"""Whatever happens, no request is lost or counted twice, and replicas pay no more than their nodes cost."""

from __future__ import annotations

import pytest
from hypothesis import given

from property.effort import effort
from property.simulate.strategies import POOLS, scenario, scenarios, workload
from steelyard.simulate.drive import steps
from steelyard.simulate.scenario_file import Loaded
from steelyard.simulate.world import World


@effort(8)
@given(scenarios())
def test_every_request_has_one_outcome_or_is_in_flight(loaded: Loaded) -> None:
    world = World(loaded.scenario, loaded.traces)
    for _ in steps(world):
        for tenant in world.tenants.values():
            tally = tenant.tally
            assert tally.offered == tally.ended + tenant.queues.in_flight
            assert min(tally.good, tally.slow, tally.shed, tally.error, tally.unserved, tally.cut) >= 0
    for tenant in world.tenants.values():
        told = [w for seen in tenant.observations.values() for w in windows(seen)]
        assert sum(w.good for w in told) <= tenant.tally.good
        assert all(0 <= (w.busy_seconds or 0.0) <= w.replica_seconds for w in told)


@pytest.mark.parametrize("kind", ["PoolOutage", "Crashes", "SpotReclaim", "NodesUnready"])
def test_requests_that_their_replica_does_not_survive_are_cut_and_counted(kind: str) -> None:
    """Each takes a minute, so that many are in flight whenever something ends."""
    truth = {"c": {"serviceMilliseconds": 60_000, "slots": 200, "startSeconds": 10}}
    percent = {"percent": 100} if kind in {"SpotReclaim", "NodesUnready"} else {}
    fault = {"kind": kind, "pool": "c", "at": 600, **percent}
    loaded = scenario(days=0.02, pools=[{**POOLS[2], "pricePerHour": 1}], workloads=[workload("w", 2.0, truth)], events=[fault])
    world = World(loaded.scenario, loaded.traces)
    for _ in steps(world):
        pass
    (tenant,) = world.tenants.values()
    assert tenant.tally.cut > 50
    assert tenant.tally.offered == tenant.tally.ended + tenant.queues.in_flight


@effort(8)
@given(scenarios())
def test_replicas_fit_on_their_nodes_and_pay_no_more_than_these_cost(loaded: Loaded) -> None:
    world = World(loaded.scenario, loaded.traces)
    for _ in steps(world):
        for nodes in world.cluster.nodes.values():
            limit = max(nodes.pool.nodes, nodes.pool.max_nodes or 0)
            assert len(nodes.all) <= limit
            for node in nodes.all:
                assert node.used.cpu <= nodes.size.cpu * (1 + 1e-9)
                assert set(node.held) == {r.number for r in world.cluster.replicas() if r.node is node}
    hours = world.nodes.replica_hours
    for tenant in world.tenants.values():
        assert (tenant.tally.cost or 0.0) <= (world.nodes.cost or 0.0) * (1 + 1e-9)
        assert all(spent <= 2 * hours[pool] * (1 + 1e-9) for pool, spent in tenant.tally.replica_hours.items())


def windows(seen: object) -> tuple:  # type: ignore[type-arg]
    reading = seen.reading()  # type: ignore[attr-defined]
    return getattr(getattr(reading, "value", None), "windows", ())
