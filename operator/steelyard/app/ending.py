"""A process that has to end does end, whatever hangs in it: who has lost the Lease, or has seen a past that never was, may not linger.

kopf 1.45 waits for its watches to end for as long as they take, and a watch that is cancelled while it goes from one stream to the next
swallows that (`streaming_block` of its `watching.py`): while an API server comes back, watches do little else. kopf's own limit is ten minutes.
"""

from __future__ import annotations

import asyncio
import os
import threading

from steelyard.control.log import get_logger

_log = get_logger(__name__)


ENDING_SECONDS = 60.0
"""For all that an operator does that ends by itself, draining and telling included."""


def end_at_latest(seconds: float = ENDING_SECONDS) -> None:
    """The process ends so many seconds from now, with exit code 1, unless it has ended before; the log then says what still ran.

    Called in the loop whose tasks it tells of. A thread counts the seconds, since the loop may be what hangs.
    """
    loop = asyncio.get_running_loop()

    def overdue() -> None:
        _log.error("this process did not end by itself, and is ended", seconds=seconds, still_running=_running(loop))
        os._exit(1)

    timer = threading.Timer(seconds, overdue)
    timer.daemon = True
    timer.start()


def _running(loop: asyncio.AbstractEventLoop) -> list[str]:
    """The tasks that have not ended, each with the line that it waits at."""
    return sorted(_title(task) for task in asyncio.all_tasks(loop))


def _title(task: asyncio.Task[object]) -> str:
    frames = task.get_stack(limit=1)
    where = f" at {frames[-1].f_code.co_qualname}:{frames[-1].f_lineno}" if frames else ""
    return f"{task.get_name()}{where}"
