"""The test of cost holds its error at every look, decides what is large, and never decides more by knowing less."""

import random
from datetime import timedelta
from math import ceil, log

from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.core.facts.window import Window
from steelyard.core.rebalancing.break_even import break_even
from steelyard.core.rebalancing.cost_test import always_valid, cost_ratio, judge, log_ratios
from steelyard.core.statistics.sequential import Result
from unit.core.world import START

RUNS, LOOKS = 400, 60
SURE = (1.0, 1.0)


def looks(mean: float, spread: float, seed: int) -> list[float]:
    chance = random.Random(seed)
    return [chance.gauss(mean, spread) for _ in range(LOOKS)]


def test_the_true_ratio_is_outside_at_any_of_sixty_looks_at_most_one_time_in_twenty() -> None:
    outside = 0
    for seed in range(RUNS):
        values = looks(0.0, 0.2, seed)
        bounds = [always_valid(values[:n]) for n in range(1, LOOKS + 1)]
        outside += any(lower > 0 or upper < 0 for _, lower, upper in bounds)
    assert outside / RUNS <= 0.05 + 0.033


def test_a_saving_of_a_quarter_is_seen_within_a_bake_through_windows_that_differ_by_a_seventh() -> None:
    passed = 0
    for seed in range(200):
        values = looks(log(0.75), 0.14, seed)
        passed += any(judge(cost_ratio(values[:n], 1.0), n, SURE).result is Result.PASS for n in range(1, 31))
    assert passed >= 190


_values = st.lists(st.floats(-3, 3), min_size=0, max_size=30)


@settings(max_examples=300, deadline=None)
@given(values=_values, times=st.floats(1, 10), copies=st.integers(1, 4), limit=st.floats(0.1, 3))
def test_wider_spread_or_fewer_windows_never_decide(values: list[float], times: float, copies: int, limit: float) -> None:
    mean = sum(values) / max(1, len(values))
    sure = judge(cost_ratio(values * copies, 1.0), len(values), (limit, limit))
    spread = [mean + times * (v - mean) for v in values]
    for vague in (spread * copies, values):
        test = judge(cost_ratio(vague, 1.0), len(vague), (limit, limit))
        if abs(mean - log(limit)) > 1e-9:  # at the limit itself the last digit decides
            assert test.result in {Result.INCONCLUSIVE, sure.result}


_counts = st.integers(0, 500)
_seconds = st.none() | st.floats(0, 600)


@st.composite
def windows(draw: st.DrawFn) -> list[Window]:
    found = []
    for index in range(draw(st.integers(0, 8))):
        start = START + timedelta(seconds=60 * index + draw(st.integers(0, 40)))
        found.append(
            Window(
                start=start,
                end=start + timedelta(seconds=draw(st.sampled_from([30, 60, 90]))),
                good=draw(_counts),
                slow=draw(_counts),
                error=0,
                shed=0,
                replica_seconds=60.0,
                busy_seconds=draw(_seconds),
                cost=None,
                steady=True,
            )
        )
    return found


@settings(max_examples=150, deadline=None)
@given(target=windows(), source=windows(), prices=st.floats(0.01, 100), limits=st.tuples(st.floats(0, 10), st.floats(0, 10)))
def test_any_windows_have_an_answer(target: list[Window], source: list[Window], prices: float, limits: tuple[float, float]) -> None:
    ratios = log_ratios(target, source)
    assert len(ratios) <= len(target)
    ratio = cost_ratio(ratios, prices)
    assert ratio is None or (0 <= ratio.lower <= ratio.point * (1 + 1e-9) and ratio.point <= ratio.upper * (1 + 1e-9))
    test = judge(ratio, len(ratios), limits)
    assert (test.result is Result.INCONCLUSIVE) or ratio is not None
    assert str(test)


@settings(max_examples=300, deadline=None)
@given(
    rate=st.just(0.0) | st.floats(0.01, 1000),
    given_up=st.integers(0, 50),
    staying=st.integers(0, 20),
    capacity=st.floats(0.1, 100),
    prices=st.floats(0.01, 100),
    least=st.integers(0, 10),
)
def test_below_the_break_even_the_target_carries_the_load_for_less(
    rate: float, given_up: int, staying: int, capacity: float, prices: float, least: int
) -> None:
    limit = break_even(rate, given_up, staying, capacity, prices, least)
    assert limit >= 0
    if rate > 0 and limit > 0:
        # A target just cheaper than the limit: its capacity by the ratio, and the replicas that it needs beside those that stay.
        own = prices * capacity / (limit * 0.98)
        needed = max(least, 1, ceil(rate * 0.999 / own) - staying)
        assert needed * prices < given_up
