"""The simulator plays probes: a ramp on a replica that serves nobody, with requests of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from property.simulate.strategies import scenario, workload
from steelyard.core.facts.capacity import Basis
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Outcome, Step
from steelyard.core.facts.probe import ProbeState, Ramp
from steelyard.core.performance.ramp import probed_capacity, probed_saturation
from steelyard.core.performance.waiting import utilisation
from steelyard.core.vocabulary.reason import Reason
from steelyard.simulate.drive import steps
from steelyard.simulate.probe import ramp_up
from steelyard.simulate.promise import Promise
from steelyard.simulate.queues import Queues
from steelyard.simulate.world import World
from unit.simulate.clusters import Hands
from unit.simulate.clusters import scenario as cluster

WHOLE = {"cpu": 4, "memoryGiB": 16}
REBALANCING = {"mode": "Auto", "exploration": {"budget": "50", "deadlineSeconds": 3600}, "paybackSeconds": 604_800, "deadlineSeconds": 3600}


def world(*events: dict[str, Any], milliseconds: float = 25, queue: int = 100) -> World:
    """Servers that do not tell how busy they are; the second pool costs twice as much, and is claimed to be no better."""
    pools = [{"name": "a", **WHOLE, "replica": WHOLE, "nodes": 12, "pricePerHour": 1.0}]
    pools += [{"name": "b", **WHOLE, "replica": WHOLE, "nodes": 12, "pricePerHour": 2.0}]
    truth: dict[str, dict[str, Any]] = {
        "a": {"serviceMilliseconds": 100, "startSeconds": 10},
        "b": {"serviceMilliseconds": milliseconds, "startSeconds": 10, "queue": queue},
    }
    mine = workload("w", 20.0, truth, busyKnown=False, rebalancing=REBALANCING)
    loaded = scenario(days=4 / 24, pools=pools, workloads=[mine], events=list(events))
    return World(loaded.scenario, loaded.traces)


def test_a_pool_four_times_as_fast_at_twice_the_price_is_found_by_a_probe_and_moved_to() -> None:
    seen, probed = world(), set()
    for decided in steps(seen):
        probed |= {d.decision.intent.probe.placement.key.pool for d in decided if d.decision.intent.probe is not None}
        if seen.now >= 3 * 3600:
            break
    memory = seen.tenants["w"].memory
    assert probed == {"a", "b"}
    assert memory.allocation[0].pool == "b"
    known = {k.pool: k.capacity for k in memory.known}
    assert {c.basis for c in known.values() if c is not None} == {Basis.PROBED}


def test_a_pool_that_is_late_at_any_load_is_left_without_a_users_request() -> None:
    seen = world(milliseconds=900)
    for _ in steps(seen):
        assert not any(key.pool == "b" for key in seen.cluster.of("w"))
        if seen.tenants["w"].memory.history:
            break
    (past,) = seen.tenants["w"].memory.history
    assert (past.outcome, past.reason) == (Outcome.ROLLED_BACK, Reason.VIOLATES_SLO.value)


def test_where_no_node_can_be_had_a_probe_has_no_result() -> None:
    seen = world({"kind": "NoCapacity", "pool": "b", "at": 0, "for": "4h", "reported": False})
    told = set()
    for _ in steps(seen):
        probe = seen.tenants["w"].probe
        told |= {probe.told(seen.now).state} if probe is not None else set()
        if seen.tenants["w"].memory.history:
            break
    assert told <= {ProbeState.STARTING, ProbeState.FAILED}
    assert seen.tenants["w"].memory.history[0].reason == Reason.PROBE_FAILED.value
    assert seen.tenants["w"].memory.move is None or seen.tenants["w"].memory.move.step is not Step.PROBE


def test_the_pod_of_a_probe_is_paid_for_and_serves_nobody() -> None:
    seen = world()
    for _ in steps(seen):
        if seen.tenants["w"].probe is not None:
            break
    tally = seen.tenants["w"].tally
    before, offered = dict(tally.replica_hours), tally.offered
    seen.step()
    assert tally.replica_hours["b"] > before.get("b", 0.0)
    assert tally.offered > offered
    assert not any(key.pool == "b" for key in seen.cluster.of("w"))


def test_a_ramp_finds_what_a_simulated_replica_carries_and_completes() -> None:
    hands = Hands(cluster(serviceMilliseconds=100, queue=20))
    order = hands.order(PlacementKey("made", "r"), 1)
    replica, start = hands.cluster.alone("w", order)
    queues = Queues(Promise(e2e=0.5), np.random.default_rng(3))
    ramp = Ramp(first=2.9, most=92.8, step_seconds=300, halvings=6)
    found = ramp_up(ramp, lambda moments, end: queues.serve([replica], moments, end), 0.01, np.random.default_rng(4))
    capacity, full = probed_capacity(found, 0.01), probed_saturation(found)
    assert capacity is not None
    assert full is not None
    assert capacity.rate.lower <= 10 * utilisation(0.01, 5.0) <= capacity.rate.upper
    assert full.rate.point == pytest.approx(10.0, rel=0.05)
    assert start > 0
    assert not list(hands.cluster.replicas())
