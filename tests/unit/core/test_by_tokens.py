"""A workload that counts tokens: pools are compared, bounded and judged by what a token costs, whatever lengths they were measured with."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from steelyard.core.facts.capacity import Basis, Capacity
from steelyard.core.facts.claim import Claim, ClaimMetric, OperatingPoint
from steelyard.core.facts.memory import ClaimVerdict, Known, VerdictWord
from steelyard.core.facts.tokens import PerRequest
from steelyard.core.facts.unit_cost import Unit, UnitCost
from steelyard.core.planning.counting import Counting
from steelyard.core.statistics.interval import Interval
from steelyard.core.vocabulary.condition import ConditionType
from steelyard.core.vocabulary.reason import Reason
from unit.core.world import Ground, World, quick

LONG, SHORT = (300, 400), (300, 50)


def exactly(value: float) -> Interval:
    return Interval(value, value * 0.99, value * 1.01)


def claim(figure: float, unit: str | None, relative_to: str | None = None, at: OperatingPoint | None = None) -> Claim:
    """Of cost where its unit is money, else of speed."""
    metric = ClaimMetric.THROUGHPUT if unit is not None and unit.endswith("PerSecond") else ClaimMetric.UNIT_COST
    ratio, value = (figure, None) if relative_to else (None, figure)
    return Claim(name="advertised", metric=metric, ratio=ratio, relative_to=relative_to, value=value, unit=unit, stated=at)


def two_pools(unit: Unit, *claims: Claim) -> World:
    """A replica on `b` makes twice as many tokens as one on `a`, at 1.4 times the price: a token costs 0.7 times as much. It was measured a while
    ago, when answers were eight times as long as they are now, and a request took eight times as long."""
    grounds = {"a": Ground(price=1.0, speed=10.0), "b": Ground(price=1.4, speed=20.0, claims=claims)}
    world = World(grounds=grounds, unit=unit, tokens=SHORT, rate=100.0, policy=quick(payback_seconds=604_800, exploration_budget=0.01))
    grounds["b"].exists = False
    world.tick(30)
    grounds["b"].exists = True
    world.tick(1)
    revision = next(o.candidate.revision for o in world.decisions[-1].options if o.pool == "b")
    then = world.now - timedelta(hours=2)
    before = Known(
        pool="b",
        revision=revision or "",
        capacity=Capacity(exactly(0.8 * 20.0 * 100 / LONG[1]), Basis.MEASURED, 5000),
        unit_cost=UnitCost(exactly(0.1), 5000, 0.5, then - timedelta(minutes=20), then),
        steady=True,
        tokens=PerRequest(exactly(LONG[0]), exactly(LONG[1])),
    )
    world.memory = replace(world.memory, known=(*world.memory.known, before))
    return world


def test_by_tokens_it_moves_to_the_pool_that_was_measured_with_longer_answers_and_makes_them_cheaper() -> None:
    world = two_pools(Unit.OUTPUT_TOKENS)
    world.until(lambda: world.serves_on == "b" and world.memory.move is None, most=120)
    world.tick(60)
    assert (world.serves_on, world.count("a")) == ("b", 0), "and stays, measured with the answers of now"
    known = {k.pool: k for k in world.memory.known}
    costs = {pool: known[pool].unit_cost for pool in ("a", "b")}
    assert costs["a"] and costs["b"] and costs["a"].output and costs["b"].output
    assert costs["b"].output.interval.point < costs["a"].output.interval.point
    past = world.memory.history[-1]
    assert (past.unit, past.target_pool) == (Unit.OUTPUT_TOKENS, "b")
    assert past.cost_before is not None and past.saved is not None
    a_token = 1.0 / (3600 * 1000.0) * 1e6
    assert a_token < past.cost_before.point < 2 * a_token, "money for a million tokens, on replicas that are not full"
    assert past.saved.money.lower > 0
    assert past.saved.money.point + past.saved.paid == pytest.approx(past.cost_before.point * past.saved.good * SHORT[1] / 1e6, rel=0.05)


def test_at_constant_traffic_what_is_remembered_of_tokens_stays_as_it_is() -> None:
    world = World(grounds={"a": Ground()}, unit=Unit.OUTPUT_TOKENS, tokens=SHORT, rate=40.0)
    world.tick(200)
    told = []
    for _ in range(120):
        world.tick()
        (known,) = world.memory.known
        told.append((known.unit_cost, known.tokens, known.capacity, world.memory.last))
    assert len(set(map(str, told))) <= 2, "one figure gets surer meanwhile, and nothing else is written"


def test_where_requests_get_longer_the_capacity_that_was_measured_is_remembered_with_them() -> None:
    world = World(grounds={"a": Ground()}, unit=Unit.INPUT_TOKENS, tokens=(100, 100), rate=40.0)
    world.tick(60)
    world.until(lambda: world.count("a") == 6)
    world.tick(60)
    before = world.memory.known[0]
    world.tokens = (300, 100)
    world.tick(60)
    after = world.memory.known[0]
    assert before.tokens and after.tokens and before.tokens.input and after.tokens.input and before.capacity and after.capacity
    assert before.tokens.input.point == pytest.approx(100, rel=0.05)
    assert after.tokens.input.point == pytest.approx(300, rel=0.05)
    assert after.capacity.rate.point == pytest.approx(before.capacity.rate.point, rel=0.1), "answers are as long as they were"
    costs = (before.unit_cost, after.unit_cost)
    assert costs[0] and costs[1] and costs[0].input and costs[1].input
    assert costs[1].input.interval.point == pytest.approx(costs[0].input.interval.point / 3, rel=0.1)


def test_by_requests_the_same_figures_keep_it_where_it_is() -> None:
    world = two_pools(Unit.GOOD_REQUESTS)
    world.tick(60)
    assert world.serves_on == "a"


def test_by_input_tokens_a_pool_that_was_measured_with_longer_answers_stays_as_slow_as_it_was() -> None:
    world = two_pools(Unit.INPUT_TOKENS)
    world.tick(60)
    assert world.serves_on == "a", "prompts were as long as they are now"


def judged(pool: str, *claims: Claim) -> ClaimVerdict:
    world = two_pools(Unit.OUTPUT_TOKENS, *claims)
    world.until(lambda: world.serves_on == pool and world.memory.move is None, most=120)
    world.tick(60)
    (verdict,) = world.memory.claims
    return verdict


@pytest.mark.parametrize(
    ("figure", "unit", "relative_to", "word"),
    [
        (2000.0, "TokensPerSecond", None, VerdictWord.CONFIRMED),
        (4000.0, "TokensPerSecond", None, VerdictWord.REFUTED),
        (12_000.0, "InputTokensPerSecond", None, VerdictWord.CONFIRMED),
        (24_000.0, "InputTokensPerSecond", None, VerdictWord.REFUTED),
        (0.75, None, "a", VerdictWord.CONFIRMED),
        (0.45, None, "a", VerdictWord.REFUTED),
        (0.75, "PerMillionTokens", "a", VerdictWord.CONFIRMED),
    ],
)
def test_a_claim_in_tokens_is_confirmed_where_it_is_true_and_refuted_where_it_is_not(
    figure: float, unit: str | None, relative_to: str | None, word: VerdictWord
) -> None:
    verdict = judged("b", claim(figure, unit, relative_to))
    assert verdict.verdict is word, verdict.message
    assert verdict.unit is (Unit.INPUT_TOKENS if unit == "InputTokensPerSecond" else Unit.OUTPUT_TOKENS)
    assert ("input tokens" if unit == "InputTokensPerSecond" else "output tokens") in verdict.message


@pytest.mark.parametrize(("factor", "word"), [(1.0, VerdictWord.CONFIRMED), (0.5, VerdictWord.REFUTED)])
def test_a_cost_per_million_tokens_is_all_of_the_cost_over_the_tokens(factor: float, word: VerdictWord) -> None:
    """1.4 an hour and 2,000 tokens a second: 1.4 / 7.2 for a million where the replica is full."""
    assert judged("b", claim(factor * 1.4 / 7.2, "PerMillionTokens", at=OperatingPoint.SATURATION)).verdict is word


def test_where_the_servers_tell_no_tokens_a_claim_of_them_is_not_comparable_and_no_pool_is_weighed_by_them() -> None:
    world = World(grounds={"a": Ground(claims=(claim(1000.0, "TokensPerSecond"),))}, unit=Unit.OUTPUT_TOKENS, max_unit_cost=1e-6)
    world.tick(40)
    (verdict,) = world.memory.claims
    assert (verdict.verdict, verdict.reason, verdict.measured) == (VerdictWord.INCONCLUSIVE, Reason.NOT_COMPARABLE.value, None)
    assert world.decisions[-1].options[0].unit is None
    assert Unit.GOOD_REQUESTS in world.decisions[-1].options[0].by_unit
    assert "AboveMaxUnitCost" not in {c.reason.value for c in world.decisions[-1].conditions}, "unknown is not above"


@pytest.mark.parametrize(("most", "reason"), [(0.9, Reason.PLACED), (0.3, Reason.ABOVE_MAX_UNIT_COST)])
def test_the_most_that_a_unit_may_cost_is_held_against_the_cost_of_a_million_tokens(most: float, reason: Reason) -> None:
    """1 an hour for at most 1,000 tokens a second: a million costs 1 / 3.6, and more while the replicas are not full."""
    world = World(grounds={"a": Ground()}, unit=Unit.OUTPUT_TOKENS, tokens=(300, 100), max_unit_cost=most)
    world.tick(40)
    placed = next(c for c in world.decisions[-1].conditions if c.type is ConditionType.PLACED)
    assert placed.reason is reason, world.memory.known[0].unit_cost
    assert ("1M output tokens" in placed.message) is (reason is Reason.ABOVE_MAX_UNIT_COST)


def test_what_is_claimed_of_tokens_says_where_to_begin_once_it_is_known_how_many_a_request_has() -> None:
    """Of `b` it is claimed that it makes a million tokens for a tenth of what `a` is measured to take."""
    grounds = {"a": Ground(), "b": Ground(price=3.0, claims=(claim(0.03, "PerMillionTokens"),))}
    world = World(grounds=grounds, tokens=(300, 100), policy=quick(exploration_budget=0.0001))
    world.tick(20)
    expected = next(o for o in world.decisions[-1].options if o.pool == "b").capacity
    assert expected is not None
    assert 3.0 / (3600 * expected.rate.point) * 1e6 / 100 == pytest.approx(0.03, rel=0.05)


def test_lengths_that_chance_explains_change_no_capacity_and_unknown_ones_none_either() -> None:
    now = PerRequest(Interval(100.0, 90.0, 110.0), Interval(50.0, 47.0, 53.0))
    counting = Counting(Unit.OUTPUT_TOKENS, now)
    assert counting.worth(PerRequest(None, Interval(55.0, 52.0, 58.0))) == 1.0
    assert counting.worth(PerRequest(None, Interval(100.0, 90.0, 110.0))) == 2.0
    assert counting.worth(None) == counting.worth(PerRequest(Interval(100.0, 99.0, 101.0), None)) == 1.0
    assert Counting(Unit.GOOD_REQUESTS, now).worth(PerRequest(None, Interval(100.0, 90.0, 110.0))) == 1.0
    assert Counting(Unit.OUTPUT_TOKENS, None).worth(now) == 1.0
    assert set(Counting(Unit.OUTPUT_TOKENS, None).costs(exactly(1.0))) == {Unit.GOOD_REQUESTS}
    assert counting.costs(exactly(1.0))[Unit.OUTPUT_TOKENS].point == pytest.approx(1000 / 50)
