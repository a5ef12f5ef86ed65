"""Sums of money hold what is not known apart from nothing."""

from steelyard.simulate.tally import Tally


def test_a_pool_without_a_price_for_an_hour_has_no_known_bill_and_leaves_the_others_theirs():
    tally = Tally()
    tally.pay("a", 1, 2.0)
    tally.pay("b", 1, 0.5)
    before = tally.copy()
    tally.pay("a", 1, None)
    tally.pay("b", 1, 0.5)
    tally.pay("c", 0, None)
    assert (tally.costs, tally.cost) == ({"a": None, "b": 1.0}, None)
    assert tally.replica_hours == {"a": 2, "b": 2, "c": 0}
    grown = tally.since(before)
    assert (grown.costs, grown.cost) == ({"a": None, "b": 0.5}, None)
    assert (before.costs, before.cost) == ({"a": 2.0, "b": 0.5}, 2.5)


def test_what_is_booked_is_known_where_all_of_it_is():
    tally = Tally()
    tally.book("a", 1.0)
    assert tally.booked_cost == 1.0
    tally.book("b", None)
    tally.book("b", 1.0)
    assert (tally.booked, tally.booked_cost) == ({"a": 1.0, "b": None}, None)
