"""A lock between processes, which the kernel gives back when the holder dies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOBase
from pathlib import Path

from cluster import at_work
from cluster.progress import step

#: Between two looks whether the other process is done.
LOOK_SECONDS = 0.2


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Hold it, after the process that holds it now."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        if not _take(handle):
            work = at_work.current()
            work.waited = True
            with step(f"waiting for another process that holds {lock}"):
                while not _take(handle):
                    work.pause(LOOK_SECONDS)
        yield


def _take(handle: TextIOBase) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
