"""Where a probe leaves it open whether a pool saves enough, it is probed again: nearer to what was found, within the budget, and until it is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from steelyard.core.facts.capacity import Basis, Capacity
from steelyard.core.facts.memory import Known, Step, VerdictWord
from steelyard.core.facts.snapshot import Aim, ProbeFirst, Rebalancing
from steelyard.core.performance.ageing import SURE_FOR
from steelyard.core.performance.ramp import with_probe
from steelyard.core.placing.analysis import analysis
from steelyard.core.placing.grounds_of import grounds_of
from steelyard.core.rebalancing.propose import trials
from steelyard.core.statistics.interval import Interval
from steelyard.core.vocabulary.reason import Reason
from unit.core.test_probe import PATIENT, begun, of, over, untold
from unit.core.world import START, Ground, World, ratio_claim

BRIEF = replace(PATIENT, exploration_deadline_seconds=600, cooldown_seconds=600)
"""So short that a ramp's steps are of few requests."""


def told(world: World, pool: str) -> Interval:
    capacity = of(world, pool).capacity
    assert capacity is not None
    return capacity.rate


def open_saving(policy: Rebalancing = BRIEF) -> World:
    """A world in which the first trial of a pool that is a quarter cheaper has ended without telling that."""
    world = untold(Ground(price=0.75, speed=10.0), policy)
    begun(world)
    assert over(world).reason == Reason.NOT_CHEAPER.value
    assert world.serves_on == "home"
    return world


def test_a_pool_whose_probe_left_it_open_is_probed_again_until_it_is_told_and_moved_to() -> None:
    world = open_saving()
    first = [told(world, pool) for pool in ("home", "other")]
    world.until(lambda: world.serves_on == "other" and world.memory.move is None, most=1000)
    assert len(world.probed) > 2
    for pool, before in zip(("home", "other"), first, strict=True):
        after = told(world, pool)
        assert after.upper / after.lower < before.upper / before.lower, "both probes are taken together"


def test_the_next_ramp_lies_around_what_was_found() -> None:
    world = open_saving()
    before = {pool: told(world, pool) for pool in ("home", "other")}
    again = len(world.probed)
    world.until(lambda: len(world.probed) > again, most=1000)
    asked = world.probed[again]
    found = before[asked.placement.key.pool]
    assert asked.ramp.first == pytest.approx(found.lower / 2, rel=0.01)
    assert asked.ramp.most == pytest.approx(1.25 * found.upper, rel=0.01)


def tried(world: World) -> list[str]:
    """The pools that a trial would tell more of now."""
    grounds = grounds_of(analysis(world.snapshot(), world.now))
    assert grounds is not None
    return [trial.target.pool for trial in trials(grounds) if trial.target is not None]


def stays_elsewhere(world: World) -> None:
    """What the load needs more of is no cheaper on the other pool, by what is known."""
    world.grounds["other"].price = 1.02


def is_told_well(world: World, pool: str) -> None:
    rate = told(world, pool)
    sharp = Capacity(Interval(rate.point, rate.point / 1.02, rate.point * 1.02), Basis.PROBED, 5000)
    world.memory = replace(world.memory, known=tuple(replace(k, capacity=sharp) if k.pool == pool else k for k in world.memory.known))


def test_an_end_that_was_told_well_is_left_out_the_other_has_its_time_and_the_note_names_that() -> None:
    world = open_saving()
    is_told_well(world, "other")
    stays_elsewhere(world)
    again = len(world.probed)
    world.until(lambda: world.memory.move is not None, most=1000)
    assert "a probe of one replica on home, to compare other with" in world.decisions[-1].message
    over(world)
    (asked,) = world.probed[again:]
    assert asked.placement.key.pool == "home"
    assert asked.seconds > 1.5 * world.probed[again - 1].seconds


def test_a_pool_that_is_a_little_dearer_is_compared_once_more_for_what_is_not_known_of_the_present_one() -> None:
    world = open_saving()
    is_told_well(world, "other")
    world.grounds["other"].price = 1.08
    again = len(world.probed)
    world.until(lambda: len(world.probed) > again, most=60)


def test_both_ends_are_told_well_and_neither_is_probed_again() -> None:
    world = open_saving()
    is_told_well(world, "other")
    is_told_well(world, "home")
    world.grounds["other"].price = 0.92  # 8 % are saved, and 10 % are asked for
    assert tried(world) == []


@pytest.mark.parametrize(
    ("price", "again"), [(0.1, False), (0.75, True), (0.92, True), (3.0, False)], ids=["surely", "perhaps", "hardly", "surely not"]
)
def test_a_pool_is_tried_again_only_where_it_is_left_open_that_it_saves_enough(price: float, again: bool) -> None:
    world = open_saving()
    world.grounds["other"].price = price
    assert tried(world) == ["other"] * again


def test_a_pool_that_live_traffic_has_measured_is_left_to_it() -> None:
    world = open_saving()
    by_traffic = replace(of(world, "other"), probed=None, unit_cost=of(world, "home").unit_cost)
    world.memory = replace(world.memory, known=tuple(by_traffic if k.pool == "other" else k for k in world.memory.known))
    assert by_traffic.unit_cost is not None
    assert tried(world) == []


