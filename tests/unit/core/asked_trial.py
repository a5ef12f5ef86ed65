"""A trial that a person asks for, in the small world: its Jobs are made as ordered, its replicas start, wait for the word, and measure.

A look is five seconds. Its status is the memory of the decision before, as in the cluster; `forget` is an operator that starts anew, whose memory is
what the status holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import accumulate
from typing import Any

from steelyard.core.decide import LOOK_AGAIN
from steelyard.core.decide_trial import TrialDecision, decide_trial
from steelyard.core.facts.claim import Claim, ClaimMetric
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.probe import LengthRamps, Probe, ProbeState, ProbeStep, Ramp
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.facts.trial import AskedLoad, LengthRamp, PoolClaim, SteadyStep, Trial, TrialMemory, TrialReplica, TrialRow
from steelyard.core.placing.intent import TrialIntent
from steelyard.core.statistics.interval import Interval
from steelyard.core.trials.look import TrialSnapshot
from steelyard.core.vocabulary.reason import Refusal
from unit.core.world import World, ramp_of

LOOK = LOOK_AGAIN
MOST_LOOKS = 5000


def half_of(pool: str, other: str, ratio: float = 0.5) -> PoolClaim:
    """A claimed ratio of unit costs."""
    return PoolClaim(pool=pool, claim=Claim(name="claimed", metric=ClaimMetric.UNIT_COST, ratio=ratio, relative_to=other))


@dataclass
class Replica:
    """A Job that was made, and when its server is ready."""

    intent: TrialIntent
    made: datetime
    ready: datetime
    begin: datetime | None = None
    measured: tuple[list[ProbeStep], list[LengthRamp], list[SteadyStep]] | None = None
    enough: bool = False
    """It was told that all is answered."""
    told: TrialReplica | None = None
    """Once it has ended."""


@dataclass
class AskedTrial:
    """One trial beside a workload that serves. `starts`: seconds until the replica of a pool is ready."""

    world: World
    pools: tuple[str, ...] = ("dear", "cheap")
    budget: float | None = 2.0
    duration: int | None = None
    deadline: int = 7200
    claims: tuple[PoolClaim, ...] = ()
    load: AskedLoad | None = None
    length_factors: tuple[float, ...] = ()
    slower: dict[str, float] = field(default_factory=dict)
    """The power of the lengths of requests with which the work of one grows on a pool; 1 where nothing is said."""
    starts: dict[str, int] = field(default_factory=dict)
    fails: dict[str, str] = field(default_factory=dict)
    """Pools whose replica ends without a result, with what it says."""
    stop: bool = False
    lost: bool = False
    """The workload cannot be seen."""
    memory: TrialMemory = field(default_factory=TrialMemory)
    jobs: dict[str, Replica] = field(default_factory=dict)
    made: list[TrialIntent] = field(default_factory=list)
    decisions: list[TrialDecision] = field(default_factory=list)
    deaf: bool = False
    """No word reaches a generator."""
    watts: dict[str, float] = field(default_factory=dict)
    """Of a replica on each pool whose server tells its joules."""
    took: dict[str, float] = field(default_factory=dict)
    """Milliseconds below which 99 % of the answers stay at a steady load, on each pool whose generator is sure of it."""
    mute: bool = False
    """No generator is heard before its last word."""

    def __post_init__(self) -> None:
        self.now = self.created = self.world.now

    @property
    def trial(self) -> Trial:
        return Trial(
            key=WorkloadKey("ns", "asked"),
            uid="trial-1",
            generation=1,
            created=self.created,
            workload="embed",
            pools=self.pools,
            budget=self.budget,
            deadline_seconds=self.deadline,
            duration_seconds=self.duration,
            load=self.load,
            length_factors=self.length_factors,
            claims=self.claims,
            stop=self.stop,
        )

    @property
    def finished(self) -> str:
        return self.memory.finished

    def row(self, pool: str) -> TrialRow:
        found = self.memory.row(pool)
        assert found is not None
        return found

    def snapshot(self, **changes: Any) -> TrialSnapshot:
        facts: Snapshot | Refusal = self.world.snapshot()
        return TrialSnapshot(
            trial=self.trial,
            memory=self.memory,
            workload=facts,
            replicas={pool: self._tells(pool, job) for pool, job in self.jobs.items()},
            **changes,
        )

    def look(self, **changes: Any) -> TrialDecision:
        """One pass: what is decided is done."""
        decision = decide_trial(self.snapshot(**changes), self.now)
        self.memory = decision.memory
        for intent in decision.jobs:
            pool = intent.placement.key.pool
            assert pool not in self.jobs, "made twice"
            self.made.append(intent)
            self.jobs[pool] = Replica(intent, self.now, self.now + timedelta(seconds=self.starts.get(pool, 20)))
        for address, begin in decision.begin.items():
            job = self.jobs[address]
            if not self.deaf and job.begin is None:
                job.begin = min(begin, _by(job))
        for address in decision.enough if not self.deaf else ():
            self.jobs[address].enough = True
        if decision.over:
            self.jobs.clear()
        self.decisions.append(decision)
        self.now += LOOK
        return decision

    def until(self, done: Callable[[], object]) -> None:
        for _ in range(MOST_LOOKS):
            if done():
                return
            self.look()
        raise AssertionError(f"never; at last: {self.memory}")

    def to_its_end(self) -> str:
        self.until(lambda: self.finished)
        return self.finished

    def _tells(self, pool: str, job: Replica) -> TrialReplica:
        if job.told is not None:
            return job.told
        probe = Probe(move="", key=PlacementKey(pool, job.intent.placement.key.revision), state=ProbeState.STARTING, started=job.made)
        scheduled, ends = job.made, job.made + timedelta(seconds=job.intent.seconds)
        if pool in self.fails and self.now >= job.ready:
            failed = replace(probe, state=ProbeState.FAILED, message=self.fails[pool])
            job.told = TrialReplica(probe=failed, scheduled=scheduled, ended=self.now)
            return job.told
        if self.now >= ends and self.now < job.ready:
            failed = replace(probe, state=ProbeState.FAILED, message="it was not ready in time")
            job.told = TrialReplica(probe=failed, scheduled=scheduled, ended=ends)
            return job.told
        if self.now < job.ready:
            return TrialReplica(probe=probe, scheduled=scheduled)
        began = max(job.ready, job.begin or _by(job))
        running = replace(probe, state=ProbeState.RUNNING, ready_seconds=(job.ready - job.made).total_seconds())
        steps, lengths, steady = job.measured = job.measured or self._measured(pool, job.intent)
        parts = [*steps, *(step for each in lengths for step in each.steps), *(s.step for s in steady)]
        ends = [began + timedelta(seconds=each) for each in accumulate(part.seconds for part in parts)]
        over = sum(end <= self.now for end in ends)
        longer = _so_far(lengths, over - len(steps))
        sent = over - len(steps) - sum(len(each.steps) for each in lengths)
        steps, steady, ramped = steps[:over], steady[: max(0, sent)], over >= len(steps)
        if over < len(ends) and not (job.enough and ramped):
            waiting = TrialReplica(probe=running, scheduled=scheduled, address=pool)
            if self.mute or not steps:
                return waiting
            probe = replace(running, steps=tuple(steps))
            return replace(waiting, probe=probe, ramped=ramped, lengths=longer, steady=tuple(steady), began=began)
        done = replace(running, state=ProbeState.DONE, steps=tuple(steps))
        ended = self.now if job.enough else ends[-1]
        job.told = TrialReplica(
            probe=done, ramped=True, lengths=longer, steady=tuple(steady), began=began, scheduled=scheduled, ended=ended
        )
        return job.told

    def _at_lengths(self, pool: str, asked: LengthRamps, kept: float) -> list[LengthRamp]:
        ground, found = self.world.grounds[pool], []
        for factor in asked.factors:
            there = replace(ground, speed=ground.speed * factor ** -self.slower.get(pool, 1.0))
            ramp = Ramp(
                first=kept / factor / asked.growth,
                most=kept / factor * asked.growth,
                growth=asked.growth,
                halvings=asked.halvings,
                step_seconds=asked.step_seconds,
                between_seconds=asked.between_seconds,
            )
            steps = ramp_of(ramp, partial(self.world._step, there))
            found.append(LengthRamp(factor=factor, steps=tuple(steps), over=True))
        return found

    def _measured(self, pool: str, intent: TrialIntent) -> tuple[list[ProbeStep], list[LengthRamp], list[SteadyStep]]:
        ground, ramp = self.world.grounds[pool], intent.ramp
        steps = ramp_of(ramp, lambda rate, seconds: self.world._step(ground, rate, seconds))
        kept = max((s.rate for s in steps if s.good >= 0.99 * s.offered), default=0.0)
        lengths = self._at_lengths(pool, intent.length_ramps, kept) if intent.length_ramps is not None and kept else []
        steady = []
        for load in intent.loads if kept else ():
            replicas = max(1, -int(-load // (0.9 * kept)))
            step, watts, took = self.world._step(ground, load / replicas, intent.load_seconds), self.watts.get(pool), self.took.get(pool)
            steady.append(
                SteadyStep(
                    load=load,
                    replicas=replicas,
                    step=step,
                    joules=None if watts is None else watts * step.seconds,
                    drawn=None if watts is None else step.seconds,
                    percent=None if took is None else 99.0,
                    took=None if took is None else Interval(took, took / 1.02, took * 1.02),
                )
            )
        return steps, lengths, steady


def _so_far(lengths: Sequence[LengthRamp], over: int) -> tuple[LengthRamp, ...]:
    """After so many of their steps."""
    found = []
    for each in lengths:
        if over <= 0:
            break
        found.append(replace(each, steps=each.steps[:over], over=over >= len(each.steps)))
        over -= len(each.steps)
    return tuple(found)


def _by(job: Replica) -> datetime:
    return datetime.fromtimestamp(job.intent.begin_by, tz=job.made.tzinfo)
