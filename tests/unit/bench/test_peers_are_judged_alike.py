"""What judges the peers is right: the cases by hand, the optimum, the checker and the bars."""

from dataclasses import replace
from itertools import islice, product
from math import ceil, prod

import numpy as np
import pytest

from bench import peers
from bench.peering.case import Case
from bench.peering.checker import cost, fault
from bench.peering.families import FAMILIES, by_hand
from bench.peering.optimum import optimum
from bench.peering.policies import steelyard

ON_PAPER = {
    "by hand/one large, one small": 3.0,
    "by hand/one large held": 2.0,
    "by hand/too little room": None,
    "by hand/Melange's example": 1.01 * 2 + 3.67,
    # The A100 is short of a third of the third class, which is exactly what one A10G serves.
    "by hand/Melange's example routed by length": 1.01 + 3.67,
}


def counts(case: Case) -> list[range]:
    """Of each pool, all that could be of use."""
    return [range(min(case.fit(0, p, case.limit), ceil(case.load[0] / c)) + 1) if c else range(1) for p, c in enumerate(case.capacity[0])]


def least(case: Case) -> float | None:
    """By walking all of them."""
    plans = (np.array([plan]) for plan in product(*counts(case)))
    return min((cost(case, plan) for plan in plans if not fault(case, plan)), default=None)


def test_cases_by_hand_have_the_optimum_found_on_paper() -> None:
    for case in by_hand():
        plan = optimum(case).replicas
        assert (None if plan is None else cost(case, plan)) == pytest.approx(ON_PAPER[case.name]), case.name


@pytest.mark.parametrize("family", [name for name in FAMILIES if not name.startswith("several") and name != "lengths, routed"])
def test_the_optimum_is_the_one_that_enumeration_finds(family: str) -> None:
    made = (FAMILIES[family](np.random.default_rng(seed)) for seed in range(1_000))
    for case in islice((case for case in made if prod(map(len, counts(case))) < 2_000), 3):
        plan = optimum(case).replicas
        assert (None if plan is None else cost(case, plan)) == pytest.approx(least(case))


@pytest.mark.parametrize("family", [name for name in FAMILIES if not name.startswith("several") and name != "lengths, routed"])
def test_where_every_replica_gets_as_many_requests_too(family: str) -> None:
    made = (replace(FAMILIES[family](np.random.default_rng(seed)), even=True) for seed in range(1_000))
    for case in islice((case for case in made if prod(map(len, counts(case))) < 2_000), 3):
        plan = optimum(case).replicas
        assert (None if plan is None else cost(case, plan)) == pytest.approx(least(case))


def test_what_every_replica_gets_is_what_the_slowest_carries() -> None:
    case = replace(next(by_hand()), even=True)
    both = np.array([[1, 1]])
    slowest = min(case.capacity[0])
    assert fault(replace(case, load=np.array([2 * slowest])), both) == ""
    assert "carries" in fault(replace(case, load=np.array([2 * slowest + 1])), both)
    assert "carries" in fault(case, np.array([[0, 0]]))


@pytest.mark.parametrize("even", [False, True])
@pytest.mark.parametrize("family", ["uniform", "several"])
def test_our_plan_is_made_for_the_way_in_which_requests_are_spread(family: str, even: bool) -> None:
    for seed in range(20):
        case = replace(FAMILIES[family](np.random.default_rng(seed)), even=even)
        answer = steelyard(case)
        if answer.replicas is not None:
            assert fault(case, answer.replicas) == ""


def test_a_plan_that_does_not_hold_is_found_out() -> None:
    case, _, narrow, mixed, routed = by_hand()
    assert fault(case, np.array([[1, 0]])) == "workload 0: carries 25 of 35 requests/s"
    assert fault(case, np.array([[-1, 6]])) == "a negative number of replicas"
    assert fault(narrow, np.array([[2, 0]])) == "pool 0: 2 devices of 1"
    one_of_each = np.array([[1, 1]])
    assert fault(routed, one_of_each) == ""
    assert "carries" in fault(mixed, one_of_each)
    assert "carries" in fault(routed, np.array([[0, 1]]))


def test_one_dearer_plan_of_ours_misses_the_bar() -> None:
    row = dict.fromkeys(peers.COLUMNS) | {
        "case": "a",
        "shares": peers.EQUAL,
        "cost": 4.0,
        "optimum": 4.0,
        "feasible": True,
        "routed": False,
        "answer": "planned",
        "gap": 0.0,
    }
    for ours, met in ((4.0, True), (4.1, False)):
        bars = peers.bars([row | {"policy": "hpa-1.0"}, row | {"policy": peers.OURS, "cost": ours, "over_optimum": ours / 4 - 1}])
        assert next(bar.met for bar in bars if "hpa-1.0, by equal shares" in bar.asked) is met


def test_a_feasible_case_called_infeasible_misses_the_bar() -> None:
    row = dict.fromkeys(peers.COLUMNS) | {"case": "a", "policy": peers.OURS, "optimum": 4.0, "feasible": False, "routed": False}
    row |= {"shares": peers.WEIGHTS}
    for answer, met in (("undecided", True), ("infeasible", False)):
        assert peers.bars([row | {"answer": answer}])[-1].met is met
