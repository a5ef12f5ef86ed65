"""An operator that dies at seeded writes of a move: when the API server has done what was asked, and before the answer is there."""

from __future__ import annotations

import random
from collections import Counter
from typing import NamedTuple

from e2e.tenant import Tenant
from fault.proxy import AfterCommit, Call

CHAPTERS = ("coming home", "shifting", "leaving")
"""Until there is a move, until its source is drained, until nothing of the source is left."""
CHAPTER_OF_STEP = {"Surge": 1, "Shift": 1, "Bake": 1, "Drain": 2}


class Death(NamedTuple):
    """The write that was committed and never answered, and the how many-th of its chapter it was."""

    chapter: str
    number: int
    verb: str
    resource: str


class Deaths:
    """One in each chapter of a move, drawn from its first `among` writes. Leases do not count: the clock writes them, not the move."""

    def __init__(self, tenant: Tenant, seed: int, among: tuple[int, ...]) -> None:
        chance = random.Random(seed)
        self._tenant, self._proxy = tenant, tenant.proxy()
        self._due = [(chapter, chance.randint(1, writes)) for chapter, writes in enumerate(among)]
        self._chapter, self._aimed = 0, False
        self.died: list[Death] = []
        self.written: Counter[str] = Counter()
        """How many writes each chapter had."""
        self._proxy.fail(self._is_deadly, AfterCommit(then=self._die))

    def _is_deadly(self, call: Call) -> bool:
        if not call.writes or call.is_for("leases"):
            return False
        if call.is_for("inferenceworkloads/status"):
            step = (call.body.get("status", {}).get("move") or {}).get("step", "")
            self._chapter = CHAPTER_OF_STEP.get(step, self._chapter)
        self.written[CHAPTERS[self._chapter]] += 1
        # At least: a chapter that ended sooner than its deadly write still owes it.
        if self._aimed or not self._due or (self._chapter, self.written[CHAPTERS[self._chapter]]) < self._due[0]:
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
