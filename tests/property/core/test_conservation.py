"""Workloads, shared, idle and overhead add up to the bill, to 1e-9, however the time is cut (invariant I5)."""

from __future__ import annotations

import random
from datetime import timedelta
from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property.core.fleets import fleets, resources
from property.effort import effort
from steelyard.core.economics.attribution import attribute
from steelyard.core.economics.ledger import Ledger, NodeFact, advance
from steelyard.core.facts.resources import Resources
from unit.core.world import START


def booked(ledger: Ledger) -> float:
    return fsum(ledger.money.values())


@effort(150)
@given(fleet=fleets, cuts=st.lists(st.integers(0, 14_400), min_size=1, max_size=6))
def test_what_is_booked_is_what_the_nodes_cost(fleet: tuple[NodeFact, ...], cuts: list[int]) -> None:
    ledger = Ledger(opened=START)
    for cut in cuts:
        ledger = advance(ledger, fleet, START + timedelta(seconds=cut))
    end = START + timedelta(seconds=max(cuts))
    bill = unpriced = 0.0
    for node in fleet:
        until = min(end, node.terminated) if node.terminated is not None else end
        paid = max(0.0, (until - node.launched).total_seconds())
        if node.price is None:
            unpriced += paid
        else:
            bill += node.price.per_hour * paid / 3600
    assert booked(ledger) == pytest.approx(bill, rel=1e-9, abs=1e-12)
    assert ledger.paid == pytest.approx(bill, rel=1e-9, abs=1e-12)
    assert fsum(ledger.unpriced.values()) == pytest.approx(unpriced, rel=1e-9, abs=1e-9)


@effort(80)
@given(fleet=fleets, cuts=st.lists(st.integers(1, 14_400), max_size=6), seed=st.integers(0, 9))
def test_neither_the_cuts_nor_the_order_change_who_pays(fleet: tuple[NodeFact, ...], cuts: list[int], seed: int) -> None:
    end = START + timedelta(seconds=14_400)
    once = advance(Ledger(opened=START), fleet, end)
    turned = list(fleet)
    random.Random(seed).shuffle(turned)
    often = Ledger(opened=START)
    for cut in sorted(cuts):
        often = advance(often, tuple(turned), START + timedelta(seconds=cut))
    often = advance(often, tuple(turned), end)
    for entry in once.money.keys() | often.money.keys():
        assert often.money.get(entry, 0.0) == pytest.approx(once.money.get(entry, 0.0), rel=1e-9, abs=1e-12)


@effort(80)
@given(fleet=fleets, cuts=st.lists(st.integers(-500, 14_400), min_size=2, max_size=6))
def test_every_sum_only_grows_even_when_the_clock_steps_back(fleet: tuple[NodeFact, ...], cuts: list[int]) -> None:
    ledger = Ledger(opened=START)
    for cut in cuts:
        after = advance(ledger, fleet, START + timedelta(seconds=cut))
        for entry, value in ledger.money.items():
            assert after.money[entry] >= value
        assert after.paid >= ledger.paid
        ledger = after


@effort(150)
@given(
    containers=st.dictionaries(st.text("abc", min_size=1, max_size=3), resources, max_size=5),
    cost=st.floats(0, 1e6),
)
def test_shares_of_a_node_and_what_is_idle_are_the_whole_node(containers: dict[str, Resources], cost: float) -> None:
    parts, idle = attribute(containers, Resources(8.0, 32.0, 1.0), cost)
    assert idle >= 0
    assert all(part >= 0 for part in parts.values())
    assert fsum([*parts.values(), idle]) == pytest.approx(cost, rel=1e-9, abs=1e-9)
