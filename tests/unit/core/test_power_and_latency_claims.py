"""Claims of power and latency are judged by figures of the same kind at a comparable load, or not at all, and the reason is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steelyard.core.facts.capacity import Basis, Capacity, Saturation
from steelyard.core.facts.claim import Claim, ClaimMetric, OperatingPoint
from steelyard.core.facts.energy import UnitEnergy
from steelyard.core.facts.memory import ClaimVerdict, Known, VerdictWord
from steelyard.core.facts.percentile import Percentile
from steelyard.core.facts.unit_cost import UnitCost
from steelyard.core.rebalancing.claims import verdicts
from steelyard.core.statistics.interval import Interval
from steelyard.core.vocabulary.reason import Reason
from unit.core.told_options import told
from unit.core.world import START, Ground, World

N, LEAST = 10_000, 300
SERVED = UnitCost(Interval(0.01, 0.009, 0.011), N, 1.0, START, START)
"""Users' requests were answered there."""


def near(value: float, off: float = 1.001) -> Interval:
    return Interval(value, value / off, value * off)


def energy(watts: float, load: float, *, estimated: bool = False) -> UnitEnergy:
    return UnitEnergy(near(watts / load), near(watts), load, N, estimated)


def evidence(pool: str = "a", *, kept: float = 20.0, full: float = 40.0, **figures: object) -> Known:
    """Of a replica that keeps the objective up to 20 requests per second and completes 40 at most."""
    capacity = Capacity(near(kept), Basis.MEASURED, N)
    known = Known(pool=pool, revision="r", capacity=capacity, saturation=Saturation(near(full), N), p99_milliseconds=50.0, steady=True)
    return replace(known, **figures)  # type: ignore[arg-type]


def took(milliseconds: float, load: float, off: float = 1.02) -> Percentile:
    return Percentile(near(milliseconds, off), 99.0, load, N)


def claim(metric: ClaimMetric, figure: float, *, relative_to: str | None = None, at: OperatingPoint | None = None) -> Claim:
    ratio, value = (figure, None) if relative_to else (None, figure)
    return Claim(name="vendor", metric=metric, ratio=ratio, relative_to=relative_to, value=value, stated=at)


def judged(told_of: Claim, known: Known, other: Known | None = None, *, devices: float = 0.0) -> ClaimVerdict:
    options = (told(known, told_of, devices=devices), *([told(other)] if other else []))
    (verdict,) = verdicts(options, "hf://any/model", LEAST, ())
    return verdict


POWER, LATENCY = ClaimMetric.POWER, ClaimMetric.LATENCY


def test_watts_at_the_load_where_they_hold_confirm_and_refute() -> None:
    known = evidence(energy=energy(200.0, 20.0))
    assert judged(claim(POWER, 200.0), known).verdict is VerdictWord.CONFIRMED
    assert judged(claim(POWER, 150.0), known).verdict is VerdictWord.REFUTED
    assert judged(claim(POWER, 300.0), known).verdict is VerdictWord.CONFIRMED, "less than was promised is kept"


def test_watts_are_those_of_one_device() -> None:
    verdict = judged(claim(POWER, 100.0), evidence(energy=energy(400.0, 20.0)), devices=4.0)
    assert (verdict.verdict, verdict.measured) == (VerdictWord.CONFIRMED, 100.0)
    assert verdict.message.startswith("watts of one device, where the objective is just kept: claimed 100, measured 100")


def test_beside_the_operating_point_power_lies_between_what_was_drawn_and_what_a_request_drew_there() -> None:
    """100 W at 10 requests per second are from 100 to 200 W at 20."""
    known = evidence(energy=energy(100.0, 10.0))
    assert judged(claim(POWER, 80.0), known).verdict is VerdictWord.REFUTED
    assert judged(claim(POWER, 200.0), known).verdict is VerdictWord.CONFIRMED
    between = judged(claim(POWER, 130.0), known)
    assert (between.verdict, between.reason) == (VerdictWord.INCONCLUSIVE, Reason.NOT_COMPARABLE.value)
    assert (between.lower, between.upper) == (pytest.approx(100, rel=0.01), pytest.approx(200, rel=0.01))
    assert judged(claim(POWER, 300.0, at=OperatingPoint.SATURATION), known).reason == Reason.NOT_COMPARABLE.value


def test_a_ratio_of_power_is_of_two_pools() -> None:
    mine, theirs = evidence(energy=energy(70.0, 20.0)), evidence("b", energy=energy(100.0, 20.0))
    assert judged(claim(POWER, 0.7, relative_to="b"), mine, theirs).verdict is VerdictWord.CONFIRMED
    assert judged(claim(POWER, 0.5, relative_to="b"), mine, theirs).verdict is VerdictWord.REFUTED
    assert judged(claim(POWER, 0.5, relative_to="b"), mine, evidence("b")).reason == Reason.NOT_COMPARABLE.value


@pytest.mark.parametrize(
    ("figures", "reason"),
    [
        ({}, Reason.NOT_COMPARABLE),
        ({"energy": energy(200.0, 20.0, estimated=True)}, Reason.NOT_COMPARABLE),
        ({"energy": replace(energy(200.0, 20.0), n=LEAST - 1)}, Reason.TOO_FEW_REQUESTS),
        ({"energy": energy(200.0, 20.0), "capacity": Capacity(near(20.0), Basis.CARRIED, N)}, Reason.ONLY_CARRIED),
    ],
    ids=["no counter", "attributed", "few", "only carried"],
)
def test_power_that_is_not_known_is_not_judged(figures: dict[str, object], reason: Reason) -> None:
    verdict = judged(claim(POWER, 1.0), evidence(**figures))  # type: ignore[arg-type]
    assert (verdict.verdict, verdict.reason, verdict.measured) == (VerdictWord.INCONCLUSIVE, reason.value, None)


