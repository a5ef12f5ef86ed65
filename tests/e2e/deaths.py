"""An operator that dies at seeded writes of a move: when the API server has done what was asked, and before the answer is there."""

from __future__ import annotations

import random
from typing import NamedTuple

from e2e.tenant import Tenant
from fault.proxy import AfterCommit, Call

CHAPTERS = ("first placement", "shifting", "leaving")
"""Until there is a move, until its source is drained, until nothing of the source is left."""
CHAPTER_OF_STEP = {"Surge": 1, "Shift": 1, "Bake": 1, "Drain": 2}
NOT_OF_THE_MOVE = ("leases", "events", "acceleratorpools/status")
"""The clock writes a Lease, other workloads move pools too, and an event only tells."""


class Death(NamedTuple):
    """The write that was committed and never answered, and the how many-th of its chapter it was."""

    chapter: str
    number: int
    verb: str
    resource: str


class Deaths:
    """One in each chapter of a move, drawn from its first `among` writes."""

    def __init__(self, tenant: Tenant, seed: int, among: tuple[int, ...]) -> None:
        chance = random.Random(seed)
        self._tenant, self._proxy = tenant, tenant.proxy()
        self._due = [(chapter, chance.randint(1, writes)) for chapter, writes in enumerate(among)]
        self._chapter, self._aimed = 0, False
        self.died: list[Death] = []
        self.written: dict[str, list[str]] = {chapter: [] for chapter in CHAPTERS}
        """All writes, refused ones too."""
        self._proxy.fail(self._is_deadly, AfterCommit(then=self._die))

    def _is_deadly(self, call: Call) -> bool:
        if not call.writes or call.is_for(*NOT_OF_THE_MOVE):
            return False
        if call.is_for("inferenceworkloads/status"):
            step = (call.body.get("status", {}).get("move") or {}).get("step", "")
            self._chapter = CHAPTER_OF_STEP.get(step, self._chapter)
        written = self.written[CHAPTERS[self._chapter]]
        written.append(f"{call.verb} {call.resource}")
        # At least: a chapter that ended sooner than its deadly write still owes it.
        if self._aimed or not self._due or (self._chapter, len(written)) < self._due[0]:
            return False
        self._aimed = True
        return True

    def _die(self) -> None:
        """Runs in the proxy, which has this write's answer in its hands and has done nothing since."""
        self._aimed = False
        call, status = self._proxy.writes[-1]
        if status >= 300:
            return  # nothing was committed: it dies at the next write
        chapter, number = self._due.pop(0)
        self.died.append(Death(CHAPTERS[chapter], number, call.verb, call.resource))
        self._tenant.kill_operator()
