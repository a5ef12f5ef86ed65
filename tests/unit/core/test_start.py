"""The first placement, and what happens when what should be there is not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from steelyard.core.facts.memory import Memory
from steelyard.core.facts.snapshot import PoolChoice, Scaling
from steelyard.core.placing.decision import Decision
from steelyard.core.vocabulary.reason import Reason
from unit.core.world import Ground, World, ratio_claim


def two_pools(**changes: object) -> World:
    world = World({"a": Ground(claims=(ratio_claim(0.5, "b"),)), "b": Ground()}, rate=5)
    for name, value in changes.items():
        setattr(world, name, value)
    return world


def test_a_pool_that_still_compiles_is_waited_for() -> None:
    world = two_pools()
    world.grounds["a"].compiled = False
    assert world.tick(3).verdict == "Wait"
    assert world.deployments == {}
    world.grounds["a"].compiled = True
    world.tick(2)
    assert world.serves_on == "a"


def test_without_any_pool_the_answer_is_a_hold_that_says_so() -> None:
    decision = World({}).tick()
    assert (decision.verdict, decision.reason) == ("Hold", Reason.NO_POOL)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"nodes": 0}, "a: no node has the labels of spec.nodes.selector, and spec.provisioner.type is None"),
        ({"held": 40.0}, "a: other workloads hold the 40 node(s) that there may be"),
    ],
)
def test_a_pool_without_room_is_said_to_have_none_and_not_to_have_failed(changes: dict[str, Any], said: str) -> None:
    decision = World({"a": Ground(**changes)}).tick()
    assert (decision.verdict, decision.reason) == ("Hold", Reason.NO_POOL)
    assert decision.message.startswith(said)


def test_a_pool_on_which_no_replica_is_allowed_says_which_field_allows_none() -> None:
    decision = World({"a": Ground()}, pools={"a": PoolChoice(maximum=0)}).tick()
    assert decision.message.startswith("a: no replica is allowed there: raise maxReplicas")


def conditions(decision: Decision) -> dict[str, str]:
    return {each.type.value: each.message for each in decision.conditions}


def test_a_pool_that_is_named_and_does_not_exist_is_the_answer_with_those_that_do() -> None:
    world = two_pools(pools={"nopool": PoolChoice()})
    for ground in world.grounds.values():
        ground.selected = False
    decision = world.tick()
    said = "pool nopool does not exist (there are a, b): correct the name in spec.placement.pools, or create the pool"
    assert (decision.verdict, decision.reason, decision.message) == ("Hold", Reason.NO_POOL, said)
    assert {conditions(decision)[each] for each in ("Ready", "Placed", "Compiled")} == {said}


def test_where_an_installation_has_pools_of_its_own_the_labels_that_a_pool_lacks_are_told() -> None:
    labelled = replace(two_pools().settings(), pool_labels={"team": "a"})
    world = two_pools(pools={"nopool": PoolChoice()}, settings=lambda: labelled)
    for ground in world.grounds.values():
        ground.selected = False
    assert world.tick().message.startswith("pool nopool does not exist with the labels team=a of config.poolLabels (there are a, b)")
    world = two_pools(grounds={}, settings=lambda: labelled)
    assert world.tick().message == "there is no AcceleratorPool with the labels team=a of config.poolLabels: create one"


def test_beside_a_pool_that_does_not_exist_the_one_that_does_is_used_and_the_name_is_told() -> None:
    world = two_pools(pools={"a": PoolChoice(), "nopool": PoolChoice(), "nor-this": PoolChoice()})
    world.grounds["b"].selected = False
    decision = world.tick(5)
    assert world.serves_on == "a"
    assert conditions(decision)["Placed"].startswith("replicas are ready on pool a; pools nopool, nor-this do not exist (there are a, b): ")


def test_without_any_price_serving_starts_all_the_same_and_nothing_moves() -> None:
    world = two_pools()
    for ground in world.grounds.values():
        ground.priced = False
    decision = world.tick(60)
    assert world.serves_on == "a"
    assert world.count("a") >= 1
    assert decision.reason is Reason.PRICE_SUSPECT


def test_a_price_of_zero_is_a_suspect_price_and_not_the_cheapest_pool() -> None:
    world = two_pools()
    world.grounds["b"].price = 0.0
    world.tick(60)
    assert world.serves_on == "a"
    assert world.memory.history == ()


def test_a_workload_that_allows_zero_replicas_starts_with_one_and_keeps_it() -> None:
    world = two_pools(scaling=Scaling(minimum=0), rate=0.0)
    world.tick(40)
    assert world.count("a") == 1, "from zero nothing could see the first request"


def test_a_spot_pool_is_not_the_only_place_where_the_user_limits_spot() -> None:
    world = two_pools(max_spot_percent=50)
    world.grounds["a"].spot = True
    world.tick(60)
    assert world.serves_on == "b"
    assert all(key.pool == "b" for key in world.deployments)


def test_an_exhausted_pool_is_passed_over_at_the_start() -> None:
    world = two_pools()
    world.grounds["a"].exhausted_until = world.now + timedelta(hours=1)
    world.tick(3)
    assert world.serves_on == "b"


def test_a_first_placement_whose_pool_delivers_no_nodes_goes_to_the_next_best() -> None:
    world = two_pools()
    world.grounds["a"].delivers = False
    world.tick(3)
    assert (world.serves_on, world.count("a")) == ("a", 0)
    world.grounds["a"].exhausted_until = world.now + timedelta(hours=1)
    world.tick(4)
    assert world.serves_on == "b"
    assert world.count("b") >= 1
    assert {key.pool for key in world.deployments} == {"b"}


def test_a_model_that_crashes_on_its_first_pool_is_served_from_the_next_best() -> None:
    world = two_pools()
    world.grounds["a"].crashes = True
    world.tick(5)
    assert world.serves_on == "b"
    assert world.count("b") >= 1
    assert [q.pool for q in world.memory.quarantine] == ["a"]


def test_a_crash_between_the_status_write_and_the_first_side_effect_loses_nothing() -> None:
    world = two_pools()
    lost = world.tick()
    world.deployments.clear()
    assert lost.memory.allocation[0].pool == "a"
    world.tick(2)
    assert world.count("a") == 1


def test_a_deployment_that_vanished_is_made_again_with_what_the_load_needs() -> None:
    world = two_pools(rate=24.0)
    world.until(lambda: world.count("a") >= 3 and world.memory.of(*next(iter(world.deployments))) is not None)
    world.until(lambda: world.decisions[-1].verdict == "Stay")
    world.memory = replace(world.memory, move=None)
    world.deployments.clear()
    decision = world.tick()
    assert decision.verdict == "Place"
    assert [n.reason for n in decision.notes] == [Reason.PLACING]
    world.until(lambda: world.count("a") >= 3)


def test_a_pool_in_use_that_is_not_selected_any_more_is_restored_elsewhere_when_it_vanishes() -> None:
    world = two_pools()
    world.tick(3)
    world.grounds["a"].selected = False
    world.deployments.clear()
    world.tick(4)
    assert world.serves_on == "b"
    assert world.count("b") >= 1


def test_a_placement_whose_pool_object_is_gone_keeps_running() -> None:
    world = two_pools()
    world.tick(5)
    count = world.count("a")
    world.grounds["a"].exists = False
    decision = world.tick(30)
    assert world.count("a") == count
    assert decision.reason is Reason.NO_POOL


def test_an_unsynced_view_changes_nothing_that_is_remembered() -> None:
    world = two_pools(rate=24.0)
    world.tick(12)
    before, there = world.memory, dict(world.deployments)
    assert before.known, "there is something to forget"
    world.synced = False
    for ground in world.grounds.values():
        ground.exists = False
    decision = world.tick(3)
    assert world.memory == before
    assert world.deployments == there
    assert (decision.verdict, decision.reason) == ("Hold", Reason.NOT_SYNCED)
    assert decision.notes == (), "nothing remembers that it was told: it would be told in every pass"


def test_evidence_outlives_an_artifact_that_is_away_for_a_while() -> None:
    world = World({"a": Ground(speed=20, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=10)}, rate=24)
    world.until(lambda: world.memory.history)
    world.tick(3)
    known = {k.pool for k in world.memory.known}
    assert known == {"a", "b"}
    world.grounds["b"].compiled = False
    world.tick(5)
    world.grounds["b"].compiled = True
    world.tick(200)
    assert {k.pool for k in world.memory.known} == known
    assert len(world.memory.history) == 1, "the pool is not explored again"


def test_status_that_was_lost_is_found_again_in_what_exists_and_nothing_is_removed_too_early() -> None:
    world = World({"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20)}, rate=24)
    world.until(lambda: world.memory.move is not None and world.memory.move.step.value == "Drain")
    world.memory = Memory()
    world.tick(30)
    assert len({key.pool for key in world.deployments}) == 1
    assert world.serves_on in {"a", "b"}
