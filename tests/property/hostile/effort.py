"""How long the fuzzers look: half a minute together in `make test`, THOROUGH times as many examples in `make test-long`; and what one input may cost."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from hypothesis import settings

from property.effort import effort

THOROUGH = 360
"""Times the examples of `make test`."""
MEMORY_OF_A_BYTE = 64
"""Bytes that may be held for a byte that is read."""
MEMORY = 2 * 2**20
"""Bytes that any input may take, however small: caches, errors with their frames."""


def fuzz(examples: int) -> settings:
    """So many examples, and as many times as THOROUGH says where time does not matter."""
    return effort(examples, THOROUGH * examples)


def memory_of(read: Callable[[], Any], size: int) -> None:
    """Fails where reading holds more memory than is in proportion to the size of what is read."""
    tracemalloc.start()
    try:
        read()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= MEMORY + MEMORY_OF_A_BYTE * size, f"{peak} bytes were held for {size} that were read"


def processor_seconds(read: Callable[[], Any]) -> float:
    """CPU time of one read, the least of five: what else the machine does only ever adds to it."""
    found = []
    for _ in range(5):
        gc.collect()
        began = time.process_time()
        read()
        found.append(time.process_time() - began)
    return min(found)


def is_linear(read: Callable[[int], Any], small: int, times: int = 8) -> None:
    """`read(n)` reads an input of a size in proportion to n. Sixteen times what eight times the size should take is not linear by far."""
    one, many = processor_seconds(lambda: read(small)), processor_seconds(lambda: read(times * small))
    assert many <= 2 * times * max(one, 1e-3), f"{times} times the size took {many / max(one, 1e-9):.0f} times the processor time"
