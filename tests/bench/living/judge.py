"""What a policy paid and missed, from the client's own log, the pods' lifetimes and the pools' prices alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.loop.outcome import Change, moves
from demo import checker
from steelyard_runtime.load.schedule import Step, arrivals

Raw = Mapping[str, Any]
STEP = 15.0
"""Seconds of the trace, the unit of `Change.step`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """cost: money for pods, from their order to their end. missed: requests that were late, refused or not answered. starts: pods ordered. moves: of
    them those that replaced another pool's within half an hour of the trace."""

    cost: float
    good: int
    missed: int
    starts: int
    moves: int

    @property
    def missed_part(self) -> float:
        """Of all requests."""
        return self.missed / (self.good + self.missed)

    @property
    def cost_per_1000_good(self) -> float | None:
        """None where nothing was good."""
        return 1000 * self.cost / self.good if self.good else None


def began(log: Sequence[Raw], steps: Sequence[Step], seed: int) -> float:
    """When the schedule began, in Unix seconds. Raises ValueError where the client did not send all of it, once."""
    offsets = list(arrivals(tuple(steps), seed))
    if sorted(entry["i"] for entry in log) != list(range(len(offsets))):
        raise ValueError(f"the client has told of {len(log)} requests, and was to send {len(offsets)}")
    first = min(log, key=lambda entry: entry["i"])
    return float(first["intended"] - offsets[0])


def judged(log: Sequence[Raw], pods: Sequence[Raw], pools: Mapping[str, Raw], begin: float, end: float, times: float) -> Judged:
    """Of the requests that were due from `begin` until `end`, and of the pods that there were meanwhile.

    pods: as `e2e.lifetimes` tells them. pools: AcceleratorPools by name. times: how many times as fast as recorded the trace is played.
    """
    due = [entry for entry in log if begin <= entry["intended"] < end]
    good = sum(entry["outcome"] == "good" for entry in due)
    cost = sum(checker.hourly(dict(pod), dict(pools)) * checker.overlap(dict(pod), begin, end) / 3600 for pod in pods)
    names = sorted(pools)
    changes = [
        Change(int((moment - begin) * times / STEP), names.index(pod["pool"]), by)
        for pod in pods
        for moment, by in ((pod["born"], 1), (pod["died"], -1))
        if moment is not None and begin <= moment < end
    ]
    return Judged(
        cost=cost,
        good=good,
        missed=len(due) - good,
        starts=sum(change.replicas > 0 for change in changes),
        moves=moves(sorted(changes, key=lambda change: change.step)),
    )


def carried(log: Sequence[Raw], steps: Sequence[Step], begin: float, percent: float) -> float:
    """The highest rate, in requests per second, up to which every step of a ramp kept its promise; 0 where the first did not."""
    kept = 0.0
    for step in steps:
        due = [entry for entry in log if begin <= entry["intended"] < begin + step.seconds]
        if sum(entry["outcome"] == "good" for entry in due) < percent / 100 * len(due):
            break
        begin, kept = begin + step.seconds, step.rate
    return kept
