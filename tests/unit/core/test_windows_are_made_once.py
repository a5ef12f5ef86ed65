"""A table makes a window anew each time that it is asked for one: a decision asks for each of them once, however many pools it weighs."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from steelyard.core.decide import decide
from steelyard.core.facts.snapshot import Snapshot, Traffic
from steelyard.core.facts.window import Window
from steelyard.core.facts.window_table import WindowTable
from steelyard.core.vocabulary.reading import Fresh
from unit.core.world import Ground, World, quick

UNTRIED = 6


def at_rest() -> tuple[World, Snapshot]:
    """One pool serves; the others were never tried, and each could be."""
    others = {f"b{number}": Ground(price=5.0) for number in range(UNTRIED)}
    world = World({"a": Ground(price=0.5), **others}, rate=4.0, policy=quick(exploration_budget=1e-6))
    world.tick(20)
    snapshot = world.snapshot()
    kept = {key: replace(told, value=tabled(told.value)) for key, told in snapshot.traffic.items() if isinstance(told, Fresh)}
    return world, replace(snapshot, traffic=kept)


def tabled(traffic: Traffic) -> Traffic:
    return replace(traffic, windows=WindowTable(traffic.windows))


def test_a_decision_makes_each_window_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world, snapshot = at_rest()
    made, one_by_one = [0], WindowTable.__iter__

    def counted(table: WindowTable) -> Iterator[Window]:
        for window in one_by_one(table):
            made[0] += 1
            yield window

    monkeypatch.setattr(WindowTable, "__iter__", counted)
    decide(snapshot, world.now)
    assert made[0] == sum(len(told.value.windows) for told in snapshot.traffic.values() if isinstance(told, Fresh)) > 0
