"""The law of late answers is that of the simulator's queues."""

import numpy as np
import pytest

from bench.loop.waiting import Constant, late, played, utilisation, within
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.resources import Resources
from steelyard.simulate.promise import Promise
from steelyard.simulate.queues import Queues
from steelyard.simulate.replica import Replica
from steelyard.simulate.requests import SLOW
from steelyard.simulate.slots import Slots
from steelyard.simulate.truth import Truth
from steelyard.simulate.workload_entry import ObjectiveEntry

SERVICE = 0.5


def replica(number: int) -> Replica:
    return Replica(
        number=number,
        workload="work",
        key=PlacementKey("b", "r0"),
        image="image",
        resources=Resources(1, 1, 0),
        created=0.0,
        server=Slots(free_at=np.zeros(1), service=SERVICE, spread=0.0, bound=1e9),
        ready=True,
    )


def simulated(rho: float, limit: float, replicas: int) -> float:
    """The part that is late of half a million requests that arrive by chance."""
    chance = np.random.default_rng(7)
    queues, requests = Queues(Promise(e2e=limit * SERVICE), chance), 500_000
    arrivals = np.cumsum(chance.exponential(SERVICE / rho / replicas, requests))
    answered = queues.serve([replica(n) for n in range(replicas)], arrivals, float("inf"))
    return float(np.mean(answered.outcome == SLOW))


@pytest.mark.parametrize(("rho", "limit", "replicas"), [(0.32, 3.0, 1), (0.7, 7.5, 1), (0.7, 7.5, 4), (0.58, 5.0, 10), (0.85, 15.0, 4)])
def test_queues_of_the_simulator_are_late_as_often_as_the_law_says(rho: float, limit: float, replicas: int) -> None:
    assert simulated(rho, limit, replicas) == pytest.approx(float(late(np.array([rho]), limit)[0]), rel=0.15)


@pytest.mark.parametrize(
    ("limit", "at_99", "at_999"), [(3, 0.32, 0.16), (5, 0.56, 0.41), (7.5, 0.70, 0.58), (15, 0.85, 0.78), (25, 0.91, 0.86)]
)
def test_the_utilisations_that_the_page_names_are_those_of_the_law(limit: float, at_99: float, at_999: float) -> None:
    assert utilisation(0.01, limit) == pytest.approx(at_99, abs=0.006)
    assert utilisation(0.001, limit) == pytest.approx(at_999, abs=0.006)


@pytest.mark.parametrize("rho", [0.1, 0.5, 0.9])
def test_who_finds_nobody_waits_for_nothing(rho: float) -> None:
    """P(no wait) = 1 - rho in every queue with Poisson arrivals."""
    assert within(rho, 1.0) == pytest.approx(1 - rho)


def test_a_queue_without_load_is_never_late_and_one_with_too_much_always() -> None:
    assert list(late(np.array([0.0, 1.0, 3.0]), 5.0)) == [0.0, 1.0, 1.0]


def test_a_limit_below_the_service_time_is_never_kept() -> None:
    assert list(late(np.array([0.0, 0.5]), 0.9)) == [1.0, 1.0]


def test_what_a_server_did_when_it_was_played_is_what_the_law_says_of_it() -> None:
    law = Constant(SERVICE, 7.5 * SERVICE)
    objective = ObjectiveEntry.model_validate({"milliseconds": round(7500 * SERVICE), "percent": 99})
    found = played(Truth.model_validate({"serviceMilliseconds": 1000 * SERVICE}), objective, None)
    assert found.most(0.005) == pytest.approx(law.most(0.005), rel=0.03)
    assert found.most(0.01) == pytest.approx(law.most(0.01), rel=0.03)
    loads = np.array([0.0, 0.6, 0.8, 0.9, 1.2]) / SERVICE
    assert found.late(loads) == pytest.approx(law.late(loads), rel=0.35, abs=0.001)
    assert list(found.late(loads[[0, -1]])) == [0.0, 1.0]
