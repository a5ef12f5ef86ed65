"""At constant noisy traffic nothing that is remembered, told or ordered changes any more (invariant I7)."""

from dataclasses import replace

import pytest

from steelyard.core.facts.memory import Memory
from steelyard.core.facts.snapshot import Mode, Scaling
from unit.core.world import Ground, World, quick, ratio_claim

SETTLE, WATCH = 150, 300


def shown(world: World) -> tuple[Memory, object, object]:
    decision = world.decisions[-1]
    intent = decision.intent
    return decision.memory, decision.conditions, (dict(decision.desired), intent.create, intent.scale or {}, intent.gone)


def changes(world: World) -> list[int]:
    world.tick(SETTLE)
    still = shown(world)
    changed = []
    for window in range(WATCH):
        world.tick()
        if shown(world) != still:
            changed.append(window)
            still = shown(world)
    return changed


A_DEARER = {"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20)}
A_CHEAPER = {"a": Ground(speed=20, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=10)}
EQUAL = {"a": Ground(speed=12), "b": Ground(speed=12), "c": Ground(speed=12)}
NEAR = {"a": Ground(speed=16, price=2.0), "b": Ground(speed=10, price=2.0, claims=(ratio_claim(0.5, "a"),))}
ALONE = {"a": Ground(speed=12)}


@pytest.mark.parametrize(
    ("grounds", "rate"),
    [
        pytest.param(A_DEARER, 24.0, id="after a refuted claim"),
        pytest.param(A_CHEAPER, 24.0, id="after a confirmed claim"),
        pytest.param(EQUAL, 24.0, id="three pools at a tie"),
        pytest.param(NEAR, 12.0, id="a saving that comes and goes with a whole number"),
        pytest.param(ALONE, 8.35, id="load at a whole number of replicas"),
        pytest.param(ALONE, 0.5, id="little traffic"),
        pytest.param(ALONE, 0.0, id="no traffic"),
    ],
)
def test_a_settled_workload_changes_nothing(grounds: dict[str, Ground], rate: float) -> None:
    world = World({name: replace(g) for name, g in grounds.items()}, rate=rate, seed=12)
    assert changes(world) == []


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.RECOMMEND])
def test_a_workload_that_is_only_watched_changes_nothing(mode: Mode) -> None:
    world = World({name: replace(g) for name, g in A_DEARER.items()}, rate=24, policy=quick(mode=mode), seed=3)
    assert changes(world) == []


def test_a_slow_replica_near_its_limit_is_not_added_and_removed_in_turn() -> None:
    world = World({"a": Ground(speed=1.0)}, rate=0.62, seed=5, scaling=Scaling(maximum=4))
    assert changes(world) == []


def test_a_server_that_does_not_tell_its_busy_time_keeps_its_replicas_too() -> None:
    world = World({"a": Ground(speed=12)}, rate=20, seed=7, busy_known=False, scaling=Scaling(minimum=2))
    assert changes(world) == []
    assert world.count("a") == 2


def test_errors_that_are_not_the_loads_fault_do_not_make_replicas_grow_without_end() -> None:
    world = World({"a": Ground(speed=10, late=0.004)}, rate=20, seed=9, scaling=Scaling(maximum=40))
    world.tick(200)
    assert world.count("a") <= 5


def test_a_restart_changes_no_replica_and_begins_no_move() -> None:
    world = World({name: replace(g) for name, g in A_CHEAPER.items()}, rate=24, seed=2)
    world.tick(SETTLE)
    still, past = {k: p.desired for k, p in world.deployments.items()}, world.memory.history
    for _ in range(10):
        world.restart()
        for _ in range(12):
            decision = world.tick()
            assert {k: p.desired for k, p in world.deployments.items()} == still
            assert decision.memory.move is None
            assert not (decision.intent.scale or decision.intent.create or decision.intent.gone)
    assert world.memory.history == past
    assert {k.pool for k in world.memory.known} == {"a", "b"}
