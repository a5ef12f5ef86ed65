"""A node that the cluster's autoscaler has refused is not waited for: what is missing is added elsewhere at once, and a move goes back at once."""

from datetime import timedelta

from steelyard.core.facts.memory import Outcome, Step
from steelyard.core.facts.snapshot import Scaling
from steelyard.core.placing.quarantine import IN_VAIN_FIRST
from steelyard.core.vocabulary.reason import Reason
from unit.core.world import Ground, World, quick, ratio_claim

WHY = "1 max node group size reached"


def refuse(world: World, pool: str) -> None:
    world.grounds[pool].delivers, world.grounds[pool].refuses = False, WHY


def serving(**policy: object) -> World:
    """It serves on the cheap pool, and the dear one was measured."""
    world = World(
        {"cheap": Ground(claims=(ratio_claim(0.5, "dear"),)), "dear": Ground(price=2.0)},
        rate=24,
        scaling=Scaling(maximum=8),
        policy=quick(cooldown_seconds=86_400, **policy),
    )
    world.until(lambda: {k.pool for k in world.memory.known if k.capacity} == {"cheap", "dear"} and world.memory.move is None, most=400)
    world.until(lambda: world.serves_on == "cheap" and world.count("dear") == 0 and world.memory.move is None, most=400)
    world.tick(10)
    return world


def test_a_move_whose_target_gets_no_node_goes_back_at_once_and_comes_again_after_a_pause() -> None:
    world = World({"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20)}, rate=24)
    refuse(world, "b")
    world.until(lambda: world.memory.move is not None and world.memory.move.step is Step.SURGE)
    world.until(lambda: bool(world.ended), most=5)
    assert (world.ended[-1].outcome, world.ended[-1].reason) == (Outcome.ROLLED_BACK, Reason.POOL_EXHAUSTED.value)
    assert [(q.pool, q.reason) for q in world.memory.quarantine] == [("b", "PoolExhausted")]
    assert world.memory.quarantine[0].until - world.now <= IN_VAIN_FIRST
    assert any(WHY in note.message for d in world.decisions for note in d.notes)
    assert world.exhaustions["b"] is None, "others are told nothing by one workload's pods"
    assert world.serves_on == "a" and world.count("a") >= 3


def test_what_is_missing_is_added_elsewhere_at_once_and_the_pool_is_left_alone_for_minutes() -> None:
    world = serving()
    served = world.count("cheap")
    refuse(world, "cheap")
    world.rate = 40
    world.until(lambda: world.count("dear") >= 1, most=4)
    assert world.count("cheap") == served
    assert [q.reason for q in world.memory.quarantine if q.pool == "cheap"] == ["PoolExhausted"]
    assert {key.pool: pods.desired for key, pods in world.deployments.items()}["cheap"] == served, "what waited in vain is let go of"
    world.tick()
    world.rate = 50
    world.tick(2)
    assert {key.pool: pods.desired for key, pods in world.deployments.items()}["cheap"] == served, "the pause is not over"


def test_without_another_pool_the_replica_keeps_asking() -> None:
    world = World({"only": Ground()}, rate=5)
    refuse(world, "only")
    decision = world.tick(20)
    assert sum(pods.desired for pods in world.deployments.values()) >= 1
    assert next(c for c in decision.conditions if c.type.value == "Placed").reason is Reason.UNPLACED
    world.grounds["only"].delivers = True
    world.until(lambda: world.count("only") >= 1, most=3)


def test_a_new_revision_that_gets_no_node_is_held_with_that_reason() -> None:
    world = World({"only": Ground(speed=20)}, rate=24)
    world.tick(10)
    refuse(world, "only")
    world.wish = "another"
    world.until(lambda: bool(world.memory.quarantine), most=10)
    decision = world.tick()
    assert decision.reason is Reason.POOL_EXHAUSTED
    assert "the new revision waited for nodes on pool only in vain" in decision.message
    world.grounds["only"].delivers = True
    world.until(lambda: world.moves()[-1:] == [("only", "only", Outcome.MOVED)], most=60)


def test_the_gate_says_what_was_asked_for_in_vain() -> None:
    world = World(
        {"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20)}, rate=24, policy=quick(cooldown_seconds=0)
    )
    refuse(world, "b")
    world.until(lambda: bool(world.memory.quarantine))
    until = world.memory.quarantine[0].until
    world.tick()
    reviews = [d.review for d in world.decisions[-2:] if d.review is not None]
    found = [
        f.refusal for review in reviews for f in review.findings if f.refusal is not None and f.refusal.reason is Reason.POOL_EXHAUSTED
    ]
    assert found and "waited for nodes in vain, 1 time(s)" in found[0].message
    assert found[0].reconsider_at == until and until - world.now <= timedelta(minutes=3)
