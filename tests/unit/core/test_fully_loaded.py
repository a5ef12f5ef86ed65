"""Idle, shared and overhead cost goes to who was there, in proportion; what nobody was there for stays visible."""

from dataclasses import replace
from datetime import timedelta

import pytest

from steelyard.core.economics.fully_loaded import FullyLoaded, divide
from steelyard.core.economics.ledger import Account, Component, Entry, Ledger, NodeFact, PodFact, advance
from steelyard.core.facts.price import Price, PriceClass
from steelyard.core.facts.resources import Resources
from unit.core.world import START

NODE = Resources(8.0, 32.0)


def pod(workload: str, eighths: int, component: Component = Component.ALLOCATED, pool: str = "p") -> PodFact:
    return PodFact(
        uid=f"{workload}-{component}",
        account=Account(workload, pool, component),
        resources=Resources(float(eighths), 4.0 * eighths),
        since=START,
    )


def node(*pods: PodFact, pool: str = "p", ready: bool = True, per_hour: float | None = 8.0, uid: str = "node") -> NodeFact:
    return NodeFact(
        uid=uid,
        pool=pool,
        allocatable=NODE,
        price=None if per_hour is None else Price(per_hour, PriceClass.LIST, None),
        launched=START,
        ready=START if ready else None,
        pods=pods,
    )


def hours(*intervals: tuple[NodeFact, ...]) -> FullyLoaded:
    ledger, loaded = Ledger(opened=START), FullyLoaded()
    for hour, nodes in enumerate(intervals, 1):
        after = advance(ledger, nodes, START + timedelta(hours=hour))
        ledger, loaded = after, divide(loaded, ledger, after)
    return loaded


def test_idle_cost_is_divided_by_what_each_workload_paid_itself() -> None:
    loaded = hours((node(pod("ns/a", 1), pod("ns/b", 3)),))
    assert loaded.cost("ns/a") == pytest.approx(2.0)
    assert loaded.cost("ns/b") == pytest.approx(6.0)
    assert loaded.money[Entry(Account("ns/a", "p", Component.IDLE), PriceClass.LIST)] == pytest.approx(1.0)
    assert loaded.unassigned == {}


def test_shared_cost_and_a_booting_nodes_are_divided_too() -> None:
    loaded = hours((node(pod("ns/a", 4), pod("", 2, Component.SHARED)), node(ready=False, uid="boots")))
    assert loaded.cost("ns/a") == pytest.approx(16.0)


def test_each_pool_and_each_interval_is_divided_for_itself() -> None:
    loaded = hours(
        (node(pod("ns/a", 4)), node(pod("ns/b", 4, pool="q"), pool="q", uid="other")), (node(pod("ns/b", 4)), node(pool="q", uid="other"))
    )
    assert loaded.cost("ns/a", "p") == pytest.approx(8.0)
    assert loaded.cost("ns/b", "p") == pytest.approx(8.0)
    assert loaded.cost("ns/b") == pytest.approx(16.0)
    assert loaded.unassigned == pytest.approx({"q": 8.0})


def test_what_a_move_needs_carries_its_part() -> None:
    loaded = hours((node(pod("ns/a", 2), pod("ns/a", 2, Component.TRANSITION)),))
    assert loaded.cost("ns/a") == pytest.approx(8.0)


def test_an_unpriced_node_makes_unknown_what_the_workloads_of_its_pool_cost() -> None:
    loaded = hours((node(pod("ns/a", 4)), node(uid="dark", per_hour=None), node(pod("ns/b", 4, pool="q"), pool="q", uid="other")))
    assert loaded.cost("ns/a") is None
    assert loaded.cost("ns/b") == pytest.approx(8.0)
    later = divide(loaded, Ledger(opened=START), advance(Ledger(opened=START), (node(pod("ns/a", 4)),), START + timedelta(hours=1)))
    assert later.cost("ns/a") is None, "one unknown hour is in every sum"


def test_nothing_booked_is_no_value() -> None:
    assert FullyLoaded().cost("ns/a") is None
    assert hours((replace(node(), pods=()),)).cost("ns/a") is None
