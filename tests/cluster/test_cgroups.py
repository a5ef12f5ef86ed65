"""The weight of a cluster's pods beside processes that are in none."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cluster import cgroups

pytestmark = pytest.mark.nodes

SECONDS = 2.0
TIMES = 8


@contextmanager
def busy(processor: int) -> Iterator[int]:
    """A process that always works, on this processor alone."""
    with subprocess.Popen(["taskset", "--cpu-list", str(processor), "sh", "-c", "while :; do :; done"]) as process:
        try:
            yield process.pid
        finally:
            process.kill()


def worked(pid: int) -> float:
    """Processor time of a process so far, in clock ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return float(fields[11]) + float(fields[12])


def test_what_is_in_the_folder_gets_several_times_what_a_process_beside_it_gets() -> None:
    path = f"steelyard-test-{os.getpid()}"
    cgroups.create(path)
    try:
        cgroups.weigh(path, TIMES)
        processor = min(os.sched_getaffinity(0))
        with busy(processor) as inside, busy(processor) as beside:
            for folder in (hierarchy / path for hierarchy in cgroups.hierarchies()):
                if folder.exists():
                    (folder / "cgroup.procs").write_text(str(inside))
            before = worked(inside), worked(beside)
            time.sleep(SECONDS)
            done = worked(inside) - before[0], worked(beside) - before[1]
        assert done[0] > TIMES / 2 * done[1], done
    finally:
        cgroups.remove(path)
