"""A pool that delivers no nodes: how long nobody is sent there, and when it is tried again with one replica.

The moment is remembered in the pool's status, so that a restart does not forget it and nothing is written while nothing changes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from steelyard.core.facts.snapshot import Exhaustion

DEADLINE = timedelta(minutes=6)
"""How long a replica may wait for a node until its pool is taken to deliver none. A pool that takes longer from order to node is counted on again
when the node comes."""
REFUSED = timedelta(seconds=15)
"""How long a provisioner's word that no node is to be had stands until the pool is taken to deliver none: Karpenter gathers pods for up to ten
seconds before it tries what else it has."""
FIRST = timedelta(minutes=3)
LONGEST = timedelta(hours=1)
JITTER = 0.1
"""Part of a pause by which it may be shorter or longer, so that pools which failed together are not asked together."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Of the replicas of all workloads on one pool: since when the first of those without a node waits, in whose words, and when a node was last
    found for one; None where none waits, or none has been seen. `refused`: since when, of that time, what makes the nodes says that there is none to be had, in
    the words `refusal`; None where it does not."""

    since: datetime | None = None
    why: str = ""
    delivered: datetime | None = None
    refused: datetime | None = None
    refusal: str = ""

    def in_vain(self, now: datetime) -> bool:
        """Whether they wait for what does not come."""
        overdue = self.since is not None and now - self.since >= DEADLINE
        return overdue or (self.since is not None and self.refused is not None and now - self.refused >= REFUSED)


def exhaustion(pool: str, before: Exhaustion | None, waits: Waits, now: datetime) -> Exhaustion | None:
    """What the pool's status says after this look; the same as before while nothing changes. Each failure doubles the pause, up to LONGEST."""
    if before is not None and now < before.until:
        return None if waits.delivered is not None and waits.delivered > before.since else before
    if waits.in_vain(now):
        failures = 1 + (before.failures if before else 0)
        pause = min(LONGEST, FIRST * 2 ** min(failures - 1, 10))
        spread = random.Random(f"{pool}/{failures}/{now:%Y%m%d%H%M}").uniform(1 - JITTER, 1 + JITTER)
        until = (now + pause * spread).replace(microsecond=0)
        return Exhaustion(since=now.replace(microsecond=0), until=until, failures=failures, reason=waits.refusal or waits.why)
    if before is None or now >= before.until + LONGEST or (waits.delivered is not None and waits.delivered > before.since):
        return None
    return before
