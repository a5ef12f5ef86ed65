"""What the bill would have dropped by: whole nodes where somebody removes empty ones, the share where nobody does."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from steelyard.core.economics.avoidable import avoidable
from steelyard.core.economics.ledger import Account, Component, NodeFact, PodFact
from steelyard.core.economics.when_empty import WhenEmpty
from steelyard.core.facts.price import Price, PriceClass
from steelyard.core.facts.resources import Resources
from unit.core.world import START

END = START + timedelta(hours=1)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def pod(workload: str = "ns/a", since: float = 0, until: float | None = None, component: Component = Component.ALLOCATED) -> PodFact:
    return PodFact(
        uid=f"{workload}{since}{component}",
        account=Account(workload, "p", component),
        resources=Resources(2.0, 8.0),
        since=at(since),
        until=None if until is None else at(until),
    )


def node(*pods: PodFact, launched: float = 0, ready: float = 0, per_hour: float | None = 6.0, uid: str = "node") -> NodeFact:
    return NodeFact(
        uid=uid,
        pool="p",
        allocatable=Resources(8.0, 32.0),
        price=None if per_hour is None else Price(per_hour, PriceClass.LIST, None),
        launched=at(launched),
        ready=at(ready),
        pods=pods,
    )


def of(*nodes: NodeFact, rule: WhenEmpty = WhenEmpty.REMOVED, workload: str = "ns/a") -> Mapping[str, float | None]:
    return avoidable([replace(node, when_empty=rule) for node in nodes], START, END).get(workload, {})


def test_a_node_that_stands_for_one_workload_is_avoidable_whole() -> None:
    assert of(node(pod()))["p"] == pytest.approx(6.0)


def test_a_node_that_another_workload_keeps_is_not_avoidable() -> None:
    assert of(node(pod(), pod("ns/b")))["p"] == 0


def test_only_the_time_alone_counts_on_a_node_that_was_shared_for_a_while() -> None:
    assert of(node(pod(), pod("ns/b", until=45)))["p"] == pytest.approx(1.5)
    assert of(node(pod(until=30), pod("ns/b", since=30)))["p"] == pytest.approx(3.0)


def test_boot_and_drain_of_a_node_that_nobody_else_used_are_avoidable() -> None:
    assert of(node(pod(since=20, until=40), ready=10))["p"] == pytest.approx(6.0)
    assert of(node(pod(since=20, until=40), pod("ns/b", since=40, until=50), ready=10))["p"] == pytest.approx(2.0)


def test_an_agent_of_the_node_does_not_keep_it() -> None:
    assert of(node(pod(), pod("", component=Component.SHARED)))["p"] == pytest.approx(6.0)


def test_a_node_that_somebody_else_keeps_is_not_avoidable() -> None:
    assert of(node(pod(), pod("", component=Component.OTHERS)))["p"] == 0
    assert of(node(pod(), pod("", component=Component.OTHERS, until=30)))["p"] == pytest.approx(3.0)
    assert of(node(pod(), pod("", component=Component.OTHERS)), rule=WhenEmpty.STAYS)["p"] == pytest.approx(1.5)


def test_where_nobody_provisions_nodes_it_is_the_requested_share() -> None:
    assert of(node(pod(), pod("ns/b")), rule=WhenEmpty.STAYS)["p"] == pytest.approx(1.5)


def test_a_reserved_node_is_paid_in_any_case() -> None:
    assert of(node(pod()), rule=WhenEmpty.COMMITTED)["p"] == 0
    assert of(node(pod(), per_hour=None), rule=WhenEmpty.COMMITTED)["p"] == 0


def test_a_node_without_a_price_is_unknown_where_it_would_count() -> None:
    assert of(node(pod()), node(pod(), per_hour=None, uid="dark"))["p"] is None
    assert of(node(pod()), node(pod(), pod("ns/b"), per_hour=None, uid="dark"))["p"] == pytest.approx(6.0)


def test_pools_without_the_workload_are_not_in_the_answer() -> None:
    assert of(node(pod("ns/b"))) == {}
    assert of(replace(node(pod()), terminated=START)) == {}
    assert of(node(pod(since=10, until=10))) == {}, "a pod that ended when it began was not there"
