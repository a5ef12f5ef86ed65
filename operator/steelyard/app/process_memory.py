"""How this process holds memory: what a fleet takes is held for days, and what a decision takes goes at once."""

from __future__ import annotations

import ctypes
import gc
from typing import Any

YOUNG = 10_000
"""Objects: those of some decisions together, a few megabytes."""
OLD = 200
"""Looks at the younger objects for one at all of them. That one stops the loop of a large fleet for long: Python's own ten make it every few
seconds there, and these every few minutes."""
ARENAS, MAPPED = -8, -3
"""M_ARENA_MAX and M_MMAP_THRESHOLD of malloc.h."""
LARGE = 1 << 20
"""Bytes: what is larger goes back to the system when it is freed. glibc would raise this by itself, up to 32 MiB, after the first page of metrics."""


def look_seldom() -> None:
    """From now on look seldom for garbage. Decisions make thousands of objects that go by themselves. Python looks after every 700 that stay for now;
    what it finds alive so often counts as old, and so often all of a fleet's facts are looked through again."""
    gc.set_threshold(YOUNG, gc.get_threshold()[1], OLD)


def hold_once() -> None:
    """Before there are threads. glibc gives each one an arena of its own, and what a thread has freed stays with its arena. Threads take turns in
    Python, so one arena is enough."""
    limit = _libc("mallopt")
    if limit is not None:
        limit(ARENAS, 1)
        limit(MAPPED, LARGE)


def keep_what_is_there() -> None:
    """Once all is listed: what is garbage goes, what is left is not looked through for garbage again, which stops the loop for long, and memory
    that the lists took goes back to the system."""
    gc.collect()
    gc.freeze()
    trim = _libc("malloc_trim")
    if trim is not None:
        trim(0)


def _libc(name: str) -> Any:
    """A function of glibc; None where the C library is another."""
    return getattr(ctypes.CDLL(None), name, None)
