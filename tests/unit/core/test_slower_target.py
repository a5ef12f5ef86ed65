"""A pool whose replicas are slower, and so much cheaper that it pays: the source makes room, and nobody is overloaded on the way."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta

import pytest

from steelyard.core.facts.memory import MoveKind, Outcome, Step
from steelyard.core.facts.snapshot import Exhaustion, Pool, Scaling
from steelyard.core.placing.analysis import analysis
from steelyard.core.placing.grounds_of import grounds_of
from steelyard.core.planning.exhaustion import LONGEST
from steelyard.core.rebalancing.equal_share import source_beside
from steelyard.core.rebalancing.grounds import START_SECONDS
from steelyard.core.rebalancing.propose import Considered, cheaper, trials
from steelyard.core.vocabulary.reason import Reason
from unit.core.world import Ground, World, quick, ratio_claim


def slower(times: float, *, claimed: float = 0.95, most: int = 60, budget: float = 500.0) -> World:
    """It runs on a fast and expensive pool. The other pool is so many times slower, and a request costs half as much there, whatever is claimed."""
    grounds = {
        "fast": Ground(speed=20, price=2.0 * times, nodes=60, claims=(ratio_claim(claimed, "slow"),)),
        "slow": Ground(speed=20 / times, price=1.0, nodes=60),
    }
    return World(grounds, rate=60, policy=quick(exploration_budget=budget), scaling=Scaling(maximum=most))


def considered_next(world: World) -> Considered:
    """What the next decision would consider, of what the last one saw and what came of it."""
    grounds = grounds_of(analysis(replace(world.looked_at, memory=world.memory), world.now))
    assert grounds is not None
    measured = cheaper(grounds)
    tried = next((each for each in trials(grounds) if each.review.verdict is None), None)
    return measured if tried is None or measured.review.verdict is None else tried


@pytest.mark.parametrize("times", [1.5, 2.0, 4.0])
def test_the_load_ends_on_the_slower_pool(times: float) -> None:
    world = slower(times)
    world.until(lambda: world.serves_on == "slow", most=400)
    assert {m.outcome for m in world.ended if m.kind is MoveKind.REBALANCE} == {Outcome.MOVED}


@pytest.mark.parametrize("times", [1.5, 2.0, 4.0])
def test_once_it_is_measured_no_replica_of_it_gets_more_than_it_carries(times: float) -> None:
    world = slower(times)
    world.until(lambda: any(k.pool == "slow" and k.capacity for k in world.memory.known), most=400)
    world.until(lambda: world.memory.move is None, most=400)
    while world.serves_on != "slow":
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


class Crowded(World):
    """Other workloads hold all nodes of the fast pool that this one does not run on."""

    def pool(self, name: str, ground: Ground) -> Pool:
        pool = super().pool(name, ground)
        return replace(pool, held_nodes=float(ground.nodes - max(6, self.count(name)))) if name == "fast" else pool


def test_the_source_does_not_grow_into_nodes_that_others_hold() -> None:
    free = slower(4.0)
    world = Crowded(free.grounds, rate=free.rate, policy=free.policy, scaling=free.scaling)
    world.tick(120)
    told = [d for d in world.decisions if d.reason is Reason.NO_ROOM]
    assert told
    assert "left by others" in told[-1].message
    assert world.count("fast") == world.ready(next(key for key in world.deployments if key.pool == "fast"))


def test_what_is_missing_on_the_way_back_is_added_where_it_is_open() -> None:
    grounds = {"a": Ground(speed=10, price=1.0), "b": Ground(speed=10, price=2.0, claims=(ratio_claim(1.05, "a"),))}
    world = World(grounds, rate=24, policy=quick(exploration_budget=500.0))
    world.until(lambda: world.memory.move is not None and world.memory.move.step is Step.SHIFT)
    world.grounds["a"] = replace(grounds["a"], delivers=False)
    world.kill("a", 2)
    world.until(lambda: world.memory.move is not None and world.memory.move.step is Step.BACK)
    world.tick(10)
    assert world.count("b") == 2, "the source's replicas do not come, and the target's pool is open"
    world.until(lambda: bool(world.ended), most=200)
    assert world.ended[0].outcome is Outcome.EXPLORED, "the way back ends at its deadline, and nothing is wrong with the target"
    assert world.count("b") == 2, "what carries the load stays"
    world.tick(30)
    assert sum(world.count(pool) for pool in "ab") == 4


def measured_and_at_rest() -> World:
    """The slower pool is known, and nothing moves for the cool-down."""
    world = slower(2.0)
    world.until(lambda: any(k.pool == "slow" and k.capacity for k in world.memory.known), most=400)
    world.until(lambda: world.memory.move is None and world.count("slow") == 0, most=400)
    world.policy = replace(world.policy, cooldown_seconds=10 * 86400)
    world.until(lambda: world.decisions[-1].reason is Reason.COOLING_DOWN, most=60)
    return world


def test_the_source_does_not_grow_for_a_pool_that_delivered_nothing_lately() -> None:
    world = measured_and_at_rest()
    world.policy = replace(world.policy, cooldown_seconds=0)
    paused = world.now + timedelta(minutes=3)
    world.exhaustions["slow"] = Exhaustion(since=world.now, until=paused)
    alone = world.count("fast")
    while world.now < paused + LONGEST - timedelta(minutes=2):
        world.tick()
        assert world.memory.move is None and world.count("fast") <= alone + 1
        assert world.decisions[-1].reason in {Reason.POOL_EXHAUSTED, Reason.WAITING}
    world.until(lambda: world.memory.move is not None, most=60)
    assert world.count("fast") > alone + 1, "then it grows first, as ever"


def draining_slow_ones() -> World:
    """A world in which the source is drained for fast replicas, beside which those of a third pool are worth nothing, and the load has grown."""
    grounds = {"fast": Ground(price=4.0, speed=50, selected=False), "slow": Ground(speed=5), "few": Ground(price=0.6, nodes=4, speed=5)}
    world = World(grounds, rate=40.0, policy=quick(exploration_budget=0.0), scaling=Scaling(maximum=100))
    world.tick(20)
    grounds["fast"].selected = True
    world.under_way(MoveKind.REBALANCE, Step.DRAIN, "slow", "fast", target_replicas=2, target_goal=2, target_base=1)
    world.tick()
    world.rate = 60.0
    return world


def test_others_that_were_told_to_go_with_the_source_stay_until_what_serves_is_read_again() -> None:
    world = draining_slow_ones()
    before = deepcopy(world.deployments)
    while world.count("few"):
        before = deepcopy(world.deployments)
        world.tick()
    move = world.memory.move
    assert move is not None
    assert (move.step, move.source_replicas) == (Step.DRAIN, 0)
    # The status and the source's Deployment were written, that of the others was not, and the next operator begins.
    world.deployments = {key: pods for key, pods in before.items() if key.pool != "slow"}
    world.seeing = False
    world.tick(5)
    assert world.count("few") == 4
    world.seeing = True
    world.until(lambda: world.memory.move is None, most=20)
    assert {key.pool for key in world.deployments} == {"fast"}


def test_a_load_that_grows_while_a_slow_pool_is_drained_is_carried_by_fast_replicas_alone() -> None:
    world = draining_slow_ones()
    world.until(lambda: world.memory.move is None, most=8)
    assert {key.pool for key in world.deployments} == {"fast"}
    world.until(lambda: world.count("fast") == 2, most=8)  # beside slow ones it takes fifteen


def test_the_price_of_a_move_counts_what_the_source_grows_by() -> None:
    world = measured_and_at_rest()
    proposal, target = considered_next(world).proposal, considered_next(world).target
    assert target is not None
    assert target.replicas is not None
    assert (proposal.kind, target.pool) == (MoveKind.REBALANCE, "slow")
    assert proposal.source_extra >= 3, "twice as slow: about as many again, less the one that joins"
    assert target.replicas == 10
    surges = 3  # 1 beside 5, then half, then all
    leaves = 3  # of 20 replicas, of 15, and of 12
    window = world.policy.window_seconds
    hours = (surges * (START_SECONDS + window) + world.policy.bake_seconds + leaves * window / 2) / 3600
    per_hour = target.replicas * world.grounds["slow"].price + proposal.source_extra * world.grounds["fast"].price
    assert proposal.move_cost == pytest.approx(per_hour * hours)


def test_a_trial_of_a_slower_pool_that_was_measured_long_ago_makes_room_and_pays_for_it() -> None:
    world = measured_and_at_rest()
    aged = tuple(
        replace(k, unit_cost=replace(k.unit_cost, start=k.unit_cost.start - timedelta(days=30), end=k.unit_cost.end - timedelta(days=30)))
        if k.pool == "slow" and k.unit_cost
        else k
        for k in world.memory.known
    )
    world.memory = replace(world.memory, known=aged, history=())
    proposal = considered_next(world).proposal
    assert (proposal.kind, proposal.target_pool) == (MoveKind.EXPLORATION, "slow")
    assert proposal.source_extra >= 3
    hours = world.policy.exploration_deadline_seconds / 3600
    assert proposal.move_cost == pytest.approx((world.grounds["slow"].price + proposal.source_extra * world.grounds["fast"].price) * hours)
    before = world.count("fast")
    world.until(lambda: world.count("slow") > 0, most=60)
    assert world.count("fast") == before + proposal.source_extra


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
