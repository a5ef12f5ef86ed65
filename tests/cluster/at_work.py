"""What the code of a piece tells of itself while it works, and how its work is broken off: see `fulfil`.

The code asks `current()`, because it lies several calls below the piece, and also runs on its own.
"""

from __future__ import annotations

import threading
from contextvars import ContextVar

from cluster.errors import ClusterError


class BrokenOffError(ClusterError):
    """This piece was told to end, because another one has failed or the person wants no more."""


class AtWork:
    """One piece under way."""

    def __init__(self) -> None:
        self.doing = ""
        """The step of it that is going on, where it has several."""
        self.waited = False
        """Whether it has waited for another process, which perhaps did the work."""
        self._told_to_end = threading.Event()

    def break_off(self) -> None:
        """Tell it to end: commands that it runs are ended, and it begins none."""
        self._told_to_end.set()

    def pause(self, seconds: float) -> None:
        """Let time pass; an error as soon as the piece was told to end."""
        if self._told_to_end.wait(seconds):
            raise BrokenOffError("broken off")


_current: ContextVar[AtWork | None] = ContextVar("at_work", default=None)


def current() -> AtWork:
    """The piece that this thread works on. Outside of any: one that nobody watches or breaks off."""
    return _current.get() or AtWork()


def is_watched() -> bool:
    """Whether this thread works on a piece, whose steps are shown by who has begun it."""
    return _current.get() is not None


def enter(work: AtWork) -> None:
    """From now on this thread works on that piece."""
    _current.set(work)
