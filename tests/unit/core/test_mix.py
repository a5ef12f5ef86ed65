"""Several pools that hold the load together: because one is too small, or because a mix is cheaper."""

from dataclasses import replace
from datetime import timedelta

import pytest

from steelyard.core.facts.memory import Known, Outcome, Quarantine
from steelyard.core.facts.snapshot import Scaling
from steelyard.core.vocabulary.condition import ConditionType
from steelyard.core.vocabulary.reason import Reason
from unit.core.world import Ground, World, quick, ratio_claim


def placed(world: World) -> dict[str, int]:
    return {key.pool: pods.desired for key, pods in world.deployments.items() if pods.desired}


def small_and_large(rate: float, **more: object) -> World:
    """Pool a is cheap and has three nodes, b is dearer and has forty."""
    grounds = {"a": Ground(speed=10, price=1.0, nodes=3, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=10, price=1.6)}
    return World(grounds, rate=rate, scaling=Scaling(maximum=20), **more)  # type: ignore[arg-type]


def test_what_does_not_fit_on_one_pool_goes_to_another_and_comes_back_when_the_load_falls() -> None:
    world = small_and_large(rate=12, policy=quick(paused=True))
    world.tick(12)
    assert placed(world) == {"a": 2}
    world.rate = 40
    world.tick(12)
    assert world.serves_on == "a"
    assert placed(world)["a"] == 3
    assert placed(world)["b"] * 10 * 0.7 + 21 >= 40 * 0.95
    assert world.others
    world.rate = 10
    world.tick(120)  # A load that has just jumped may jump again; that is forgotten within two hours.
    assert placed(world) == {"a": 2}
    assert not world.others
    assert len(world.deployments) == 1, "what is empty is removed"


def test_a_spill_is_no_move_and_no_move_disturbs_it() -> None:
    world = small_and_large(rate=40, policy=quick(paused=True))
    world.tick(40)
    assert set(placed(world)) == {"a", "b"}
    assert world.moves() == []
    before = [placed(world) for _ in range(20) if world.tick()]
    assert all(counts == before[0] for counts in before), "constant load, constant replicas"


def test_of_several_pools_the_one_that_costs_more_than_was_asked_for_is_named() -> None:
    world = small_and_large(rate=40, policy=quick(paused=True))
    world.tick(40)
    cost = {known.pool: known.unit_cost.interval for known in world.memory.known if known.unit_cost}
    assert world.serves_on == "a"
    assert cost["a"].upper < cost["b"].lower
    world.max_unit_cost = (cost["a"].upper + cost["b"].lower) / 2
    told = next(c for c in world.tick().conditions if c.type is ConditionType.PLACED)
    assert told.reason is Reason.ABOVE_MAX_UNIT_COST
    assert "cost more on b than" in told.message


def limited_rival(rate: float = 30.0, nodes: int = 2) -> World:
    """It runs on b; c, which comes later, costs half and has few nodes."""
    grounds = {
        "b": Ground(speed=10, price=1.0),
        "c": Ground(speed=10, price=0.5, nodes=nodes, exists=False, claims=(ratio_claim(0.5, "b"),)),
    }
    world = World(grounds, rate=rate, scaling=Scaling(maximum=20))
    world.tick(20)
    world.grounds["c"].exists = True
    return world


def test_a_cheap_pool_that_is_too_small_takes_a_part_and_the_source_keeps_the_rest() -> None:
    world = limited_rival()
    world.until(lambda: world.moves() and world.moves()[-1] == ("b", "c", Outcome.MOVED), most=600)
    assert placed(world)["c"] == 2
    assert world.serves_on == "b"
    assert [key for key, _ in world.others] == ["c"]
    total = sum(placed(world).values())
    assert total * 10 * 0.7 >= 30 * 0.97
    assert placed(world)["b"] == total - 2
    world.tick(60)
    assert placed(world)["c"] == 2, "and there it stays"
    assert sum(placed(world).values()) in {total, total - 1}


def test_a_part_whose_price_has_risen_is_taken_back_by_the_other_pool() -> None:
    world = limited_rival()
    world.until(lambda: bool(world.others) and world.memory.move is None, most=600)
    world.grounds["c"].price = 3.0
    world.until(lambda: not world.others and world.memory.move is None, most=600)
    assert set(placed(world)) == {"b"}
    assert world.moves()[-1] == ("c", "b", Outcome.MOVED)
    assert world.serves_on == "b"


def test_a_part_that_breaks_the_promise_goes_back_and_the_source_keeps_all_of_the_load() -> None:
    world = limited_rival()
    world.until(lambda: world.memory.move is not None and world.memory.move.source_goal > 0, most=600)
    world.grounds["c"].late = 0.4
    world.until(lambda: world.memory.move is None, most=120)
    assert world.moves()[-1][2] is Outcome.ROLLED_BACK
    assert set(placed(world)) == {"b"}
    assert not world.others


