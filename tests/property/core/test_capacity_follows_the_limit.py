"""A stricter promise never gives more capacity, more uncertainty never a higher lower bound, and none a higher point."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from property.core.curves import CURVES
from property.effort import effort
from steelyard.core.performance.belief import Belief, Reals
from steelyard.core.performance.latency import Curve

LIMITS = st.floats(1e-3, 100)
ROUNDED = 1e-7
"""The arrivals of all loads are solved for together, until the last of them is found: the others are so a little more exactly."""


def saturation(curve: Curve) -> float:
    return float(curve.saturation(curve.belief.mean[:, None])[0])


@effort(100)
@given(CURVES, LIMITS, st.floats(1, 10))
def test_a_longer_limit_never_gives_less(curve: Curve, limit: float, times: float) -> None:
    strict, loose = curve.capacity(limit), curve.capacity(limit * times)
    assert strict.lower <= loose.lower
    assert strict.point <= loose.point
    assert strict.upper <= loose.upper


@effort(100)
@given(CURVES, LIMITS)
def test_bounds_are_in_order_and_no_more_is_promised_than_the_saturation(curve: Curve, limit: float) -> None:
    capacity = curve.capacity(limit)
    assert 0 <= capacity.lower <= capacity.point <= capacity.upper
    assert capacity.point <= saturation(curve) * (1 + 1e-9)


@effort(100)
@given(CURVES, LIMITS, st.floats(1, 9), st.sampled_from(["figures", "scatter", "reach", "lengths", "fewer loads"]))
def test_more_uncertainty_never_gives_a_higher_lower_bound(curve: Curve, limit: float, more: float, where: str) -> None:
    match where:
        case "figures":
            vague = replace(curve, belief=Belief(curve.belief.mean, curve.belief.covariance * more))
        case "scatter":
            vague = replace(curve, level_sigma=curve.level_sigma * more)
        case "reach":
            vague = replace(curve, reach=curve.reach * more)
        case "lengths":
            vague = replace(curve, away=curve.away + more - 1)
        case _:
            vague = replace(curve, loads=curve.loads[:1])
    known, guessed = curve.capacity(limit), vague.capacity(limit)
    assert guessed.lower <= known.lower * (1 + ROUNDED)


@effort(100)
@given(CURVES, LIMITS)
def test_no_uncertainty_gives_a_higher_point_than_the_likeliest_figures(curve: Curve, limit: float) -> None:
    likeliest = replace(curve, belief=Belief(curve.belief.mean, curve.belief.covariance * 1e-12), away=0.0, loads=everywhere(curve))
    assert curve.capacity(limit).point <= likeliest.capacity(limit).point * (1 + 1e-3)


def everywhere(curve: Curve) -> Reals:
    """Loads so near to each other that none is far from one that was seen."""
    return np.asarray(saturation(curve) * np.geomspace(1e-3, 2, 20_000))


@effort(100)
@given(CURVES, LIMITS)
def test_at_the_capacity_the_latency_is_the_limit(curve: Curve, limit: float) -> None:
    capacity = curve.capacity(limit)
    # Interpolated between loads, where latency may be steep: so it is the load that is held against the limit.
    if 1e-2 * saturation(curve) < capacity.point < 0.99 * saturation(curve):
        beyond = capacity.point * np.linspace(1, 1.03, 13)
        # The highest of them: where all slots are taken, as many run all the time, and a quantile of ITL falls again.
        assert curve.at(0.97 * capacity.point).point <= limit <= max(curve.at(rate).point for rate in beyond)
    if 1e-2 * saturation(curve) < capacity.lower < 0.99 * saturation(curve):
        assert curve.at(0.9 * capacity.lower).upper <= limit


@effort(100)
@given(CURVES, LIMITS)
def test_more_than_the_upper_bound_is_carried_by_no_law_within_the_interval(curve: Curve, limit: float) -> None:
    most = curve.full.upper
    assert np.isinf(curve.at(most * 1.2).lower) or np.isfinite(curve.at(most * 1.2).point), "ITL has an end"
    assert saturation(curve) <= most * 1.001
    assert curve.capacity(limit).upper <= most


def test_the_same_evidence_gives_the_same_capacity() -> None:
    @effort(25)
    @given(CURVES, LIMITS)
    def same(curve: Curve, limit: float) -> None:
        assert curve.capacity(limit) == curve.capacity(limit)

    same()
