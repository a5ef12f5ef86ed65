"""Constant traffic after a move, and nothing else to do: what the operator writes then, it writes for nothing."""

from __future__ import annotations

import time

from cluster.audit import AuditEvent
from e2e.golden_move import Moved

ENOUGH_REQUESTS = 240
"""Four times the fewest that a figure needs: up to there each doubling of the sample is news, and written."""


class Rest:
    """Begins when its figures stand on enough requests."""

    def __init__(self, moved: Moved) -> None:
        self.client, self._tenant = moved.client, moved.tenant
        self._tenant.until("figures that stay", lambda: moved.measured(moved.cheap) >= ENOUGH_REQUESTS, 300)
        self._audit, self._begun = self._tenant.cluster.audit(), time.monotonic()

    def until_it_lasted(self, seconds: float) -> None:
        """Sleep for what is left of these seconds."""
        time.sleep(max(0.0, self._begun + seconds - time.monotonic()))

    def written(self) -> list[AuditEvent]:
        """By the operator, but for its Lease. Pools belong to the cluster: those that other tests make meanwhile are left out, for they get
        a status from every operator that sees them."""
        others = {"acceleratorpools/status", "events"}
        mine = self._tenant.pools()
        return [e for e in self._audit.writes(self._tenant.user) if not (e.resource in others and e.namespace == "" and e.name not in mine)]

    def renewals(self) -> int:
        """How often it renewed its Lease."""
        return sum(1 for e in self._audit.writes(self._tenant.user, except_resources=()) if e.resource == "leases")
