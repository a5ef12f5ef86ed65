"""Where a probe leaves it open whether a pool saves enough, it is probed again: nearer to what was found, within the budget, and until it is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from steelyard.core.facts.capacity import Basis, Capacity
from steelyard.core.facts.memory import Known, VerdictWord
from steelyard.core.facts.snapshot import Aim, Rebalancing
from steelyard.core.performance.ageing import SURE_FOR
from steelyard.core.performance.ramp import with_probe
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
    """A world in which the first trial of a pool that is a sixth cheaper has ended without telling that."""
    world = untold(Ground(price=0.83, speed=10.0), policy)
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


def test_the_next_ramp_lies_around_what_was_found_and_has_the_time_of_an_end_that_is_left_out() -> None:
    world = open_saving()
    before = {pool: told(world, pool) for pool in ("home", "other")}
    again = len(world.probed)
    world.until(lambda: len(world.probed) > again, most=1000)
    asked = world.probed[again]
    found = before[asked.placement.key.pool]
    assert asked.ramp.first == pytest.approx(found.lower / 2, rel=0.01)
    assert asked.ramp.most == pytest.approx(1.25 * found.upper, rel=0.01)


def test_an_end_that_was_told_well_is_left_out_and_the_note_names_the_other() -> None:
    world = open_saving()
    rate = told(world, "other")
    sharp = Capacity(Interval(rate.point, rate.point / 1.02, rate.point * 1.02), Basis.PROBED, 5000)
    known = tuple(replace(k, capacity=sharp) if k.pool == "other" else k for k in world.memory.known)
    world.memory = replace(world.memory, known=known)
    again = len(world.probed)
    world.until(lambda: world.memory.move is not None, most=1000)
    assert "a probe of one replica on home, to compare other with" in world.decisions[-1].message
    over(world)
    assert [p.placement.key.pool for p in world.probed[again:]] == ["home"]


def test_a_claim_that_the_first_probe_left_open_is_judged_by_the_next() -> None:
    dear = Ground(price=3.0, speed=10.0, claims=(ratio_claim(3.0, "home"),))
    world = untold(dear, replace(BRIEF, aim=Aim.VERDICT))
    begun(world)
    over(world)
    (first,) = world.memory.claims
    assert first.verdict is VerdictWord.INCONCLUSIVE
    probes = len(world.probed)
    world.tick(200)
    assert len(world.probed) > probes
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
    world.until(lambda: world.memory.move is not None, most=1000)
    move = world.memory.move
    assert move is not None
    assert move.reserved is not None
    assert world.memory.history[-1].cost is not None
    assert move.reserved <= 0.25 - world.memory.history[-1].cost
    assert 300 <= (move.deadline - move.started).total_seconds() < 570


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
