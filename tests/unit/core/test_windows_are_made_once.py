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


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Window]:
    """All windows that are made from now on."""
    found, one_by_one = list[Window](), WindowTable.__iter__

    def counted(table: WindowTable) -> Iterator[Window]:
        for window in one_by_one(table):
            found.append(window)
            yield window

    monkeypatch.setattr(WindowTable, "__iter__", counted)
    return found


def test_a_decision_makes_each_window_once(made: list[Window]) -> None:
    world, snapshot = at_rest()
    made.clear()
    decide(snapshot, world.now)
    assert len(made) == sum(len(told.value.windows) for told in snapshot.traffic.values() if isinstance(told, Fresh)) > 0


def test_a_table_with_a_newer_window_is_another_one_without_a_window_being_made(made: list[Window]) -> None:
    _, snapshot = at_rest()
    (windows,) = (WindowTable.of(told.value.windows) for told in snapshot.traffic.values() if isinstance(told, Fresh))
    *_, newest = windows
    newer = windows.then(newest._replace(start=newest.end, end=newest.end + (newest.end - newest.start)), len(windows))
    made.clear()
    assert windows != newer
    assert made == []
