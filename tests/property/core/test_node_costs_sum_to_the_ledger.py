"""The nodes' records are the ledger, node by node: nothing is lost between hours, prices and looks, and nothing is there twice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property.core.fleets import fleets
from property.effort import effort
from steelyard.core.economics.ledger import Ledger, NodeFact, advance
from steelyard.core.economics.node_cost import NodeCost, booked, distinct
from unit.core.world import START


def records(fleet: tuple[NodeFact, ...], cuts: list[int]) -> tuple[Ledger, list[NodeCost]]:
    ledger, found = Ledger(opened=START), []
    still: Mapping[str, NodeCost] = {}
    for cut in cuts:
        now = START + timedelta(seconds=cut)
        before, ledger = ledger, advance(ledger, fleet, now)
        still, closed = booked(still, before, ledger, fleet, now)
        found += closed
    return ledger, [*found, *still.values()]


@effort(150)
@given(fleet=fleets, cuts=st.lists(st.integers(1, 14_400), min_size=1, max_size=8))
def test_records_sum_to_what_was_paid(fleet: tuple[NodeFact, ...], cuts: list[int]) -> None:
    ledger, found = records(fleet, sorted(cuts))
    assert fsum(r.cost for r in found if r.cost is not None) == pytest.approx(ledger.paid, rel=1e-9, abs=1e-12)
    dark = fsum(r.hours * 3600 for r in found if r.cost is None)
    assert dark == pytest.approx(fsum(ledger.unpriced.values()), rel=1e-9, abs=1e-6)


@effort(150)
@given(fleet=fleets, cuts=st.lists(st.integers(1, 14_400), min_size=1, max_size=8))
def test_parts_of_records_are_the_accounts_of_the_ledger_and_sum_to_their_record(fleet: tuple[NodeFact, ...], cuts: list[int]) -> None:
    ledger, found = records(fleet, sorted(cuts))
    for each in found:
        assert fsum(part.cost for part in each.parts) == pytest.approx(each.cost or 0.0, rel=1e-9, abs=1e-12)
    for who in {(e.account.workload, e.account.component) for e in ledger.money}:
        booked_there = fsum(value for e, value in ledger.money.items() if (e.account.workload, e.account.component) == who)
        told = fsum(part.cost for each in found for part in each.parts if (part.workload, part.component) == who)
        assert told == pytest.approx(booked_there, rel=1e-9, abs=1e-9)


@effort(150)
@given(fleet=fleets, cuts=st.lists(st.integers(1, 14_400), min_size=1, max_size=8))
def test_records_of_one_node_neither_overlap_nor_cross_an_hour(fleet: tuple[NodeFact, ...], cuts: list[int]) -> None:
    _, found = records(fleet, sorted(cuts))
    assert list(distinct(found)) == sorted(found, key=lambda r: (r.resource, r.start))
    assert all(
        r.start < r.end and (r.start.hour, r.start.date()) == ((r.end - timedelta(microseconds=1)).hour, r.start.date()) for r in found
    )


@effort(100)
@given(fleet=fleets, mine=st.lists(st.integers(1, 14_400), max_size=6), theirs=st.lists(st.integers(1, 14_400), max_size=6))
def test_two_processes_that_tell_the_same_count_once(fleet: tuple[NodeFact, ...], mine: list[int], theirs: list[int]) -> None:
    end = 14_400
    ledger, first = records(fleet, sorted([*mine, end]))
    _, second = records(fleet, sorted([*theirs, end]))
    both = distinct([*first, *second])
    assert fsum(r.cost for r in both if r.cost is not None) == pytest.approx(ledger.paid, rel=1e-9, abs=1e-12)
