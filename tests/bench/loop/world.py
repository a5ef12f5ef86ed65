"""A world: arrivals, true pools, prices and limits, step by step; and one run of a policy in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.loop.outcome import Change, Outcome, moves
from bench.loop.policy import STEP, USABLE, Observation, Policy, Pool

Reals = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
STEPS_PER_HOUR = 3600 // STEP
UNBOUNDED = 1_000_000
"""Stands in `limits` where a pool has none."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World:
    """T steps, P pools. arrivals: (T,) requests of a step. prices: (T, P) money per hour. limits: (T, P) replicas.

    told: the pools as policies are told of them. opening: replicas ready at the start, paid from then on.
    meter_noise: standard deviation of what `busy` is off by in a step, as a part of it.
    """

    pools: tuple[Pool, ...]
    told: tuple[Pool, ...]
    arrivals: Reals
    prices: Reals
    limits: Whole
    opening: tuple[int, ...]
    meter_noise: float
    seed: int

    @property
    def steps(self) -> int:
        """T."""
        return self.arrivals.size

    @property
    def days(self) -> float:
        """Length."""
        return self.steps * STEP / 86_400

    @property
    def carried(self) -> Reals:
        """(P,) requests that one replica carries in a step without a miss."""
        return np.array([p.capacity for p in self.pools]) * USABLE * STEP


def run(world: World, policy: Policy, *, allowance: float) -> Outcome:
    """Run the policy through the world.

    In a step: a lower limit takes what is above it, at once and without pay for a drain; start-ups that are due are ready; the policy is
    called with what was seen until now; its wish is carried out; the arrivals are served by what is ready.
    """
    return _Run(world, policy, allowance).outcome()