def test_a_percentile_confirms_and_refutes_by_an_interval_that_is_not_widened_once_more() -> None:
    known = evidence(percentile=took(80.0, 15.0, 1.05))
    confirmed = judged(claim(LATENCY, 80.0), known)
    assert (confirmed.verdict, confirmed.measured, confirmed.upper) == (VerdictWord.CONFIRMED, 80.0, 84.0)
    assert judged(claim(LATENCY, 50.0), known).verdict is VerdictWord.REFUTED
    assert judged(claim(LATENCY, 72.0), known).verdict is VerdictWord.INCONCLUSIVE


def test_a_ratio_of_latencies_is_of_replicas_that_are_about_as_full() -> None:
    """Both at 40 % of what they complete at most."""
    mine, theirs = evidence(percentile=took(40.0, 16.0)), evidence("b", full=20.0, percentile=took(80.0, 8.0))
    assert judged(claim(LATENCY, 0.5, relative_to="b"), mine, theirs).verdict is VerdictWord.CONFIRMED
    assert judged(claim(LATENCY, 0.3, relative_to="b"), mine, theirs).verdict is VerdictWord.REFUTED


def test_of_two_loads_that_differ_little_the_difference_is_allowed_for_and_unlike_ones_are_not_compared() -> None:
    theirs = evidence("b", percentile=took(80.0, 16.0))
    same, fuller = (judged(claim(LATENCY, 0.5, relative_to="b"), evidence(percentile=took(40.0, load)), theirs) for load in (16.0, 19.0))
    assert same.lower is not None and fuller.lower is not None and fuller.upper is not None
    assert fuller.lower < 0.9 * same.lower, "for its load alone it may take longer"
    assert fuller.upper == pytest.approx(same.upper, rel=0.01)
    unlike = judged(claim(LATENCY, 0.5, relative_to="b"), evidence(percentile=took(40.0, 30.0)), theirs)
    assert (unlike.reason, unlike.measured) == (Reason.NOT_COMPARABLE.value, None)
    assert "75 % of what it completes at most and the other at 40 %" in unlike.message


@pytest.mark.parametrize(
    ("figures", "at", "reason"),
    [
        ({"p99_milliseconds": None, "unit_cost": SERVED}, None, Reason.LATENCY_UNOBSERVABLE),
        ({"p99_milliseconds": None}, None, Reason.TOO_FEW_REQUESTS),
        ({}, None, Reason.TOO_FEW_REQUESTS),
        ({"percentile": took(80.0, 15.0)}, OperatingPoint.SATURATION, Reason.NOT_COMPARABLE),
        ({"percentile": took(80.0, 15.0), "capacity": Capacity(near(20.0), Basis.CARRIED, N)}, None, Reason.ONLY_CARRIED),
    ],
    ids=["no histogram", "only probed", "few answers", "when full", "only carried"],
)
def test_a_latency_that_is_not_known_is_not_judged(figures: dict[str, object], at: OperatingPoint | None, reason: Reason) -> None:
    verdict = judged(claim(LATENCY, 1.0, at=at), evidence(**figures))  # type: ignore[arg-type]
    assert (verdict.verdict, verdict.reason, verdict.measured) == (VerdictWord.INCONCLUSIVE, reason.value, None)


def test_without_an_objective_for_the_whole_request_there_is_no_percentile_to_compare() -> None:
    option = replace(told(evidence(percentile=took(80.0, 15.0)), claim(LATENCY, 80.0)), timed=False)
    (verdict,) = verdicts((option,), "hf://any/model", LEAST, ())
    assert (verdict.verdict, verdict.reason) == (VerdictWord.INCONCLUSIVE, Reason.LATENCY_UNOBSERVABLE.value)


def test_without_saturation_on_both_sides_latencies_are_not_compared() -> None:
    mine, theirs = evidence(percentile=took(40.0, 16.0)), evidence("b", saturation=None, percentile=took(80.0, 16.0))
    assert judged(claim(LATENCY, 0.5, relative_to="b"), mine, theirs).reason == Reason.NOT_COMPARABLE.value


def test_a_workload_judges_the_power_and_the_latency_of_the_pool_that_it_runs_on() -> None:
    """Through the operator's own decision: 100 requests per second fill a replica, which draws from 60 to 200 W; two answer 110."""
    claims = (
        Claim(name="watts", metric=POWER, value=250.0, unit="Watts"),
        Claim(name="too-few-watts", metric=POWER, value=60.0, unit="Watts"),
        Claim(name="quick", metric=LATENCY, value=50.0, unit="Milliseconds"),
        Claim(name="slow-enough", metric=LATENCY, value=5_000.0, unit="Milliseconds"),
    )
    world = World({"a": Ground(speed=100.0, claims=claims, watts=(60.0, 200.0), tells_latencies=True)}, rate=110.0)
    world.tick(60)
    words = {verdict.name: verdict.verdict for verdict in world.memory.claims}
    assert words == {
        "watts": VerdictWord.CONFIRMED,
        "too-few-watts": VerdictWord.REFUTED,
        "quick": VerdictWord.REFUTED,
        "slow-enough": VerdictWord.CONFIRMED,
    }, world.memory.claims
