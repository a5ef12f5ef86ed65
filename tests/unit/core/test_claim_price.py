"""A claim keeps the prices that it was made at: a price that changes is no news of how fast a pool is."""

from dataclasses import replace

import pytest

from steelyard.core.facts.claim import Claim, ClaimMetric
from steelyard.core.facts.memory import MoveKind
from steelyard.core.facts.snapshot import Mode, Scaling
from steelyard.core.planning.option import Option
from steelyard.core.vocabulary.reason import Reason
from unit.core.world import Ground, World, quick, ratio_claim


def claiming(claim: Claim, **changes: object) -> World:
    """It runs on a, whose claim says what b may be; b is not measured and, in Recommend, not tried."""
    grounds = {"a": Ground(speed=20, price=0.4, claims=(claim,)), "b": Ground(speed=20, price=0.4)}
    world = World(grounds, rate=24, policy=quick(mode=Mode.RECOMMEND))
    for name, value in changes.items():
        setattr(world, name, value)
    world.tick(20)
    assert world.serves_on == "a"
    return world


def rival(world: World) -> Option:
    (option,) = (o for o in world.tick().options if o.pool == "b")
    assert not option.measured
    return option


def capacity(option: Option) -> float:
    assert option.capacity is not None
    return option.capacity.rate.point


@pytest.mark.parametrize("dearer", ["a", "b"])
def test_when_a_price_changes_four_times_what_a_claim_says_of_the_rivals_speed_stays(dearer: str) -> None:
    world = claiming(ratio_claim(0.5, "b"))
    before = rival(world)
    world.grounds[dearer].price = 1.6
    after = rival(world)
    assert capacity(after) == pytest.approx(capacity(before), rel=1e-6)
    assert after.replicas == before.replicas
    assert after.each == pytest.approx((before.each or 0.0) * (4 if dearer == "b" else 1))


def test_a_claim_of_money_speaks_of_the_speed_at_the_price_it_was_made_at() -> None:
    cheap, dear = (Claim(name="v", metric=ClaimMetric.UNIT_COST, value=value) for value in (0.01, 0.02))
    grounds = {"a": Ground(price=0.4, claims=(cheap,)), "b": Ground(price=0.4, claims=(dear,))}
    world = World(grounds, rate=24, policy=quick(mode=Mode.RECOMMEND))
    world.tick(20)
    before = rival(world)
    world.grounds["b"].price = 1.6
    assert capacity(rival(world)) == pytest.approx(capacity(before), rel=1e-6)


def test_the_trial_of_a_rival_begins_when_the_present_pool_becomes_four_times_as_expensive() -> None:
    world = claiming(ratio_claim(0.5, "b"), rate=4.0, policy=quick())
    assert world.tick(20).reason is Reason.ALREADY_CHEAPEST, "half as dear as the rival, by the claim"
    assert not world.memory.history
    world.grounds["a"].price = 1.6
    world.until(lambda: world.memory.move is not None and world.memory.move.kind is MoveKind.EXPLORATION, most=10)


def test_a_pool_that_may_hold_the_load_only_if_it_is_better_than_claimed_says_so() -> None:
    world = claiming(ratio_claim(0.25, "b"), scaling=Scaling(maximum=6))
    assert rival(world).replicas == 8
    (line,) = (o for o in world.memory.last.options if o.pool == "b") if world.memory.last else ()
    assert line.feasible
    assert line.message.startswith("the best estimate needs 8 replicas and 6 are allowed")


def test_a_claim_that_is_edited_is_seen_for_the_first_time() -> None:
    world = claiming(ratio_claim(0.5, "b"))
    before = capacity(rival(world))
    world.grounds["a"].price = 1.6
    world.grounds["a"].claims = (ratio_claim(0.25, "b"),)
    assert capacity(rival(world)) == pytest.approx(before / 8, rel=1e-6), "made at the prices of today: b costs 4 times a's 1.6"


def test_prices_are_remembered_once_they_are_known() -> None:
    world = claiming(ratio_claim(0.5, "b"))
    world.grounds["b"].priced = False
    world.memory = replace(world.memory, claims=())
    world.tick()
    (claim,) = world.memory.claims
    assert claim.first_prices.own is not None
    assert claim.first_prices.other is None
    world.grounds["b"].priced = True
    world.tick()
    (claim,) = world.memory.claims
    assert claim.first_prices.own == claim.first_prices.other
