"""Variants of a model: on each pool an option of its own, compared, moved to and left like a pool, and never used where it is too far from the reference."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steelyard.core.decide import decide
from steelyard.core.facts.accuracy import Accuracy, Measure
from steelyard.core.facts.identity import PlacementKey, on_pool
from steelyard.core.facts.memory import MoveKind, VerdictWord
from steelyard.core.facts.snapshot import Mode, ModelVariant, PoolChoice
from steelyard.core.plan import plan
from steelyard.core.vocabulary.reason import Reason
from unit.core.asked_trial import AskedTrial, half_of
from unit.core.world import Ground, World, quick, ratio_claim

INT8 = ModelVariant(name="int8", quantization="Int8WeightOnly")
NEAR_ENOUGH = (Accuracy(Measure.LEAST_COSINE, 0.99),)


def world(base: Ground, int8: Ground, **more: object) -> World:
    """A pool, and a variant of the model on it."""
    asked: dict[str, object] = {"variants": (INT8,), "accuracy": NEAR_ENOUGH, **more}
    return World(near({"a": base, "a.int8": int8}), **asked)  # type: ignore[arg-type]


def near(grounds: dict[str, Ground]) -> dict[str, Ground]:
    """All of them as near to the reference as is asked for, but where one says how near it is."""
    for ground in grounds.values():
        ground.near = ground.near or 0.999
    return grounds


def refusal(there: World, place: str) -> Reason:
    found = next(o for o in there.decisions[-1].options if o.pool == place).refusal
    assert found is not None
    return found.reason


def test_the_model_as_it_is_serves_first_and_the_faster_variant_takes_over_on_the_same_nodes() -> None:
    there = world(Ground(speed=10), Ground(speed=20))
    there.tick(3)
    assert there.serves_on == "a"
    there.until(lambda: there.serves_on == "a.int8" and there.memory.move is None)
    there.tick(60)
    assert there.count("a") == 0
    assert there.serves_on == "a.int8"
    assert {past.kind for past in there.ended} <= {MoveKind.EXPLORATION, MoveKind.REBALANCE}


@pytest.mark.parametrize("how_near", [0.95, -1.0])
def test_a_variant_that_is_too_far_from_the_reference_is_never_used_however_fast_it_is(how_near: float) -> None:
    there = world(Ground(speed=10), Ground(speed=100, near=how_near))
    for _ in range(120):
        there.tick()
        assert all(key.pool == "a" for key in there.deployments)
    assert refusal(there, "a.int8") is Reason.ACCURACY_TOO_LOW


def test_a_variant_that_was_never_compared_with_the_reference_is_not_used() -> None:
    there = world(Ground(speed=10), Ground(speed=100))
    there.tick(4)
    snapshot = there.snapshot()
    blind = replace(snapshot, artifacts={key: replace(each, accuracy=None) for key, each in snapshot.artifacts.items()})
    decided = decide(blind, there.now)
    assert next(o for o in decided.options if o.pool == "a.int8").refusal.reason is Reason.ACCURACY_TOO_LOW  # type: ignore[union-attr]


def test_a_variant_that_is_slower_is_tried_and_left() -> None:
    there = world(Ground(speed=20), Ground(speed=8))
    there.tick(150)
    assert there.serves_on == "a"
    assert not there.count("a.int8")


def test_what_serves_stays_as_it_is_when_a_variant_is_added() -> None:
    there = World(near({"a": Ground(), "a.int8": Ground(speed=5)}), accuracy=NEAR_ENOUGH)
    there.tick(10)
    before = dict(there.deployments)
    there.variants = (INT8,)
    there.tick(5)
    assert there.deployments.keys() >= before.keys()
    assert all(there.deployments[key] is pods for key, pods in before.items())


def test_a_variant_that_is_taken_out_of_the_spec_is_replaced_by_the_model_as_it_is() -> None:
    there = world(Ground(speed=10), Ground(speed=20))
    there.until(lambda: there.serves_on == "a.int8" and there.memory.move is None)
    there.variants = ()
    there.until(lambda: there.serves_on == "a" and there.memory.move is None)
    assert there.ended[-1].kind is MoveKind.REVISION
    assert there.ended[-1].source_pool == "a.int8"


def test_no_claim_is_about_a_variant_and_the_pools_own_is_judged_on_what_was_claimed() -> None:
    grounds = {
        "a": Ground(speed=10),
        "b": Ground(speed=20, claims=(ratio_claim(0.5, "a"),)),
        "b.int8": Ground(speed=40),
        "a.int8": Ground(speed=12),
    }
    there = World(near(grounds), variants=(INT8,), accuracy=NEAR_ENOUGH)
    there.tick(400)
    judged = {(each.pool, each.name): each for each in there.memory.claims}
    assert set(judged) == {("b", "advertised")}
    assert judged["b", "advertised"].relative_to == "a"


def test_a_variant_is_taken_to_be_as_fast_as_the_model_is_until_it_is_measured() -> None:
    there = world(Ground(speed=10), Ground(speed=30), policy=quick(exploration_budget=0.0))
    there.tick(20)
    options = {o.pool: o for o in there.decisions[-1].options}
    own, other = options["a"].capacity, options["a.int8"].capacity
    assert own is not None
    assert other is not None
    assert not other.observed
    assert other.rate.point == pytest.approx(own.rate.point, rel=0.3)


def test_a_variant_has_only_the_nodes_that_the_model_leaves_it() -> None:
    there = world(Ground(speed=10, nodes=3), Ground(speed=30), rate=20.0)
    there.tick(10)
    standing = there.count("a")
    options = {o.pool: o for o in there.decisions[-1].options}
    assert options["a"].room == 3
    assert options["a.int8"].room == 3 - standing


def test_a_pool_that_is_bounded_bounds_its_variants_as_well() -> None:
    there = world(Ground(speed=10), Ground(speed=30), pools={"a": PoolChoice(maximum=0)})
    there.tick(3)
    assert all(o.most == 0 for o in there.decisions[-1].options)


def test_the_fleets_plan_knows_pools_alone_and_has_one_answer_for_all_variants() -> None:
    there = world(Ground(speed=10, nodes=6), Ground(speed=20), rate=20.0)
    there.until(lambda: there.serves_on == "a.int8" and there.memory.move is None)
    there.tick(20)
    demand = there.decisions[-1].demand
    assert demand is not None
    assert {offer.pool for offer in demand.problem.offers} == {"a"}
    assert demand.running == {"a": there.count("a.int8")}
    target = plan((there.snapshot(),), there.now).target(there.workload.key)
    assert target is not None
    assert set(target.replicas or {}) == {"a"}


def test_a_variant_that_says_nothing_new_on_a_pool_is_not_compiled_twice() -> None:
    there = world(Ground(), Ground(), variants=(ModelVariant(name="int8", dtype="default"),))
    there.tick(2)
    assert refusal(there, "a.int8") is Reason.NO_DIFFERENCE


def test_a_variant_of_a_back_end_that_the_pool_does_not_have_says_what_to_add() -> None:
    there = world(Ground(), Ground(), variants=(ModelVariant(name="int8", backend="onnxruntime"),))
    there.tick(2)
    found = next(o for o in there.decisions[-1].options if o.pool == "a.int8").refusal
    assert found is not None
    assert found.reason is Reason.UNSUPPORTED_TARGET
    assert "add it to the pool's spec.backends" in found.message


def test_variants_of_one_pool_have_revisions_of_their_own() -> None:
    there = world(Ground(), Ground(), variants=(INT8, ModelVariant(name="again", quantization="Int8WeightOnly")))
    there.grounds["a.again"] = Ground(near=0.999)
    there.tick(2)
    revisions = {o.candidate.revision for o in there.decisions[-1].options}
    assert len(revisions) == 3
    assert on_pool(PlacementKey("a.again", "").pool) == "a"


def test_a_trial_compares_a_variant_with_the_model_as_it_is_and_judges_what_is_claimed_of_it() -> None:
    there = world(Ground(speed=10.0), Ground(speed=20.0), policy=quick(mode=Mode.OBSERVE))
    there.tick(20)
    trial = AskedTrial(world=there, pools=("a", "a.int8"), claims=(half_of("a.int8", "a", 0.3),))
    assert trial.to_its_end() == Reason.DECIDED
    (verdict,) = trial.memory.verdicts
    assert (verdict.verdict.pool, verdict.verdict.verdict) == ("a.int8", VerdictWord.REFUTED)
    assert verdict.verdict.measured == pytest.approx(0.5, rel=0.1)


def test_a_moves_room_for_others_is_counted_by_pool_whichever_variant_moves() -> None:
    first = world(Ground(speed=10.0), Ground(speed=30.0))
    second = world(Ground(speed=10.0), Ground(speed=30.0), seed=2)
    first.fleet = second.fleet = (first, second)
    first.until(lambda: first.memory.move is not None)
    assert second.snapshot().moves_by_pool == {"a": 1}
