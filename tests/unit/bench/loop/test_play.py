"""A run in the simulator: what is counted, what it costs, and that nobody pays less than the reference which misses as much."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from bench.kinds import Kind
from bench.loop.outcome import Outcome
from bench.loop.play import operator, policy
from bench.loop.policies.former import Former
from bench.loop.policies.hpa import Hpa
from bench.loop.policy import STEP, Observation, Policy, Pool
from bench.loop.reference import reference
from bench.loop.traces import Trace, from_rates
from bench.loop.worlds import HAPPENS, WORLDS, World, world

HOUR = 3600
MEAN = 30.6
"""Requests per second: what the page says."""
LEAD = 1800
"""Seconds of warm-up: here nothing has to come to rest before it counts."""
FLAT = from_rates("flat", np.arange(6) * 600.0, np.ones(6))
WAVE = from_rates("wave", np.arange(12) * 600.0, 1 + 0.4 * np.sin(np.arange(12) / 2))
TOLERANCE = 0.98
"""The law holds on average and in balance; a run of hours has its luck."""


class Always:
    """Wants the same at every step; keeps what it saw."""

    def __init__(self, *replicas: int) -> None:
        self._replicas = replicas
        self.seen: list[Observation] = []

    def start(self, pools: Sequence[Pool], *, allowance: float) -> None:
        self.told = pools

    def step(self, seen: Observation) -> Sequence[int]:
        self.seen.append(seen)
        return self._replicas


def flat(kind: str = "unlimited", trace: Trace = FLAT, **changes: object) -> World:
    given: dict[str, object] = {"limit": 7.5, "percent": 99.0}
    return replace(world(kind, trace, **{**given, **changes}), warm_up=LEAD)  # type: ignore[arg-type]


@cache
def always(*replicas: int) -> tuple[Outcome, list[Observation]]:
    wishes = Always(*replicas)
    return policy(flat(), wishes), wishes.seen


def test_nodes_are_paid_for_the_hour_that_is_counted_and_not_for_the_warm_up() -> None:
    outcome, _ = always(0, 16, 2)
    assert outcome.cost == pytest.approx(16 * 1.0 + 2 * 0.6)
    assert outcome.replicas == pytest.approx({"a": 0.0, "b": 16.0, "c": 2.0})


def test_requests_are_those_of_the_hour_that_is_counted() -> None:
    outcome, _ = always(0, 16, 2)
    assert outcome.requests == pytest.approx(MEAN * HOUR, rel=0.01)
    assert outcome.missed_part == outcome.missed / outcome.requests


def test_a_policy_sees_what_happens_between_two_looks() -> None:
    outcome, seen = always(0, 16, 2)
    counted = [s for s in seen if s.now > LEAD]
    assert sum(s.requests for s in counted) == pytest.approx(MEAN * HOUR, rel=0.01)
    assert sum(s.missed for s in counted) == outcome.missed
    last = seen[-1]
    assert (last.ready, last.starting, last.seconds) == ((0, 16, 2), (0, 0, 0), STEP)
    assert last.prices == (4.0, 1.0, 0.6)
    assert last.replica_seconds == (0.0, 16.0 * STEP, 2.0 * STEP)


def test_how_busy_replicas_are_seen_to_be_is_the_load_that_they_carry() -> None:
    _, seen = always(0, 16, 2)
    busy = np.mean([[s.busy[1], s.busy[2]] for s in seen if s.now > LEAD], axis=0)
    assert busy == pytest.approx(MEAN / 3 / 18, rel=0.05)
    assert seen[-1].busy[0] is None


def test_what_stands_and_never_changes_has_no_starts_and_no_moves() -> None:
    outcome, _ = always(0, 16, 2)
    assert (outcome.starts, outcome.moves) == (0, 0)


def test_more_than_a_pool_may_hold_is_not_given() -> None:
    _, seen = always(0, 16, 9)
    assert seen[-1].ready == (0, 16, 4)


def test_an_outage_nobody_tells_of_takes_the_pool_and_is_counted_from_when_another_could_have_helped() -> None:
    outcome = policy(flat("outage", trace=from_rates("t", np.arange(24) * 600.0, np.ones(24))), Always(0, 18, 0))
    assert outcome.missed_in_outage == 1.0
    # Orders of nodes that were not fulfilled are repeated ever more seldom, so that the pool is back a while after the outage.
    assert 1 / 4 < outcome.missed_part < 1 / 2
    assert always(0, 16, 2)[0].missed_in_outage is None


def test_the_same_seed_gives_the_same_run_and_another_one_another() -> None:
    one, again, other = (policy(flat(seed=seed), Always(0, 14, 2)) for seed in (1, 1, 2))
    assert one == again
    assert one.requests != other.requests


def test_the_operator_meets_the_same_requests_as_every_policy() -> None:
    outcome = operator(flat())
    assert outcome.requests == pytest.approx(always(0, 16, 2)[0].requests, abs=200)
    assert outcome.cost > 0


@pytest.mark.parametrize("kind", WORLDS)
def test_nobody_is_cheaper_than_the_reference_that_misses_as_much(kind: str) -> None:
    place = flat(kind, trace=WAVE)
    least = reference(place.place(), (0.001, 0.01))
    policies: list[Policy] = [Hpa(0.7, pools=("c", "b")), Hpa(0.85, pools=("a",)), Former(place.latency)]
    for each in policies:
        found = policy(place, each)
        assert found.cost >= TOLERANCE * least.at(max(1e-4, found.missed_part)), (type(each).__name__, found)


@pytest.mark.parametrize("server", [Kind.BATCHING, Kind.TOKENS])
def test_of_other_kinds_of_server_nobody_is_cheaper_than_the_reference_either(server: Kind) -> None:
    place = flat(server=server, trace=FLAT.first(HOUR / 2))
    least = reference(place.place(), (0.001, 0.01))
    for replicas in (11, 14):
        found = policy(place, Always(0, replicas, 0))
        assert found.cost == pytest.approx(replicas / 2)
        assert found.cost >= TOLERANCE * least.at(max(1e-4, found.missed_part)), found


@pytest.mark.parametrize("kind", HAPPENS)
def test_what_happens_to_the_simulator_happens_to_the_reference(kind: str) -> None:
    place = flat(kind, trace=from_rates("t", np.arange(36) * 600.0, np.ones(36)))
    usual = flat(trace=place.trace).place()
    (event,) = place.events
    during = [event.at <= (step + 0.5) * 60 < event.until for step in range(usual.rates.size)]
    seen = place.place()
    changed = (seen.rates != usual.rates) | (seen.prices != usual.prices).any(axis=1) | (seen.limits != usual.limits).any(axis=1)
    assert list(changed) == during


def test_what_comes_before_a_replica_can_be_ready_cannot_be_helped() -> None:
    hours = from_rates("t", np.arange(36) * 600.0, np.ones(36))
    assert flat(trace=hours).unavoidable == 0.0
    burst, stops = flat("burst", trace=hours).unavoidable, flat("stops", trace=hours).unavoidable
    assert burst == pytest.approx(180 * 10 / (6 * 3600 + 9 * 600), rel=0.01)
    assert stops == pytest.approx(180 / (4 * 3600), rel=0.05)
