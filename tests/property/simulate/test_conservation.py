"""Whatever happens, no request is lost or counted twice, and replicas pay no more than their nodes cost."""

from __future__ import annotations

import pytest

from property.simulate.plays import Play, of_any_play
from property.simulate.strategies import POOLS, scenario, workload
from steelyard.simulate.drive import steps
from steelyard.simulate.world import World


@of_any_play
def test_every_request_has_one_outcome_or_is_in_flight(play: Play) -> None:
    for moment in play.moments:
        for name, tally in moment.tallies.items():
            assert tally.offered == tally.ended + moment.in_flight[name]
            assert min(tally.good, tally.slow, tally.shed, tally.error, tally.unserved, tally.cut) >= 0
    for tenant in play.world.tenants.values():
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


@of_any_play
def test_replicas_fit_on_their_nodes_and_pay_no_more_than_these_cost(play: Play) -> None:
    world = play.world
    for moment in play.moments:
        for name, found in moment.nodes.items():
            nodes = world.cluster.nodes[name]
            assert len(found) <= max(nodes.pool.nodes, nodes.pool.max_nodes or 0)
            for node in found:
                assert node.cpu <= nodes.size.cpu * (1 + 1e-9)
                assert node.held == node.on_it
    hours = world.nodes.replica_hours
    for tenant in world.tenants.values():
        assert (tenant.tally.cost or 0.0) <= (world.nodes.cost or 0.0) * (1 + 1e-9)
        assert all(spent <= 2 * hours[pool] * (1 + 1e-9) for pool, spent in tenant.tally.replica_hours.items())


def windows(seen: object) -> tuple:  # type: ignore[type-arg]
    reading = seen.reading()  # type: ignore[attr-defined]
    return getattr(getattr(reading, "value", None), "windows", ())