class _Run:
    def __init__(self, world: World, policy: Policy, allowance: float) -> None:
        if policy.every_seconds < STEP or policy.every_seconds % STEP:
            raise ValueError(f"every_seconds of a policy must be a multiple of {STEP}, got {policy.every_seconds}")
        self.world = world
        self.pools = range(len(world.pools))
        self.startup = [p.startup_seconds // STEP for p in world.pools]
        self.full = [p.capacity * STEP for p in world.pools]
        self.ready = list(world.opening)
        self.starting = [0 for _ in self.pools]
        self.due: list[deque[list[int]]] = [deque() for _ in self.pools]
        """Of each pool [step at which they are ready, replicas], the oldest first."""
        self.changes: list[Change] = []
        self.ready_log: list[tuple[int, ...]] = []
        self.starting_log: list[tuple[int, ...]] = []
        self.drained = np.zeros((world.steps, len(world.pools)), dtype=np.int64)
        policy.start(world.told, allowance=allowance, seed=world.seed)
        self._play(policy, policy.every_seconds // STEP)

    def _play(self, policy: Policy, every: int) -> None:
        world, pools, ready, starting, due = self.world, self.pools, self.ready, self.starting, self.due
        arrivals: list[float] = world.arrivals.tolist()
        limits: list[list[int]] = world.limits.tolist()
        falls = {0, *(np.flatnonzero((np.diff(world.limits, axis=0) < 0).any(axis=1)) + 1).tolist()}
        eyes = _Eyes(world)
        for step, requests in enumerate(arrivals):
            if step in falls:
                for p in pools:
                    self._reclaim(p, limits[step][p])
            for p in pools:
                while due[p] and due[p][0][0] <= step:
                    number = due[p].popleft()[1]
                    starting[p] -= number
                    ready[p] += number
            if step % every == 0:
                wanted = policy.step(eyes.look(step, ready, starting))
                for p in pools:
                    target = min(max(int(wanted[p]), 0), limits[step][p])
                    if target != ready[p] + starting[p]:
                        self._change(step, p, target)
            counts = tuple(ready)
            self.ready_log.append(counts)
            self.starting_log.append(tuple(starting))
            eyes.record(step, requests, counts)

    def _reclaim(self, pool: int, limit: int) -> None:
        over = self.ready[pool] + self.starting[pool] - limit
        if over > 0:
            over -= self._cancel(pool, over)
            self.ready[pool] -= over

    def _cancel(self, pool: int, number: int) -> int:
        """Take up to that many from those that start, the newest first; how many were."""
        due, left = self.due[pool], number
        while due and left:
            taken = min(due[-1][1], left)
            due[-1][1] -= taken
            left -= taken
            if not due[-1][1]:
                due.pop()
        self.starting[pool] -= number - left
        return number - left

    def _change(self, step: int, pool: int, target: int) -> None:
        more = target - self.ready[pool] - self.starting[pool]
        self.changes.append(Change(step, pool, more))
        if more > 0:
            self.starting[pool] += more
            self.due[pool].append([step + self.startup[pool], more])
            return
        removed = -more - self._cancel(pool, -more)
        self.ready[pool] -= removed
        self.drained[step : step + self.world.pools[pool].drain_seconds // STEP, pool] += removed

    def outcome(self) -> Outcome:
        """What it cost and missed."""
        world = self.world
        ready = np.array(self.ready_log, dtype=np.int64)
        paid = ready + np.array(self.starting_log, dtype=np.int64) + self.drained
        missed = np.maximum(world.arrivals - ready @ world.carried, 0.0)
        return Outcome(
            cost=float((paid * world.prices).sum()) / STEPS_PER_HOUR,
            requests=float(world.arrivals.sum()),
            missed=float(missed.sum()),
            overloaded=float(world.arrivals[missed > 0].sum()),
            starts=sum(c.replicas for c in self.changes if c.replicas > 0),
            moves=moves(self.changes),
            days=world.days,
        )


class _Eyes:
    """What an operator sees of the world: sums since the last look."""

    def __init__(self, world: World) -> None:
        self.pools = range(len(world.pools))
        self.full = [p.capacity * STEP for p in world.pools]
        self.prices = _rows(world.prices)
        self.limits = _limits(world.limits)
        soon = np.array(world.limits)
        for p, pool in enumerate(world.pools):
            for ahead in range(1, pool.notice_seconds // STEP + 1):
                soon[:-ahead, p] = np.minimum(soon[:-ahead, p], world.limits[ahead:, p])
        self.soon = _limits(soon)
        noise = np.random.default_rng([world.seed, 1]).standard_normal(world.limits.shape)
        self.off: list[list[float]] = (1 + world.meter_noise * noise).tolist()
        self._forget(0)

    def _forget(self, step: int) -> None:
        self.since = step
        self.requests = self.missed = 0.0
        self.served = [0.0 for _ in self.pools]
        self.busy = [0.0 for _ in self.pools]
        self.stood = [0 for _ in self.pools]

    def record(self, step: int, requests: float, ready: Sequence[int]) -> None:
        """One step more."""
        capacity = 0.0
        for p in self.pools:
            capacity += self.full[p] * ready[p]
        self.requests += requests
        if requests > USABLE * capacity:
            self.missed += requests - USABLE * capacity
        if capacity <= 0:
            return
        load, off = requests / capacity, self.off[step]
        for p in self.pools:
            if ready[p]:
                self.served[p] += load * self.full[p] * ready[p]
                self.busy[p] += min(load * off[p], 1.0) * ready[p]
                self.stood[p] += ready[p]

    def look(self, step: int, ready: Sequence[int], starting: Sequence[int]) -> Observation:
        """What was seen since the last look."""
        seen = Observation(
            now=step * STEP,
            seconds=(step - self.since) * STEP,
            requests=self.requests,
            missed=self.missed,
            served=tuple(self.served),
            busy=tuple([b / n if n else None for b, n in zip(self.busy, self.stood, strict=True)]),
            replica_seconds=tuple([float(n * STEP) for n in self.stood]),
            ready=tuple(ready),
            starting=tuple(starting),
            prices=self.prices[step],
            limits=self.limits[step],
            limits_soon=self.soon[step],
        )
        self._forget(step)
        return seen


def _rows(table: Reals | Whole) -> list[tuple[Any, ...]]:
    """Its rows; equal ones that follow each other are one object."""
    fresh = np.concatenate([[True], (np.diff(table, axis=0) != 0).any(axis=1)])
    different = [tuple(row) for row in table[fresh].tolist()]
    return [different[i] for i in np.cumsum(fresh) - 1]


def _limits(table: Whole) -> list[tuple[int | None, ...]]:
    rows = _rows(table)
    known = {row: tuple(None if n >= UNBOUNDED else n for n in row) for row in set(rows)}
    return [known[row] for row in rows]
