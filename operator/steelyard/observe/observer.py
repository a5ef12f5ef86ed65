"""The object the app runs: one round after the other, and readings for whoever decides."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence, Set
from datetime import datetime, timedelta

from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.snapshot import Traffic
from steelyard.core.facts.window import Window
from steelyard.core.vocabulary.reading import Reading, Unknown
from steelyard.observe.device_holders import DeviceHolders
from steelyard.observe.failure import Failure, Reason
from steelyard.observe.gateway_source import AtGateway, GatewaySource, NoGatewaySource
from steelyard.observe.observed_pod import ObservedPod
from steelyard.observe.placement_record import PlacementRecord, Totals
from steelyard.observe.source import Answer, Source
from steelyard.observe.suspicion import WHY, Suspicion
from steelyard.observe.turns import Key, Turns

WINDOW_SECONDS = 60
"""For a workload whose window is not given, as in the API's default."""
GATEWAY = "gateway"
"""What readings of gateways are called in metrics."""
SLICE = 100
"""Placements between two moments in which others may go on: the Lease is renewed meanwhile."""


class Observer:
    """Keeps one record for each placement. Not for concurrent rounds."""

    def __init__(
        self,
        source: Source,
        interval_seconds: float,
        on_window: Callable[[WorkloadKey], None] = lambda _: None,
        turns: Turns | None = None,
        gateways: GatewaySource | None = None,
    ) -> None:
        self._source = source
        self._gateways = gateways or NoGatewaySource()
        self._interval = timedelta(seconds=interval_seconds)
        self._on_window = on_window
        self._records: dict[Key, PlacementRecord] = {}
        self._of: dict[WorkloadKey, dict[PlacementKey, PlacementRecord]] = {}
        self._turns = turns or Turns()
        self.read: Sequence[Key] = ()
        """The placements of the last round."""
        self._suspicion = Suspicion()
        self._holders = DeviceHolders()
        self._first_round: datetime | None = None
        self._last_round: datetime | None = None
        self._refused: Counter[tuple[str, str]] = Counter()

    async def observe(self, pods: Sequence[ObservedPod], window_seconds: Mapping[WorkloadKey, int], clock: Callable[[], datetime]) -> None:
        """One round. `pods`: all serving pods that exist. A round that is not later than the last is left out.

        A round is as of the moment when its last answer came: a window begins with a page that was read before it, however long the others took.
        """
        begun = clock()
        groups: dict[Key, list[ObservedPod]] = {key: [] for key in self._records}
        for pod in pods:
            groups.setdefault((pod.workload, pod.placement), []).append(pod)
        read = self.read = self._turns.next(groups)
        interval = self._pace
        backends = {key: found for key in read if (found := next((pod.backend for pod in groups[key] if pod.backend), None))}
        told, at_gateways = await asyncio.gather(
            self._source.read([pod for key in read for pod in groups[key] if pod.readable]), self._gateways.read([*backends.values()])
        )
        answers = self._holders.apart(told, pods)
        for name, some in ((self._source.name, answers), (GATEWAY, at_gateways)):
            for answer in some.values():
                if isinstance(answer, Failure):
                    self._refused[name, answer.reason] += 1
        now = clock()
        if self._last_round is not None and now <= self._last_round:
            return
        self._first_round, self._last_round = self._first_round or begun, now
        asked: dict[WorkloadKey, int] = {}
        async for key in in_slices(read):
            record = self._take(key, groups[key], answers, at_gateways.get(backends[key]) if key in backends else None, begun, now)
            if record.heard:
                asked[key[0]] = asked.get(key[0], 0) + record.asked
        known = frozenset(pod.workload for pod in pods)
        suspect = WHY if self._suspicion.look(asked, known, now, interval) else None
        news: set[WorkloadKey] = set()
        async for key in in_slices(read):
            window = timedelta(seconds=window_seconds.get(key[0], WINDOW_SECONDS))
            if self._records[key].settle(window, interval, suspect):
                news.add(key[0])
        for workload in sorted(news):
            self._on_window(workload)

    @property
    def _pace(self) -> timedelta:
        """Between two reads of one placement."""
        return self._interval * self._turns.rounds

    def _take(
        self,
        key: Key,
        pods: Sequence[ObservedPod],
        answers: Mapping[str, Answer],
        at_gateway: AtGateway | None,
        begun: datetime,
        now: datetime,
    ) -> PlacementRecord:
        """The news of one placement. A record that cannot take them begins anew: it is that placement's alone."""
        assert self._first_round is not None
        record = self._records.get(key) or self._begun(key, self._first_round)
        try:
            refused = [failure.reason for failure in record.take(pods, answers, begun, now, self._pace, at_gateway)]
        except Exception:
            record, refused = self._begun(key, begun), [Reason.SYNTAX]
        for reason in refused:
            self._refused[self._source.name, reason] += 1
        return record

    def _begun(self, key: Key, first_round: datetime) -> PlacementRecord:
        record = self._records[key] = PlacementRecord(key[1], first_round=first_round)
        self._of.setdefault(key[0], {})[key[1]] = record
        return record

    def reading(self, key: tuple[WorkloadKey, PlacementKey], now: datetime) -> Reading[Traffic]:
        """What may be believed of one placement at `now`."""
        record = self._records.get(key)
        if record is None:
            return Unknown(f"no serving replica of pool {key[1].pool} was read yet", pending=True)
        return record.reading(now, self._pace)

    def past(self, workload: WorkloadKey) -> Mapping[PlacementKey, Sequence[Window]]:
        """Windows of each of its placements that served and does not any more."""
        return {key: windows for key, record in sorted(self._of.get(workload, {}).items()) if (windows := record.past)}

    def totals(self) -> Mapping[tuple[WorkloadKey, PlacementKey], Totals]:
        """Sums over all pods ever seen, exact, live and gone."""
        return {key: record.totals for key, record in sorted(self._records.items())}

    def news(self) -> Mapping[Key, Totals]:
        """The same of the placements that were read in the last round: the others' are what they were."""
        return {key: self._records[key].totals for key in self.read if key in self._records}

    @property
    def workloads(self) -> Set[WorkloadKey]:
        """Those of which anything is kept."""
        return self._of.keys()

    def forget(self, workload: WorkloadKey) -> Sequence[PlacementKey]:
        """Drop everything of a workload that was deleted and has no pods any more; returns of which placements."""
        mine = self._of.get(workload, {})
        gone = [key for key, record in mine.items() if record.empty]
        for key in gone:
            del self._records[workload, key], mine[key]
        if not mine:
            self._of.pop(workload, None)
        return gone

    @property
    def refused(self) -> Mapping[tuple[str, str], int]:
        """How often input was refused, by (source, reason)."""
        return dict(self._refused)

    @property
    def suspect(self) -> bool:
        """Whether the source as a whole is under suspicion."""
        return self._suspicion.raised


async def in_slices(keys: Sequence[Key]) -> AsyncIterator[Key]:
    """One after the other, letting everybody else go on now and then."""
    for number, key in enumerate(keys):
        if number % SLICE == SLICE - 1:
            await asyncio.sleep(0)
        yield key
