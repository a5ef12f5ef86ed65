"""What of a scenario's events goes on at a moment, and what prices and software come of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from steelyard.core.facts.price import Price, PriceClass
from steelyard.simulate.event import Event, EventKind
from steelyard.simulate.pool_entry import PoolEntry
from steelyard.simulate.scenario import Scenario

_DAY = 86400.0


class Happening:
    """Asked about one moment after the other, seconds since the load began; time only goes forward."""

    def __init__(self, scenario: Scenario) -> None:
        self._start = scenario.start
        self._events = tuple(sorted(scenario.events, key=lambda e: e.at))
        self._active: dict[EventKind, list[Event]] = {}
        self.begun: tuple[Event, ...] = ()
        self.changed = True
        self.now = float("-inf")

    def add(self, event: Event) -> None:
        """It happens too; it must not begin before the next moment."""
        self._events = tuple(sorted((*self._events, event), key=lambda e: e.at))

    def advance(self, now: float) -> None:
        """To `now`. `begun`: what began since the last moment, were it over by now; `changed`: whether anything began or ended."""
        self.begun = tuple(e for e in self._events if self.now < e.at <= now)
        self.changed = bool(self.begun) or any(self.now < e.until <= now for e in self._events)
        self.now = now
        self._active = {}
        for event in self._events:
            if event.at <= now < event.until:
                self._active.setdefault(event.kind, []).append(event)

    def active(self, kind: EventKind, *, pool: str | None = None, workload: str | None = None) -> Iterator[Event]:
        """Events of the kind that go on and concern the pool and the workload, in order of their begin."""
        for event in self._active.get(kind, ()):
            if event.pool in {None, pool} and event.workload in {None, workload}:
                yield event

    def goes_on(self, kind: EventKind, *, pool: str | None = None, workload: str | None = None) -> bool:
        """Whether there is one."""
        return next(self.active(kind, pool=pool, workload=workload), None) is not None

    def share(self, kind: EventKind, *, pool: str, workload: str) -> float:
        """Sum of their percents, as a fraction of at most 1."""
        return min(1.0, sum(e.percent for e in self.active(kind, pool=pool, workload=workload)) / 100)

    def times(self, workload: str) -> float:
        """Factor on the load of the workload."""
        factor = 1.0
        for event in self.active(EventKind.LOAD, workload=workload):
            factor *= event.times or 1.0
        return factor

    def wishes(self, workload: str) -> int:
        """How often the workload's user has asked for a new revision so far."""
        return sum(1 for e in self._events if e.kind is EventKind.NEW_REVISION and e.at <= self.now and e.workload == workload)

    @property
    def images(self) -> int:
        """How often the operator's serving image was changed so far."""
        return sum(1 for e in self._events if e.kind is EventKind.NEW_IMAGE and e.at <= self.now)

    def slowness(self, pool: str, workload: str, wish: int, image: int) -> float:
        """Factor on the service time of a replica of that revision and image."""
        factor = 1.0
        for event in self.active(EventKind.SLOWER, pool=pool, workload=workload):
            factor *= 1 + event.percent / 100
        for kind, reached in ((EventKind.NEW_REVISION, wish), (EventKind.NEW_IMAGE, image)):
            changes = [e for e in self._events if e.kind is kind and (kind is EventKind.NEW_IMAGE or e.workload == workload)]
            for event in changes[:reached]:
                if event.pool in {None, pool}:
                    factor *= 1 + event.percent / 100
        return factor

    def bill(self, pool: PoolEntry) -> float | None:
        """What an hour of a node of the pool really costs; None where the scenario does not say."""
        return self._bill_of(pool, self.now)

    def _bill_of(self, pool: PoolEntry, moment: float) -> float | None:
        price = pool.price_per_hour
        for event in self.active(EventKind.PRICE, pool=pool.name):
            if event.at <= moment:
                price = event.per_hour if event.per_hour is not None else None if price is None else price * (event.times or 1.0)
        return price

    def price(self, pool: PoolEntry) -> Price | None:
        """What is read of it: where the feed stands, that of before."""
        price = self._bill_of(pool, self._fed_until(pool.name))
        if price is None or self.goes_on(EventKind.PRICE_MISSING, pool=pool.name):
            return None
        for event in self.active(EventKind.PRICE_GLITCH, pool=pool.name):
            price *= event.times or 1.0
        return Price(price, PriceClass(pool.price_class.value), self._read_at(pool.name))

    def _read_at(self, pool: str) -> datetime:
        """The feed is read at the start, once a day, and when the price changes."""
        until = self._fed_until(pool)
        changed = [e.at for e in self._events if e.kind is EventKind.PRICE and e.pool == pool and e.at <= until]
        return self._start + timedelta(seconds=max([until // _DAY * _DAY, *changed]))

    def _fed_until(self, pool: str) -> float:
        return min((e.at for e in self.active(EventKind.PRICE_FEED_STOPS, pool=pool)), default=self.now)