def test_a_deployment_that_vanishes_leaves_the_other_part_serving_and_is_made_again() -> None:
    world = small_and_large(rate=40, policy=quick(paused=True))
    world.tick(30)
    (there,) = [key for key in world.deployments if key.pool == "a"]
    world.remove(there)
    world.tick(12)
    assert set(placed(world)) == {"a", "b"}
    assert sum(placed(world).values()) * 7 >= 40 * 0.95


def test_growth_in_a_mix_goes_where_it_is_cheapest_and_stays_within_the_users_limit() -> None:
    world = small_and_large(rate=40, policy=quick(paused=True))
    world.scaling = Scaling(maximum=7)
    world.tick(30)
    world.rate = 200
    world.tick(20)
    assert sum(placed(world).values()) == 7
    assert placed(world)["a"] == 3


@pytest.mark.parametrize(("seconds", "grows_on"), [(60.0, "b"), (1500.0, "c")])
def test_growth_goes_where_a_replica_costs_least_with_the_time_that_it_was_measured_to_take_to_start(seconds: float, grows_on: str) -> None:
    world = small_and_large(rate=12, policy=quick(paused=True))
    world.grounds["c"] = Ground(speed=10, price=1.8, claims=(ratio_claim(1.8 / 1.6, "b"),))
    world.tick(12)
    took = Known(pool="b", revision="of before", start_seconds=seconds)
    world.memory = replace(world.memory, known=(*world.memory.known, took))
    world.rate = 40
    world.until(lambda: set(placed(world)) - {"a"})
    assert set(placed(world)) == {"a", grows_on}


def test_a_broken_promise_adds_a_replica_to_the_mix() -> None:
    world = small_and_large(rate=38, policy=quick(paused=True))
    world.tick(30)
    before = sum(placed(world).values())
    world.grounds["b"].late = 0.3
    world.tick(6)
    assert sum(placed(world).values()) > before


def test_what_is_not_read_changes_no_mix() -> None:
    world = small_and_large(rate=40, policy=quick(paused=True))
    world.tick(30)
    before = placed(world)
    world.seeing, world.rate = False, 5
    world.tick(20)
    assert placed(world) == before


def test_families_that_the_user_asks_for_are_used_and_kept() -> None:
    grounds = {
        "a": Ground(speed=10, price=1.0, family="x"),
        "b": Ground(speed=10, price=2.0, family="y"),
        "c": Ground(price=0.5, family="x"),
    }
    world = World(grounds, rate=20, scaling=Scaling(maximum=20), min_families=2)
    world.tick(120)
    standing = placed(world)
    assert standing["b"] == 1, "one replica of the dearer family, and no more"
    assert {world.grounds[pool].family for pool in standing} == {"x", "y"}
    world.rate = 2
    world.tick(60)
    assert {world.grounds[pool].family for pool in placed(world)} == {"x", "y"}


def test_spot_holds_no_more_than_its_share() -> None:
    grounds = {"a": Ground(speed=10, price=1.0), "s": Ground(speed=10, price=0.3, spot=True, claims=(ratio_claim(0.3, "a"),))}
    world = World(grounds, rate=40, scaling=Scaling(maximum=20), max_spot_percent=50)
    world.until(lambda: "s" in placed(world) and world.memory.move is None and bool(world.others), most=600)
    for rate in (40.0, 20.0, 60.0):
        world.rate = rate
        for _ in range(40):
            world.tick()
            standing = placed(world)
            assert world.memory.move is not None or 2 * standing.get("s", 0) <= sum(standing.values())
    spot = next(o for o in world.decisions[-1].options if o.pool == "s")
    assert spot.refusal is not None
    assert spot.refusal.reason is Reason.SPOT_LIMITED, "of the whole load; a part of it runs there"
    assert "may not take the whole load: spec.placement.maxSpotPercent is 50" in spot.refusal.message


def test_a_part_that_never_comes_to_serve_is_left_and_another_pool_is_taken() -> None:
    grounds = {"a": Ground(nodes=3), "b": Ground(price=1.2, crashes=True), "c": Ground(price=2.0)}
    world = World(grounds, rate=40, scaling=Scaling(maximum=20), policy=quick(paused=True))
    world.tick(30)
    assert placed(world).keys() == {"a", "c"}
    assert [q.pool for q in world.memory.quarantine] == ["b"]
    assert sum(placed(world).values()) * 7 >= 38


