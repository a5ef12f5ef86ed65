"""An AcceleratorTrial in one world: while the workload serves on the first pool and is only observed, both pools are tried by `decide_trial`, and what it says.

Rates are the real generator's (`steelyard_runtime/load/rates.py`). Replicas of a trial take no room in the cluster, and serve nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import accumulate
from zlib import crc32

import numpy as np

from bench.judging.worlds import HOME, RIVAL, Drawn
from steelyard.api.rebalancing import Mode
from steelyard.core.decide import decide
from steelyard.core.decide_trial import decide_trial
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.memory import VerdictWord
from steelyard.core.facts.probe import LengthRamps, Probe, ProbeState, ProbeStep
from steelyard.core.facts.trial import LengthRamp, SteadyStep, Trial, TrialMemory, TrialReplica, TrialRow
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
    at_lengths: Mapping[float, VerdictWord] = field(default_factory=dict)
    """By what all lengths were multiplied with."""
    carried: Mapping[str, Mapping[float, float]] = field(default_factory=dict)
    """Requests per second of a replica of each pool, by the same; 1 for the lengths as they are."""


@dataclass(slots=True)
class Job:
    """The replica of one pool and its generator. `enough`: when it was told that all is answered."""

    intent: TrialIntent
    made: datetime
    ready: datetime
    steps: list[ProbeStep]
    lengths: list[LengthRamp]
    steady: list[SteadyStep]
    begin: datetime
    enough: datetime | None = None

    @property
    def began(self) -> datetime:
        """When its first request is sent."""
        return max(self.ready, self.begin)

    def ends(self, parts: Iterable[ProbeStep]) -> list[datetime]:
        """When each part of the load has ended, one after the other."""
        return [self.began + timedelta(seconds=seconds) for seconds in accumulate(part.seconds for part in parts)]

    def told(self, now: datetime) -> TrialReplica:
        """As its Job tells, and its generator meanwhile."""
        longer = [step for each in self.lengths for step in each.steps]
        ends = self.ends([*self.steps, *longer, *(each.step for each in self.steady)])
        ramp = ends[len(self.steps) - 1]
        over = ends[-1] if self.enough is None else min(ends[-1], max(ramp, self.enough))
        over = min(over, self.made + timedelta(seconds=self.intent.seconds))
        state = ProbeState.STARTING if now < self.ready else ProbeState.RUNNING if now < over else ProbeState.DONE
        done = state is ProbeState.DONE
        told = sum(end <= min(now, over) for end in ends)
        probe = Probe(
            move="",
            key=self.intent.placement.key,
            state=state,
            started=self.made,
            ready_seconds=None if now < self.ready else (self.ready - self.made).total_seconds(),
            steps=tuple(self.steps[:told]),
        )
        return TrialReplica(
            probe=probe,
            ramped=told >= len(self.steps),
            lengths=tuple(_lengths_told(self.lengths, told - len(self.steps))),
            steady=tuple(self.steady[: max(0, told - len(self.steps) - len(longer))]),
            began=self.began if told or done else None,
            scheduled=self.made,
            ended=over if done else None,
            address=self.intent.placement.key.pool if state is ProbeState.RUNNING else None,
        )


def _lengths_told(lengths: Sequence[LengthRamp], told: int) -> Iterator[LengthRamp]:
    """After so many of their steps."""
    for each in lengths:
        if told > 0:
            yield replace(each, steps=each.steps[:told], over=told >= len(each.steps))
        told -= len(each.steps)


def tried(drawn: Drawn, length_factors: tuple[float, ...] = ()) -> Tried:
    """With the budget that trials have there in a day. length_factors: other lengths of all requests at which the claim is judged as well."""
    (entry,) = drawn.scenario.workloads
    observed = entry.model_copy(update={"rebalancing": entry.rebalancing.model_copy(update={"mode": Mode.OBSERVE})})
    scenario = drawn.scenario.model_copy(update={"days": MOST / 24, "workloads": (observed,)})
    world, jobs, memory, asked = World(scenario, {}), dict[str, Job](), TrialMemory(), None
    while not world.over and not memory.finished:
        world.step()
        _decided(world)
        if world.now < BEFORE * 3600:
            continue
        asked = asked or replace(_trial(drawn, world), length_factors=length_factors)
        snapshot = world.snapshot(entry.name)
        replicas = {pool: job.told(world.moment) for pool, job in jobs.items()}
        decision = decide_trial(TrialSnapshot(trial=asked, memory=memory, workload=snapshot, replicas=replicas), world.moment)
        memory = decision.memory
        for intent in decision.jobs:
            jobs[intent.placement.key.pool] = _made(world, intent)
        for address, begin in decision.begin.items():
            jobs[address].begin = min(jobs[address].begin, max(begin, world.moment))
        for address in decision.enough:
            jobs[address].enough = jobs[address].enough or world.moment
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
        at_lengths={each.factor: each.verdict for each in verdict.lengths},
        carried={row.pool: _carried(row) for row in memory.rows},
    )


def _carried(row: TrialRow) -> Mapping[float, float]:
    found = {1.0: row.capacity, **{each.factor: each.capacity for each in row.lengths}}
    return {factor: capacity.rate.point for factor, capacity in found.items() if capacity is not None}


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

    def serve(moments: Floats, end: float, factor: float = 1.0) -> Requests:
        drawn = np.maximum(1, np.rint(factor * entry.lengths.draw(len(moments), sizes))) if entry.lengths else None
        return alone.serve([replica], moments, end, drawn)

    sender, kept_by = Sender(serve, sent), partial(is_kept, allowed=allowed)
    ramp = intent.ramp
    first = rates(ramp.first, ramp.most, ramp.halvings, FEWER_STEPS, ramp.growth)
    steps, kept = _ramped(first, (ramp.step_seconds, ramp.between_seconds or ramp.step_seconds), sender, kept_by)
    asked = intent.length_ramps if kept else None
    lengths = [_longer(asked, factor, kept / factor, sender, serve, kept_by) for factor in asked.factors] if asked is not None else []
    steady = [
        SteadyStep(load=share.load, replicas=share.replicas, step=sender.step(share.rate, intent.load_seconds))
        for share in shares(intent.loads, kept)
    ]
    made = world.moment
    by = datetime.fromtimestamp(intent.begin_by, UTC)
    return Job(intent, made, made + timedelta(seconds=start), steps, lengths, steady, by)


def _longer(
    asked: LengthRamps, factor: float, expected: float, sender: Sender, serve: Callable[..., Requests], kept: Callable[[ProbeStep], bool]
) -> LengthRamp:
    going = rates(expected / asked.growth, expected * asked.growth, asked.halvings, growth=asked.growth, fuller=0)
    longer = Sender(partial(serve, factor=factor), sender.chance, sender.at)
    steps, _ = _ramped(going, (asked.step_seconds, asked.between_seconds), longer, kept)
    sender.at = longer.at
    return LengthRamp(factor=factor, steps=tuple(steps))


def _ramped(
    asked: Generator[Sent, Seen, float], seconds: tuple[int, int], sender: Sender, kept: Callable[[ProbeStep], bool]
) -> tuple[list[ProbeStep], float]:
    """seconds: of a step, and of one between a load that kept the promise and one that broke it."""
    steps, sent = list[ProbeStep](), next(asked)
    while True:
        step = sender.step(sent.rate, seconds[sent.between])
        steps.append(step)
        try:
            sent = asked.send(Seen(kept=kept(step), full=bool(step.finished)))
        except StopIteration as ended:
            return steps, ended.value
