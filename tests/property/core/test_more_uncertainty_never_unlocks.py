"""Knowing less never turns a refusal into a pass."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.rebalancing.chain import COST_MOVE, EXPLORATION, GO_ON, RESCUE, Gate, review
from steelyard.core.rebalancing.cost_test import judge
from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.statistics.interval import Interval
from steelyard.core.statistics.sequential import Result, violations
from steelyard.core.vocabulary.reading import Fresh, Stale, Unknown
from unit.core.proposals import any_proposal, passing
from unit.core.world import START

CHAINS = st.sampled_from([COST_MOVE, EXPLORATION, GO_ON, RESCUE])


def wider(interval: Interval | None, down: float, up: float) -> Interval | None:
    return interval and Interval(interval.point, interval.lower - down, interval.upper + up)


def vaguer(proposal: Proposal, how: str, down: float, up: float) -> Proposal:
    match how:
        case "costs":
            return replace(proposal, source_cost=wider(proposal.source_cost, down, up), target_cost=wider(proposal.target_cost, down, up))
        case "unit cost":
            return replace(proposal, target_unit=wider(proposal.target_unit, down, up))
        case "comparison":
            test = proposal.compared
            return replace(proposal, compared=test and judge(wider(test.ratio, down, up), test.n, test.break_even))
        case "not compared":
            return replace(proposal, compared=None)
        case "no target cost":
            return replace(proposal, target_cost=None)
        case "no present cost":
            return replace(proposal, source_cost=None)
        case "no expectation":
            return replace(proposal, expected_saving=None)
        case "no move cost":
            return replace(proposal, move_cost=None)
        case "fewer requests":
            return replace(proposal, good=proposal.good // 2)
        case "stale":
            seen = proposal.observation
            return replace(proposal, observation=Stale(seen.value, seen.at, "old") if isinstance(seen, Fresh) else seen)
        case "unknown":
            return replace(proposal, observation=Unknown("lost"))
        case "prices":
            return replace(proposal, prices=tuple((pool, Unknown("lost")) for pool, _ in proposal.prices))
        case "not synced":
            return replace(proposal, synced=False)
        case "clock":
            return replace(proposal, clock_suspect=True)
    raise AssertionError(how)


WAYS = [
    "costs",
    "unit cost",
    "comparison",
    "not compared",
    "no target cost",
    "no present cost",
    "no expectation",
    "no move cost",
    "fewer requests",
    "stale",
    "unknown",
    "prices",
]


@effort(300)
@given(
    proposal=any_proposal | st.just(passing()),
    chain=CHAINS,
    how=st.sampled_from([*WAYS, "not synced", "clock"]),
    down=st.floats(0, 5),
    up=st.floats(0, 5),
)
def test_a_gate_that_refuses_still_refuses_when_less_is_known(
    proposal: Proposal, chain: tuple[Gate, ...], how: str, down: float, up: float
) -> None:
    less = vaguer(proposal, how, down, up)
    for before, after in zip(review(chain, proposal).findings, review(chain, less).findings, strict=True):
        assert before.refusal is None or after.refusal is not None, before.gate


@effort(200)
@given(
    bad=st.integers(0, 60),
    good=st.integers(0, 400),
    source_bad=st.integers(0, 20),
    source_good=st.integers(0, 20),
    times=st.integers(2, 50),
    allowed=st.sampled_from([0.0, 0.001, 0.01, 0.05, 0.3, 0.999, 1.0]),
)
def test_a_thinner_sample_of_the_source_never_passes_a_target(
    bad: int, good: int, source_bad: int, source_good: int, times: int, allowed: float
) -> None:
    thin = violations(bad, bad + good, source_bad, source_bad + source_good, allowed)
    thick = violations(bad, bad + good, source_bad * times, (source_bad + source_good) * times, allowed)
    assert thin.result is not Result.PASS or thick.result is Result.PASS
    assert 0 < thin.p0 < thin.p1 < 1


def test_a_stale_price_is_told_with_its_pool() -> None:
    proposal = passing(prices=(("b", Stale(passing().prices[0][1].value, START - timedelta(days=300), "300 days old")),))  # type: ignore[union-attr]
    verdict = review(COST_MOVE, proposal).verdict
    assert verdict is not None
    assert "pool b" in verdict.message
