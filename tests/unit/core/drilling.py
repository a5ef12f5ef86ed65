"""A workload with an exit drill in the small world: its trials are made as ordered, and played by the engine of trials.

What is remembered of the drill goes through the status in each window, as in the cluster. A trial that is made has ended in a later window.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from steelyard.core.facts.exit_drill import DrillMemory, DrillTrial, ExitDrill, ExitProof
from steelyard.core.facts.snapshot import Mode
from steelyard.core.placing.decision import Decision, Note
from steelyard.core.placing.intent import DrillIntent
from steelyard.status.exit_drill import drill_trial_of, remembered_exit_drill, written_exit_drill
from steelyard.status.raw import Raw
from steelyard.status.read.exit_drill import exit_drill
from steelyard.status.trial import status_of_trial
from unit.core.asked_trial import AskedTrial
from unit.core.world import Ground, World, quick

WEEK, HOUR = timedelta(days=7), timedelta(hours=1)
LASTS = timedelta(minutes=20)
"""A trial in this world."""


@dataclass
class Made:
    """A trial, and its status at its end."""

    intent: DrillIntent
    created: datetime
    status: Raw


@dataclass
class Drilling:
    """One workload."""

    world: World
    fails: Mapping[str, str] = field(default_factory=dict)
    """Pools whose replica ends without a result."""
    lasts: timedelta = LASTS
    made: list[DrillIntent] = field(default_factory=list)
    decided: dict[str, datetime] = field(default_factory=dict)
    """When each of them was."""
    there: dict[str, Made] = field(default_factory=dict)
    dies: bool = False
    """The operator ends after it has written the status and before it makes anything."""

    @property
    def memory(self) -> DrillMemory:
        found = self.world.memory.exit_drill
        assert found is not None
        return found

    @property
    def proof(self) -> ExitProof:
        found = self.memory.proof
        assert found is not None
        return found

    @property
    def notes(self) -> list[Note]:
        words = {"Drilling", "ExitProven", "ProbeFailed", "TrialGone", "LimitReached", "CannotMeetObjective"}
        return [
            note for decision in self.world.decisions for note in decision.notes if note.reason.value in words and "-exit-" in note.message
        ]

    def tick(self, times: int = 1) -> Decision:
        for _ in range(times):
            self._once()
        return self.world.decisions[-1]

    def _once(self) -> None:
        world = self.world
        world.drills = tuple(sorted((self._told(name) for name in self.there), key=lambda each: (each.created, each.name)))
        decision = world.tick()
        kept = decision.memory.exit_drill
        if kept is not None:
            told = exit_drill({"exitDrill": written_exit_drill(kept)})
            assert told is not None and remembered_exit_drill(told) == kept, "what is remembered is read back as it was written"
        if self.dies:
            return
        if (order := decision.intent.drill) is not None and order.name not in self.there:
            self.made.append(order)
            self.decided[order.name] = world.now
            self.there[order.name] = Made(order, world.now, self._played(order))
        for name in decision.intent.drills_gone:
            del self.there[name]

    def until(self, done: Callable[[], object], most: int = 60 * 24 * 20) -> None:
        for _ in range(most):
            if done():
                return
            self.tick()
        raise AssertionError(f"never; at last: {self.memory}")

    def proven(self) -> ExitProof:
        self.until(lambda: self.memory.proof is not None, 200)
        return self.proof

    def ended(self) -> str:
        """The word of how the first drill ended."""
        self.until(lambda: self.memory.last is not None and self.memory.last.reason, 200)
        assert self.memory.last is not None
        return self.memory.last.reason

    def drills(self, number: int) -> list[DrillIntent]:
        """So many of them, with the time between two left out: each is held to be made when it is due, and in no window before."""
        while len(self.made) < number:
            before, due = len(self.made), self.memory.next
            if before and due is not None:
                self.later(due - self.world.now - 2 * timedelta(seconds=self.world.policy.window_seconds))
                self.tick()
                assert len(self.made) == before, "made before it was due"
            self.until(lambda before=before: len(self.made) > before, 60)  # type: ignore[misc]
            self.until(lambda: self.memory.last is not None and self.memory.last.reason, 60)
        return self.made

    def later(self, passes: timedelta) -> None:
        """Without looking: nothing of the world changes meanwhile."""
        self.world.now += passes

    def _told(self, name: str) -> DrillTrial:
        made = self.there[name]
        status = made.status if self.world.now >= made.created + self.lasts else {"startedTime": made.created.isoformat(), "conditions": []}
        return drill_trial_of(name, made.created, made.intent.pools, status)

    def _played(self, order: DrillIntent) -> Raw:
        trial = AskedTrial(
            world=self.world,
            pools=order.pools,
            budget=order.budget,
            duration=order.duration_seconds,
            deadline=order.deadline_seconds,
            fails=dict(self.fails),
        )
        trial.to_its_end()
        settings = self.world.settings()
        return status_of_trial(trial.decisions[-1], settings, dict.fromkeys(order.pools, "job"), {}, 1, trial.now)


def drilling(*, budget: float = 5.0, every: timedelta = WEEK, mode: Mode = Mode.RECOMMEND, **grounds: Ground) -> Drilling:
    """A workload on its pool `inf2` that serves; another family may carry it on `g5`."""
    pools = grounds or {
        "inf2": Ground(price=1.0, speed=10.0, family="neuron-inf2"),
        "g5": Ground(price=1.5, speed=12.0, family="nvidia"),
    }
    asked = ExitDrill(every_seconds=int(every.total_seconds()), budget=budget)
    return Drilling(World(grounds=pools, rate=20.0, policy=quick(mode=mode, exploration_budget=0.0), exit_drill=asked))
