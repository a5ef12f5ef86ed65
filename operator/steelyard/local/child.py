"""`python -m steelyard.local.child PARENT PROCESSORS WORD...`: become `steelyard-runtime WORD...` on some processors, which does not outlive its
parent."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

ALL = "all"
"""Instead of the numbers of processors, with commas between them."""
DIES_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


def main() -> None:
    """Never returns."""
    parent, processors, *words = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIES_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != int(parent):
            sys.exit(1)
        if processors != ALL:
            os.sched_setaffinity(0, map(int, processors.split(",")))
    os.execv(sys.executable, [sys.executable, "-m", "steelyard_runtime.main", *words])  # noqa: S606


if __name__ == "__main__":
    main()
