"""Three numbers, each with its law: fullyLoaded sums to the bill, the share is what the ledger allocated, avoidable never exceeds the bill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property.core.fleets import fleets
from property.effort import effort
from steelyard.core.economics.avoidable import avoidable
from steelyard.core.economics.fully_loaded import fully_loaded
from steelyard.core.economics.hourly_cost import hourly_costs
from steelyard.core.economics.ledger import Component, Ledger, NodeFact, advance
from steelyard.core.economics.when_empty import WhenEmpty
from unit.core.world import START

WORKLOADS = ("ns/a", "ns/b")


def priced(fleet: Sequence[NodeFact]) -> tuple[NodeFact, ...]:
    return tuple(n for n in fleet if n.price is not None)


def with_rule(fleet: Sequence[NodeFact], rule: WhenEmpty) -> tuple[NodeFact, ...]:
    return tuple(replace(n, when_empty=rule) for n in fleet)


@effort(150)
@given(fleet=fleets, end=st.integers(1, 14_400))
def test_fully_loaded_costs_and_what_nobody_was_there_for_are_the_bill(fleet: tuple[NodeFact, ...], end: int) -> None:
    ledger = advance(Ledger(opened=START), priced(fleet), START + timedelta(seconds=end))
    loaded = fully_loaded(ledger)
    known = [cost or 0.0 for pools in loaded.money.values() for cost in pools.values()]
    others = [cost or 0.0 for cost in loaded.others.values()]
    assert fsum([*known, *others, *loaded.unassigned.values()]) == pytest.approx(ledger.paid, rel=1e-9, abs=1e-12)
    for workload in WORKLOADS:
        own = fsum(v for e, v in ledger.money.items() if e.account.workload == workload)
        mine = fsum(cost or 0.0 for cost in loaded.money.get(workload, {}).values())
        assert mine >= own * (1 - 1e-9), "it never costs less than its own pods"
    used = {e.account.pool for e, v in ledger.money.items() if (e.account.workload or e.account.component is Component.OTHERS) and v > 0}
    assert not used & set(loaded.unassigned), "where somebody pays, nothing is left over"


@effort(150)
@given(fleet=fleets, end=st.integers(1, 14_400))
def test_where_a_price_is_not_known_no_cost_of_its_pool_is(fleet: tuple[NodeFact, ...], end: int) -> None:
    ledger = advance(Ledger(opened=START), fleet, START + timedelta(seconds=end))
    dark = {a.pool for a in ledger.unpriced}
    loaded = fully_loaded(ledger)
    for pools in (*loaded.money.values(), loaded.others):
        assert all((cost is None) == (pool in dark) for pool, cost in pools.items())


@effort(150)
@given(fleet=fleets, at=st.integers(0, 14_400))
def test_what_an_hour_costs_all_workloads_and_nobody_is_the_price_of_the_nodes_that_stand(fleet: tuple[NodeFact, ...], at: int) -> None:
    now = START + timedelta(seconds=at)
    standing = tuple(n for n in priced(fleet) if n.launched <= now and (n.terminated is None or n.terminated >= now + timedelta(hours=1)))
    counted = hourly_costs(standing, now)
    known = [cost.fully_loaded or 0.0 for pools in counted.costs.values() for cost in pools.values()]
    bill = fsum(n.price.per_hour for n in standing if n.price)
    others = [cost or 0.0 for cost in counted.others.values()]
    assert fsum([*known, *others, *counted.unassigned.values()]) == pytest.approx(bill, rel=1e-9, abs=1e-12)
    for cost in (cost for pools in counted.costs.values() for cost in pools.values()):
        assert cost.allocated is not None and cost.fully_loaded is not None and cost.avoidable is not None
        assert 0 <= cost.allocated <= cost.fully_loaded * (1 + 1e-9)
        assert 0 <= cost.avoidable <= bill * (1 + 1e-9)


@effort(150)
@given(fleet=fleets, end=st.integers(1, 14_400))
def test_the_share_is_what_the_ledger_books_on_the_workload(fleet: tuple[NodeFact, ...], end: int) -> None:
    until = START + timedelta(seconds=end)
    ledger = advance(Ledger(opened=START), fleet, until)
    found = avoidable(with_rule(fleet, WhenEmpty.STAYS), START, until)
    for workload in WORKLOADS:
        costs = found.get(workload, {}).values()
        if None in costs:
            assert any(a.workload == workload and v > 0 for a, v in ledger.unpriced.items())
            continue
        mine = fsum(v for e, v in ledger.money.items() if e.account.workload == workload)
        assert fsum(cost or 0.0 for cost in costs) == pytest.approx(mine, rel=1e-9, abs=1e-12)


@effort(150)
@given(fleet=fleets, end=st.integers(1, 14_400))
def test_what_workloads_could_avoid_one_by_one_is_never_more_than_the_bill(fleet: tuple[NodeFact, ...], end: int) -> None:
    until, nodes = START + timedelta(seconds=end), with_rule(priced(fleet), WhenEmpty.REMOVED)
    bill = advance(Ledger(opened=START), nodes, until).paid
    found = avoidable(nodes, START, until)
    sums = {workload: fsum(cost or 0.0 for cost in costs.values()) for workload, costs in found.items()}
    assert fsum(sums.values()) <= bill * (1 + 1e-9) + 1e-12
    others = any(pod.account.component is Component.OTHERS for node in nodes for pod in node.pods)
    for workload in WORKLOADS:
        if nodes and not others and all(set(avoidable((n,), START, until)) == {workload} for n in nodes):
            assert sums[workload] == pytest.approx(bill, rel=1e-9, abs=1e-12), "alone everywhere, it could avoid all"
