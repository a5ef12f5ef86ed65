"""What happens to the world from outside: faults, prices, software. One entry of a scenario's list of events."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from steelyard.api.describe import says
from steelyard.api.model import SpecModel, field_name
from steelyard.api.rule import BROKEN
from steelyard.api.text import PoolName
from steelyard.api.word import Word
from steelyard.simulate.duration import Duration
from steelyard.simulate.load import Factor, Rate

Percent = Annotated[float, Field(ge=-90, le=1000)]


class EventKind(Word):
    """What happens."""

    POOL_OUTAGE = "PoolOutage", "all nodes of the pool vanish, and none come"
    NO_CAPACITY = "NoCapacity", "no new node of the pool can be had; those that stand go on"
    SPOT_RECLAIM = "SpotReclaim", "percent of the pool's nodes are taken back two minutes later; their replicas drain until then"
    NODES_UNREADY = "NodesUnready", "percent of the pool's nodes stop answering; after five minutes their replicas are given up"
    CRASHES = "Crashes", "replicas on the pool end soon after they start, and those that serve end now"
    ERRORS = "Errors", "percent of the requests on the pool are answered with an error"
    SLOWER = "Slower", "every request takes percent longer on the pool: a new driver, a busy neighbour"
    NEW_REVISION = "NewRevision", "the workload's user asks for a new model revision, which takes percent longer (a move, step by step)"
    NEW_IMAGE = "NewImage", "the operator's serving image is a new one, which takes percent longer; placements made from then on run it"
    COMPILE_FAILS = "CompileFails", "compiles for the pool that would end in this time fail for want of infrastructure, and are tried again"
    PRICE = "Price", "the price of the pool's nodes becomes perHour, or times what it was"
    PRICE_GLITCH = "PriceGlitch", "the price is read as times what it is; the bill does not change"
    PRICE_MISSING = "PriceMissing", "the price is not known; the bill does not change"
    PRICE_FEED_STOPS = "PriceFeedStops", "the price is not read again and grows old"
    METRICS_LOST = "MetricsLost", "replicas cannot be read; requests go on"
    OPERATOR_DOWN = "OperatorDown", "no decisions; the windows of before are forgotten"
    FROZEN = "Frozen", "a person has frozen all voluntary moves"
    LOAD = "Load", "the rate is times what it would be"


TAKES: dict[EventKind, tuple[str, str]] = {
    EventKind.POOL_OUTAGE: ("pool", "for reported"),
    EventKind.NO_CAPACITY: ("pool", "for reported"),
    EventKind.SPOT_RECLAIM: ("pool percent", ""),
    EventKind.NODES_UNREADY: ("pool percent", "for"),
    EventKind.CRASHES: ("pool", "for workload"),
    EventKind.ERRORS: ("percent", "for pool workload"),
    EventKind.SLOWER: ("percent", "for pool workload"),
    EventKind.NEW_REVISION: ("workload", "percent pool"),
    EventKind.NEW_IMAGE: ("", "percent pool"),
    EventKind.COMPILE_FAILS: ("pool", "for workload"),
    EventKind.PRICE: ("pool", "for perHour times"),
    EventKind.PRICE_GLITCH: ("pool times", "for"),
    EventKind.PRICE_MISSING: ("pool", "for"),
    EventKind.PRICE_FEED_STOPS: ("pool", "for"),
    EventKind.METRICS_LOST: ("", "for pool workload"),
    EventKind.OPERATOR_DOWN: ("", "for"),
    EventKind.FROZEN: ("", "for"),
    EventKind.LOAD: ("times", "for workload"),
}
"""Fields beside kind and at: those that must be given, and those that may be."""


class Event(SpecModel):
    """One thing that happens, at a moment or for a while."""

    kind: Annotated[EventKind, says("What happens.")]
    at: Annotated[Duration, says("When it begins, from the start of the load.", example="6h")]
    for_: Annotated[Duration | None, says("How long it lasts. Left out: to the end.", example="2h")] = None
    pool: Annotated[PoolName | None, says("The pool that it happens to. Left out, where that is possible: all.", example="g5")] = None
    workload: Annotated[str | None, says("The workload that it happens to. Left out, where that is possible: all.", example="search")] = (
        None
    )
    percent: Annotated[Percent, says("How much, in percent; less than 0 is faster for the kinds that take longer.", example=9)] = 0.0
    times: Annotated[Factor | None, says("A factor.", example=2)] = None
    per_hour: Annotated[Rate | None, says("A price of one node.", unit="currency per hour", example=1.2)] = None
    reported: Annotated[
        bool,
        says(
            "NoCapacity and PoolOutage: whether somebody writes status.exhausted of the pool after each failed order of a node, with a "
            "back-off of 3 minutes that doubles up to an hour. Without it the operator finds out by the replicas that wait, and writes it itself."
        ),
    ] = False

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Event:
        """Each kind has fields of its own, and no others: one that would do nothing is a wish that is not heard."""
        needs, may = (words.split() for words in TAKES[self.kind])
        given = {field_name(name) for name in self.model_fields_set} - {"kind", "at"}
        wrong = [f"must give {name} with kind {self.kind}" for name in needs if name not in given]
        wrong += [f"must not give {name} with kind {self.kind}" for name in sorted(given.difference(needs, may))]
        if self.kind is EventKind.PRICE and (self.times is None) == (self.per_hour is None):
            wrong.append("must give exactly one of perHour and times with kind Price")
        if wrong:
            raise PydanticCustomError(BROKEN, "{sentence}", {"sentence": "; ".join(wrong)})
        return self

    @property
    def until(self) -> float:
        """Seconds; infinity where it never ends."""
        return float("inf") if self.for_ is None else self.at + self.for_