def test_a_pool_that_was_the_source_of_a_trial_is_one_that_was_tried() -> None:
    world = open_saving()
    world.until(lambda: world.serves_on == "other" and world.memory.move is None, most=1000)
    world.grounds["home"].price = 0.65
    assert tried(world) == ["home"]


def side_by_side() -> World:
    """A world in which the first probe left it open whether the other pool is cheaper, and one replica of it has joined since,
    as the load grew."""
    world = open_saving()
    world.tick(3)
    world.rate *= 1.1
    world.until(lambda: world.memory.move is None and min(world.count("home"), world.count("other")) > 0, most=60)
    return world


def test_of_two_pools_that_stand_side_by_side_the_one_that_may_be_worth_all_of_the_load_is_probed_beside_them() -> None:
    world = side_by_side()
    assert "other" in tried(world)
    world.until(lambda: world.memory.move is not None, most=60)
    assert world.memory.move is not None
    assert (world.memory.move.step, world.memory.move.target_base > 0) == (Step.PROBE, True)


def test_one_that_is_as_dear_as_what_stands_and_no_faster_is_not() -> None:
    world = side_by_side()
    is_told_well(world, "home")
    is_told_well(world, "other")
    world.grounds["other"].price = 1.0
    assert tried(world) == []


@pytest.mark.parametrize("days", [0, 8])
def test_nor_is_one_without_a_probe(days: int) -> None:
    world = side_by_side()
    world.policy = replace(world.policy, probe=ProbeFirst.NEVER)
    before = world.now - timedelta(days=days)
    world.memory = replace(world.memory, known=tuple(replace(k, probed=k.probed and before) for k in world.memory.known))
    assert tried(world) == []


def test_a_claim_that_the_first_probe_left_open_is_judged_by_those_that_follow() -> None:
    dear = Ground(price=3.0, speed=10.0, claims=(ratio_claim(2.0, "home"),))
    world = untold(dear, replace(BRIEF, aim=Aim.VERDICT))
    begun(world)
    over(world)
    assert [c.verdict for c in world.memory.claims] == [VerdictWord.INCONCLUSIVE]
    world.until(lambda: world.memory.claims[0].verdict is VerdictWord.REFUTED, most=1000)
    assert world.serves_on == "home"


def test_a_pool_that_is_surely_no_cheaper_is_not_probed_again() -> None:
    world = untold(Ground(price=2.0, speed=10.0), BRIEF)
    world.until(lambda: bool(world.memory.history), most=1000)
    probes = len(world.probed)
    world.tick(500)
    assert len(world.probed) == probes


def test_without_the_money_for_another_probe_there_is_none_and_that_is_no_news() -> None:
    world = open_saving(replace(BRIEF, exploration_budget=0.17))
    probes = len(world.probed)
    world.tick(200)
    assert len(world.probed) == probes
    assert world.decisions[-1].reason is Reason.SAVING_NOT_SIGNIFICANT


def test_a_trial_takes_the_time_that_there_is_money_for_and_no_less_than_half() -> None:
    world = open_saving(replace(BRIEF, exploration_budget=0.25))
    stays_elsewhere(world)
    world.until(lambda: world.memory.move is not None, most=1000)
    move = world.memory.move
    assert move is not None
    assert move.reserved is not None
    assert world.memory.history[-1].cost is not None
    assert move.reserved <= 0.25 - world.memory.history[-1].cost
    seconds = (move.deadline - move.started).total_seconds()
    assert 300 <= seconds < 570
    world.policy = replace(world.policy, exploration_budget=50.0)
    over(world)
    assert [p.placement.key.pool for p in world.probed[-2:]] == ["other", "home"]
    assert sum(p.seconds for p in world.probed[-2:]) <= seconds, "what was reserved, and not what there is now"


# --- what several probes say together


def probed(point: float, lower: float, upper: float, days: float = 0.0, basis: Basis = Basis.PROBED) -> Known:
    at = START + timedelta(days=days)
    return Known(pool="other", revision="r", capacity=Capacity(Interval(point, lower, upper), basis, 1000), probed=at)


def test_two_probes_are_taken_together_and_the_surer_one_counts_for_more() -> None:
    both = with_probe(probed(10.0, 9.0, 11.0), probed(10.8, 10.4, 11.2, days=1)).capacity
    assert both is not None
    assert both.basis is Basis.PROBED
    assert both.n == 2000
    assert 10.4 < both.rate.point < 10.8
    assert both.rate.point - both.rate.lower < 10.8 - 10.4


@pytest.mark.parametrize(
    "later",
    [
        probed(14.0, 13.0, 15.0, days=1),
        probed(10.8, 10.4, 11.2, days=SURE_FOR / timedelta(days=1) + 1),
        probed(10.8, 10.8, 21.6, days=1, basis=Basis.CARRIED),
    ],
    ids=["it says something else", "more than a week later", "it has no upper end"],
)
def test_the_later_probe_counts_alone_where_both_do_not_speak_of_one_figure(later: Known) -> None:
    assert with_probe(probed(10.0, 9.0, 11.0), later).capacity == later.capacity


def test_the_same_probe_says_nothing_new_twice() -> None:
    once = with_probe(probed(10.0, 9.0, 11.0), probed(10.8, 10.4, 11.2, days=1))
    assert with_probe(once, probed(10.8, 10.4, 11.2, days=1)) == once
