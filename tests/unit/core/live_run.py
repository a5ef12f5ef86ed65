"""A trial of live traffic in the small world: the workload and the trial are decided in turn, each by what the other one has written down.

A turn is one window. The trial's memory is what its status holds, read back each time, so that every turn might be that of another operator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from steelyard.core.decide_trial import TrialDecision, decide_trial
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.memory import Move, PastMove
from steelyard.core.facts.trial import Neighbours, PoolClaim, Trial, TrialMemory, TrialRow
from steelyard.core.trials.asks import asks
from steelyard.core.trials.look import TrialSnapshot
from steelyard.status.raw import Raw
from steelyard.status.trial import status_of_trial, trial_memory_of
from unit.core.world import Ground, World, quick

SECONDS_OF_A_LOOK = 5


@dataclass
class LiveRun:
    """`goes`: whether it is there at all."""

    world: World
    pools: tuple[str, ...] = ("home", "other")
    budget: float = 10.0
    duration: int | None = None
    deadline: int = 36_000
    claims: tuple[PoolClaim, ...] = ()
    stop: bool = False
    gone: bool = False
    neighbours: dict[str, Neighbours] = field(default_factory=dict)
    name: str = "asked"
    uid: str = "uid-1"
    status: Raw = field(default_factory=dict)
    decisions: list[TrialDecision] = field(default_factory=list)
    most: dict[str, int] = field(default_factory=dict)
    """Replicas that there ever were, by pool, since it was made."""
    paid: float = 0.0
    """For replicas on pools that held no load when it was made."""

    def __post_init__(self) -> None:
        self.created = self.world.now
        self.stood = {key.pool for key in self.world.memory.allocation}

    @property
    def trial(self) -> Trial:
        return Trial(
            key=WorkloadKey("ns", self.name),
            uid=f"{self.uid}-of-{self.name}",
            generation=1,
            created=self.created,
            workload="embed",
            pools=self.pools,
            budget=self.budget,
            deadline_seconds=self.deadline,
            duration_seconds=self.duration,
            claims=self.claims,
            stop=self.stop,
            live=True,
        )

    @property
    def memory(self) -> TrialMemory:
        return trial_memory_of(self.status)

    @property
    def finished(self) -> str:
        return self.memory.finished

    @property
    def said(self) -> str:
        """By its condition."""
        return str(self.status["conditions"][0]["message"])

    @property
    def move(self) -> Move | None:
        """The workload's, where it is for the trial."""
        move = self.world.memory.move
        return move if move is not None and move.trial == self.trial.mine else None

    @property
    def past(self) -> list[PastMove]:
        return [past for past in self.world.ended if past.trial == self.trial.mine]

    def row(self, pool: str) -> TrialRow:
        found = self.memory.row(pool)
        assert found is not None
        return found

    def steps(self, pool: str) -> list[Raw]:
        return next((row.get("steps", []) for row in self.status["pools"] if row["pool"] == pool), [])

    def turn(self, *, looks: bool = True) -> None:
        """One window: the workload is decided on, then the trial, where anybody looks at it."""
        asked = None if self.gone else asks(self.trial, self.memory)
        self.world.trials = () if asked is None else (asked,)
        before = {key.pool: len(pods.ages) for key, pods in self.world.deployments.items()}
        seconds = self.world.policy.window_seconds
        self.paid += sum(n * self.world.grounds[pool].price * seconds / 3600 for pool, n in before.items() if pool not in self.stood)
        self.world.tick()
        for key, pods in self.world.deployments.items():
            self.most[key.pool] = max(self.most.get(key.pool, 0), len(pods.ages), pods.desired)
        if looks and not self.gone:
            self.look()

    def look(self) -> TrialDecision:
        now = self.world.now + timedelta(seconds=SECONDS_OF_A_LOOK)
        seen = TrialSnapshot(trial=self.trial, memory=self.memory, workload=self.world.snapshot(), neighbours=self.neighbours)
        decision = decide_trial(seen, now)
        assert not decision.jobs and not decision.begin
        self.status = status_of_trial(decision, self.world.settings(), {}, self.status, 1, now)
        self.decisions.append(decision)
        return decision

    def until(self, done: Callable[[], object], most: int = 400) -> None:
        for _ in range(most):
            if done():
                return
            self.turn()
        raise AssertionError(
            f"never; at last {self.status.get('conditions')}, {self.world.memory.move}, {self.world.decisions[-1].message}"
        )

    def to_its_end(self) -> str:
        """And until nothing of it is left."""
        self.until(lambda: self.finished and self.move is None)
        return self.finished


def serving(**changes: object) -> World:
    """A workload on `home`. A request costs twice as much on the other pool, so that nobody goes there for a saving."""
    grounds = {"home": Ground(price=1.0, speed=100.0), "other": Ground(price=2.0, speed=100.0), "third": Ground(price=4.0, speed=100.0)}
    world = World(**{"grounds": grounds, "rate": 200.0, "policy": quick(), **changes})  # type: ignore[arg-type]
    world.until(lambda: world.serves_on == "home")
    world.tick(20)
    return world
