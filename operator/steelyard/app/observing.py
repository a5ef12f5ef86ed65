"""Observe, wired: the source that the configuration names, one session without credentials, and counters for Prometheus."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence, Set
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
from steelyard.observe.backend import Backend
from steelyard.observe.gateway_source import PrometheusGatewaySource
from steelyard.observe.observed_pod import ObservedPod
from steelyard.observe.observer import Observer
from steelyard.observe.placement_record import Totals
from steelyard.observe.profiles import contract_at_gateway, contract_of, port_of
from steelyard.observe.prometheus_source import PrometheusSource
from steelyard.observe.sample import ZERO, Tally
from steelyard.observe.scrape import DirectSource
from steelyard.render.service import PORT

_log = get_logger(__name__)
LARGEST_PROGRESS = 64 * 1024
OUTCOMES = ("good", "slow", "error", "shed", "unsure")
_FIELDS = tuple(f.name for f in fields(PodFacts))


def _observed(pod: PodFacts, cluster_name: str) -> ObservedPod:
    """With the contract of its server, and of its gateway where that tells of its requests. cluster_name: what Envoy calls a backend."""
    facts = {f: getattr(pod, f) for f in _FIELDS}
    if pod.page is None:
        return ObservedPod(**facts)
    facts["metrics_port"] = port_of(pod.page)
    at_gateway = contract_at_gateway(pod.page)
    cluster = cluster_name.format(namespace=pod.namespace, service=pod.service, port=PORT)
    return ObservedPod(**facts, contract=contract_of(pod.page), backend=None if at_gateway is None else Backend(cluster, at_gateway))


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
            source = DirectSource(clock, timeout_seconds=self._timeout)
        self._cluster_name = config.gateway.cluster_name
        self._observer = Observer(source, float(config.interval_seconds), on_window, gateways=self._gateways(config))
        self._told: dict[tuple[WorkloadKey, PlacementKey], Tally] = {}
        self._counted: dict[tuple[WorkloadKey, PlacementKey], Totals] = {}
        self._refused: dict[tuple[str, str], int] = {}
        self._seen: dict[str, tuple[PodFacts, ObservedPod]] = {}

    def _gateways(self, config: ObserveConfig) -> PrometheusGatewaySource | None:
        url = config.gateway.prometheus_url or config.prometheus_url
        if url is None:
            return None
        return PrometheusGatewaySource(self._session, url, interval_seconds=config.interval_seconds, timeout_seconds=self._timeout)

    async def round(self, pods: Sequence[PodFacts], window_seconds: Mapping[WorkloadKey, int]) -> None:
        """One round of readings."""
        known, self._seen = self._seen, {}
        for pod in pods:
            before = known.get(pod.uid)
            seen = before if before is not None and before[0] is pod else (pod, _observed(pod, self._cluster_name))
            self._seen[pod.uid] = seen
        await self._observer.observe([observed for _, observed in self._seen.values()], window_seconds, self._clock.now)
        self._count()
        self._forget(window_seconds.keys() | {pod.workload for pod in pods})

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

    def _forget(self, present: Set[WorkloadKey]) -> None:
        """Workloads that are gone, once their last pods are gone too."""
        for workload in self._observer.workloads - present:
            for placement in self._observer.forget(workload):
                self._told.pop((workload, placement), None)
                self._counted.pop((workload, placement), None)

    def _count(self) -> None:
        """Counters by pool: a pool's revisions add up, and a counter only grows."""
        for key, totals in self._observer.news().items():
            workload, placement = key
            counted, before = totals.tally - totals.before, self._told.get(key, ZERO)
            for outcome in OUTCOMES if counted != before else ():
                grown = _ended(counted, outcome) - _ended(before, outcome)
                if grown > 0:
                    self._metrics.count("steelyard_workload_requests", (workload.namespace, workload.name, placement.pool, outcome), grown)
                    self._told[key] = counted.at_least(before)
            # Most servers tell neither, or nothing new.
            if totals.joules or totals.estimated_joules:
                self._count_energy(key, totals)
            if key not in self._counted or totals.tokens is not self._counted[key].tokens:
                self._count_tokens(key, totals)
            self._counted[key] = totals
        for slot, count in self._observer.refused.items():
            grown = count - self._refused.get(slot, 0)
            if grown > 0:
                self._metrics.count("steelyard_input_rejected", slot, grown)
                self._refused[slot] = count

    def _count_energy(self, key: tuple[WorkloadKey, PlacementKey], totals: Totals) -> None:
        """What is not told is not counted, and no series says 0 for it."""
        (workload, placement), before = key, self._counted.get(key)
        for method, now, told in (
            ("measured", totals.joules, before.joules if before else 0.0),
            ("estimated", totals.estimated_joules, before.estimated_joules if before else 0.0),
        ):
            if now > told:
                labels = (workload.namespace, workload.name, placement.pool, method)
                self._metrics.count("steelyard_workload_energy_joules", labels, now - told)

    def _count_tokens(self, key: tuple[WorkloadKey, PlacementKey], totals: Totals) -> None:
        """As energy: no series where no server tells."""
        (workload, placement), before = key, self._counted.get(key)
        grown = totals.tokens.plus(before.tokens, -1) if before else totals.tokens
        for direction, tokens in (("input", grown.input), ("output", grown.output)):
            if tokens > 0:
                self._metrics.count("steelyard_workload_tokens", (workload.namespace, workload.name, placement.pool, direction), tokens)


def _ended(tally: Tally, outcome: str) -> int:
    """Requests that ended so; of those that may have been good nobody says that they were slow."""
    count: int = getattr(tally, outcome)
    return count - tally.unsure if outcome == "slow" else count
