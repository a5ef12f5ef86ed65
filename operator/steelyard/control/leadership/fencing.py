"""The fence in front of every write: who no longer holds the Lease does not write.

Three things together keep a deposed leader from harm. The fence (`kube/fence.py`, opened here) refuses to send once the Lease's deadline has passed.
Every update carries a resourceVersion, so a write that left in time but arrived late conflicts. And creates use deterministic names,
so a late one finds the name taken.
"""

import math
import threading

from steelyard.control.clock import Clock
from steelyard.control.kube.fence import LeadershipLost


class LeaseFence:
    """Open from the first renewal until the deadline that the last renewal bought; once shut, shut for good.

    The elector opens it in one thread, and writers ask it in another.
    """

    def __init__(self, clock: Clock, *, margin: float = 5.0) -> None:
        """`margin`: seconds between our deadline and the moment when another may take the Lease (15 - 10)."""
        self._clock = clock
        self._lock = threading.Lock()
        self._margin = margin
        self._deadline = -math.inf
        self._opened = False
        self._lost = False

    @property
    def lost(self) -> bool:
        """Whether it was open once and has shut for good."""
        with self._lock:
            self._latch()
            return self._lost

    def extend(self, deadline: float) -> None:
        """Stay open until this stopwatch reading.

        Raises LeadershipLost if the previous deadline has passed: somebody else may have led in between, so what this process
        believes about the cluster is worth nothing.
        """
        with self._lock:
            self._latch()
            if self._lost:
                raise LeadershipLost("the Lease was lost before this renewal; start again as a new process")
            self._opened = True
            self._deadline = max(self._deadline, deadline)

    def revoke(self) -> None:
        """Shut for good, now."""
        with self._lock:
            self._opened, self._lost = True, True

    def check(self) -> None:
        """Raise LeadershipLost unless the deadline lies ahead."""
        with self._lock:
            self._latch()
            if self._lost or not self._opened:
                raise LeadershipLost("this process does not hold the Lease; the write was not sent")

    def patience(self) -> float:
        """Seconds until another process could hold the Lease; 0 when shut."""
        with self._lock:
            self._latch()
            if self._lost or not self._opened:
                return 0.0
            return max(0.0, self._deadline + self._margin - self._clock.monotonic())

    def _latch(self) -> None:
        if self._opened and self._clock.monotonic() >= self._deadline:
            self._lost = True
