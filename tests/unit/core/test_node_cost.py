"""What each node cost, hour by hour: closed with the hour, the price or the node, and never twice."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from steelyard.core.economics.ledger import Ledger, NodeFact, advance
from steelyard.core.economics.node_cost import NodeCost, booked, distinct
from steelyard.core.facts.price import Price, PriceClass
from steelyard.core.facts.resources import Resources
from unit.core.world import START

LIST, EFFECTIVE = PriceClass.LIST, PriceClass.EFFECTIVE


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def node(per_hour: float | None = 6.0, word: PriceClass = LIST, *, launched: float = 0, ended: float | None = None) -> NodeFact:
    return NodeFact(
        uid="u",
        pool="p",
        allocatable=Resources(8.0, 32.0),
        price=None if per_hour is None else Price(per_hour, word, None),
        launched=at(launched),
        ready=at(launched),
        terminated=None if ended is None else at(ended),
        name="n",
        resource="aws:///a/i-1",
        instance_type="m",
    )


class Books:
    """A ledger with its records."""

    def __init__(self) -> None:
        self.ledger = Ledger(opened=START)
        self.open: Mapping[str, NodeCost] = {}
        self.closed: list[NodeCost] = []

    def look(self, minutes: float, *nodes: NodeFact) -> list[tuple[float, float, float | None]]:
        """(begin, end, cost) of what was closed, in minutes."""
        before, self.ledger = self.ledger, advance(self.ledger, nodes, at(minutes))
        self.open, closed = booked(self.open, before, self.ledger, nodes, at(minutes))
        self.closed += closed
        return [((c.start - START).total_seconds() / 60, (c.end - START).total_seconds() / 60, c.cost) for c in closed]


def test_a_record_is_open_until_its_hour_is_over() -> None:
    books = Books()
    assert books.look(20, node()) == []
    assert books.look(59, node()) == []
    assert books.look(61, node()) == [(0, 60, pytest.approx(6.0))]
    assert books.look(120, node()) == [(60, 120, pytest.approx(6.0))]
    record = books.closed[0]
    assert (record.node, record.resource, record.pool, record.instance_type, record.price_class) == ("n", "aws:///a/i-1", "p", "m", LIST)


def test_a_look_over_hours_closes_each_of_them() -> None:
    assert [entry[:2] for entry in Books().look(150, node())] == [(0, 60), (60, 120)]


def test_a_node_that_ends_closes_its_record() -> None:
    books = Books()
    books.look(10, node())
    assert books.look(30, node(ended=20)) == [(0, 20, pytest.approx(2.0))]
    assert books.open == {}


def test_another_class_of_price_or_none_begins_another_record() -> None:
    books = Books()
    books.look(10, node())
    assert books.look(20, node(12.0, EFFECTIVE)) == [(0, 10, pytest.approx(1.0))]
    assert books.look(30, node(None)) == [(10, 20, pytest.approx(2.0))]
    assert books.look(60, node(None)) == [(20, 60, None)]


def test_a_node_missing_from_one_list_goes_on_and_one_that_stays_away_is_closed() -> None:
    books = Books()
    books.look(10, node())
    assert books.look(20) == []
    assert books.look(30, node()) == []
    assert books.look(50) == []
    assert books.look(61) == [(0, 30, pytest.approx(3.0))]


def test_a_node_without_a_name_of_its_provider_is_known_by_its_own() -> None:
    books = Books()
    before = books.ledger
    bare = NodeFact(uid="u", pool="p", allocatable=Resources(1, 1), price=None, launched=START, ready=None, terminated=at(5))
    after = advance(before, (bare,), at(10))
    assert [c.resource for c in booked({}, before, after, (bare,), at(10))[1]] == ["u"]


def cost(begin: float, end: float, money: float | None = None, resource: str = "i-1") -> NodeCost:
    return NodeCost(
        node="n",
        resource=resource,
        pool="p",
        instance_type="m",
        start=at(begin),
        end=at(end),
        cost=end - begin if money is None else money,
        price_class=LIST,
    )


def test_two_logs_of_the_same_time_count_once() -> None:
    whole, part, other = cost(0, 60), cost(20, 60), cost(0, 60, resource="i-2")
    assert distinct([part, whole, other, whole]) == (whole, other)
    assert distinct([cost(0, 40), cost(20, 60)]) == (cost(0, 40), cost(40, 60))
