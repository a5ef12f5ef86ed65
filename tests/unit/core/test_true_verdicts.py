"""A claim is judged by the same quantity at the same load, or not at all: what is true is never refuted."""

from __future__ import annotations

import pytest

from steelyard.core.facts.claim import Claim, ClaimMetric, OperatingPoint
from steelyard.core.facts.memory import ClaimVerdict, VerdictWord
from steelyard.core.facts.snapshot import Scaling
from steelyard.core.vocabulary.reason import Reason
from unit.core.world import Ground, World, quick, ratio_claim

PATIENT = quick(payback_seconds=604_800, exploration_budget=50.0)


def value(metric: ClaimMetric, figure: float, unit: str, at: OperatingPoint | None = None) -> Claim:
    return Claim(name="advertised", metric=metric, value=figure, unit=unit, stated=at)


def judged(claim: Claim, *, busy: bool = True, times: bool = True, ticks: int = 60) -> ClaimVerdict:
    """busy, times: whether servers tell how busy they are, and how long answers take."""
    world = World(grounds={"a": Ground(price=1.0, speed=10.0, claims=(claim,), tells_latencies=times)}, rate=20.0)
    world.busy_known = busy
    world.tick(ticks)
    (verdict,) = world.memory.claims
    return verdict


def test_a_claim_of_exactly_the_true_speed_is_confirmed_and_of_half_as_much_again_refuted() -> None:
    assert judged(value(ClaimMetric.THROUGHPUT, 10.0, "RequestsPerSecond")).verdict is VerdictWord.CONFIRMED
    assert judged(value(ClaimMetric.THROUGHPUT, 15.0, "RequestsPerSecond")).verdict is VerdictWord.REFUTED


def test_the_speed_when_full_and_that_within_the_objective_are_two_figures() -> None:
    full = judged(value(ClaimMetric.THROUGHPUT, 10.0, "RequestsPerSecond"))
    kept = judged(value(ClaimMetric.THROUGHPUT, 10.0, "RequestsPerSecond", OperatingPoint.OBJECTIVE))
    assert full.measured == pytest.approx(10.0, rel=0.05)
    assert kept.measured is not None and kept.measured < 0.9 * 10.0
    assert kept.verdict is VerdictWord.REFUTED


def test_the_cost_when_full_is_below_that_within_the_objective() -> None:
    """1 USD an hour and 10 requests a second: 1000 / 36,000 USD per 1,000 requests where the replica is full."""
    full = judged(value(ClaimMetric.UNIT_COST, 1 / 36, "PerThousandRequests", OperatingPoint.SATURATION))
    kept = judged(value(ClaimMetric.UNIT_COST, 1 / 36, "PerThousandRequests"))
    assert (full.verdict, full.measured) == (VerdictWord.CONFIRMED, pytest.approx(1 / 36, rel=0.05))
    assert kept.measured is not None and kept.measured > 1.1 / 36
    assert judged(value(ClaimMetric.UNIT_COST, 1 / 54, "PerThousandRequests", OperatingPoint.SATURATION)).verdict is VerdictWord.REFUTED


@pytest.mark.parametrize(
    ("metric", "figure", "unit"),
    [(ClaimMetric.THROUGHPUT, 9.0, "RequestsPerSecond"), (ClaimMetric.UNIT_COST, 1 / 32.4, "PerThousandRequests")],
)
def test_where_nobody_tells_how_long_answers_take_what_a_replica_is_sized_for_judges_no_claim(
    metric: ClaimMetric, figure: float, unit: str
) -> None:
    """Late answers begin at nine tenths of a replica's time here, and it is sized for seven."""
    verdict = judged(value(metric, figure, unit, OperatingPoint.OBJECTIVE), times=False)
    assert (verdict.verdict, verdict.reason) == (VerdictWord.INCONCLUSIVE, Reason.LATENCY_UNOBSERVABLE.value)
    assert "replicas are sized for" in verdict.message
    assert judged(value(ClaimMetric.THROUGHPUT, 10.0, "RequestsPerSecond"), times=False).verdict is VerdictWord.CONFIRMED, "when full"


@pytest.mark.parametrize(
    ("metric", "figure", "unit"), [(ClaimMetric.THROUGHPUT, 3000.0, "TokensPerSecond"), (ClaimMetric.UNIT_COST, 0.20, "PerMillionTokens")]
)
def test_what_is_claimed_of_tokens_is_not_held_against_requests(metric: ClaimMetric, figure: float, unit: str) -> None:
    verdict = judged(value(metric, figure, unit))
    assert (verdict.verdict, verdict.reason, verdict.measured) == (VerdictWord.INCONCLUSIVE, Reason.NOT_COMPARABLE.value, None)
    assert "tokens" in verdict.message


def test_what_is_claimed_of_tokens_says_nothing_of_where_to_begin() -> None:
    cheap = value(ClaimMetric.UNIT_COST, 1e-6, "PerMillionTokens")
    world = World(grounds={"a": Ground(price=2.0, claims=(cheap,)), "b": Ground(price=1.0)})
    world.tick(1)
    assert {key.pool for key in world.deployments} == {"b"}


@pytest.mark.parametrize(("speed", "claimed"), [(40.0, 0.5), (40.0, 0.8), (20.0, 1.0), (10.0, 2.0)])
def test_where_nobody_tells_busy_time_a_load_that_was_carried_judges_no_claim(speed: float, claimed: float) -> None:
    grounds = {"small": Ground(price=1.0, speed=10.0), "big": Ground(price=2.0, speed=speed, claims=(ratio_claim(claimed, "small"),))}
    world = World(grounds=grounds, rate=40.0, scaling=Scaling(minimum=1, maximum=20), policy=PATIENT)
    world.busy_known = False
    grounds["big"].exists = False
    world.tick(30)
    grounds["big"].exists = True
    for _ in range(300):
        world.tick(1)
        words = {c.verdict for c in world.memory.claims}
        assert VerdictWord.REFUTED not in words, world.memory.claims
    assert {c.reason for c in world.memory.claims} <= {"", Reason.ONLY_CARRIED.value, Reason.TOO_FEW_REQUESTS.value}


def test_a_pool_that_was_never_measured_is_said_to_be_so() -> None:
    world = World(grounds={"a": Ground(), "b": Ground(price=5.0, claims=(ratio_claim(1.0, "a"),))})
    world.tick(5)
    (verdict,) = world.memory.claims
    assert (verdict.verdict, verdict.reason) == (VerdictWord.INCONCLUSIVE, Reason.TOO_FEW_REQUESTS.value)
    assert "pool b" in verdict.message
