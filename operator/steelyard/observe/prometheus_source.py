"""Read pods through a Prometheus that scrapes them: the same samples, with proof that each is new.

What is not in an answer is unknown, never zero: for a pod to count as silent its target must be up and its counter must be there.
"""

from __future__ import annotations

import asyncio
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import aiohttp

from steelyard.observe.contract import Contract
from steelyard.observe.failure import Failure, Reason, RejectedError
from steelyard.observe.near import near, with_near
from steelyard.observe.observed_pod import ObservedPod
from steelyard.observe.pod_energy import pod_energy
from steelyard.observe.prometheus import UP, Prometheus, exposition_at, series_of
from steelyard.observe.promql import named, names_of, selector
from steelyard.observe.sample import Sample
from steelyard.observe.series import Series
from steelyard.observe.source import Answer

PODS_A_QUERY = 50
AT_ONCE = 4
"""Queries at the same time."""
CONTRACTS = 256
"""Servers that lack a metric of which names are kept."""


@dataclass(frozen=True, slots=True)
class PodLabels:
    """Labels under which Prometheus keeps a target's pod; these are the usual ones of the Kubernetes discovery."""

    namespace: str = "namespace"
    pod: str = "pod"


class PrometheusSource:
    """Queries one Prometheus. Its scrape interval must not be longer than ours: older samples count as none."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        *,
        interval_seconds: float = 5.0,
        timeout_seconds: float = 3.0,
        labels: PodLabels = PodLabels(),
    ) -> None:
        self._prometheus = Prometheus(session, url, timeout_seconds)
        self._seconds = math.ceil(3 * interval_seconds)
        self._timeout = timeout_seconds
        self._labels = labels
        self._round = 0
        self._names: dict[Contract, frozenset[str]] = {}
        """Of servers that lack a metric the names that there are, as last asked."""

    @property
    def name(self) -> str:
        """Label of metrics."""
        return "prometheus"

    async def read(self, pods: Sequence[ObservedPod]) -> Mapping[str, Answer]:
        """A query for each namespace, kind of server and fifty pods; beside these, what exporters count of the energy of each fifty."""
        energy = asyncio.Semaphore(AT_ONCE)

        async def ask(query: str) -> Sequence[Series] | None:
            async with energy:
                return await self._if_told(query)

        told, drawn = await asyncio.gather(self._pages(pods), pod_energy(pods, ask, self._timeout))
        answers = await self._with_near(pods, told)
        return {
            uid: replace(answer, meters=drawn.get(uid)) if isinstance(answer, Sample) and answer.meters is None else answer
            for uid, answer in answers.items()
        }

    async def _with_near(self, pods: Sequence[ObservedPod], answers: Mapping[str, Answer]) -> Mapping[str, Answer]:
        """With what is there in place of metrics that are not: of one server a round its names are asked for, and all pods like it have them."""
        lacking = [pod for pod in pods if _lacks(answers[pod.uid])]
        if not lacking:
            return answers
        one = lacking[self._round % len(lacking)]
        self._round += 1
        # Without an answer the last one counts: what is told of the pods would come and go with it.
        with suppress(TimeoutError, RejectedError, aiohttp.ClientError, OSError, ValueError):
            async with asyncio.timeout(self._timeout):
                found = _names(await self._prometheus.ask(names_of({self._labels.namespace: one.namespace, self._labels.pod: one.name})))
            self._names[one.contract] = found
            while len(self._names) > CONTRACTS:
                del self._names[next(iter(self._names))]
        known = {pod.uid: names for pod in lacking if (names := self._names.get(pod.contract)) is not None}
        return {uid: _hinted(answer, known[uid]) if uid in known else answer for uid, answer in answers.items()}

    async def _if_told(self, query: str) -> Sequence[Series] | None:
        """What is told beside the pods' own pages: to lack it makes no pod unread."""
        try:
            return series_of(await self._prometheus.ask(query))
        except (RejectedError, aiohttp.ClientError, OSError, ValueError):
            return None

    async def _pages(self, pods: Sequence[ObservedPod]) -> Mapping[str, Answer]:
        permits = asyncio.Semaphore(AT_ONCE)

        async def ask(some: Sequence[ObservedPod]) -> Mapping[str, Answer]:
            async with permits:
                return await self._ask(some)

        answers: dict[str, Answer] = {}
        for part in await asyncio.gather(*(ask(some) for some in _parts(pods))):
            answers.update(part)
        return answers

    async def _ask(self, pods: Sequence[ObservedPod]) -> Mapping[str, Answer]:
        contract, namespace = pods[0].contract, pods[0].namespace
        query = selector(
            {UP, *contract.wanted}, {self._labels.namespace: namespace}, {self._labels.pod: [pod.name for pod in pods]}, self._seconds
        )
        try:
            async with asyncio.timeout(self._timeout):
                series = series_of(await self._prometheus.ask(query))
        except RejectedError as error:
            return self._all(pods, error.reason, error.detail)
        except TimeoutError:
            return self._all(pods, Reason.TIMEOUT, "did not answer in time")
        except (aiohttp.ClientError, OSError, ValueError):
            return self._all(pods, Reason.UNREACHABLE, "cannot be reached")
        by_pod: dict[str, list[Series]] = {}
        for each in series:
            by_pod.setdefault(each.labels.get(self._labels.pod, ""), []).append(each)
        return {pod.uid: self._answer(pod, by_pod.get(pod.name, [])) for pod in pods}

    def _all(self, pods: Sequence[ObservedPod], reason: Reason, detail: str) -> Mapping[str, Answer]:
        return {pod.uid: Failure(reason, f"{self._prometheus.title} {detail}") for pod in pods}

    def _answer(self, pod: ObservedPod, series: Iterable[Series]) -> Answer:
        """Of the targets that speak for this pod the one with the newest scrape."""
        where = {self._labels.namespace: pod.namespace, self._labels.pod: pod.name}
        query = f"the query {named(pod.contract.counter, where)}"
        targets: dict[tuple[str, str], list[Series]] = {}
        for each in series:
            targets.setdefault((each.labels.get("job", ""), each.labels.get("instance", "")), []).append(each)
        scrapes: list[tuple[bool, float, tuple[str, str]]] = []
        for target, of_target in targets.items():
            ups = [each for each in of_target if each.name == UP]
            if ups and any(each.name in pod.contract.proofs for each in of_target):
                newest = max(ups, key=lambda each: each.at)
                scrapes.append((newest.value == "1", newest.at, target))
            elif ups and max(ups, key=lambda each: each.at).value != "1":
                scrapes.append((False, 0.0, target))
        if not scrapes:
            return Failure(
                Reason.EMPTY,
                f"{query} returned nothing recent: let Prometheus scrape the pod at least as often as observe.intervalSeconds",
                missing=pod.contract.counter,
            )
        up, at, target = max(scrapes)
        if not up:
            return Failure(Reason.TARGET_DOWN, f"the query {named(UP, where)} says 0: Prometheus cannot scrape the pod")
        try:
            seen = exposition_at(targets[target], at, pod.contract.own_labels)
            if not pod.contract.proofs & seen.series.keys():
                raise RejectedError(Reason.EMPTY, "returned nothing in the newest scrape")
            content = zlib.crc32(repr(sorted((name, sorted(each.items())) for name, each in seen.series.items())).encode())
            return pod.contract.sample(seen, datetime.fromtimestamp(at, UTC), content)
        except RejectedError as error:
            return Failure(error.reason, f"{query} {error.detail}", missing=error.missing)


