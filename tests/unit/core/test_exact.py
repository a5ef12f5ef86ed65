"""The exact choice for one workload: small cases by hand, and a reason where there is none."""

import pytest

from steelyard.core.planning.exact import cheapest, solve
from steelyard.core.planning.outcome import Infeasible, Planned, Undecided
from steelyard.core.planning.problem import Offer, Problem


def offer(pool: str = "a", **changes: object) -> Offer:
    given: dict[str, object] = {"family": pool, "spot": False, "capacity": 10.0, "cost": 1.0, "most": 20, **changes}
    return Offer(pool=pool, **given)  # type: ignore[arg-type]


def problem(*offers: Offer, load: float = 30.0, **changes: object) -> Problem:
    given: dict[str, object] = {"minimum": 1, "maximum": 10, **changes}
    return Problem(load=load, offers=offers, **given)  # type: ignore[arg-type]


def planned(p: Problem) -> Planned:
    outcome = solve(p)
    assert isinstance(outcome, Planned)
    return outcome


def test_the_cheapest_per_capacity_wins_when_whole_numbers_agree() -> None:
    assert planned(problem(offer("a"), offer("b", capacity=20.0, cost=1.4))).replicas == {"b": 2}


def test_a_tie_stays_where_it_is_and_else_goes_by_name() -> None:
    assert planned(problem(offer("a"), offer("b", current=3))).replicas == {"b": 3}
    assert planned(problem(offer("b"), offer("a"))).replicas == {"a": 3}


@pytest.mark.parametrize("load", [5.0, 45.0, 1e6], ids=["one pool", "both pools", "too much"])
def test_the_plan_alone_is_that_of_the_whole_answer(load: float) -> None:
    asked = problem(offer("a", most=3), offer("b", capacity=20.0, cost=1.9, most=2), load=load)
    outcome = solve(asked)
    assert cheapest(asked) == (outcome.replicas if isinstance(outcome, Planned) else None)


def test_the_price_of_moving_keeps_a_small_saving_where_it_is() -> None:
    assert planned(problem(offer("a", current=3), offer("b", cost=0.95, added=0.1))).replicas == {"a": 3}
    assert planned(problem(offer("a", current=3), offer("b", cost=0.85, added=0.1))).replicas == {"b": 3}


def test_equal_shares_are_bounded_by_the_slowest_pool_in_use() -> None:
    fast, slow = offer("a", capacity=20.0, most=1), offer("b", capacity=10.0, most=9)
    assert planned(problem(fast, slow)).replicas == {"b": 3}
    assert planned(problem(fast, slow, equal_share=False)).replicas == {"a": 1, "b": 1}


def test_pools_that_are_too_small_one_by_one_are_used_together_however_many_it_takes() -> None:
    assert planned(problem(*(offer(pool, most=1) for pool in "abcde"), load=45.0)).replicas == dict.fromkeys("abcde", 1)


def test_a_spot_share_is_diluted_with_replicas_that_the_load_does_not_need() -> None:
    forced = offer("s", spot=True, least=2, cost=0.1)
    assert planned(problem(forced, offer("z"), load=5.0, max_spot_percent=50)).replicas == {"s": 2, "z": 2}
    assert planned(problem(offer("z", spot=True, least=2, cost=0.1), offer("a"), load=5.0, max_spot_percent=50)).replicas == {
        "z": 2,
        "a": 2,
    }


def test_no_spot_at_all_means_none() -> None:
    assert planned(problem(offer("s", spot=True, cost=0.1), offer("z"), max_spot_percent=0)).replicas == {"z": 3}


@pytest.mark.parametrize(
    ("hopeless", "blamed", "words"),
    [
        pytest.param(problem(), "pools", "select more pools", id="no pool"),
        pytest.param(
            problem(offer(), min_families=2), "minAcceleratorFamilies", "set spec.placement.minAcceleratorFamilies to 1", id="families"
        ),
        pytest.param(problem(offer(spot=True), max_spot_percent=50), "maxSpotPercent", "maxSpotPercent to 100", id="spot alone"),
        pytest.param(problem(offer(), load=101.0), "maxReplicas", "maxReplicas is 10: raise it", id="too much load"),
        pytest.param(problem(offer(most=2)), "pool limits", "raise spec.capacity.maxNodes", id="too few nodes"),
        pytest.param(
            problem(offer("a", most=1), offer("s", spot=True), max_spot_percent=20),
            "maxSpotPercent",
            "pool",
            id="too little to dilute with",
        ),
        pytest.param(problem(offer("a", least=11), load=5.0), "pools[].minReplicas", "maxReplicas", id="a minimum above the maximum"),
    ],
)
def test_what_cannot_be_is_explained(hopeless: Problem, blamed: str, words: str) -> None:
    outcome = solve(hopeless)
    assert isinstance(outcome, Infeasible)
    assert blamed in outcome.conflict
    assert words in outcome.relaxation


def test_lifting_what_is_named_makes_a_plan() -> None:
    from dataclasses import replace

    hopeless = problem(offer("a", most=1), offer("s", spot=True), max_spot_percent=20)
    outcome = solve(hopeless)
    assert isinstance(outcome, Infeasible)
    assert outcome.conflict == ("pool limits", "maxSpotPercent")
    assert isinstance(solve(replace(hopeless, max_spot_percent=100)), Planned)


def test_a_problem_too_large_to_walk_has_a_plan_and_an_honest_gap() -> None:
    large = problem(*(offer(f"p{i:02d}", cost=1 + i / 100, capacity=10 + i, most=5000) for i in range(14)), load=20_000.0, maximum=10_000)
    outcome = planned(large)
    assert 0 < outcome.bound <= outcome.cost
    assert outcome.gap < 0.01


def test_no_plan_found_in_the_time_there_is_is_not_called_infeasible() -> None:
    small = [offer(f"p{i:02d}", capacity=10.0, most=60) for i in range(20)]
    outcome = solve(problem(*small, load=10_000.0, maximum=10_000))
    assert isinstance(outcome, Undecided)
    assert outcome.bound == 1000.0


def test_a_price_or_a_capacity_of_nothing_is_no_offer() -> None:
    with pytest.raises(ValueError, match="pool a"):
        offer(cost=0.0)


def test_a_minimum_above_the_maximum_is_what_collides() -> None:
    outcome = solve(problem(offer("a"), minimum=4, maximum=3, load=10.0))
    assert isinstance(outcome, Infeasible)
    assert outcome.conflict == ("minReplicas", "maxReplicas")


@pytest.mark.parametrize(
    "changes", [{"capacity": float("inf")}, {"cost": float("nan")}, {"added": float("inf")}, {"most": -1}, {"current": -1}]
)
def test_an_offer_with_a_figure_that_cannot_be_true_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="offer of pool a"):
        offer("a", **changes)


@pytest.mark.parametrize(
    "changes", [{"load": float("nan")}, {"load": float("inf")}, {"load": -1.0}, {"max_spot_percent": 101}, {"minimum": -1}, {"maximum": -1}]
)
def test_a_problem_with_a_figure_that_cannot_be_true_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must|between"):
        problem(offer("a"), **changes)
