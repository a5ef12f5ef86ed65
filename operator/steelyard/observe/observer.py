"""The object the app runs: one round after the other, and readings for whoever decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.snapshot import Traffic
from steelyard.core.facts.window import Window
from steelyard.core.vocabulary.reading import Reading, Unknown
from steelyard.observe.failure import Failure, Reason
from steelyard.observe.observed_pod import ObservedPod
from steelyard.observe.placement_record import PlacementRecord, Totals
from steelyard.observe.source import Answer, Source
from steelyard.observe.suspicion import WHY, Suspicion

WINDOW_SECONDS = 60
"""For a workload whose window is not given, as in the API's default."""


class Observer:
    """Keeps one record for each placement. Not for concurrent rounds."""

    def __init__(self, source: Source, interval_seconds: float, on_window: Callable[[WorkloadKey], None] = lambda _: None) -> None:
        self._source = source
        self._interval = timedelta(seconds=interval_seconds)
        self._on_window = on_window
        self._records: dict[tuple[WorkloadKey, PlacementKey], PlacementRecord] = {}
        self._suspicion = Suspicion()
        self._first_round: datetime | None = None
        self._last_round: datetime | None = None
        self._refused: Counter[tuple[str, str]] = Counter()

    async def observe(self, pods: Sequence[ObservedPod], window_seconds: Mapping[WorkloadKey, int], now: datetime) -> None:
        """One round. `pods`: all serving pods that exist; `now`: when it begins. A round that is not later than the last is left out."""
        if self._last_round is not None and now <= self._last_round:
            return
        self._first_round, self._last_round = self._first_round or now, now
        answers = await self._source.read([pod for pod in pods if pod.readable])
        for answer in answers.values():
            if isinstance(answer, Failure):
                self._refused[self._source.name, answer.reason] += 1
        by_key: dict[tuple[WorkloadKey, PlacementKey], list[ObservedPod]] = {key: [] for key in self._records}
        for pod in pods:
            by_key.setdefault((pod.workload, pod.placement), []).append(pod)
        asked: dict[WorkloadKey, int] = {}
        for key, group in by_key.items():
            record = self._take(key, group, answers, now)
            if record.heard:
                asked[key[0]] = asked.get(key[0], 0) + record.asked
        known = frozenset(pod.workload for pod in pods)
        suspect = WHY if self._suspicion.look(asked, known, now, self._interval) else None
        news: set[WorkloadKey] = set()
        for key in by_key:
            window = timedelta(seconds=window_seconds.get(key[0], WINDOW_SECONDS))
            if self._records[key].settle(window, self._interval, suspect):
                news.add(key[0])
        for workload in sorted(news):
            self._on_window(workload)

    def _take(
        self, key: tuple[WorkloadKey, PlacementKey], pods: Sequence[ObservedPod], answers: Mapping[str, Answer], now: datetime
    ) -> PlacementRecord:
        """The news of one placement. A record that cannot take them begins anew: it is that placement's alone."""
        assert self._first_round is not None
        record = self._records.setdefault(key, PlacementRecord(key[1], first_round=self._first_round))
        try:
            refused = [failure.reason for failure in record.take(pods, answers, now, self._interval)]
        except Exception:
            record, refused = PlacementRecord(key[1], first_round=now), [Reason.SYNTAX]
            self._records[key] = record
        for reason in refused:
            self._refused[self._source.name, reason] += 1
        return record

    def reading(self, key: tuple[WorkloadKey, PlacementKey], now: datetime) -> Reading[Traffic]:
        """What may be believed of one placement at `now`."""
        record = self._records.get(key)
        if record is None:
            return Unknown(f"no serving replica of pool {key[1].pool} was read yet", pending=True)
        return record.reading(now, self._interval)

    def past(self, workload: WorkloadKey) -> Mapping[PlacementKey, Sequence[Window]]:
        """Windows of each of its placements that served and does not any more."""
        return {key[1]: windows for key, record in sorted(self._records.items()) if key[0] == workload and (windows := record.past)}

    def totals(self) -> Mapping[tuple[WorkloadKey, PlacementKey], Totals]:
        """Sums over all pods ever seen, exact, live and gone."""
        return {key: record.totals for key, record in sorted(self._records.items())}

    @property
    def workloads(self) -> frozenset[WorkloadKey]:
        """Those of which anything is known."""
        return frozenset(workload for workload, _ in self._records)

    def forget(self, workload: WorkloadKey) -> None:
        """Drop everything of a workload that was deleted and has no pods any more."""
        for key in [key for key, record in self._records.items() if key[0] == workload and record.empty]:
            del self._records[key]

    @property
    def refused(self) -> Mapping[tuple[str, str], int]:
        """How often input was refused, by (source, reason)."""
        return dict(self._refused)

    @property
    def suspect(self) -> bool:
        """Whether the source as a whole is under suspicion."""
        return self._suspicion.raised