def test_where_no_nodes_come_the_next_pool_is_taken_and_what_waited_goes_when_the_load_does() -> None:
    grounds = {"a": Ground(nodes=3), "b": Ground(price=1.2, delivers=False), "c": Ground(price=2.0)}
    world = World(grounds, rate=40, scaling=Scaling(maximum=20), policy=quick(paused=True))
    world.tick(30)
    assert world.count("a") + world.count("c") >= 6
    assert world.count("b") == 0
    world.rate = 10
    world.tick(60)
    assert placed(world) == {"a": 2}


def test_where_the_smaller_part_is_the_cheaper_one_for_a_small_load_it_takes_all_of_it() -> None:
    world = World(
        {"a": Ground(speed=8, nodes=2), "b": Ground(speed=20, price=1.5)}, rate=8, scaling=Scaling(maximum=9), policy=quick(paused=True)
    )
    world.tick(20)
    assert world.serves_on == "a"
    world.rate = 30
    world.tick(20)
    assert "b" in placed(world)
    world.rate = 8
    world.tick(120)
    assert placed(world) == {"b": 1}
    assert (world.serves_on, world.others) == ("b", ())
    assert len(world.deployments) == 1


def test_a_part_is_not_taken_away_before_what_shall_carry_it_is_ready() -> None:
    world = small_and_large(rate=40, policy=quick(paused=True))
    world.grounds["a"].start = world.grounds["b"].start = 6
    world.tick(40)
    standing = placed(world)
    assert set(standing) == {"a", "b"}
    (there,) = [key for key in world.deployments if key.pool == "a"]
    world.deployments[there].ages = [0] * standing["a"]
    world.rate = 12
    for _ in range(5):
        world.tick()
        assert placed(world)["b"] == standing["b"], "the replicas of a are still coming"
    world.tick(40)
    assert "b" not in placed(world)


def test_a_refuge_that_serves_already_keeps_its_replicas() -> None:
    world = small_and_large(rate=40, policy=quick(paused=True))
    world.tick(40)
    before = placed(world)["b"]
    world.policy = quick()
    world.grounds["a"].exhausted_until = world.now + timedelta(hours=1)
    world.grounds["a"].delivers = False
    for key, pods in world.deployments.items():
        pods.ages = [0] * len(pods.ages) if key.pool == "a" else pods.ages
    world.seeing = False
    world.tick()
    assert placed(world)["b"] >= before


def test_a_standing_part_that_failed_is_not_enlarged_under_the_name_of_another_revision() -> None:
    world = limited_rival()
    world.until(lambda: bool(world.others) and world.memory.move is None, most=600)
    (other,) = world.others
    failed = Quarantine(pool=other.pool, revision=other.revision, until=world.now + timedelta(days=9), failures=3, reason="ViolatesSLO")
    world.memory = replace(world.memory, quarantine=(failed,))
    world.image = "serve:2"
    world.grounds["c"].nodes = 12
    world.tick(200)
    assert all(past.target_pool != "c" for past in world.memory.history[2:])
    assert placed(world)["c"] == 2


@pytest.mark.parametrize(("nodes", "goes"), [(3, True), (2, False)])
def test_a_limited_pool_is_priced_with_what_has_to_stand_beside_it_when_the_load_grows_by_a_third(nodes: int, goes: bool) -> None:
    grounds = {"a": Ground(speed=30, price=1.0, exists=False), "b": Ground(speed=10, price=1.5)}
    world = World(grounds, rate=12, policy=quick(cooldown_seconds=600), scaling=Scaling(maximum=20))
    world.tick(20)
    grounds["a"].exists = True
    world.until(lambda: placed(world) == {"a": 1} and world.memory.move is None, most=600)
    grounds["a"].price, grounds["b"].nodes = 4.0, nodes
    for _ in range(240):
        world.tick()
        if world.memory.move is not None:
            break
    assert (world.memory.move is not None) is goes, "two on b cost 25 % less than one on a, and 75 % more with one on a beside them"


def test_two_pools_that_are_cheaper_together_are_moved_to_one_after_the_other_with_no_rest_between() -> None:
    grounds = {"a": Ground(price=0.3, nodes=5), "b": Ground(price=0.6, nodes=2), "c": Ground(price=0.7, nodes=2)}
    world = World(grounds, rate=62, policy=quick(cooldown_seconds=6 * 3600), scaling=Scaling(maximum=20))
    world.until(lambda: set(placed(world)) == {"a", "b", "c"}, most=60)
    world.tick(20)
    world.rate = 25
    world.until(lambda: set(placed(world)) == {"a"}, most=120)
    grounds["a"].price = 4.0
    began = len(world.ended)
    world.until(lambda: set(placed(world)) == {"b", "c"}, most=120)
    assert [(m.source_pool, m.target_pool) for m in world.ended[began:] if m.outcome is Outcome.MOVED] == [("a", "b"), ("a", "c")]
