"""Claims as wide priors: what a pool without measurements would cost, and what it is worth to find out."""

import random
from itertools import permutations
from math import exp, log

import pytest

from steelyard.core.facts.capacity import CLAIM_SPREAD
from steelyard.core.facts.claim import Claim, ClaimMetric, OperatingPoint
from steelyard.core.facts.estimate import Estimate, Kind, Unit
from steelyard.core.performance.capacity import RHO
from steelyard.core.planning.prior import SIGMA, claimed_unit_costs, expected_saving, spread
from unit.core.world import ratio_claim

SAME = {"a": 1.0, "b": 1.0, "c": 1.0, "d": 1.0}


def costs(
    claims: dict[str, tuple[Claim, ...]], known: dict[str, float] | None = None, prices: dict[str, float] | None = None
) -> dict[str, float]:
    prices = prices or {pool: SAME[pool] for pool in ("a", "b", "c")}
    return dict(claimed_unit_costs({p: claims.get(p, ()) for p in prices}, prices, known or {}, "hf://m"))


def test_a_ratio_is_followed_both_ways() -> None:
    assert costs({"a": (ratio_claim(0.5, "b"),)}, {"b": 0.2})["a"] == pytest.approx(0.1)
    assert costs({"a": (ratio_claim(0.5, "b"),)}, {"a": 0.2})["b"] == pytest.approx(0.4)


def test_ratios_are_followed_through_other_pools_and_the_nearest_wins() -> None:
    chain = {"a": (ratio_claim(0.5, "b"),), "b": (ratio_claim(0.5, "c"),)}
    assert costs(chain, {"c": 0.4})["a"] == pytest.approx(0.1)
    direct = {"a": (ratio_claim(0.5, "b", "x"), ratio_claim(0.9, "c", "y")), "b": (ratio_claim(0.5, "c"),)}
    assert costs(direct, {"c": 0.4})["a"] == pytest.approx(0.36), "the direct claim, not the way round by b"


def test_claims_in_a_cycle_that_contradict_each_other_have_an_answer() -> None:
    found = costs({"a": (ratio_claim(0.5, "b"),), "b": (ratio_claim(0.5, "c"),), "c": (ratio_claim(0.5, "a"),)})
    assert set(found) == {"a", "b", "c"}
    assert all(value > 0 for value in found.values())


def test_a_measurement_is_never_displaced_by_a_claim() -> None:
    assert costs({"a": (ratio_claim(0.1, "b"),)}, {"a": 0.3, "b": 0.2}) == {"a": 0.3, "b": 0.2, "c": pytest.approx(0.245, rel=0.01)}


def test_without_claims_every_pool_has_the_same_capacity_so_the_cheaper_one_is_cheaper() -> None:
    found = costs({}, prices={"a": 2.0, "b": 1.0})
    assert found["a"] == pytest.approx(2 * found["b"])


def test_the_order_of_pools_changes_nothing() -> None:
    claims = {"a": (ratio_claim(0.5, "b"),), "c": (ratio_claim(2.0, "b"),)}
    seen = {tuple(sorted(costs(claims, prices=dict.fromkeys(order, 1.0)).items())) for order in permutations("abc")}
    assert len(seen) == 1


@pytest.mark.parametrize("figure", [0.0, -1.0, float("nan"), float("inf")])
def test_a_figure_that_cannot_be_true_claims_nothing(figure: float) -> None:
    broken = Claim(name="c", metric=ClaimMetric.THROUGHPUT, value=figure)
    assert costs({"a": (broken, ratio_claim(figure, "b"))}) == costs({})


def test_a_claim_of_another_model_says_nothing_of_this_one() -> None:
    other = Claim(name="c", metric=ClaimMetric.UNIT_COST, ratio=0.1, relative_to="b", model="hf://other*")
    assert costs({"a": (other,)}) == costs({})


def test_a_speed_when_full_is_no_load_at_which_the_objective_holds() -> None:
    full, kept = (Claim(name="c", metric=ClaimMetric.THROUGHPUT, value=10.0, stated=at) for at in (None, OperatingPoint.OBJECTIVE))
    assert costs({"a": (full,)})["a"] == pytest.approx(costs({"a": (kept,)})["a"] / RHO)


def test_what_is_claimed_of_tokens_says_nothing_of_what_requests_cost() -> None:
    tokens = Claim(name="c", metric=ClaimMetric.UNIT_COST, value=1e-6, unit="PerMillionTokens", spread=1.1)
    assert costs({"a": (tokens,)}) == costs({})
    assert spread((tokens,), "hf://m", SAME, None) == CLAIM_SPREAD


@pytest.mark.parametrize(("measured", "median"), [(1.0, 0.5), (1.0, 1.0), (1.0, 2.0), (0.02, 0.05)])
def test_the_expected_saving_is_what_chance_would_give(measured: float, median: float) -> None:
    chance = random.Random(7)
    draws = [max(0.0, measured - exp(chance.gauss(log(median), SIGMA))) for _ in range(40_000)]
    assert expected_saving(measured, median) == pytest.approx(sum(draws) / len(draws), rel=0.05)


def test_nine_in_ten_claims_are_right_within_their_spread() -> None:
    chance = random.Random(3)
    within = sum(0.5 <= exp(chance.gauss(0.0, SIGMA)) <= 2.0 for _ in range(20_000))
    assert within / 20_000 == pytest.approx(0.9, abs=0.01)


def test_nothing_is_saved_against_nothing() -> None:
    assert expected_saving(0.0, 1.0) == expected_saving(1.0, 0.0) == 0.0


def test_what_is_advertised_counts_in_proportion_where_a_pool_has_a_figure_of_its_own() -> None:
    found = claimed_unit_costs({}, SAME, {"a": 0.2}, "m", {"a": 100.0, "b": 400.0})
    assert found["b"] == pytest.approx(0.05), "four times what a does, whatever both were advertised for"
    assert found["c"] == pytest.approx(0.1), "nothing is said of c: the capacity of the rest, in the geometric mean"


def test_what_is_advertised_is_taken_as_it_is_where_no_pool_has_both() -> None:
    found = claimed_unit_costs({}, SAME, {"d": 0.2}, "m", {"a": 100.0, "b": 400.0})
    assert found["a"] == pytest.approx(1.0 / 360)
    assert found["b"] == pytest.approx(1.0 / 1440)


def test_a_pools_own_claim_and_a_measurement_come_before_what_is_advertised() -> None:
    claims = {"b": (ratio_claim(0.5, "a"),)}
    found = claimed_unit_costs(claims, SAME, {"a": 0.2}, "m", dict.fromkeys(SAME, 1.0) | {"b": 100.0})
    assert found["a"] == 0.2
    assert found["b"] == pytest.approx(0.1)
    assert found["c"] == pytest.approx(0.2), "measured scale: one for one with a, not with what is only claimed"


def test_a_prior_is_as_wide_as_what_it_rests_on() -> None:
    estimate = Estimate(throughput=1.0, unit=Unit.REQUESTS, spread=3.5, kind=Kind.SAME, n=1, because="")
    assert spread((), "m", SAME, None) == CLAIM_SPREAD
    assert spread((), "m", SAME, estimate) == 3.5
    assert spread((ratio_claim(0.5, "b"),), "m", SAME, estimate) == CLAIM_SPREAD
    assert spread((ratio_claim(0.5, "nowhere"),), "m", SAME, estimate) == 3.5, "it says nothing"
    other = Claim(name="c", metric=ClaimMetric.UNIT_COST, ratio=0.1, relative_to="b", model="another")
    assert spread((other,), "m", SAME, estimate) == 3.5
