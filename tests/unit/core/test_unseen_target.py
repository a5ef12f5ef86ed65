"""A server that tells nobody which requests were in time is rolled out by what surely failed; beside one that tells, nothing is passed by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import pytest

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Outcome
from steelyard.core.facts.snapshot import Scaling, Snapshot
from steelyard.core.facts.window import Window
from steelyard.core.vocabulary.reading import Fresh
from unit.core.world import Ground, World

Page: TypeAlias = Callable[[Window], Window]
"""What it tells of a window as it truly was."""


def unseen(window: Window) -> Window:
    answered = window.good + window.slow
    return window._replace(good=0, slow=answered, unsure=answered, blind=True)


def failing(window: Window) -> Window:
    return unseen(window._replace(good=0, error=window.good))


@dataclass
class Blind(World):
    """Of the old revision and of the new one what their pages tell."""

    old: Page = unseen
    new: Page = unseen

    def snapshot(self) -> Snapshot:
        found = super().snapshot()
        traffic = {
            key: Fresh(replace(told.value, windows=tuple(map(self._page(key), told.value.windows))), told.at)
            if isinstance(told, Fresh)
            else told
            for key, told in found.traffic.items()
        }
        return replace(found, traffic=traffic)

    def _page(self, key: PlacementKey) -> Page:
        return self.new if self.memory.move is not None and key == self.memory.move.target else self.old


def rolled_out(owner: str = "Steelyard", *, old: Page = unseen, new: Page = unseen) -> Outcome:
    world = Blind({"a": Ground(speed=10)}, rate=20.0, scaling=Scaling(minimum=3, owner=owner), old=old, new=new)
    world.until(lambda: world.count("a") == 3)
    world.tick(10)
    world.wish = "n"
    world.until(lambda: world.ended)
    return world.ended[0].outcome


def test_a_new_revision_of_what_never_told_is_rolled_out() -> None:
    assert rolled_out() is Outcome.MOVED


def test_one_whose_requests_surely_fail_is_not() -> None:
    assert rolled_out(new=failing) is Outcome.ROLLED_BACK


def test_one_that_tells_less_than_what_it_replaces_is_not() -> None:
    assert rolled_out(old=lambda window: window) is Outcome.ROLLED_BACK


@pytest.mark.parametrize(("new", "outcome"), [(unseen, Outcome.MOVED), (failing, Outcome.ROLLED_BACK)])
def test_where_somebody_else_sizes_it_is_the_same(new: Page, outcome: Outcome) -> None:
    assert rolled_out("External", new=new) is outcome
