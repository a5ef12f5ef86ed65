"""The simulator plays probes: a ramp on a replica that serves nobody, with requests of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from property.simulate.strategies import scenario, workload
from steelyard.core.facts.capacity import Basis
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Outcome, Step
from steelyard.core.facts.probe import ProbeState, ProbeStep, Ramp
from steelyard.core.performance.ramp import probed_capacity, probed_saturation
from steelyard.core.performance.waiting import utilisation
from steelyard.core.placing.intent import ProbeIntent
from steelyard.core.vocabulary.reason import Reason
from steelyard.simulate.drive import steps
from steelyard.simulate.probe import Ramping, ramp_up
from steelyard.simulate.promise import Promise
from steelyard.simulate.queues import Queues
from steelyard.simulate.world import World
from unit.core.world import START
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


def test_where_the_promise_breaks_far_below_saturation_the_ramp_goes_on_until_the_server_is_full() -> None:
    hands = Hands(cluster(serviceMilliseconds=100, queue=10_000))
    replica, _ = hands.cluster.alone("w", hands.order(PlacementKey("made", "r"), 1))
    queues = Queues(Promise(e2e=0.3), np.random.default_rng(3))
    ramp = Ramp(first=1.0, most=64.0, step_seconds=200, halvings=3)
    found = ramp_up(ramp, lambda moments, end: queues.serve([replica], moments, end), 0.01, np.random.default_rng(4))
    assert max(step.rate for step in found if not step.finished) < 10
    full = probed_saturation(found)
    assert full is not None
    assert full.rate.lower <= 10.0 <= full.rate.upper


def test_of_a_ramp_whose_time_is_over_the_steps_that_were_done_are_told() -> None:
    hands = Hands(cluster(serviceMilliseconds=100))
    ramp = Ramp(first=1.0, most=16.0, step_seconds=100, halvings=0)
    intent = ProbeIntent(move="m", placement=hands.order(PlacementKey("made", "r"), 1), ramp=ramp, seconds=300)
    steps_ = tuple(ProbeStep(rate=rate, seconds=100.0, good=round(100 * rate), slow=0, error=0, shed=0) for rate in (1.0, 2.0, 4.0, 8.0))
    job = Ramping(intent=intent, made_at=0.0, made=START, ready_at=50.0, steps=steps_)
    assert job.told(249.0).state is ProbeState.RUNNING
    assert (job.told(250.0).state, job.told(250.0).steps) == (ProbeState.DONE, steps_[:2])
    late = Ramping(intent=intent, made_at=0.0, made=START, ready_at=250.0, steps=steps_)
    assert (late.told(300.0).state, late.told(300.0).steps) == (ProbeState.FAILED, ())
