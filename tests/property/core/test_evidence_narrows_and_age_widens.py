"""Evidence narrows what is believed, in any order; age and new software widen it again; a claim never wins over a measurement."""

from datetime import timedelta
from math import exp, inf, log

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.facts.capacity import Basis, Capacity
from steelyard.core.facts.memory import Known
from steelyard.core.performance.ageing import aged
from steelyard.core.performance.belief import Belief, Evidence, Reals
from steelyard.core.performance.capacity import REVISION_SPREAD, believed
from steelyard.core.performance.epoch import inherited
from steelyard.core.statistics.interval import Interval
from unit.core.world import START

FIGURES = st.floats(0.01, 1000)
SPREADS = st.floats(1.05, 50)


@st.composite
def evidence(draw: st.DrawFn, figures: int = 3) -> Evidence:
    """Of some directions: slopes of up to four observations."""
    slopes = np.array([[draw(st.floats(-5, 5)) for _ in range(figures)] for _ in range(draw(st.integers(0, 4)))]).reshape(-1, figures)
    precision = slopes.T @ slopes
    return Evidence(precision, precision @ np.array([draw(st.floats(-3, 3)) for _ in range(figures)]))


@st.composite
def priors(draw: st.DrawFn, figures: int = 3) -> Belief:
    return Belief.of([draw(FIGURES) for _ in range(figures)], [draw(SPREADS) for _ in range(figures)])


def measured(point: float, spread: float) -> Evidence:
    return Evidence.of(Interval(point, point / spread, point * spread))


def no_wider(one: Belief, other: Belief) -> bool:
    """In any direction: the difference of covariances has no negative eigenvalue."""
    return bool(np.linalg.eigvalsh(other.covariance - one.covariance).min() >= -1e-9 * np.abs(other.covariance).max())


def close(one: Reals, other: Reals) -> bool:
    return bool(np.allclose(one, other, rtol=1e-6, atol=1e-9))


@given(priors(), evidence())
def test_evidence_never_widens(prior: Belief, seen: Evidence) -> None:
    assert no_wider(prior.given(seen), prior)


@given(priors(), evidence(), evidence())
def test_the_order_of_evidence_does_not_matter(prior: Belief, first: Evidence, second: Evidence) -> None:
    one, other, both = prior.given(first).given(second), prior.given(second).given(first), prior.given(first + second)
    for belief in (one, other):
        assert close(belief.mean, both.mean)
        assert close(belief.covariance, both.covariance)


@st.composite
def remembered(draw: st.DrawFn) -> Known:
    """The figures of an older revision, measured some time ago, or nobody knows when."""
    point, below, above = draw(FIGURES), draw(st.floats(1, 50)), draw(st.floats(1, 50))
    at = draw(st.none() | st.floats(0, 40).map(lambda days: START - timedelta(days=days)))
    return Known(
        pool="p",
        revision="r1",
        capacity=Capacity(Interval(point, point / below, point * above), draw(st.sampled_from(Basis)), 600),
        probed=at,
    )


@given(remembered(), st.floats(0, 100))
def test_new_software_is_known_less_than_the_old_one(older: Known, days: float) -> None:
    now = START + timedelta(days=days)
    before, after = aged(older, now), inherited(older, now)
    assert before is not None and after is not None
    assert after.rate.point == before.rate.point
    assert after.rate.lower < before.rate.lower <= before.rate.upper < after.rate.upper
    assert after.rate.upper >= after.rate.point * REVISION_SPREAD * (1 - 1e-9)
    assert after.rate.lower <= after.rate.point / REVISION_SPREAD * (1 + 1e-9)
    assert not after.observed and after.n == 0, "it rests on no request of its own"


@given(remembered(), st.floats(0, 100), st.floats(0, 100))
def test_the_longer_ago_the_older_revision_was_measured_the_less_it_says(older: Known, days: float, more: float) -> None:
    young, old = (inherited(older, START + timedelta(days=d)) for d in (days, days + more))
    assert young is not None and old is not None
    assert old.rate.lower <= young.rate.lower * (1 + 1e-9)
    assert old.rate.upper >= young.rate.upper * (1 - 1e-9)


@effort(300)
@given(FIGURES, SPREADS, FIGURES, st.floats(1.01, 50), st.integers(1, 10_000))
def test_a_claim_never_wins_over_a_measurement(claim: float, spread: float, seen: float, noise: float, n: int) -> None:
    capacity = believed(Belief.of((claim,), (spread,)), measured(seen, noise), n)
    if capacity.basis is Basis.MEASURED:
        assert abs(log(capacity.rate.point / seen)) <= abs(log(capacity.rate.point / claim)) + 1e-9
    low, high = sorted((claim, seen))
    assert low * (1 - 1e-9) <= capacity.rate.point <= high * (1 + 1e-9)
    assert capacity.rate.lower < capacity.rate.point < capacity.rate.upper


@given(FIGURES, SPREADS, FIGURES, st.floats(1.01, 50), st.integers(1, 20))
def test_more_windows_narrow_and_never_turn_measured_into_claimed(
    claim: float, spread: float, seen: float, noise: float, more: int
) -> None:
    prior, window = Belief.of((claim,), (spread,)), measured(seen, noise)
    width, basis, total = inf, Basis.CLAIMED, Evidence.nothing(1)
    for _ in range(more):
        total = total + window
        capacity = believed(prior, total, 1)
        assert log(capacity.rate.upper / capacity.rate.lower) < width
        assert basis is Basis.CLAIMED or capacity.basis is Basis.MEASURED
        width, basis = log(capacity.rate.upper / capacity.rate.lower), capacity.basis


def test_a_claim_twice_off_is_forgotten_after_one_precise_window() -> None:
    capacity = believed(Belief.of((200.0,), (2.0,)), measured(100.0, 1.1), 600)
    assert capacity.basis is Basis.MEASURED
    assert abs(capacity.rate.point / 100 - 1) < 0.02
    assert capacity.rate.upper < 200 * exp(-0.5)
