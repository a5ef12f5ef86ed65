"""Knobs are set for an allowance, and costs are compared where as much is missed."""

import pytest

from bench.loop.entrants import HPA_TUNED, Entrant
from bench.loop.policies.static import Static
from bench.loop.traces import recorded
from bench.loop.tune import Frontier, frontier, tuned
from bench.loop.world import run
from bench.loop.worlds import world

PLACE = world("unlimited", recorded()["deepseek-r1"].first(3 * 3600), "known", 1)


@pytest.mark.parametrize("allowance", [0.01, 0.001])
def test_a_knob_is_set_as_high_as_the_allowance_lets_it(allowance: float) -> None:
    setting = tuned(HPA_TUNED, PLACE, allowance)
    assert run(PLACE, HPA_TUNED.make(PLACE, setting), allowance=allowance).missed_part <= allowance
    assert run(PLACE, HPA_TUNED.make(PLACE, setting + 0.03), allowance=allowance).missed_part > allowance


def test_a_policy_without_a_knob_cannot_be_set() -> None:
    with pytest.raises(ValueError, match="fixed has no knob"):
        tuned(Entrant(name="fixed", make=lambda _, __: Static(1.0)), PLACE, 0.01)


def test_costs_at_equal_misses_are_those_of_a_run_that_missed_as_much() -> None:
    found = frontier(HPA_TUNED, PLACE, (0.6, 0.7, 0.8, 0.9))
    for setting in (0.7, 0.8):
        outcome = run(PLACE, HPA_TUNED.make(PLACE, setting), allowance=0.01)
        assert found.cost_at(outcome.missed_part) == pytest.approx(outcome.cost)


def test_between_two_runs_the_cost_is_between_theirs_and_outside_it_is_not_known() -> None:
    found = Frontier((0.001, 0.1), (20.0, 10.0))
    assert found.cost_at(0.01) == pytest.approx(15.0)
    assert found.cost_at(0.0005) is None
    assert found.cost_at(0.2) is None
