"""Variants of a model: on each pool an option of its own, compared, moved to and left like a pool, and never used where it is too far from the reference."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steelyard.core.catalogue.relative import meant
from steelyard.core.compiling.candidate import candidates
from steelyard.core.decide import decide
from steelyard.core.facts.accuracy import Accuracy, Measure
from steelyard.core.facts.identity import PlacementKey, on_pool
from steelyard.core.facts.memory import MoveKind, Outcome, Step, VerdictWord
from steelyard.core.facts.snapshot import FleetTarget, Mode, ModelVariant, Overlap, PoolChoice, Scaling
from steelyard.core.placing.analysis import analysis
from steelyard.core.placing.go_without import give_back
from steelyard.core.placing.grounds_of import grounds_of
from steelyard.core.placing.room import key_of, openings
from steelyard.core.plan import plan
from steelyard.core.planning.overlap import overlapping
from steelyard.core.rebalancing.alternative import alternatives
from steelyard.core.trials.place import full
from steelyard.core.vocabulary.reason import Reason
from unit.core.asked_trial import AskedTrial, half_of
from unit.core.world import Ground, Pods, World, quick, ratio_claim

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
    there.grounds["b"] = Ground(speed=10, near=0.999, claims=(ratio_claim(0.1, "a"),), selected=False)
    there.grounds["b.int8"] = Ground(near=0.999)
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


def test_a_variant_takes_over_on_a_pool_that_has_one_node_to_spare_as_the_model_leaves_it() -> None:
    there = world(Ground(speed=10, nodes=8), Ground(speed=16, nodes=8), rate=40.0)
    there.tick(10)
    assert there.count("a") == 7
    used: list[int] = []

    def over() -> bool:
        used.append(there.count("a") + there.count("a.int8"))
        return there.serves_on == "a.int8" and there.memory.move is None

    there.until(over)
    assert max(used) <= 8
    assert there.count("a") == 0
    assert [past.outcome for past in there.ended] == [Outcome.MOVED], "the trial of it went on"


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


def measured(there: World, **changes: object) -> World:
    """Once it is known what the variant carries, which no saving is large enough to be moved to for."""
    there.policy = quick(min_saving_percent=99.0)
    there.tick()
    there.until(lambda: any(o.pool == "a.int8" and o.measured for o in there.decisions[-1].options) and there.memory.move is None)
    for name, value in changes.items():
        setattr(there, name, value)
    return there


def test_what_a_higher_load_adds_is_more_of_the_variant_that_stands_there() -> None:
    there = measured(world(Ground(speed=10), Ground(speed=30), rate=10.0), rate=60.0)
    there.tick(30)
    assert there.count("a") >= 7
    assert there.count("a.int8") == 0


def test_what_is_proposed_of_two_variants_on_the_same_nodes_is_one_in_place_of_the_other() -> None:
    """Three nodes hold three replicas of either. Both at once would be six, and leave the dear pool less to carry than there is room for."""
    there = world(Ground(speed=10, nodes=3), Ground(speed=13), rate=10.0, scaling=Scaling(minimum=1, maximum=20))
    there.grounds |= near({"b": Ground(speed=10, price=3.0), "b.int8": Ground(speed=1)})
    measured(there, rate=45.0).tick(30)
    grounds = grounds_of(analysis(there.snapshot(), there.now))
    assert grounds is not None
    assert there.count("a") == 3
    assert there.count("b") >= 2
    proposed = [(each.source, each.source_replicas) for each in alternatives(grounds) if each.target.pool == "a.int8"]
    assert proposed == [("a", 0)]


def test_where_nothing_serves_one_variant_of_a_pool_is_begun_with() -> None:
    there = world(Ground(), Ground())
    opened = openings(analysis(there.snapshot(), there.now))
    assert [key_of(each).pool for each in opened] == ["a"]


def test_an_instance_type_that_the_pool_alone_has_is_none_of_another_pool() -> None:
    pools = world(Ground(), Ground()).places()
    assert meant("a.large", pools, "a") is None
    assert meant("a.large", pools, "b") == "a"


def test_a_pool_that_shares_nodes_with_the_pool_of_a_variant_that_serves_is_left_alone() -> None:
    there = world(Ground(), Ground(), rate=8.0)
    there.grounds |= near({"b": Ground(overlaps=(Overlap(pool="a", nodes=(), count=0, older=True),)), "b.int8": Ground()})
    found = candidates(there.snapshot())
    other = next(each for each in found if each.name == "b")
    assert overlapping(other, (other,), {"a.int8"}) is not None
    assert overlapping(next(each for each in found if each.name == "a"), found, {"a.int8"}) is None


def test_a_trial_of_a_variant_has_no_room_where_the_model_takes_all_nodes() -> None:
    there = world(Ground(nodes=1), Ground(), rate=5.0, policy=quick(mode=Mode.OBSERVE))
    there.tick(20)
    seen = analysis(there.snapshot(), there.now)
    option = seen.option("a.int8")
    assert option is not None
    refused = full(seen, option)
    assert refused is not None
    assert refused.reason is Reason.LIMIT_REACHED


def test_what_is_given_back_of_a_pool_is_counted_over_its_variants() -> None:
    there = world(Ground(), Ground(), rate=20.0)
    there.tick(20)
    assert there.count("a") == 4
    revision = next(o.candidate.revision for o in there.decisions[-1].options if o.pool == "a.int8")
    there.deployments[PlacementKey("a.int8", revision or "")] = Pods(desired=2, asked="", ages=[99, 99])
    target = FleetTarget(replicas=None, scarcity={}, most={"a": 5}, back=("a",))
    given = give_back(analysis(replace(there.snapshot(), target=target), there.now))
    assert given is not None
    assert sum(given.allocation.values()) == 5


def test_a_move_to_a_variant_waits_for_its_turn_on_the_pool_and_what_the_plan_has_there_is_its_own() -> None:
    there = measured(world(Ground(speed=10), Ground(speed=30), rate=20.0))
    there.tick(20)
    there.policy = quick()
    waits = replace(there.snapshot(), moves_elsewhere=99, target=FleetTarget(replicas={"a": 3}, scarcity={}))
    demand = decide(waits, there.now).demand
    assert demand is not None
    assert {wish.pool for wish in demand.wishes or ()} == {"a"}
    grounds = grounds_of(analysis(waits, there.now))
    assert grounds is not None
    assert grounds.planned("a.int8") == 3


def test_a_probe_whose_artifact_is_lost_meanwhile_ends_no_decision_and_the_move_goes_back() -> None:
    there = world(Ground(speed=10), Ground(speed=30), rate=20.0, busy_known=False)
    there.until(lambda: there.memory.move is not None and there.memory.move.step is Step.PROBE)
    for ground in there.grounds.values():
        ground.compiled = False
    there.until(lambda: there.memory.move is None)
    assert there.ended[-1].outcome is Outcome.ROLLED_BACK
    assert there.serves_on == "a"


def test_a_variant_that_leaves_the_spec_beside_the_model_as_it_is_takes_none_of_its_replicas() -> None:
    there = world(Ground(), Ground(), rate=20.0)
    there.tick(20)
    before = there.count("a")
    revision = next(o.candidate.revision for o in there.decisions[-1].options if o.pool == "a.int8")
    there.deployments[PlacementKey("a.int8", revision or "")] = Pods(desired=1, asked="", ages=[99])
    there.tick(3)
    there.variants = ()
    for _ in range(60):
        there.tick()
        assert there.count("a") >= before - 1
    assert not there.count("a.int8")
