"""Evidence narrows what is believed, in any order; age and new software widen it again; a claim never wins over a measurement."""

from datetime import timedelta
from math import exp, inf, log

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.facts.capacity import Basis
from steelyard.core.performance.belief import Belief, Evidence, Reals
from steelyard.core.performance.capacity import believed
from steelyard.core.performance.epoch import Epoch, Software
from steelyard.core.statistics.interval import Interval
from unit.core.world import START

FIGURES = st.floats(0.01, 1000)
SPREADS = st.floats(1.05, 50)
HALF_LIFE = 3600.0
OLD, NEW = Software(artifact="a", image="i", driver="1"), Software(artifact="a", image="i", driver="2")


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


@given(priors(), evidence(), st.floats(0, 1e6), st.floats(0, 1e6))
def test_age_never_narrows(prior: Belief, seen: Evidence, age: float, more: float) -> None:
    epoch = Epoch.begun(OLD, prior, START).seen(seen, START, HALF_LIFE)
    young, old = (epoch.belief(START + timedelta(seconds=s), HALF_LIFE) for s in (age, age + more))
    assert no_wider(young, old)
    assert no_wider(old, prior)


@given(priors(), evidence())
def test_what_is_old_enough_is_forgotten(prior: Belief, seen: Evidence) -> None:
    epoch = Epoch.begun(OLD, prior, START).seen(seen, START, HALF_LIFE)
    forgotten = epoch.belief(START + timedelta(seconds=100 * HALF_LIFE), HALF_LIFE)
    assert close(forgotten.mean, prior.mean)
    assert close(forgotten.covariance, prior.covariance)


@given(priors(), evidence(), evidence(), st.floats(0, 1e5))
def test_evidence_told_late_counts_as_of_its_own_time(prior: Belief, first: Evidence, second: Evidence, apart: float) -> None:
    later = START + timedelta(seconds=apart)
    in_order = Epoch.begun(OLD, prior, START).seen(first, START, HALF_LIFE).seen(second, later, HALF_LIFE).belief(later, HALF_LIFE)
    late = Epoch.begun(OLD, prior, START).seen(second, later, HALF_LIFE).seen(first, START, HALF_LIFE).belief(later, HALF_LIFE)
    assert close(in_order.mean, late.mean)
    assert close(in_order.covariance, late.covariance)


@given(priors(), evidence(), evidence(), st.floats(0, 1e5))
def test_new_software_is_known_less_than_the_old_one_and_more_than_nothing(
    prior: Belief, seen: Evidence, since: Evidence, age: float
) -> None:
    later = START + timedelta(seconds=age)
    old = Epoch.begun(OLD, prior, START).seen(seen, START, HALF_LIFE)
    new = old.under(NEW, later, HALF_LIFE)
    assert old.under(OLD, later, HALF_LIFE) is old
    before, after = old.belief(later, HALF_LIFE), new.belief(later, HALF_LIFE)
    assert close(after.mean, before.mean)
    assert np.all(np.diag(after.covariance) > np.diag(before.covariance))
    assert no_wider(after, prior.widened(1.3 + 1e-9))
    assert no_wider(new.seen(since, later, HALF_LIFE).belief(later, HALF_LIFE), after)


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
