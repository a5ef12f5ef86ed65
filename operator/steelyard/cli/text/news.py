"""What is new in a view, where there is no terminal that changes in place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol, TypeVar


class Timed(Protocol):
    """A view as of a moment."""

    @property
    def now(self) -> datetime:
        """The API server's clock at the reading."""


View = TypeVar("View", bound=Timed)


def unseen(facts: Callable[[View], Iterable[str]], before: View | None, view: View) -> list[str]:
    """A line for each of its facts that was none of the view before."""
    known = set(facts(before)) if before is not None else set()
    return [f"{view.now:%H:%M:%S} {fact}" for fact in facts(view) if fact not in known]
