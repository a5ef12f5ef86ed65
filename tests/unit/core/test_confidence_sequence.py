"""Bounds that hold at every look are left by the truth as seldom as they say, and those of a fixed n are not."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log, sqrt

import numpy as np
import pytest

from steelyard.core.facts.memory import VerdictWord
from steelyard.core.facts.window import KEPT
from steelyard.core.rebalancing.verdict import TOLERANCE, Comparison, Seen, on_claim
from steelyard.core.statistics.confidence_sequence import LOOKS, NORMAL, WRONG, always_valid, at_one_look, widening
from steelyard.core.statistics.interval import MOST_POWER, Interval

RUNS = 1_500
SPREAD = 0.2
"""Of a window's logarithm."""
ENOUGH = 300


def runs_with(what: Callable[[Interval], bool]) -> float:
    """The part of runs in which something is so at any look at the mean of the windows so far, where the truth is 1."""
    chance = np.random.default_rng(7)
    means = np.cumsum(chance.normal(0.0, SPREAD, (RUNS, LOOKS)), axis=1) / np.arange(1, LOOKS + 1)
    half = [NORMAL * SPREAD / sqrt(n) for n in range(1, LOOKS + 1)]
    found = (any(what(Interval(exp(m), exp(m - h), exp(m + h))) for m, h in zip(run, half, strict=True)) for run in means.tolist())
    return sum(found) / RUNS


@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_the_truth_is_beyond_a_bound_at_no_look_but_with_the_chance_that_is_said(alpha: float) -> None:
    assert runs_with(lambda seen: always_valid(seen, alpha).lower > 1.0) <= alpha
    assert runs_with(lambda seen: always_valid(seen, alpha).upper < 1.0) <= alpha


@pytest.mark.parametrize("lower_is_better", [True, False])
def test_a_claim_at_the_end_of_its_tolerance_gets_a_wrong_word_in_one_run_of_a_hundred_at_most(*, lower_is_better: bool) -> None:
    """The hardest ones there are: a hair more, or less, makes the other word the wrong one."""

    def says(word: VerdictWord, claimed: float) -> float:
        def said(seen: Interval) -> bool:
            beside = Comparison(what="unit cost", claimed=claimed, seen=Seen(seen, ENOUGH), lower_is_better=lower_is_better)
            return on_claim("a", "c", beside, ENOUGH).verdict is word

        return runs_with(said)

    end = 1 / (1 + TOLERANCE) if lower_is_better else 1 / (1 - TOLERANCE)
    hair = 1e-9 if lower_is_better else -1e-9
    assert says(VerdictWord.REFUTED, end * (1 + hair)) <= WRONG
    assert says(VerdictWord.CONFIRMED, end * (1 - hair)) <= WRONG


def test_an_interval_of_a_fixed_n_is_left_by_far_more_runs_than_one_in_twenty() -> None:
    assert runs_with(lambda seen: not seen.lower <= 1.0 <= seen.upper) > 0.1


def test_they_hold_for_as_many_windows_as_are_kept() -> None:
    assert LOOKS == KEPT


def test_the_surer_the_wider_and_the_point_stays() -> None:
    seen = Interval(2.0, 1.6, 2.4)
    sure, surer = always_valid(seen, 0.05), always_valid(seen, 0.01)
    assert surer.lower < sure.lower < seen.lower < seen.point == surer.point < seen.upper < sure.upper < surer.upper
    assert widening(0.05) == pytest.approx(1.41, abs=0.01)
    assert widening(0.01) == pytest.approx(1.71, abs=0.01)


def test_they_are_no_wider_than_a_mixture_that_is_made_for_their_own_n() -> None:
    """Robbins (1970), of one side: where it is narrowest it is as wide, and wider at every other n."""

    def mixture(n: float) -> float:
        return sqrt(2 * (n + 1) / n * log(1 + sqrt(n + 1) / (2 * WRONG)))

    assert NORMAL * widening(WRONG) == pytest.approx(min(mixture(0.1 * n) for n in range(1, 1000)), rel=1e-3)


def test_what_may_be_nothing_stays_so() -> None:
    assert always_valid(Interval(1.0, 0.0, 2.0), 0.01) == Interval(1.0, 0.0, 2.0)


def test_what_is_looked_at_once_needs_no_more_than_its_quantile() -> None:
    seen = Interval(10.0, 8.0, 12.5)
    once, always = at_one_look(seen, 0.01), always_valid(seen, 0.01)
    assert always.lower < once.lower < seen.lower
    assert seen.upper < once.upper < always.upper
    assert log(once.upper / 10.0) == pytest.approx(2.326 / 1.96 * log(1.25), rel=1e-3)


def test_bounds_that_are_as_far_apart_as_a_status_can_say_are_no_error() -> None:
    wide = Interval(1.0, 1e-300, 1e300)
    assert wide.by_chance_over(wide).upper == pytest.approx(exp(MOST_POWER))
    assert always_valid(wide, WRONG).upper == pytest.approx(exp(MOST_POWER))
