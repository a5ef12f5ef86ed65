"""How tests wait, so that a machine that is busy with something else makes them slower and never red.

A limit that a test is not about is `PATIENCE`: it ends a run in which something never comes, and waiting ends as soon as it has come. A limit
that a test is about is virtual (`unit/control/virtual_time.py`), or belongs to something that never ends by itself. Where only a real
process has it, `with_more_time` plays the scene again with a longer one when the machine did not keep up with the scene.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PATIENCE = 600.0
"""Seconds."""
AGAIN = (1.0, 10.0, 100.0)
"""Times the limit of a scene, one after the other."""


class LateError(Exception):
    """The machine was slower than the scene supposes; nothing can be said of what was tested."""


async def until(condition: Callable[[], object]) -> None:
    """Return as soon as it is true; raises TimeoutError when it never is."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


def with_more_time(scene: Callable[[float], None]) -> None:
    """Play the scene; give it how many times as much time it has. It raises `LateError` where that was not enough to say anything."""
    for times in AGAIN[:-1]:
        try:
            return scene(times)
        except LateError:
            continue
    return scene(AGAIN[-1])
