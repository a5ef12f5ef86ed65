"""What this machine is, and which of its processors serve and which send."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """`name`: of its processors, as it tells itself. `servers`, `generators`: numbers of the processors that servers and that generators of load may
    use; None: it cannot be said here which, or there is one alone, and both use all. `threads`: inferences at once in a server."""

    name: str
    servers: tuple[int, ...] | None
    generators: tuple[int, ...] | None
    threads: int
    memory_gib: float

    @property
    def apart(self) -> bool:
        """Whether what sends takes nothing from what serves."""
        return self.servers is not None


def this_machine() -> Machine:
    """As this process may use it."""
    can_be_said = hasattr(os, "sched_getaffinity")
    mine = sorted(os.sched_getaffinity(0)) if can_be_said else list(range(os.cpu_count() or 1))
    apart = can_be_said and len(mine) > 1
    return Machine(
        name=_name(),
        # The first takes most of the interrupts: it sends.
        servers=tuple(mine[1:]) if apart else None,
        generators=tuple(mine[:1]) if apart else None,
        threads=max(1, len(mine) - 1),
        memory_gib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30,
    )


def busy() -> float:
    """Processors' worth of work that ran or waited here over the last minute."""
    return os.getloadavg()[0]


def _name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    told = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(told, "") or platform.processor() or platform.machine()
