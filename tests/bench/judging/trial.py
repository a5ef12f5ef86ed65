"""An AcceleratorTrial in one world: while the workload serves at home and is only observed, both pools are tried by `decide_trial`, and what it says.

Rates are the real generator's (`steelyard_runtime/load/rates.py`). Replicas of a trial take no room in the cluster, and serve nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zlib import crc32

import numpy as np

from bench.judging.worlds import HOME, RIVAL, Drawn
from steelyard.api.rebalancing import Mode
from steelyard.core.decide import decide
from steelyard.core.decide_trial import decide_trial
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.memory import VerdictWord
from steelyard.core.facts.probe import Probe, ProbeState, ProbeStep
from steelyard.core.facts.trial import SteadyStep, Trial, TrialMemory, TrialReplica
from steelyard.core.performance.probe_steps import is_kept
from steelyard.core.placing.intent import TrialIntent
from steelyard.core.trials.look import TrialSnapshot
from steelyard.simulate.facts import key_of
from steelyard.simulate.probe import Sender
from steelyard.simulate.queues import Queues
from steelyard.simulate.requests import Floats, Requests
from steelyard.simulate.world import World
from steelyard_runtime.load.rates import FEWER_STEPS, Seen, Sent, rates, shares

BEFORE, MOST = 0.5, 3.0
"""Hours before the trial is asked for, in which the workload's load becomes known, and all that are played at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What a trial said of the claim, and what it cost: `reserved` before it began, `spent` in the end. `hours`: from its making to its end."""

    verdict: VerdictWord
    measured: float | None
    n: int
    reserved: float
    spent: float
    hours: float
    ended: str


@dataclass(slots=True)
class Job:
    """The replica of one pool and its generator. `parts`: what is told, each with the second of the world at which it is known."""

    intent: TrialIntent
    made: datetime
    ready: datetime
    steps: list[ProbeStep]
    steady: list[SteadyStep]
    begin: datetime

    @property
    def began(self) -> datetime:
        """When its first request is sent."""
        return max(self.ready, self.begin)

    @property
    def ends(self) -> datetime:
        """When its last answer is there."""
        return self.began + timedelta(seconds=sum(s.seconds for s in self.steps) + sum(s.step.seconds for s in self.steady))

    def told(self, now: datetime) -> TrialReplica:
        """As its Job tells."""
        state = ProbeState.STARTING if now < self.ready else ProbeState.RUNNING if now < self.ends else ProbeState.DONE
        done = state is ProbeState.DONE
        probe = Probe(
            move="",
            key=self.intent.placement.key,
            state=state,
            started=self.made,
            ready_seconds=None if now < self.ready else (self.ready - self.made).total_seconds(),
            steps=tuple(self.steps) if done else (),
        )
        return TrialReplica(
            probe=probe,
            steady=tuple(self.steady) if done else (),
            began=self.began if done else None,
            scheduled=self.made,
            ended=self.ends if done else None,
            address=self.intent.placement.key.pool if state is ProbeState.RUNNING else None,
        )


def tried(drawn: Drawn) -> Tried:
    """With the budget that trials have there in a day."""
    (entry,) = drawn.scenario.workloads
    observed = entry.model_copy(update={"rebalancing": entry.rebalancing.model_copy(update={"mode": Mode.OBSERVE})})
    scenario = drawn.scenario.model_copy(update={"days": MOST / 24, "workloads": (observed,)})
    world, jobs, memory, asked = World(scenario, {}), dict[str, Job](), TrialMemory(), None
    while not world.over and not memory.finished:
        world.step()
        _decided(world)
        if world.now < BEFORE * 3600:
            continue
        asked = asked or _trial(drawn, world)
        snapshot = world.snapshot(entry.name)
        replicas = {pool: job.told(world.moment) for pool, job in jobs.items()}
        decision = decide_trial(TrialSnapshot(trial=asked, memory=memory, workload=snapshot, replicas=replicas), world.moment)
        memory = decision.memory
        for intent in decision.jobs:
            jobs[intent.placement.key.pool] = _made(world, intent)
        for address, begin in decision.begin.items():
            jobs[address].begin = min(jobs[address].begin, max(begin, world.moment))
    (verdict,) = memory.verdicts
    created = asked.created if asked is not None else world.moment
    return Tried(
        verdict=verdict.verdict.verdict,
        measured=verdict.verdict.measured,
        n=verdict.verdict.n,
        reserved=memory.reserved or 0.0,
        spent=sum(row.spent or 0.0 for row in memory.rows),
        hours=((memory.ended or world.moment) - created).total_seconds() / 3600,
        ended=memory.finished,
    )


def _decided(world: World) -> None:
    for name in world.due():
        world.obey(name, decide(world.snapshot(name), world.moment))


def _trial(drawn: Drawn, world: World) -> Trial:
    (entry,) = world.scenario.workloads
    return Trial(
        key=WorkloadKey(key_of(entry).namespace, "asked"),
        uid="asked",
        generation=1,
        created=world.moment,
        workload=entry.name,
        pools=(HOME, RIVAL),
        budget=drawn.budget,
        deadline_seconds=int((MOST - BEFORE) * 3600),
    )


def _made(world: World, intent: TrialIntent) -> Job:
    """Its queues are its own, and so is its chance: whatever else is decided, it is sent the same."""
    (tenant,) = world.tenants.values()
    entry, allowed, pool = tenant.entry, 1 - tenant.entry.objective.percent / 100, intent.placement.key.pool
    replica, start = world.cluster.alone(entry.name, intent.placement)
    chances = (np.random.default_rng([world.scenario.seed, crc32(f"{pool}/{stream}".encode())]) for stream in ("sent", "queues", "lengths"))
    sent, queues, sizes = chances
    alone = Queues(entry.objective.promise, queues)

    def serve(moments: Floats, end: float) -> Requests:
        return alone.serve([replica], moments, end, entry.lengths.draw(len(moments), sizes) if entry.lengths else None)

    sender = Sender(serve, sent)
    steps, kept = _ramped(intent, sender, lambda step: is_kept(step, allowed))
    steady = [
        SteadyStep(load=share.load, replicas=share.replicas, step=sender.step(share.rate, intent.load_seconds))
        for share in shares(intent.loads, kept)
    ]
    made = world.moment
    by = datetime.fromtimestamp(intent.begin_by, UTC)
    return Job(intent, made, made + timedelta(seconds=start), steps, steady, by)


def _ramped(intent: TrialIntent, sender: Sender, kept: Callable[[ProbeStep], bool]) -> tuple[list[ProbeStep], float]:
    ramp, steps = intent.ramp, list[ProbeStep]()
    asked = rates(ramp.first, ramp.most, ramp.halvings, FEWER_STEPS, ramp.growth)
    sent: Sent = next(asked)
    while True:
        seconds = ramp.between_seconds if sent.between and ramp.between_seconds else ramp.step_seconds
        step = sender.step(sent.rate, seconds)
        steps.append(step)
        try:
            sent = asked.send(Seen(kept=kept(step), full=bool(step.finished)))
        except StopIteration as ended:
            return steps, ended.value
