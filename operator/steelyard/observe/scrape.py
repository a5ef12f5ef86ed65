"""Read pods directly. A pod is not trusted: it may refuse, stall, trickle, redirect, or send garbage without end."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from steelyard.observe.contract import Contract
from steelyard.observe.exposition import parse
from steelyard.observe.failure import Failure, Reason, RejectedError
from steelyard.observe.near import names_on, near, with_near
from steelyard.observe.observed_pod import ObservedPod
from steelyard.observe.page import fetch
from steelyard.observe.source import Answer, Clock

LARGEST = 1024 * 1024
"""Bytes of one answer; a server with thousands of series stays below."""
AT_ONCE = 128
"""Scrapes at the same time, each with a connection of its own."""
KEPT = 100
"""Rounds for which it is remembered when a pod was asked."""
CONTRACTS, ADDRESSES = 1024, 16_384
"""Whose names are remembered, and which are known to be addresses."""
NOT_ASKED = Failure(
    Reason.NOT_REACHED,
    "the round of observation ended before every pod was asked: too many do not answer, or the operator lacks processor time",
)
"""The same words for all pods: which of them it meets changes from round to round, and a status would be written each time."""


class DirectSource:
    """Scrapes over HTTP, at the pods' addresses: no proxy, no cookies, no credentials.

    A round ends after `round_seconds` even if every pod stalls, and the next one goes on where it stopped: who was asked longest ago comes
    first. Pods that failed are asked after all others: dead nodes do not keep the others from being read, and a pod that comes back is not
    kept waiting for ever.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        timeout_seconds: float = 3.0,
        round_seconds: float = 5.0,
        largest: int = LARGEST,
    ) -> None:
        self._clock = clock
        self._timeout = timeout_seconds
        self._round = max(round_seconds, timeout_seconds)
        self._largest = largest
        self._number = 0
        self._failed: dict[str, int] = {}
        self._asked: dict[str, int] = {}

    @property
    def name(self) -> str:
        """Label of metrics."""
        return "direct"

    async def read(self, pods: Sequence[ObservedPod]) -> Mapping[str, Answer]:
        """Ask all pods, the well-behaved ones first."""
        answers: dict[str, Answer] = {pod.uid: NOT_ASKED for pod in pods}
        self._number += 1
        queue = iter(sorted(pods, key=lambda pod: (self._failed.get(pod.uid, 0), self._asked.get(pod.uid, 0), pod.uid)))

        async def work() -> None:
            for pod in queue:
                # Whom the round's end cuts off had less than the time that every pod has: the next round asks it first.
                answers[pod.uid] = await self._ask(pod)

        workers = [asyncio.create_task(work()) for _ in range(min(AT_ONCE, len(pods)))]
        try:
            if workers:
                done, _ = await asyncio.wait(workers, timeout=self._round)
                for worker in done:
                    worker.result()
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        self._remember(answers)
        return answers

    def _remember(self, answers: Mapping[str, Answer]) -> None:
        for uid, answer in answers.items():
            if isinstance(answer, Failure) and answer.reason is Reason.NOT_REACHED:
                continue
            self._asked[uid] = self._number
            if isinstance(answer, Failure):
                self._failed[uid] = self._number
            else:
                self._failed.pop(uid, None)
        # Who was not asked for long is gone.
        if self._number % KEPT == 0:
            self._asked = {uid: number for uid, number in self._asked.items() if self._number - number < KEPT}
            self._failed = {uid: number for uid, number in self._failed.items() if uid in self._asked}

    async def _ask(self, pod: ObservedPod) -> Answer:
        where, body = _where(pod), b""
        try:
            async with asyncio.timeout(self._timeout):
                body = await self._fetch(pod)
            sample = pod.contract.sample(parse(body, _wanted(pod.contract)), self._clock.now(), zlib.crc32(body))
            return with_near(sample, names_on(body)) if sample.absent else sample
        except RejectedError as error:
            hint = f"; {near(error.missing, names_on(body))}" if error.missing else ""
            return Failure(error.reason, f"{pod.title}: {where} {error.detail}{hint}")
        except TimeoutError:
            return Failure(Reason.TIMEOUT, f"{pod.title} did not answer {where} in time")
        except (OSError, EOFError):
            # The text of the exception holds addresses and numbers of the system: it is no sentence for a condition.
            return Failure(Reason.UNREACHABLE, f"{pod.title} cannot be reached at {where}")
        except Exception:  # what one pod says, however odd, is that pod's alone
            return Failure(Reason.SYNTAX, f"{pod.title}: {where} cannot be read")

    async def _fetch(self, pod: ObservedPod) -> bytes:
        # One connection for each scrape: kept ones would hold a file descriptor for every pod of the fleet.
        return await fetch(_address(pod.address or ""), pod.metrics_port, pod.contract.path, self._largest)


@lru_cache(maxsize=ADDRESSES)
def _address(text: str) -> IPv4Address | IPv6Address:
    """No name: whoever may write a pod's status would send us anywhere."""
    try:
        return ip_address(text)
    except ValueError as error:
        raise RejectedError(Reason.ADDRESS, "cannot be asked: the pod has no address") from error


@lru_cache(maxsize=CONTRACTS)
def _wanted(contract: Contract) -> frozenset[str]:
    """Names to keep: for pods that are alike one set, and not one for each page, to be compared with the last for each of its lines."""
    return contract.wanted


def _where(pod: ObservedPod) -> str:
    return f"{pod.contract.path} on port {pod.metrics_port}"
