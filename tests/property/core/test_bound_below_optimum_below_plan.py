"""Bound <= optimum <= plan, and the exact solver's plan is the optimum, against every placement there is."""

from dataclasses import replace
from itertools import product
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.planning.exact import continuous_bound, least_with, solve
from steelyard.core.planning.outcome import Infeasible, Planned
from steelyard.core.planning.problem import Offer, Problem

offers = st.builds(
    Offer,
    pool=st.just("?"),
    family=st.sampled_from(["cpu", "gpu"]),
    spot=st.booleans(),
    capacity=st.sampled_from([3.0, 5.0, 8.0, 10.0]),
    cost=st.sampled_from([0.3, 1.0, 1.7, 2.0]),
    least=st.sampled_from([0, 0, 0, 1, 2]),
    most=st.integers(0, 5),
    current=st.integers(0, 3),
    added=st.sampled_from([0.0, 0.0, 0.2]),
)
problems = st.builds(
    Problem,
    load=st.floats(0, 40),
    minimum=st.integers(1, 3),
    maximum=st.integers(1, 7),
    offers=st.lists(offers, min_size=1, max_size=3).map(
        lambda found: tuple(Offer(**{**{f: getattr(o, f) for f in o.__dataclass_fields__}, "pool": "abc"[i]}) for i, o in enumerate(found))
    ),
    min_families=st.sampled_from([1, 1, 2]),
    max_spot_percent=st.sampled_from([100, 100, 50, 34, 0]),
    equal_share=st.booleans(),
)


roomy = st.builds(
    Problem,
    load=st.floats(1, 30),
    minimum=st.just(1),
    maximum=st.just(15),
    offers=st.lists(offers, min_size=2, max_size=3).map(
        lambda found: tuple(replace(o, pool="abc"[i], least=0, most=6) for i, o in enumerate(found))
    ),
    equal_share=st.booleans(),
)
"""With many plans, of which most are dear: what a search leaves out for their price matters here, and seldom where rules leave a few."""


def violated(problem: Problem, counts: tuple[int, ...]) -> bool:
    """Plain recomputation of every limit, sharing nothing with the solver."""
    used = [(o, n) for o, n in zip(problem.offers, counts, strict=True) if n]
    total = sum(counts)
    if not used or not problem.minimum <= total <= problem.maximum:
        return True
    if any(n > o.most or n < o.least for o, n in zip(problem.offers, counts, strict=True)):
        return True
    capacity = total * min(o.capacity for o, _ in used) if problem.equal_share else sum(o.capacity * n for o, n in used)
    if capacity < problem.load - 1e-6:
        return True
    if len({o.family for o, _ in used}) < problem.min_families:
        return True
    return 100 * sum(n for o, n in used if o.spot) > problem.max_spot_percent * total


def cost(problem: Problem, counts: tuple[int, ...]) -> float:
    return sum(o.cost * n + max(0, n - o.current) * o.added for o, n in zip(problem.offers, counts, strict=True))


@effort(250)
@given(problem=st.one_of(problems, roomy))
def test_the_plan_is_the_optimum_and_its_bound_holds(problem: Problem) -> None:
    every = product(*(range(o.most + 1) for o in problem.offers))
    allowed = [cost(problem, counts) for counts in every if not violated(problem, counts)]
    outcome = solve(problem)
    if not allowed:
        assert isinstance(outcome, Infeasible)
        assert outcome.conflict
        assert outcome.relaxation
        return
    optimum = min(allowed)
    assert isinstance(outcome, Planned)
    counts = tuple(outcome.replicas.get(o.pool, 0) for o in problem.offers)
    assert not violated(problem, counts)
    assert continuous_bound(problem) <= optimum + 1e-9
    assert outcome.bound <= optimum + 1e-9
    assert abs(outcome.cost - optimum) < 1e-6
    assert abs(outcome.cost - cost(problem, counts)) < 1e-9


@effort(250)
@given(problem=st.one_of(problems, roomy))
def test_no_plan_with_a_pool_costs_less_than_it_does_at_least(problem: Problem) -> None:
    every = product(*(range(o.most + 1) for o in problem.offers))
    allowed = [counts for counts in every if not violated(problem, counts)]
    for at, offer in enumerate(problem.offers):
        costs = [cost(problem, counts) for counts in allowed if counts[at]]
        assert least_with(problem, offer.pool) <= min(costs, default=inf) + 1e-9
    assert least_with(problem, "elsewhere") == inf


@effort(60)
@given(problem=problems)
def test_the_order_of_offers_changes_nothing(problem: Problem) -> None:
    turned = replace(problem, offers=problem.offers[::-1])
    first, second = solve(problem), solve(turned)
    if isinstance(first, Planned):
        assert first == second
