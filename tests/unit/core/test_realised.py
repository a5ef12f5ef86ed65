"""What a move has saved is measured once after it, at what decides, and claimed only where it is sure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from steelyard.control.telemetry.decision_log import DecisionLog
from steelyard.control.telemetry.metrics import Metrics
from steelyard.core.decide import decide
from steelyard.core.facts.memory import MoveKind, Outcome, PastMove, Realised
from steelyard.core.statistics.interval import Interval
from unit.core.world import START, Ground, World


def moved(dear: float = 4.0, cheap: float = 1.0) -> World:
    """Where a cheaper pool came, and the workload has moved there."""
    world = World({"a": Ground(price=dear), "b": Ground(price=cheap, exists=False)}, rate=24.0)
    world.tick(30)
    world.grounds["b"].exists = True
    world.until(lambda: any(m.outcome is Outcome.MOVED for m in world.ended))
    return world


def last(world: World) -> PastMove:
    return world.memory.history[-1]


def test_what_a_move_saved_is_what_the_same_requests_would_have_cost_less_what_was_paid():
    world = moved()
    assert last(world).kind is MoveKind.REBALANCE
    before, saved = last(world).cost_before, last(world).saved
    assert before is not None and before.lower <= before.point <= before.upper
    assert saved is None
    world.tick(40)
    saved = last(world).saved
    assert saved is not None
    assert saved.paid + saved.money.point == pytest.approx(before.point * saved.good / 1000)
    # A quarter of the price for the same speed.
    assert saved.money.point / (saved.paid + saved.money.point) == pytest.approx(0.75, abs=0.08)
    assert saved.money.lower < saved.money.point < saved.money.upper
    assert saved.sure
    assert saved.start >= last(world).time and saved.end - saved.start >= timedelta(seconds=16 * 60)


def test_it_is_about_the_time_of_the_whole_windows_that_were_counted_and_not_from_the_end_of_the_move():
    world = moved()
    ended = replace(last(world), time=last(world).time + timedelta(seconds=30))
    world.memory = replace(world.memory, history=(*world.memory.history[:-1], ended))
    world.tick(40)
    saved = last(world).saved
    assert saved is not None
    assert saved.start == ended.time + timedelta(seconds=30)
    assert saved.end - saved.start == timedelta(seconds=16 * 60)


def test_it_is_measured_once_and_not_changed_by_what_comes_later():
    world = moved()
    world.tick(40)
    saved = last(world).saved
    world.grounds["b"].price = 3.9
    world.tick(20)
    assert saved is not None
    assert last(world).saved == saved


def test_a_move_that_began_before_it_could_be_measured_leaves_it_unmeasured():
    world = moved()
    world.tick(4)
    world.wish = "another"
    world.until(lambda: world.memory.move is not None)
    world.until(lambda: world.memory.move is None)
    (move,) = (m for m in world.memory.history if m.kind is MoveKind.REBALANCE)
    world.tick(40)
    assert move.saved is None
    assert all(m.saved is None for m in world.memory.history)


def told(money: Interval) -> list[str]:
    """The metric of a workload whose last move saved so much in half an hour."""
    saved = Realised(money=money, paid=1.0, good=1000, start=START, end=START + timedelta(minutes=30))
    world = World({"a": Ground()})
    world.tick(4)
    past = PastMove(
        source_pool="a",
        target_pool="b",
        target_revision="r",
        time=START,
        outcome=Outcome.MOVED,
        reason="",
        kind=MoveKind.REBALANCE,
        saved=saved,
    )
    world.memory = replace(world.memory, history=(past,))
    metrics = Metrics()
    log = DecisionLog(Silent(), metrics)  # type: ignore[arg-type]
    log.record({"metadata": {}}, world.snapshot(), decide(world.snapshot(), world.now), world.now)
    log.publish(world.now, leading=True, owed=True)
    return [line for line in metrics.page().decode().splitlines() if line.startswith("steelyard_move_saved")]


class Silent:
    """An event recorder that nobody listens to."""

    def record(self, *_: object) -> None:
        return


def test_a_saving_is_a_metric_only_where_its_interval_does_not_cover_zero():
    (lower, point, upper) = sorted(told(Interval(2.0, 1.0, 3.0)))
    assert 'bound="lower"' in lower and lower.endswith(" 2.0")
    assert 'source="a",target="b"' in point and point.endswith(" 4.0")
    assert upper.endswith(" 6.0")
    assert len(told(Interval(-2.0, -3.0, -1.0))) == 3
    assert told(Interval(2.0, -0.1, 3.0)) == []
