"""Idle, shared and overhead cost goes to who was there, in proportion; what nobody was there for stays visible."""

from datetime import timedelta

import pytest

from steelyard.core.economics.fully_loaded import FullyLoaded, fully_loaded
from steelyard.core.economics.ledger import Account, Component, Ledger, NodeFact, PodFact, advance
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


def hour(*nodes: NodeFact) -> FullyLoaded:
    return fully_loaded(advance(Ledger(opened=START), nodes, START + timedelta(hours=1)))


def test_idle_cost_is_divided_by_what_each_workload_paid_itself() -> None:
    loaded = hour(node(pod("ns/a", 1), pod("ns/b", 3)))
    assert loaded.money == {"ns/a": {"p": pytest.approx(2.0)}, "ns/b": {"p": pytest.approx(6.0)}}
    assert loaded.unassigned == {}


def test_shared_cost_and_a_booting_nodes_are_divided_too() -> None:
    loaded = hour(node(pod("ns/a", 4), pod("", 2, Component.SHARED)), node(ready=False, uid="boots"))
    assert loaded.money["ns/a"]["p"] == pytest.approx(16.0)


def test_each_pool_is_divided_for_itself() -> None:
    loaded = hour(node(pod("ns/a", 4)), node(pod("ns/b", 4, pool="q"), pool="q", uid="other"), node(pool="r", uid="empty"))
    assert loaded.money == {"ns/a": {"p": pytest.approx(8.0)}, "ns/b": {"q": pytest.approx(8.0)}}
    assert loaded.unassigned == pytest.approx({"r": 8.0})


def test_what_a_move_needs_carries_its_part() -> None:
    loaded = hour(node(pod("ns/a", 2), pod("ns/a", 2, Component.TRANSITION)))
    assert loaded.money["ns/a"]["p"] == pytest.approx(8.0)


def test_an_unpriced_node_makes_unknown_what_the_workloads_of_its_pool_cost() -> None:
    loaded = hour(
        node(pod("ns/a", 4)),
        node(pod("ns/c", 4), uid="dark", per_hour=None),
        node(pod("ns/b", 4, pool="q"), pool="q", uid="other"),
    )
    assert loaded.money == {"ns/a": {"p": None}, "ns/b": {"q": pytest.approx(8.0)}, "ns/c": {"p": None}}


def test_a_workload_that_asks_for_nothing_pays_for_nothing_that_idles() -> None:
    loaded = hour(node(pod("ns/a", 0)))
    assert loaded.money == {"ns/a": {"p": 0.0}}
    assert loaded.unassigned == pytest.approx({"p": 8.0})


def test_others_pay_their_part_of_what_idles_and_no_workload_pays_theirs() -> None:
    loaded = hour(node(pod("ns/a", 1), pod("", 3, Component.OTHERS)), node(pod("", 2, Component.OTHERS, pool="q"), pool="q", uid="theirs"))
    assert loaded.money == {"ns/a": {"p": pytest.approx(2.0)}}
    assert loaded.others == pytest.approx({"p": 6.0, "q": 8.0})
    assert loaded.unassigned == {}
