"""Read backends of gateways through a Prometheus that scrapes these.

A gateway has several processes, each with counters of its own. One that is told by two jobs of Prometheus counts once, by its instance.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol, TypeAlias

import aiohttp

from steelyard.observe.backend import CLUSTER, Backend
from steelyard.observe.failure import Failure, Reason, RejectedError
from steelyard.observe.prometheus import Prometheus, exposition_at, series_of
from steelyard.observe.promql import named, selector
from steelyard.observe.sample import Sample
from steelyard.observe.series import Series

BACKENDS_A_QUERY = 50
AT_ONCE = 4
"""Queries at the same time."""
AtGateway: TypeAlias = Mapping[str, Sample] | Failure
"""By process of the gateway, or why nothing is known."""


class GatewaySource(Protocol):
    """Reads backends. Never raises for what a gateway or a server says."""

    async def read(self, backends: Sequence[Backend]) -> Mapping[Backend, AtGateway]:
        """One answer for each, within a bounded time."""
        ...


class NoGatewaySource:
    """What is there where the operator was told of none."""

    async def read(self, backends: Sequence[Backend]) -> Mapping[Backend, AtGateway]:
        """That, for each."""
        why = "the operator knows no Prometheus that scrapes the gateways: set observe.gateway.prometheusUrl in its configuration"
        return dict.fromkeys(backends, Failure(Reason.EMPTY, why))


class PrometheusGatewaySource:
    """Queries one Prometheus. Its scrape interval must not be longer than ours: older samples count as none."""

    def __init__(self, session: aiohttp.ClientSession, url: str, *, interval_seconds: float = 5.0, timeout_seconds: float = 3.0) -> None:
        self._prometheus = Prometheus(session, url, timeout_seconds)
        self._seconds = math.ceil(3 * interval_seconds)
        self._timeout = timeout_seconds

    async def read(self, backends: Sequence[Backend]) -> Mapping[Backend, AtGateway]:
        """A query for each fifty."""
        permits = asyncio.Semaphore(AT_ONCE)

        async def ask(some: Sequence[Backend]) -> Mapping[Backend, AtGateway]:
            async with permits:
                return await self._ask(some)

        parts = [backends[at : at + BACKENDS_A_QUERY] for at in range(0, len(backends), BACKENDS_A_QUERY)]
        return {backend: answer for part in await asyncio.gather(*map(ask, parts)) for backend, answer in part.items()}

    async def _ask(self, backends: Sequence[Backend]) -> Mapping[Backend, AtGateway]:
        wanted = frozenset(name for backend in backends for name in backend.contract.wanted)
        query = selector(wanted, {}, {CLUSTER: [backend.cluster for backend in backends]}, self._seconds)
        try:
            async with asyncio.timeout(self._timeout):
                series = series_of(await self._prometheus.ask(query))
        except RejectedError as error:
            return self._all(backends, error.reason, error.detail)
        except TimeoutError:
            return self._all(backends, Reason.TIMEOUT, "did not answer in time")
        except (aiohttp.ClientError, OSError, ValueError):
            return self._all(backends, Reason.UNREACHABLE, "cannot be reached")
        by_cluster: dict[str, list[Series]] = {}
        for each in series:
            by_cluster.setdefault(each.labels.get(CLUSTER, ""), []).append(each)
        return {backend: _answer(backend, by_cluster.get(backend.cluster, ())) for backend in backends}

    def _all(self, backends: Sequence[Backend], reason: Reason, detail: str) -> Mapping[Backend, AtGateway]:
        return dict.fromkeys(backends, Failure(reason, f"{self._prometheus.title} {detail}"))


def _answer(backend: Backend, series: Iterable[Series]) -> AtGateway:
    query = f"the query {named(backend.contract.counter, {CLUSTER: backend.cluster})}"
    targets: dict[str, dict[str, list[Series]]] = {}
    for each in series:
        targets.setdefault(each.labels.get("instance", ""), {}).setdefault(each.labels.get("job", ""), []).append(each)
    if not targets:
        return Failure(
            Reason.EMPTY,
            f"{query} returned nothing recent: let Prometheus scrape the gateway at least as often as observe.intervalSeconds, and see whether it has a "
            "cluster for each backend, called so (observe.gateway.clusterName)",
        )
    try:
        return {process: _newest(backend, jobs.values()) for process, jobs in targets.items()}
    except RejectedError as error:
        return Failure(error.reason, f"{query} {error.detail}")


def _newest(backend: Backend, jobs: Iterable[Sequence[Series]]) -> Sample:
    """What the newest scrape of a process brought."""
    at, of_job = max(((max(each.at for each in some), some) for some in jobs), key=lambda pair: pair[0])
    return backend.contract.sample(exposition_at(of_job, at, None), datetime.fromtimestamp(at, UTC), 0)
