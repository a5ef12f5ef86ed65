"""Sizing first, then cost: but what will not come is not waited for."""

from dataclasses import replace
from datetime import timedelta

import pytest

from steelyard.core.decide import decide
from steelyard.core.facts.memory import MoveKind, Step
from steelyard.core.facts.snapshot import Traffic
from steelyard.core.vocabulary.reading import Fresh
from steelyard.core.vocabulary.reason import Reason
from unit.core.world import Ground, World, ratio_claim


def measured_where_it_runs() -> World:
    """It runs where it is measured, and the other pool is about to be tried."""
    world = World({"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20)}, rate=24)
    world.until(lambda: world.memory.move is not None)
    move = world.memory.move
    assert move is not None
    assert (move.kind, move.step) == (MoveKind.EXPLORATION, Step.SURGE)
    world.memory = replace(world.memory, move=None)
    world.deployments = {key: pods for key, pods in world.deployments.items() if key.pool == "a"}
    return world


@pytest.mark.parametrize(
    ("missing", "minutes", "waits"),
    [({}, None, True), ({"unplaced": 1}, 1, True), ({"unplaced": 1}, 7, False), ({"crashing": 1}, None, False)],
)
def test_a_replica_on_its_way_is_waited_for_and_one_that_will_not_come_is_not(
    missing: dict[str, int], minutes: int | None, waits: bool
) -> None:
    world = measured_where_it_runs()
    snapshot = world.snapshot()
    (there,) = snapshot.placements
    since = None if minutes is None else world.now - timedelta(minutes=minutes)
    short = replace(there, ready=there.ready - 1, waiting_since=since, **missing)
    decision = decide(replace(snapshot, placements=(short,)), world.now)
    assert (decision.reason is Reason.WAITING) == waits, decision.message
    acts = decision.memory.move is not None or {order.key.pool for order in decision.intent.create} == {"b"}
    assert acts != waits, "what will not come is replaced elsewhere, or its place is left"


@pytest.mark.parametrize(("replicas_seen", "waits"), [(4, False), (3, True), (5, True)])
def test_what_the_present_pool_costs_is_seen_at_its_present_size_before_anything_is_compared_with_it(
    replicas_seen: int, waits: bool
) -> None:
    world = measured_where_it_runs()
    snapshot = world.snapshot()
    (there,) = snapshot.placements
    assert (there.desired, there.ready) == (4, 4)
    reading = snapshot.traffic[there.key]
    assert isinstance(reading, Fresh)
    *older, newest = reading.value.windows
    newest = newest._replace(replica_seconds=replicas_seen * newest.seconds)
    seen = replace(reading, value=Traffic(windows=(*older, newest)))
    decision = decide(replace(snapshot, traffic={**snapshot.traffic, there.key: seen}), world.now)
    assert ("is measured first" in decision.message) == waits, decision.message
    assert (decision.memory.move is None) == waits
