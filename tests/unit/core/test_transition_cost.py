"""What a move cost, against what it was thought to cost."""

from datetime import timedelta

import pytest

from steelyard.core.economics.ledger import Account, Component, Ledger, NodeFact, PodFact, advance
from steelyard.core.economics.transition_cost import transition_cost
from steelyard.core.facts.price import Price, PriceClass
from steelyard.core.facts.resources import Resources
from unit.core.world import START


def ledger(minutes: float, *, moving: bool, per_hour: float | None = 6.0, before: Ledger | None = None, workload: str = "ns/a") -> Ledger:
    component = Component.TRANSITION if moving else Component.ALLOCATED
    pod = PodFact(uid="pod", account=Account(workload, "p", component), resources=Resources(4.0, 16.0), since=START)
    node = NodeFact(
        uid="node",
        pool="p",
        allocatable=Resources(8.0, 32.0),
        price=None if per_hour is None else Price(per_hour, PriceClass.LIST, None),
        launched=START,
        ready=START,
        pods=(pod,),
    )
    return advance(before or Ledger(opened=START), (node,), START + timedelta(minutes=minutes))


def test_it_is_what_was_booked_during_the_move_and_the_compile() -> None:
    began = ledger(30, moving=True)
    ended = ledger(90, moving=True, before=began)
    cost = transition_cost("ns/a", began, ended, estimated=2.0, compile_cost=1.0)
    assert cost is not None
    assert cost.booked == pytest.approx(4.0)
    assert cost.ratio == pytest.approx(2.0)


def test_replicas_that_hold_the_load_and_other_workloads_do_not_count() -> None:
    began = Ledger(opened=START)
    assert transition_cost("ns/a", began, ledger(60, moving=False), estimated=1.0).booked == 0  # type: ignore[union-attr]
    assert transition_cost("ns/a", began, ledger(60, moving=True, workload="ns/b"), estimated=1.0).booked == 0  # type: ignore[union-attr]


def test_a_move_without_a_price_for_a_while_has_no_known_cost() -> None:
    began = ledger(30, moving=True)
    dark = ledger(60, moving=True, per_hour=None, before=began)
    assert transition_cost("ns/a", began, dark, estimated=1.0) is None
    assert transition_cost("ns/a", dark, ledger(90, moving=True, before=dark), estimated=1.0) is not None, "what was dark before is past"
    assert transition_cost("ns/a", began, began, estimated=1.0, compile_cost=None) is None


def test_nothing_expected_has_no_ratio() -> None:
    cost = transition_cost("ns/a", Ledger(opened=START), ledger(60, moving=True), estimated=0.0)
    assert cost is not None
    assert cost.ratio is None
