"""Two pools at one price. The claim says that A's good request costs half of B's; what is true is found out on the workload's traffic."""

from dataclasses import replace

from steelyard.core.facts.memory import MoveKind, Outcome, VerdictWord
from steelyard.core.facts.snapshot import Mode
from steelyard.core.vocabulary.reason import Reason
from unit.core.world import Ground, World, ratio_claim


def claim_word(world: World) -> VerdictWord:
    (verdict,) = world.memory.claims
    return verdict.verdict


def test_a_false_claim_is_believed_then_tested_then_refuted_and_the_workload_moves() -> None:
    world = World({"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20)}, rate=24)
    world.tick()
    assert world.serves_on == "a", "starts where the claims say that a good request is cheapest"
    world.until(lambda: world.count("b") > 0)
    assert world.memory.move is not None
    assert world.memory.move.kind is MoveKind.EXPLORATION
    assert world.count("b") == 1, "one surge replica explores"
    assert world.count("a") >= 3, "the source keeps its full need"
    world.until(lambda: world.memory.history)
    assert world.serves_on == "b"
    assert world.moves() == [("a", "b", Outcome.MOVED)]
    world.tick(5)
    assert claim_word(world) is VerdictWord.REFUTED
    assert {key.pool for key in world.deployments} == {"b"}, "nothing is left on the source"


def test_a_true_claim_is_tested_confirmed_and_the_workload_stays() -> None:
    world = World({"a": Ground(speed=20, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=10)}, rate=24)
    world.until(lambda: world.memory.history)
    assert world.moves() == [("a", "b", Outcome.EXPLORED)], "it looked at the other pool and came back"
    world.tick(5)
    assert world.serves_on == "a"
    assert claim_word(world) is VerdictWord.CONFIRMED
    assert {key.pool for key in world.deployments} == {"a"}
    before = len(world.memory.history)
    world.tick(100)
    assert len(world.memory.history) == before, "what is measured is not explored again"


def test_a_claim_that_cannot_pay_for_its_trial_is_not_tried() -> None:
    world = World({"a": Ground(speed=20), "b": Ground(speed=20, claims=(ratio_claim(1.0, "a"),))}, rate=0.5)
    world.tick(60)
    assert {key.pool for key in world.deployments} == {"a"}
    assert not world.ended
    assert {d.reason for d in world.decisions[30:]} == {Reason.ALREADY_CHEAPEST}
    world.rate = 24
    world.until(lambda: world.memory.move is not None, most=20)
    assert world.memory.move is not None
    assert world.memory.move.kind is MoveKind.EXPLORATION, "with more requests the same claim pays for the same trial"


def test_recommend_says_what_it_would_do_and_does_nothing() -> None:
    world = World({"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20)}, rate=24)
    world.policy = replace(world.policy, mode=Mode.RECOMMEND)
    decision = world.tick(40)
    assert {key.pool for key in world.deployments} == {"a"}
    assert decision.reason is Reason.MODE_OBSERVES
    assert "would move to pool b" in decision.message
