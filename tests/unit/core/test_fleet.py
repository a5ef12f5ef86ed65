"""A fleet with a figure that cannot be true is refused, and the error says which."""

from dataclasses import replace

import numpy as np
import pytest

from steelyard.core.planning.fleet.effort import Effort
from steelyard.core.planning.fleet.fleet import Fleet
from steelyard.core.planning.fleet.outcome import FleetInfeasible, FleetPlanned
from steelyard.core.planning.fleet.solve import share_pools


def small(**changes: object) -> Fleet:
    """Two workloads, two pools; the cheaper pool has three devices."""
    fleet = Fleet(
        load=np.array([10.0, 20.0]),
        capacity=np.full((2, 2), 10.0),
        cost=np.array([[1.0, 2.0], [1.0, 2.0]]),
        devices=np.ones((2, 2)),
        limit=np.array([3.0, np.inf]),
        current=np.zeros((2, 2), np.int64),
        added=np.zeros((2, 2)),
        most=np.full((2, 2), 9, np.int64),
    )
    return replace(fleet, **changes)  # type: ignore[arg-type]


def test_a_fleet_whose_figures_can_be_true_is_planned() -> None:
    found = share_pools(small())
    assert isinstance(found, FleetPlanned)
    assert found.cost == 3.0


@pytest.mark.parametrize("wrong", [np.inf, np.nan, -1.0])
@pytest.mark.parametrize(
    ("field", "words"), [("load", "loads"), ("capacity", "capacities"), ("cost", "costs"), ("added", "added costs"), ("devices", "devices")]
)
def test_a_figure_that_is_infinite_negative_or_none_is_refused(field: str, words: str, wrong: float) -> None:
    figures = getattr(small(), field).copy()
    figures[0] = wrong
    with pytest.raises(ValueError, match=words):
        small(**{field: figures})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cost": np.zeros((2, 2))}, "costs"),
        ({"limit": np.array([-1.0, 1.0])}, "limits"),
        ({"limit": np.array([np.nan, 1.0])}, "limits"),
        ({"current": np.full((2, 2), -1)}, "replicas now"),
        ({"most": np.full((2, 2), -1)}, "replicas now"),
        ({"least": np.array([-1, 0])}, "least"),
        ({"maximum": np.array([-1, 0])}, "least"),
        ({"spot_percent": np.array([101, 0])}, "spot shares"),
        ({"spot_percent": np.array([-1, 0])}, "spot shares"),
        ({"money": np.array([-1.0])}, "budgets"),
        ({"payer": np.array([0, -1])}, "payer"),
        ({"money": np.array([1.0]), "payer": np.array([-2, 0])}, "payer"),
    ],
)
def test_a_rule_that_nothing_can_keep_is_refused(changes: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        small(**changes)


def test_a_fleet_without_a_pool_is_refused() -> None:
    none, whole = np.zeros((1, 0)), np.zeros((1, 0), np.int64)
    with pytest.raises(ValueError, match="pool"):
        Fleet(load=np.ones(1), capacity=none, cost=none, devices=none, limit=np.zeros(0), current=whole, added=none, most=whole)


def test_equal_plans_stay_where_the_replicas_are() -> None:
    even_prices = small(cost=np.ones((2, 2)), limit=np.full(2, np.inf), current=np.array([[0, 1], [2, 0]]))
    found = share_pools(even_prices)
    assert isinstance(found, FleetPlanned)
    assert found.replicas.tolist() == [[0, 1], [2, 0]]


def test_what_is_missing_at_least_is_counted() -> None:
    found = share_pools(small(limit=np.array([1.0, 1.0])))
    assert isinstance(found, FleetInfeasible)
    assert found.missing == pytest.approx(1.0, abs=0.01)


def test_a_workload_that_no_mix_can_carry_by_its_rules_is_told_apart_and_the_others_are_planned() -> None:
    found = share_pools(small(maximum=np.array([9, 1])))
    assert isinstance(found, FleetPlanned)
    assert (found.without, found.unknown) == ((1,), ())
    assert found.replicas.tolist() == [[1, 0], [0, 0]]


def test_the_same_fleet_gets_the_same_plan() -> None:
    first, second = share_pools(small()), share_pools(small())
    assert isinstance(first, FleetPlanned)
    assert isinstance(second, FleetPlanned)
    assert np.array_equal(first.replicas, second.replicas)
    assert np.array_equal(first.prices, second.prices)


def test_a_fleet_whose_load_has_gone_costs_nothing_whatever_was_short_before() -> None:
    before = share_pools(small(limit=np.array([1.0, np.inf])))
    assert isinstance(before, FleetPlanned)
    assert before.prices[0] > 0
    found = share_pools(small(limit=np.array([1.0, np.inf]), load=np.zeros(2)), before.warm_start, Effort(exact=0))
    assert isinstance(found, FleetPlanned)
    assert (found.cost, found.bound) == (0.0, 0.0)
