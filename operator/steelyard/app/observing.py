"""Observe, wired: the source that the configuration names, one session without credentials, and counters for Prometheus."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import aiohttp

from steelyard.app.config import ObserveConfig, Source
from steelyard.control.clock import Clock
from steelyard.control.log import get_logger
from steelyard.control.telemetry.metrics import Metrics
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.pod import PodFacts
from steelyard.core.facts.snapshot import Traffic
from steelyard.core.facts.window import Window
from steelyard.core.vocabulary.reading import Reading
from steelyard.observe.observed_pod import ObservedPod
from steelyard.observe.observer import Observer
from steelyard.observe.prometheus_source import PrometheusSource
from steelyard.observe.scrape import DirectSource

_log = get_logger(__name__)
LARGEST_PROGRESS = 64 * 1024


class Observing:
    """The observer and everything it needs."""

    def __init__(self, config: ObserveConfig, clock: Clock, metrics: Metrics, *, on_window: Callable[[WorkloadKey], None]) -> None:
        self._clock = clock
        self._metrics = metrics
        # Pods are asked by address: no proxy of the environment, no cookies, no credentials.
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
        self._timeout = float(config.timeout_seconds)
        source: DirectSource | PrometheusSource
        if config.source is Source.PROMETHEUS:
            assert config.prometheus_url is not None
            source = PrometheusSource(
                self._session, config.prometheus_url, interval_seconds=config.interval_seconds, timeout_seconds=self._timeout
            )
        else:
            source = DirectSource(self._session, clock, timeout_seconds=self._timeout)
        self._observer = Observer(source, float(config.interval_seconds), on_window)
        self._told: dict[tuple[str, ...], float] = {}

    async def round(self, pods: Sequence[PodFacts], window_seconds: Mapping[WorkloadKey, int]) -> None:
        """One round of readings."""
        seen = [ObservedPod(**{f.name: getattr(p, f.name) for f in fields(p)}) for p in pods]
        await self._observer.observe(seen, window_seconds, self._clock.now())
        self._count()
        self._forget({pod.workload for pod in pods}.union(window_seconds))

    def reading(self, workload: WorkloadKey, placement: PlacementKey, now: datetime) -> Reading[Traffic]:
        """What may be believed of one placement now."""
        return self._observer.reading((workload, placement), now)

    def past(self, workload: WorkloadKey) -> Mapping[PlacementKey, Sequence[Window]]:
        """Windows of placements that served the workload and do not any more."""
        return self._observer.past(workload)

    async def progress(self, url: str) -> Mapping[str, Any] | None:
        """A compile Job's /progress; None if it did not answer sensibly."""
        try:
            async with self._session.get(url, timeout=aiohttp.ClientTimeout(total=self._timeout), allow_redirects=False) as answer:
                if answer.status != 200:
                    return None
                found = json.loads(await answer.content.read(LARGEST_PROGRESS))
        except (aiohttp.ClientError, TimeoutError, ValueError, RecursionError):  # a pod may say anything
            return None
        return found if isinstance(found, dict) else None

    async def close(self) -> None:
        """End the session."""
        await self._session.close()

    def _forget(self, there: Collection[WorkloadKey]) -> None:
        """Of workloads that are gone with their pods nothing is kept: names that nobody has any more would add up."""
        for workload in self._observer.workloads.difference(there):
            self._observer.forget(workload)
        left = self._observer.workloads.union(there)
        self._told = {
            slot: count
            for slot, count in self._told.items()
            if slot[0] != "steelyard_workload_requests" or WorkloadKey(slot[1], slot[2]) in left
        }

    def _count(self) -> None:
        """Counters by pool: a pool's revisions add up, and a counter only grows."""
        sums: dict[tuple[str, ...], float] = {}
        for (workload, placement), totals in self._observer.totals().items():
            where = (workload.namespace, workload.name, placement.pool)
            for outcome in ("good", "slow", "error", "shed"):
                slot: tuple[str, ...] = ("steelyard_workload_requests", *where, outcome)
                sums[slot] = sums.get(slot, 0.0) + getattr(totals.tally, outcome) - getattr(totals.before, outcome)
        for (source, reason), count in self._observer.refused.items():
            sums["steelyard_input_rejected", source, reason] = float(count)
        for slot, total in sums.items():
            grown = total - self._told.get(slot, 0.0)
            if grown > 0:
                self._metrics.count(slot[0], slot[1:], grown)
                self._told[slot] = total
