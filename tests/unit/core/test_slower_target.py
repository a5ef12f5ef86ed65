"""A pool whose replicas are slower, and so much cheaper that it pays: the source makes room, and nobody is overloaded on the way."""

from __future__ import annotations

import pytest

from steelyard.core.memory import MoveKind, Outcome, Step
from steelyard.core.rebalancing.equal_share import source_beside
from steelyard.core.rebalancing.reason import Reason
from steelyard.core.snapshot import Scaling
from unit.core.world import Ground, World, quick, ratio_claim


def slower(times: float, *, claimed: float = 0.95, most: int = 60, budget: float = 500.0) -> World:
    """Home is fast and dear. The other pool is so many times slower, and a request costs half as much there, whatever is claimed."""
    grounds = {
        "fast": Ground(speed=20, price=2.0 * times, nodes=60, claims=(ratio_claim(claimed, "slow"),)),
        "slow": Ground(speed=20 / times, price=1.0, nodes=60),
    }
    return World(grounds, rate=60, policy=quick(exploration_budget=budget), scaling=Scaling(maximum=most))


@pytest.mark.parametrize("times", [1.5, 2.0, 4.0])
def test_the_load_ends_on_the_slower_pool(times: float) -> None:
    world = slower(times)
    world.until(lambda: world.home == "slow", most=400)
    assert {m.outcome for m in world.ended if m.kind is MoveKind.REBALANCE} == {Outcome.MOVED}


@pytest.mark.parametrize("times", [1.5, 2.0, 4.0])
def test_once_it_is_measured_no_replica_of_it_gets_more_than_it_carries(times: float) -> None:
    world = slower(times)
    world.until(lambda: any(k.pool == "slow" and k.capacity for k in world.memory.known), most=400)
    world.until(lambda: world.memory.move is None, most=400)
    while world.home != "slow":
        world.tick()
        ready = {key.pool: world.ready(key) for key in world.deployments}
        if ready.get("slow"):
            assert world.rate / sum(ready.values()) <= 0.9 * 20 / times, (ready, world.decisions[-1].message)


@pytest.mark.parametrize("claimed", [0.5, 0.95])
def test_what_was_too_much_for_it_is_no_fault_of_the_pool_and_no_claim_keeps_it_from_being_tried(claimed: float) -> None:
    world = slower(4.0, claimed=claimed)
    world.until(lambda: bool(world.ended), most=400)
    first = world.ended[0]
    assert (first.outcome, first.reason) == (Outcome.ROLLED_BACK, Reason.TARGET_OVERLOADED.value)
    assert world.memory.quarantine == ()
    (known,) = [k for k in world.memory.known if k.pool == "slow"]
    assert known.capacity is not None
    assert known.capacity.rate.point == pytest.approx(0.7 * 5, rel=0.1)


def test_the_source_gives_back_what_was_needed_beside_the_target() -> None:
    world = slower(2.0)
    world.until(lambda: any(k.pool == "slow" and k.capacity for k in world.memory.known), most=400)
    alone = world.count("fast")
    world.until(lambda: world.memory.move is not None and world.memory.move.step is Step.BAKE, most=400)
    assert world.count("fast") <= alone + 1, "one more for the margin"
    assert world.count("slow") >= 8


def test_where_there_is_no_room_it_says_what_is_missing() -> None:
    world = slower(4.0, most=12)
    world.tick(120)
    told = [d for d in world.decisions if d.reason is Reason.NO_ROOM]
    assert told
    assert "spec.scaling.maxReplicas" in told[-1].message


@pytest.mark.parametrize(
    ("source", "target", "others", "elsewhere", "wanted"),
    [
        (10.0, 20.0, None, 1, 5),  # a faster one needs nothing
        (10.0, 5.0, None, 1, 11),
        (10.0, 5.0, None, 8, 4),
        (10.0, 5.0, 2.0, 10, 20),  # the slowest of all counts
        (10.0, None, None, 1, 0),
        (10.0, 5.0, None, 40, 0),
    ],
)
def test_an_equal_part_is_within_the_smallest_capacity(
    source: float, target: float | None, others: float | None, elsewhere: int, wanted: int
) -> None:
    assert source_beside(60.0, source, target, others, elsewhere) == wanted
