"""Fleets on scarce pools: the plan with full knowledge obeys every limit, its bound is below it, and it can be carried out."""

from functools import cache

import pytest

from bench.benchmark import Row
from bench.fleet import bars
from bench.scarce.case import HOUR, NODE_SECONDS, START_SECONDS, STEP, WARM_UP, Case, drawn, shortest
from bench.scarce.known import PERIOD, Known, known
from bench.scarce.play import carried_out

SLACK = 1e-9
AHEAD = NODE_SECONDS + START_SECONDS + 4 * STEP


@cache
def small() -> tuple[Case, Known]:
    case = drawn(5, 3, claims="wrong", seconds=2 * HOUR, seed=2)
    return case, known(case)


def test_the_cheap_pools_hold_less_than_the_fleet_would_like_and_one_pool_holds_all() -> None:
    case, plan = small()
    limits = {pool.name: pool.max_nodes or 0 for pool in case.scenario.pools}
    used = {pool: max(sum(each.get(pool, 0) for each in made.values()) for made in plan.allocations) for pool in limits}
    assert any(used[pool] == limits[pool] for pool in limits if pool != "plenty")
    assert 0 < used["plenty"] < limits["plenty"]


def test_no_plan_uses_more_of_a_pool_than_there_is() -> None:
    case, plan = small()
    for made in plan.allocations:
        for pool in case.scenario.pools:
            assert sum(each.get(pool.name, 0) for each in made.values()) <= (pool.max_nodes or 0)


def test_the_bound_is_below_what_the_plans_cost() -> None:
    case, plan = small()
    prices = {pool.name: pool.price_per_hour or 0.0 for pool in case.scenario.pools}
    counted = plan.allocations[WARM_UP // PERIOD :]
    cost = sum(many * prices[pool] * PERIOD / HOUR for made in counted for each in made.values() for pool, many in each.items())
    assert 0.7 * cost < plan.bound <= cost + SLACK


def test_the_plan_can_be_carried_out_with_fewer_misses_than_are_allowed_and_costs_more_than_its_bound() -> None:
    case, plan = small()
    fared = carried_out(case, plan.allocations)
    assert fared.above == 0
    assert fared.missed <= fared.worst <= 0.01
    assert plan.bound <= fared.cost <= 1.2 * plan.bound


def test_in_the_smallest_fleet_nine_replicas_are_needed_and_two_of_them_are_cheap() -> None:
    case = shortest()
    allocation = known(case).allocations[-1]
    assert sum(each.get("cheap", 0) for each in allocation.values()) == 2
    assert sum(sum(each.values()) for each in allocation.values()) == 9
    assert known(case).bound == pytest.approx(6 * (2 * 0.5 + 7 * 1.0))


def test_what_is_planned_for_later_is_ordered_early_enough_to_start_and_no_earlier() -> None:
    case, change = shortest(), 8
    few, many = ({name: {"plenty": each} for name in ("one", "two", "three")} for each in (3, 5))
    fared = carried_out(case, [few] * change + [many] * 6)
    later = (WARM_UP + case.seconds - change * PERIOD + AHEAD) / HOUR
    assert fared.cost == pytest.approx(9 * case.seconds / HOUR + 6 * later, abs=6 * STEP / HOUR)
    assert fared.moves == 0


def test_the_same_seed_draws_the_same_fleet_and_wrong_claims_change_nothing_that_is_true() -> None:
    true, wrong = drawn(5, 3, claims="true", seconds=HOUR, seed=2), drawn(5, 3, claims="wrong", seconds=HOUR, seed=2)
    assert drawn(5, 3, claims="true", seconds=HOUR, seed=2).scenario == true.scenario
    assert true.scenario.workloads == wrong.scenario.workloads
    assert [p.price_per_hour for p in true.scenario.pools] == [p.price_per_hour for p in wrong.scenario.pools]
    assert {p.claims[0].times_truth for p in true.scenario.pools} == {1.0} != {p.claims[0].times_truth for p in wrong.scenario.pools}


def row(**changes: object) -> Row:
    given: dict[str, object] = {"workloads": 10, "policy": "steelyard", "worst_workload_missed": 0.009, "above": 0, "vs_plan": 1.05}
    return {**given, **changes}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("rows", "met"),
    [
        ([row()], [True, True]),
        ([row(), row(worst_workload_missed=0.02, above=1)], [False, False]),
        ([row(), row(vs_plan=1.2)], [True, False]),
        ([row(), row(policy="plan carried out", worst_workload_missed=0.5, vs_plan=1.0)], [True, True]),
    ],
)
def test_the_worst_workload_of_the_dearest_fleet_counts_and_serving_nobody_is_not_cheap(rows: list[Row], met: list[bool]) -> None:
    assert [bar.met for bar in bars(rows)] == met
