"""What a run serves, and what it promises of it: all in which the story of embeddings and the story of text differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from demo.rate import Rate

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cost:
    """A unit cost as a status tells it: with its 95 % interval, and the units that it rests on."""

    value: str
    lower: str
    upper: str
    n: int

    def __str__(self) -> str:
        return f"{float(self.value):.5f} [{float(self.lower):.5f}, {float(self.upper):.5f}], n = {self.n}"


@dataclass(frozen=True, slots=True)
class Unit:
    """What costs are counted by."""

    words: str
    """`1,000 good requests`."""
    tokens: bool

    def cost(self, place: Mapping[str, Any]) -> Cost | None:
        """Of an entry of status.placements; None where it is unknown."""
        told = place.get("unitCost")
        if told and self.tokens:
            told = told.get("outputTokens")
        return Cost(told["value"], told["lower"], told["upper"], told["tokens" if self.tokens else "good"]) if told else None


REQUESTS, OUTPUT_TOKENS = Unit("1,000 good requests", tokens=False), Unit("1M output tokens of good requests", tokens=True)


@dataclass(frozen=True, slots=True)
class Given:
    """prices: of a node of pool-a and of one of pool-b, an hour. The load is the part of what one replica completes at most, which works on so many
    sequences at the same time."""

    prices: tuple[str, str]
    part: float
    sequences: int

    def rate(self, seconds: Sequence[float]) -> Rate:
        """The load, by how long the first answers took; one replica carries it on either pool."""
        return Rate(self.part * self.sequences / median(seconds), 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The model's task, its server, the promise, and what a replica and a run of it take."""

    workload: str
    task: str
    server: Manifest
    compile: Manifest
    objective: Manifest
    resources: tuple[Mapping[str, str], Mapping[str, str]]
    """CPU and memory of a replica on pool-a, and on pool-b."""
    least_requests: int
    """Good requests that a figure rests on at least: of a verdict, too, which needs more of them where a pool's capacity is known by a law."""
    most_replicas: int
    load: tuple[str, ...]
    """Arguments of the load generator that say what is asked for, and when an answer is good."""
    unit: Unit
    given: Given | None
    """None: what one replica carries on each pool is measured first, and load and prices follow from it."""
    start_seconds: float
    """From an object until replicas serve, at most, on a machine that is slow and busy."""
    judge_seconds: float
    """From the first request until it is balanced, at most."""
    aim: str
    """Of trials, as spec.rebalancing.exploration has it."""
    step_seconds: int
    """Of a move or a trial: a step that takes longer is given up."""
    window_seconds: int = 10
    """So long that the windows which are kept hold the good requests that a figure rests on."""
