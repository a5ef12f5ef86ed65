"""The sweep: what the watch did not say, our own lists find out.

kopf never synthesises deletions, so an object that went while a stream was down would stay in the store for ever. After each relist
(kopf gives its objects without an event type) whatever was not brought again is looked up in a list of our own, paged and with the same
selectors. Besides, every resource is listed at jittered intervals: a relist that finds nothing says nothing at all, and a watch that
went deaf shows only there.
"""

import asyncio
import random
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from steelyard.control.clock import Clock
from steelyard.control.kube.backoff import Backoff
from steelyard.control.kube.errors import ApiError
from steelyard.control.kube.lister import Lister
from steelyard.control.kube.resource import Resource
from steelyard.control.kube.retry_after import heeded
from steelyard.control.kube.store import Absorbed, Store
from steelyard.control.log import get_logger

QUIET_SECONDS = 5.0
"""Without another listed object a relist is taken to be over. Between two objects of a long one may lie a second in which others are read."""
PACE_SECONDS = 1.0
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a resource is watched: the same namespaces and selector for kopf and for our lists. No namespaces: the whole cluster."""

    resource: Resource
    label_selector: str = ""
    namespaces: tuple[str, ...] = ()

    @property
    def areas(self) -> tuple[str | None, ...]:
        """The namespaces to list one by one; None for the whole cluster."""
        return self.namespaces if self.namespaces and self.resource.namespaced else (None,)


class SweepObserver(Protocol):
    """Told about every finished list."""

    def swept(self, resource: str, cause: str, absorbed: Absorbed) -> None:
        """A list for this cause (start, relist, resync) corrected so much."""
        ...


class Sweep:
    """Keeps the store honest. `prime` once, then `run` for ever."""

    def __init__(
        self,
        client: Lister,
        store: Store,
        scopes: Iterable[Scope],
        clock: Clock,
        *,
        resync_seconds: float = 600.0,
        quiet_seconds: float = QUIET_SECONDS,
        chance: random.Random | None = None,
        observer: SweepObserver | None = None,
    ) -> None:
        self._client = client
        self._store = store
        self._scopes = tuple(scopes)
        self._clock = clock
        self._resync_seconds = resync_seconds
        self._quiet_seconds = quiet_seconds
        self._chance = chance or random.Random()
        self._observer = observer
        self._due: dict[Resource, float] = {}
        self._progress_at = clock.monotonic()

    @property
    def resources(self) -> tuple[Resource, ...]:
        """What is swept."""
        return tuple(scope.resource for scope in self._scopes)

    def synced(self) -> bool:
        """Whether every resource has been listed once."""
        return all(self._store.synced(scope.resource) for scope in self._scopes)

    def unsynced(self) -> tuple[Resource, ...]:
        """Which have not."""
        return tuple(scope.resource for scope in self._scopes if not self._store.synced(scope.resource))

    def stalled_for(self) -> float:
        """Seconds since the loop last went round: a sweep that hangs or died shows here."""
        return self._clock.monotonic() - self._progress_at

    def deaf_for(self) -> tuple[float, Resource | None]:
        """How long the watch of the worst resource has owed us a change that we know of, and which it is."""
        worst: tuple[float, Resource | None] = (0.0, None)
        for scope in self._scopes:
            owed = self._store.undelivered_for(scope.resource)
            if owed > worst[0]:
                worst = (owed, scope.resource)
        return worst

    async def prime(self) -> None:
        """List everything once, each until it succeeds; then the store is synced."""
        await asyncio.gather(*(self._prime(scope) for scope in self._scopes))

    async def run(self) -> None:
        """Confirm after relists, and resync at intervals. Never raises on API errors: the next round tries again."""
        while True:
            for scope in self._scopes:
                await self._look_after(scope)
            self._progress_at = self._clock.monotonic()
            await self._clock.sleep(min(self._quiet_seconds, PACE_SECONDS))

    async def sweep(self, scope: Scope, cause: str) -> Absorbed:
        """List this scope and correct the store. Raises ApiError; then nothing was corrected beyond the areas already listed."""
        total = Absorbed()
        for area in scope.areas:
            mark = self._store.mark()
            listing = await self._client.list(
                scope.resource, area, label_selector=scope.label_selector, keep=partial(self._store.lean, scope.resource)
            )
            found = self._store.absorb(scope.resource, listing.items, version=listing.version, mark=mark, namespace=area)
            total = Absorbed(total.added + found.added, total.updated + found.updated, total.removed + found.removed)
        self._store.mark_synced(scope.resource)
        self._schedule(scope.resource)
        if self._observer is not None:
            self._observer.swept(scope.resource.label, cause, total)
        if cause != "start" and total.corrections:
            _log.info(
                "the watch had missed something",
                resource=scope.resource.label,
                cause=cause,
                added=total.added,
                updated=total.updated,
                removed=total.removed,
            )
        return total

    def resync_now(self, resource: Resource) -> None:
        """Ask for a list in the next round: somebody noticed that the store may be wrong."""
        self._due[resource] = self._clock.monotonic()

    async def _prime(self, scope: Scope) -> None:
        backoff, failures = Backoff(base=0.5, cap=30.0), 0
        while True:
            try:
                await self.sweep(scope, "start")
                return
            except ApiError as error:
                failures += 1
                delay = max(heeded(error.retry_after, self._chance), backoff.delay(failures, self._chance))
                _log.warning("the first list failed", resource=scope.resource.label, error=str(error), retry_in_seconds=round(delay, 1))
                await self._clock.sleep(delay)

    async def _look_after(self, scope: Scope) -> None:
        resource = scope.resource
        relisted = self._store.relisted(resource, quiet_for=self._quiet_seconds)
        cause = None
        if relisted and self._store.missing_since_relist(resource):
            cause = "relist"
        elif self._clock.monotonic() >= self._due.get(resource, float("inf")):
            cause = "resync"
        if cause is None:
            return
        try:
            await self.sweep(scope, cause)
        except ApiError as error:
            self._due[resource] = self._clock.monotonic() + max(heeded(error.retry_after, self._chance), 5.0 + 5.0 * self._chance.random())
            _log.warning("a list failed", resource=resource.label, cause=cause, error=str(error))

    def _schedule(self, resource: Resource) -> None:
        self._due[resource] = self._clock.monotonic() + self._resync_seconds * self._chance.uniform(0.8, 1.2)