def _lacks(answer: Answer) -> bool:
    """Whether a metric is not there that was asked for."""
    return bool(answer.absent if isinstance(answer, Sample) else answer.missing)


def _hinted(answer: Answer, names: frozenset[str]) -> Answer:
    if isinstance(answer, Sample):
        return with_near(answer, names)
    # Where nothing of the pod is there it is not scraped at all, as is said.
    return replace(answer, why=f"{answer.why}; {near(answer.missing, names)}") if names else answer


def _names(document: Any) -> frozenset[str]:
    """Of the metrics in the answer to `names_of`; without those of the scrape itself."""
    try:
        told = frozenset(str(each["metric"]["__name__"]) for each in document["data"]["result"])
    except (KeyError, TypeError) as error:
        raise RejectedError(Reason.SYNTAX, "answered with something else than the query API does") from error
    return frozenset(name for name in told if name != UP and not name.startswith("scrape_"))


def _parts(pods: Sequence[ObservedPod]) -> list[list[ObservedPod]]:
    def kind(pod: ObservedPod) -> tuple[str, str]:
        return pod.namespace, repr(pod.contract)

    parts: list[list[ObservedPod]] = []
    for _, group in groupby(sorted(pods, key=lambda pod: (*kind(pod), pod.name, pod.uid)), key=kind):
        some = list(group)
        parts += [some[at : at + PODS_A_QUERY] for at in range(0, len(some), PODS_A_QUERY)]
    return parts
