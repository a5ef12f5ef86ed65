"""Outcomes come of arrivals, waits and service times, and agree with what queueing theory knows."""

from heapq import heapreplace

import numpy as np
import pytest

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.resources import Resources
from steelyard.simulate.promise import Promise
from steelyard.simulate.queues import Queues
from steelyard.simulate.replica import Replica
from steelyard.simulate.requests import ERROR, GOOD, SHED, SLOW
from steelyard.simulate.slots import Slots

SERVICE = 0.05
STEP = 15.0


def replica(number=1, slots=1, errors=0.0, **changes) -> Replica:
    server = Slots(**{"free_at": np.zeros(slots), "service": SERVICE, "spread": 0.0, "bound": float("inf"), **changes})
    return Replica(
        number=number,
        workload="w",
        key=PlacementKey("a", "r"),
        image="",
        resources=Resources(1, 2),
        created=0.0,
        server=server,
        errors=errors,
    )


def served(replicas, arrivals, *, objective=10.0, step=STEP):
    """(outcome, latency) of all requests, in steps."""
    queues = Queues(Promise(e2e=objective), np.random.default_rng(1))
    parts = []
    end = step
    while end <= arrivals[-1] + 1000:
        parts.append(queues.serve(replicas, arrivals[(arrivals >= end - step) & (arrivals < end)], end))
        end += step
    assert queues.in_flight == 0
    return np.concatenate([p.outcome for p in parts]), np.concatenate([p.latency for p in parts])


def poisson(rate, seconds, seed=3):
    chance = np.random.default_rng(seed)
    return np.sort(chance.random(chance.poisson(rate * seconds)) * seconds)


@pytest.mark.parametrize(
    ("spread", "wait"),
    [
        pytest.param(0.0, 0.7 * SERVICE / (2 * 0.3), id="M/D/1"),
        pytest.param(1.0, 0.7 * SERVICE / 0.3, id="M/M/1"),
        pytest.param(2.0, 0.7 * SERVICE * (1 + 4) / (2 * 0.3), id="M/G/1, Pollaczek and Khinchine"),
    ],
)
def test_the_mean_wait_is_that_of_the_formula(spread, wait):
    arrivals = poisson(0.7 / SERVICE, 60_000)
    _, latency = served([replica(spread=spread)], arrivals)
    assert latency.mean() - SERVICE == pytest.approx(wait, rel=0.06)


@pytest.mark.parametrize("spread", [0.0, 0.5])
@pytest.mark.parametrize("slots", [2, 5])
def test_a_replica_with_slots_is_one_queue_in_front_of_all(slots, spread):
    arrivals = poisson(0.8 * slots / SERVICE, 3000)
    _, latency = served([replica(slots=slots, spread=spread)], arrivals)
    chance = np.random.default_rng(7)
    takes = chance.gamma(1 / spread**2, spread**2 * SERVICE, len(arrivals)) if spread else np.full(len(arrivals), SERVICE)
    free, waits = [0.0] * slots, []
    for at, each in zip(arrivals, takes, strict=True):
        begin = max(at, free[0])
        waits.append(begin - at)
        heapreplace(free, begin + each)
    if spread == 0:
        assert np.sort(latency) == pytest.approx(np.sort(np.array(waits) + SERVICE))
    else:
        assert latency.mean() - SERVICE == pytest.approx(np.mean(waits), rel=0.15)


def test_a_step_is_only_a_step():
    """Where the grid cuts makes no difference to any request."""
    arrivals = poisson(30, 300)
    _, one = served([replica(slots=2)], arrivals, step=300.0)
    _, many = served([replica(slots=2)], arrivals, step=1.0)
    assert np.sort(one) == pytest.approx(np.sort(many))


def test_a_full_replica_sheds_what_it_cannot_carry_and_keeps_its_wait_within_the_bound():
    arrivals = poisson(2 / SERVICE, 2000)
    outcome, latency = served([replica(bound=0.5)], arrivals)
    assert np.mean(outcome == SHED) == pytest.approx(0.5, abs=0.01)
    assert latency[outcome != SHED].max() <= 0.5 + SERVICE + 1e-9
    assert not latency[outcome == SHED].any()


def test_slow_is_what_takes_longer_than_the_objective():
    outcome, latency = served([replica()], poisson(0.8 / SERVICE, 5000), objective=0.2)
    assert np.array_equal(outcome == SLOW, latency > 0.2)
    assert 0.1 < np.mean(outcome == SLOW) < 0.4
    assert set(outcome) == {GOOD, SLOW}


def test_errors_are_a_share_of_what_is_answered():
    outcome, _ = served([replica(errors=0.1)], poisson(5, 5000))
    assert np.mean(outcome == ERROR) == pytest.approx(0.1, rel=0.1)


def test_requests_are_spread_by_chance_over_the_replicas():
    queues = Queues(Promise(e2e=1.0), np.random.default_rng(1))
    answered = queues.serve([replica(1), replica(2), replica(3)], np.linspace(0, 3000, 30_000), 1e9)
    assert np.bincount(answered.replica)[1:] == pytest.approx([10_000] * 3, rel=0.03)


def test_busy_time_is_the_service_that_was_given():
    one = replica(slots=2)
    queues = Queues(Promise(e2e=1.0), np.random.default_rng(1))
    queues.serve([one], np.array([0.0, 0.0, 0.0]), 0.07)
    assert one.worked(0.07) == pytest.approx(2 * SERVICE + 0.02)
    assert one.worked(1.0) == pytest.approx(3 * SERVICE)


def test_what_ends_unanswered_is_cut_and_what_is_in_flight_is_kept():
    one, other = replica(1, service=20.0), replica(2, service=20.0)
    queues = Queues(Promise(e2e=30.0), np.random.default_rng(1))
    assert len(queues.serve([one, other], np.linspace(0, 10, 40), 15.0)) == 0
    before = queues.in_flight
    cut = queues.cut([one])
    assert 0 < cut < before == 40
    assert queues.holds(other)
    assert not queues.holds(one)
    assert len(queues.serve([other], np.zeros(0), 1e9)) == before - cut
