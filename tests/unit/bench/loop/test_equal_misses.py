"""HPA is set after the day is over, and costs are compared where as much is missed."""

from dataclasses import replace

import numpy as np
import pytest

from bench.loop.equal_misses import Setting, Tuned, tuned
from bench.loop.outcome import Outcome
from bench.loop.traces import from_rates
from bench.loop.worlds import world


def ran(cost: float, missed: int) -> tuple[Setting, Outcome]:
    outcome = Outcome(cost=cost, requests=1000, missed=missed, missed_in_outage=None, starts=0, moves=0, days=1.0, replicas={})
    return Setting(pools=("b",), target=0.5), outcome


FOUND = Tuned((ran(20.0, 1), ran(10.0, 100), ran(21.0, 2), ran(40.0, 0)))


def test_the_cheapest_that_keeps_the_allowance_is_chosen_and_else_the_one_that_misses_least() -> None:
    assert FOUND.within(0.01)[1].cost == 20.0
    assert FOUND.within(0.5)[1].cost == 10.0
    assert Tuned((ran(5.0, 300), ran(9.0, 100))).within(0.01)[1].cost == 9.0


def test_costs_at_equal_misses_are_those_of_a_run_that_missed_as_much() -> None:
    assert FOUND.cost_at(0.001) == pytest.approx(20.0)
    assert FOUND.cost_at(0.1) == pytest.approx(10.0)
    assert FOUND.cost_at(0.0) == pytest.approx(40.0)


def test_between_two_runs_the_cost_is_between_theirs_and_outside_it_is_not_known() -> None:
    assert FOUND.cost_at(0.01) == pytest.approx(15.0)
    assert FOUND.cost_at(0.2) is None
    assert Tuned((ran(20.0, 1), ran(10.0, 100))).cost_at(0.0001) is None


def test_a_run_that_costs_more_and_misses_more_than_another_is_no_comparison() -> None:
    assert Tuned((ran(20.0, 1), ran(30.0, 5), ran(10.0, 100))).cost_at(0.01) == pytest.approx(15.0)


def test_every_way_to_fill_the_pools_is_tried_at_several_targets() -> None:
    minutes = from_rates("t", np.arange(2) * 300.0, np.ones(2))
    found = tuned(replace(world("limited", minutes, limit=7.5, percent=99.0), warm_up=900))
    assert {setting.pools for setting, _ in found.runs} == {("a",), ("c", "b", "a")}
    assert len({setting.target for setting, _ in found.runs if setting.pools == ("a",)}) >= 3
    assert found.within(0.01)[1] in [outcome for _, outcome in found.runs]
