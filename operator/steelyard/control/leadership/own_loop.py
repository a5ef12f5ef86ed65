"""An event loop in a thread of its own, for what must not wait for the other one: the Lease is renewed while the process lists, reads and decides.

Python lets a thread that waits go on after some milliseconds, whatever the others compute. So a renewal takes that much longer at each of its
steps, and no longer, however long one step of the main loop is.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


class OwnLoop:
    """Runs coroutines beside the loop of the caller. The clients and locks that they use are made in them too."""

    def __init__(self, called: str) -> None:
        self._loop = asyncio.new_event_loop()
        # A daemon: nothing that it waits for keeps the process from ending.
        self._thread = threading.Thread(target=self._loop.run_forever, name=called, daemon=True)
        self._thread.start()

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What the coroutine returns or raises. It is cancelled with its caller."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def close(self) -> None:
        """Cancel what still runs in it, and end the thread."""
        await self.run(_cancel_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()


def handed_over(told: Callable[P, object]) -> Callable[P, None]:
    """The same function for another thread: it is called in the loop that runs now, soon, and not at all once that loop is closed."""
    loop = asyncio.get_running_loop()

    def tell(*args: P.args, **kwargs: P.kwargs) -> None:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(lambda: told(*args, **kwargs))

    return tell


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
