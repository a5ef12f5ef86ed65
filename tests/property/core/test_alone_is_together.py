"""At the prices of the fleet's plan, what is best for each workload alone is what the plan has for it: the law of a replica's price."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import FleetTarget
from steelyard.core.plan import plan_demands
from steelyard.core.planning.choice_price import ChoicePrice, choice_price
from steelyard.core.planning.demand import Demand
from steelyard.core.planning.exact import solve
from steelyard.core.planning.outcome import Planned
from steelyard.core.planning.problem import Offer, Problem

POOLS = ("cheap", "large", "plenty")
PARTS = {"cheap": 1.0, "large": 0.5, "plenty": 1.0}
"""Of a node, that a replica takes."""


def priced(problem: Problem, target: FleetTarget) -> Problem:
    """The workload's own problem, as it decides it."""
    prices = {o.pool: choice_price(o.cost, PARTS[o.pool], o.pool, target, 0) for o in problem.offers}
    offers = tuple(replace(o, worth=prices[o.pool].worth, allotted=prices[o.pool].allotted) for o in problem.offers)
    return replace(problem, offers=offers)


def money(problem: Problem, replicas: dict[str, int]) -> float:
    return sum(o.paid(replicas.get(o.pool, 0)) for o in problem.offers)


@st.composite
def demands(draw: st.DrawFn) -> tuple[Demand, ...]:
    made = []
    for name in "abcd"[: draw(st.integers(2, 4))]:
        offers = tuple(
            Offer(
                pool=pool,
                family="f",
                spot=False,
                capacity=draw(st.sampled_from([1.0, 1.5, 2.0, 3.0])),
                cost=1.0 if pool == "plenty" else draw(st.sampled_from([0.4, 0.6, 0.8])),
                most=12,
            )
            for pool in POOLS
        )
        problem = Problem(load=draw(st.sampled_from([1.0, 2.5, 4.0, 6.0])), minimum=1, maximum=12, offers=offers)
        made.append(Demand(key=WorkloadKey("ns", name), problem=problem, per_replica=PARTS, running={}))
    return tuple(made)


@given(demands(), st.integers(0, 4), st.integers(0, 2))
@effort(60)
def test_no_workload_gains_by_leaving_what_the_plan_has_for_it(asked: tuple[Demand, ...], cheap: int, large: int) -> None:
    found = plan_demands(asked, {"cheap": cheap, "large": large, "plenty": 100.0}, {})
    without, at_prices = 0.0, 0.0
    for one in asked:
        target, outcome = found.target(one.key), found.targets[one.key]
        assert target is not None
        assert isinstance(outcome, Planned)
        mine = priced(one.problem, target)
        best = solve(mine)
        assert isinstance(best, Planned)
        without += money(mine, dict(outcome.replicas)) - best.cost
        # The same with nothing allotted: the plan's bound at these prices, in parts.
        at_prices += solve(priced(one.problem, replace(target, replicas={}))).cost  # type: ignore[union-attr]
    bound = at_prices - found.prices["cheap"] * cheap - found.prices["large"] * large
    assert without <= found.cost - bound + 1e-6, "together they gain no more by leaving it than the prices leave open"


@given(st.floats(0.1, 9), st.floats(0, 9), st.integers(0, 5), st.integers(0, 9))
@effort(60)
def test_a_replica_beyond_the_plan_costs_its_part_of_the_node_more(each: float, worth: float, allotted: int, replicas: int) -> None:
    price = ChoicePrice(each, worth, allotted)
    one_more = price.of(replicas + 1) - price.of(replicas)
    assert abs(one_more - (each + worth if replicas >= allotted else each)) < 1e-9
    assert abs(price.between(replicas, replicas + 1) - one_more) < 1e-9
