"""Scenes that play at the same time: a fault test mostly waits, so all of a session's share the minutes.

A test that is decorated with `meanwhile` is such a scene. Its body runs in a thread from the session's first fault test on, and the
test itself only waits for it; what the body raises is the test's failure.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from patience import PATIENCE
from processors import Jiffies

MOST_SECONDS = 6 * PATIENCE
"""Bound of a whole scene and of those before which it had to wait."""
AT_ONCE = 11
"""Scenes at the same time, at most: one costs a tenth of a processor on a fast machine, and twice as much on a slow one."""
ALWAYS = 5
"""As many begin however busy the processors are."""
SPARE = 0.25
"""Of the processors' time is left when one more scene begins: an operator that gets none loses its Lease."""
LOOK_SECONDS = 3.0

curtain = threading.Event()
"""The session is over: whoever still waits gives up."""


class Door:
    """Lets scenes begin one after another, while there is room for them."""

    def __init__(self, spare: Callable[[], float]) -> None:
        """`spare`: the part of the processors' time that is left; takes a while to find out."""
        self._spare, self._door, self._count, self._playing = spare, threading.Lock(), threading.Lock(), 0

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Waits for its turn, and for room."""
        with self._door:
            while self._playing >= ALWAYS and self._spare() < SPARE and not curtain.is_set():
                pass
            self._add(1)
        try:
            yield
        finally:
            self._add(-1)

    def _add(self, scenes: int) -> None:
        with self._count:
            self._playing += scenes


def spare() -> float:
    """The part of all processors' time that is left to whoever wants it during the next seconds."""
    before = Jiffies.now()
    time.sleep(LOOK_SECONDS)
    return Jiffies.now().spare_since(before)


def meanwhile(scene: Callable[..., None]) -> Callable[..., None]:
    """Play this test together with the others."""

    @functools.wraps(scene)
    def waiting(*, a_move: Future[None], **_: Any) -> None:
        a_move.result(MOST_SECONDS)

    waiting.scene = scene  # type: ignore[attr-defined]
    return waiting


def first(test: Callable[..., None]) -> Callable[..., None]:
    """Of the scenes this one is long: it begins before the others."""
    test.long = True  # type: ignore[attr-defined]
    return test
