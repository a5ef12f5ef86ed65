"""The ledger: paid from launch to termination, by whom and for what."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from steelyard.core.economics.ledger import Account, Component, Entry, Ledger, NodeFact, PodFact, advance, component_of
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Move, MoveKind, Step
from steelyard.core.facts.price import Price, PriceClass
from steelyard.core.facts.resources import Resources
from steelyard.core.vocabulary.reason import Reason
from unit.core.world import START

NODE = Resources(8.0, 32.0)
HALF = Resources(4.0, 16.0)
MINE = Account("ns/a", "p", Component.ALLOCATED)
IDLE = Account("", "p", Component.IDLE)
OVERHEAD = Account("", "p", Component.OVERHEAD)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def pod(account: Account = MINE, since: float = 0, until: float | None = None, uid: str = "pod") -> PodFact:
    return PodFact(uid=uid, account=account, resources=HALF, since=at(since), until=None if until is None else at(until))


def node(
    *pods: PodFact, per_hour: float | None = 6.0, launched: float = 0, ready: float | None = 0, ended: float | None = None
) -> NodeFact:
    return NodeFact(
        uid="node",
        pool="p",
        allocatable=NODE,
        price=None if per_hour is None else Price(per_hour, PriceClass.LIST, None),
        launched=at(launched),
        ready=None if ready is None else at(ready),
        terminated=None if ended is None else at(ended),
        pods=pods,
    )


def after(minutes: float, *nodes: NodeFact, ledger: Ledger | None = None) -> Ledger:
    return advance(ledger or Ledger(opened=START), nodes, at(minutes))


def test_half_a_node_for_an_hour_is_half_its_price_and_the_rest_is_idle() -> None:
    ledger = after(60, node(pod()))
    assert ledger.cost(MINE) == pytest.approx(3.0)
    assert ledger.cost(IDLE) == pytest.approx(3.0)


def test_boot_is_paid_for_and_is_overhead() -> None:
    ledger = after(60, node(pod(), launched=0, ready=10))
    assert ledger.cost(OVERHEAD) == pytest.approx(1.0)
    assert ledger.cost(MINE) == pytest.approx(2.5)
    assert after(60, node(ready=None)).cost(OVERHEAD) == pytest.approx(6.0)


def test_a_pod_pays_from_its_start_to_its_end_and_the_node_to_its_termination() -> None:
    ledger = after(120, node(pod(since=10, until=20), ended=60))
    assert ledger.cost(MINE) == pytest.approx(0.5)
    assert ledger.paid == pytest.approx(6.0)


def test_a_node_that_was_launched_between_two_looks_is_charged_from_its_launch() -> None:
    ledger = after(30)
    assert after(60, node(launched=15), ledger=ledger).paid == pytest.approx(4.5)


def test_a_new_process_charges_a_node_that_was_there_before_from_its_own_start() -> None:
    assert after(60, node(launched=-6000)).paid == pytest.approx(6.0)


def test_a_node_missing_from_one_list_is_not_paid_twice() -> None:
    ledger = after(30, node(pod()))
    ledger = after(40, ledger=ledger)
    ledger = after(60, node(pod()), ledger=ledger)
    assert ledger.paid == pytest.approx(6.0)


def test_an_unknown_price_is_an_unknown_cost_and_never_nothing() -> None:
    ledger = after(60, node(pod(), per_hour=None))
    assert ledger.cost(MINE) is None
    assert ledger.unpriced[MINE] == pytest.approx(1800.0)
    assert ledger.money == {}
    for broken in (0.0, -1.0, float("nan"), float("inf")):
        assert after(60, node(pod(), per_hour=broken)).cost(MINE) is None


def test_a_cost_of_which_a_part_is_unknown_is_unknown_and_what_is_known_is_kept() -> None:
    ledger = after(60, node(pod()))
    ledger = after(120, node(pod(), per_hour=None), ledger=ledger)
    assert ledger.cost(MINE) is None
    assert ledger.money[Entry(MINE, PriceClass.LIST)] == pytest.approx(3.0)


def test_the_class_of_the_price_is_kept_with_the_money() -> None:
    ledger = after(60, node(pod()))
    dearer = replace(node(pod()), price=Price(12.0, PriceClass.EFFECTIVE, None))
    ledger = after(120, dearer, ledger=ledger)
    assert ledger.money[Entry(MINE, PriceClass.LIST)] == pytest.approx(3.0)
    assert ledger.money[Entry(MINE, PriceClass.EFFECTIVE)] == pytest.approx(6.0)
    assert ledger.cost(MINE) == pytest.approx(9.0)


def test_a_move_pays_for_its_own_replicas_apart() -> None:
    trial = Account("ns/a", "p", Component.TRANSITION)
    ledger = after(60, node(pod(), pod(trial, uid="trial")))
    assert ledger.cost(trial) == pytest.approx(3.0)
    assert ledger.cost(IDLE) == pytest.approx(0.0)


def test_more_asked_than_there_is_is_scaled_to_the_node() -> None:
    three = [pod(Account(f"ns/{w}", "p", Component.ALLOCATED), uid=w) for w in "abc"]
    ledger = after(60, node(*three))
    assert ledger.cost(MINE) == pytest.approx(2.0)


def test_nothing_booked_is_no_value() -> None:
    assert Ledger(opened=START).cost(MINE) is None


def test_seconds_are_booked_as_seconds_without_a_least_time() -> None:
    """Providers charge a minute at least; the bill says so, and the reconciliation names it."""
    assert after(60, node(ended=10 / 60)).paid == pytest.approx(6.0 * 10 / 3600)


@pytest.mark.parametrize("ended", [0, -5])
def test_a_node_that_ended_when_or_before_it_began_costs_nothing(ended: float) -> None:
    assert after(60, node(pod(), ended=ended)).paid == 0


def test_the_moment_of_readiness_and_of_a_pods_end_belongs_to_what_comes_after() -> None:
    ledger = after(30, node(pod(since=10, until=20), ready=10))
    assert ledger.cost(OVERHEAD) == pytest.approx(1.0)
    assert ledger.cost(MINE) == pytest.approx(0.5)
    assert ledger.cost(IDLE) == pytest.approx(1.5)


def test_a_pod_that_is_older_than_its_node_pays_from_the_node_on() -> None:
    assert after(60, node(pod(since=-30), launched=30, ready=30)).cost(MINE) == pytest.approx(1.5)


def test_only_what_a_move_alone_needs_is_booked_as_its_cost() -> None:
    move = Move(
        id="m",
        kind=MoveKind.REBALANCE,
        source=PlacementKey("a", "r"),
        target=PlacementKey("b", "r"),
        step=Step.BAKE,
        source_replicas=1,
        target_replicas=1,
        target_goal=1,
        started=START,
        step_time=START,
        deadline=START,
        reason=Reason.MOVED,
        message="",
    )
    source, target = PlacementKey("a", "r"), PlacementKey("b", "r")
    assert component_of(target, move) is Component.TRANSITION
    assert component_of(source, move) is Component.ALLOCATED
    assert component_of(target, None) is Component.ALLOCATED
    # Replicas that carried load there before the move began.
    assert component_of(target, replace(move, target_base=1)) is Component.ALLOCATED
