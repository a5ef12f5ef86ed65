"""Three ways of counting an hour: a workload's own share, with what idles beside, and what the bill would be less without it."""

from datetime import timedelta

import pytest

from steelyard.core.economics.hourly_cost import HourlyCost, hourly_costs
from steelyard.core.economics.ledger import Account, Component, NodeFact, PodFact
from steelyard.core.economics.when_empty import WhenEmpty
from steelyard.core.facts.price import Price, PriceClass
from steelyard.core.facts.resources import Resources
from unit.core.world import START

NOW = START + timedelta(hours=5)


def pod(workload: str, quarters: int, component: Component = Component.ALLOCATED) -> PodFact:
    return PodFact(
        uid=f"{workload}-{component}",
        account=Account(workload, "p", component),
        resources=Resources(float(quarters), 4.0 * quarters),
        since=START,
    )


def node(*pods: PodFact, per_hour: float | None = 4.0, rule: WhenEmpty = WhenEmpty.REMOVED, uid: str = "n") -> NodeFact:
    return NodeFact(
        uid=uid,
        pool="p",
        allocatable=Resources(4.0, 16.0),
        price=None if per_hour is None else Price(per_hour, PriceClass.LIST, None),
        launched=START,
        ready=START,
        pods=pods,
        when_empty=rule,
    )


def of(*nodes: NodeFact, workload: str = "ns/a") -> HourlyCost:
    return hourly_costs(nodes, NOW).costs[workload]["p"]


def cost(allocated: float | None, fully_loaded: float | None, avoidable: float | None) -> HourlyCost:
    return HourlyCost(allocated=allocated, fully_loaded=fully_loaded, avoidable=avoidable)


def near(allocated: float, fully_loaded: float, avoidable: float) -> HourlyCost:
    return cost(pytest.approx(allocated), pytest.approx(fully_loaded), pytest.approx(avoidable))  # type: ignore[arg-type]


def test_alone_on_a_node_that_is_removed_when_it_is_empty_a_workload_could_avoid_all_of_it() -> None:
    assert of(node(pod("ns/a", 1))) == near(1.0, 4.0, 4.0)


def test_beside_another_workload_it_could_avoid_nothing_and_pays_its_part_of_what_idles() -> None:
    shared = node(pod("ns/a", 1), pod("ns/b", 2))
    assert of(shared) == near(1.0, 4 / 3, 0.0)
    assert of(shared, workload="ns/b") == near(2.0, 8 / 3, 0.0)


def test_on_a_node_that_stays_it_could_avoid_its_share_and_on_a_reserved_one_nothing() -> None:
    assert of(node(pod("ns/a", 1), rule=WhenEmpty.STAYS)) == near(1.0, 4.0, 1.0)
    assert of(node(pod("ns/a", 1), rule=WhenEmpty.COMMITTED)) == near(1.0, 4.0, 0.0)


def test_what_only_a_move_needs_is_paid_for_too() -> None:
    assert of(node(pod("ns/a", 1), pod("ns/a", 1, Component.TRANSITION))) == near(2.0, 4.0, 4.0)


def test_a_node_without_a_price_leaves_unknown_what_rests_on_it() -> None:
    assert of(node(pod("ns/a", 1)), node(pod("ns/b", 1), per_hour=None, uid="dark")) == cost(pytest.approx(1.0), None, pytest.approx(4.0))  # type: ignore[arg-type]
    assert of(node(pod("ns/a", 1), per_hour=None)) == cost(None, None, None)


def test_where_nobody_is_the_cost_is_nobodys() -> None:
    counted = hourly_costs((node(),), NOW)
    assert (counted.costs, counted.unassigned) == ({}, {"p": pytest.approx(4.0)})


def test_the_same_nodes_and_pods_cost_the_same_at_any_time() -> None:
    nodes = (node(pod("ns/a", 1), pod("ns/b", 2), per_hour=0.7), node(pod("ns/b", 1), uid="m"))
    assert hourly_costs(nodes, NOW) == hourly_costs(nodes, NOW + timedelta(days=31, seconds=7.3))
