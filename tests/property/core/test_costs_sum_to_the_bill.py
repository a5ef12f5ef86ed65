"""Three numbers, each with its law: fullyLoaded sums to the bill, the share is what the ledger allocated, avoidable never exceeds the bill."""

from __future__ import annotations

from datetime import timedelta
from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property.core.fleets import fleets
from property.effort import effort
from steelyard.core.economics.avoidable import avoidable
from steelyard.core.economics.fully_loaded import FullyLoaded, divide
from steelyard.core.economics.ledger import Ledger, NodeFact, advance
from steelyard.core.economics.when_empty import CostBasis, WhenEmpty
from unit.core.world import START

WORKLOADS = ("ns/a", "ns/b")
POOLS = ("pool-0", "pool-1")


@effort(150)
@given(fleet=fleets, cuts=st.lists(st.integers(1, 14_400), min_size=1, max_size=8).map(sorted))
def test_fully_loaded_costs_and_what_nobody_was_there_for_are_the_bill(fleet: tuple[NodeFact, ...], cuts: list[int]) -> None:
    ledger, loaded = Ledger(opened=START), FullyLoaded()
    for cut in cuts:
        after = advance(ledger, fleet, START + timedelta(seconds=cut))
        there = {a.pool for a in after.unpriced if a.workload} | {e.account.pool for e in after.money if e.account.workload}
        ledger, loaded = after, divide(loaded, ledger, after)
    assert fsum(loaded.money.values()) == pytest.approx(ledger.paid, rel=1e-9, abs=1e-12)
    assert set(loaded.unassigned) <= {e.account.pool for e in ledger.money}
    for workload in WORKLOADS:
        own = fsum(v for e, v in ledger.money.items() if e.account.workload == workload)
        mine = fsum(v for e, v in loaded.money.items() if e.account.workload == workload)
        assert mine >= own * (1 - 1e-9), "it never costs less than its own pods"
        assert loaded.cost(workload) == (pytest.approx(mine) if mine and not any(w == workload for w, _ in loaded.unknown) else None)
    assert {pool for _, pool in loaded.unknown} <= there & {a.pool for a in ledger.unpriced}


@effort(150)
@given(fleet=fleets, end=st.integers(1, 14_400))
def test_with_one_interval_a_pool_that_had_a_paying_workload_leaves_nothing_over(fleet: tuple[NodeFact, ...], end: int) -> None:
    opened = Ledger(opened=START)
    ledger = advance(opened, fleet, START + timedelta(seconds=end))
    loaded = divide(FullyLoaded(), opened, ledger)
    used = {e.account.pool for e, v in ledger.money.items() if e.account.workload and v > 0}
    assert not used & set(loaded.unassigned)


@effort(150)
@given(fleet=fleets, end=st.integers(1, 14_400))
def test_the_share_is_what_the_ledger_books_on_the_workload(fleet: tuple[NodeFact, ...], end: int) -> None:
    until = START + timedelta(seconds=end)
    ledger = advance(Ledger(opened=START), fleet, until)
    for workload in WORKLOADS:
        found = avoidable(workload, fleet, dict.fromkeys(POOLS, WhenEmpty.STAYS), START, until)
        assert all(each.basis is CostBasis.SHARE for each in found.values())
        if any(each.cost is None for each in found.values()):
            assert any(a.workload == workload and v > 0 for a, v in ledger.unpriced.items())
            continue
        mine = fsum(v for e, v in ledger.money.items() if e.account.workload == workload)
        assert fsum(each.cost or 0.0 for each in found.values()) == pytest.approx(mine, rel=1e-9, abs=1e-12)


@effort(150)
@given(fleet=fleets, end=st.integers(1, 14_400))
def test_what_workloads_could_avoid_one_by_one_is_never_more_than_the_bill(fleet: tuple[NodeFact, ...], end: int) -> None:
    until = START + timedelta(seconds=end)
    priced = tuple(n for n in fleet if n.price is not None)
    bill = advance(Ledger(opened=START), priced, until).paid
    alone = [avoidable(w, priced, dict.fromkeys(POOLS, WhenEmpty.REMOVED), START, until) for w in WORKLOADS]
    sums = [fsum(each.cost or 0.0 for each in found.values()) for found in alone]
    assert fsum(sums) <= bill * (1 + 1e-9) + 1e-12
    for workload, total in zip(WORKLOADS, sums, strict=True):
        mine = [n for n in priced if {p.account.workload for p in n.pods} == {workload}]
        if len(mine) == len(priced) and all(n.launched < until for n in mine) and _there(mine, workload, end):
            assert total == pytest.approx(bill, rel=1e-9, abs=1e-12), "alone everywhere, it could avoid all"


def _there(nodes: list[NodeFact], workload: str, end: int) -> bool:
    found = [avoidable(workload, (n,), dict.fromkeys(POOLS, WhenEmpty.REMOVED), START, START + timedelta(seconds=end)) for n in nodes]
    return all(found)
