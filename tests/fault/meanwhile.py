"""Scenes that play at the same time: a fault test mostly waits, so all of a session's share the minutes.

A test that is decorated with `meanwhile` is such a scene. Its body runs in a thread from the session's first fault test on, and the
test itself only waits for it; what the body raises is the test's failure.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

MOST_SECONDS = 900.0
AT_ONCE = 11
"""Scenes at the same time: one costs less than 0.1 of a processor."""

curtain = threading.Event()
"""The session is over: whoever still waits gives up."""


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
