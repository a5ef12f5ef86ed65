"""Kubernetes Events: what a person sees under `kubectl describe`. Aggregated here, because nobody does it for us.

The first occurrence is posted at once; the same again (object, type, reason, note) within ten minutes only counts, and the count is
written as a series at intervals. More than ten different notes for one reason of one object become one "combined" event. An object that
produces more than its share is silenced for a while. `record` never blocks and never raises. What the API server could not take just now
is posted again, a few times; what it refuses, or still cannot take, is counted and dropped: an event is a courtesy and a reconcile is not.
"""

import asyncio
import hashlib
import random
import re
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

from steelyard.control.clock import Clock
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.backoff import Backoff
from steelyard.control.kube.errors import AlreadyExists, ApiError, NotFound, ServerError, TooManyRequests, Unreachable
from steelyard.control.kube.fence import LeadershipLost
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import EVENTS, Resource
from steelyard.control.log import get_logger
from steelyard.core.vocabulary.reason import Reason

CONTROLLER = "steelyard.dev"
_NOTE_LIMIT = 1024
_SERIES_SECONDS = 600.0
_SIMILAR_LIMIT = 10
_OBJECT_BURST = 25
_OBJECT_REFILL_SECONDS = 60.0
_REMEMBERED = 5_000
_QUEUED = 1_000
_TRIES = 5
_AGAIN = Backoff(base=1.0)
_PASSING = (Unreachable, TooManyRequests, ServerError)
_log = get_logger(__name__)


class EventType(StrEnum):
    """The two types that Kubernetes knows."""

    NORMAL = "Normal"
    WARNING = "Warning"


class Poster(Protocol):
    """The part of the API client that events need."""

    async def create(self, resource: Resource, manifest: Manifest) -> Manifest:
        """Create an event."""
        ...

    async def patch_series(self, resource: Resource, namespace: str, name: str, patch: Mapping[str, Any]) -> Manifest:
        """Write the count of a series."""
        ...


@dataclass(slots=True)
class _Series:
    namespace: str
    name: str
    body: Manifest
    first_at: float
    last_at: float
    last_observed: datetime
    count: int = 1
    written: int = 1
    posted: bool = False


@dataclass(slots=True)
class _Allowance:
    tokens: float
    counted_at: float


@dataclass(slots=True)
class _Similar:
    since: float
    notes: set[str] = field(default_factory=set)


class EventRecorder:
    """Records events of one process. Only the leader should `run` it; before that, and after, what is recorded is dropped."""

    def __init__(
        self,
        client: Poster,
        clock: Clock,
        *,
        instance: str,
        flush_seconds: float = 60.0,
        chance: random.Random | None = None,
        on_drop: Callable[[str], None] | None = None,
    ) -> None:
        """`instance`: the pod's name. `on_drop` is told why an event was not posted: idle, silenced, full or failed."""
        self._client = client
        self._clock = clock
        self._instance = instance[:128]
        self._flush_seconds = flush_seconds
        self._chance = chance or random.Random()
        self._on_drop = on_drop
        self._running = False
        self._series: OrderedDict[tuple[str, ...], _Series] = OrderedDict()
        self._similar: OrderedDict[tuple[str, ...], _Similar] = OrderedDict()
        self._allowances: OrderedDict[str, _Allowance] = OrderedDict()
        self._queue: deque[_Series] = deque()
        self._queued = asyncio.Event()

    def record(self, about: Mapping[str, Any], event_type: EventType, reason: Reason, note: str, *, action: str = "Reconcile") -> None:
        """Note that something happened to this object. Takes a manifest with apiVersion, kind and metadata."""
        if not self._running:
            self._drop("idle")
            return
        now = self._clock.monotonic()
        note = self._combined(about, event_type, reason.value, _shortened(note), now)
        key = (manifests.uid(about), event_type, reason.value, action, note)
        known = self._series.get(key)
        if known is not None and now - known.last_at < _SERIES_SECONDS:
            known.count += 1
            known.last_at, known.last_observed = now, self._clock.now()
            self._series.move_to_end(key)
            return
        if not self._allowed(manifests.uid(about), now):
            self._drop("silenced")
            return
        if len(self._queue) >= _QUEUED:
            self._drop("full")
            return
        series = self._new(about, event_type, reason.value, note, action, now)
        self._series[key] = series
        self._series.move_to_end(key)
        _trim(self._series)
        self._queue.append(series)
        self._queued.set()

    async def run(self) -> None:
        """Post what is recorded, until cancelled. Raises LeadershipLost, nothing else."""
        self._running = True
        flushing = asyncio.create_task(self._flush_for_ever(), name="events-flush")
        try:
            while True:
                await self._queued.wait()
                while self._queue:
                    await self._post(self._queue.popleft())
                self._queued.clear()
                if flushing.done():
                    flushing.result()
        finally:
            self._running = False
            flushing.cancel()
            await asyncio.gather(flushing, return_exceptions=True)

    async def posted(self, within: float) -> None:
        """Wait until all that is recorded was posted, or so many seconds."""
        deadline = self._clock.monotonic() + within
        while self._running and self._queued.is_set() and self._clock.monotonic() < deadline:
            await self._clock.sleep(0.05)

    async def flush(self) -> None:
        """Write the counts of all series that have grown since they were last written."""
        for series in tuple(self._series.values()):
            if not series.posted or series.count == series.written:
                continue
            count = series.count
            patch = {"series": {"count": count, "lastObservedTime": _micro_time(series.last_observed)}}
            try:
                await self._client.patch_series(EVENTS, series.namespace, series.name, patch)
            except NotFound:
                series.posted = False  # the API server keeps events for an hour; the next occurrence is a new one
                series.last_at = float("-inf")
            except ApiError as error:
                self._failed(error)
            else:
                series.written = count

    async def _flush_for_ever(self) -> None:
        while True:
            await self._clock.sleep(self._flush_seconds * self._chance.uniform(0.8, 1.2))
            try:
                await self.flush()
            except LeadershipLost:
                self._queued.set()
                raise

    async def _post(self, series: _Series) -> None:
        tries = 1
        while (failure := await self._tried(series)) is not None and tries < _TRIES and isinstance(failure, _PASSING):
            await self._clock.sleep(_AGAIN.delay(tries, self._chance))
            tries += 1
        if failure is None:
            series.posted = True
        else:
            self._failed(failure)

    async def _tried(self, series: _Series) -> ApiError | None:
        try:
            await self._client.create(EVENTS, series.body)
        except AlreadyExists:
            return None  # An earlier try, of which the answer was lost.
        except ApiError as error:
            return error
        return None

    def _new(self, about: Mapping[str, Any], event_type: str, reason: str, note: str, action: str, now: float) -> _Series:
        moment = self._clock.now()
        # Events of cluster-scoped objects live in `default`; kubectl describe looks for them there.
        namespace = manifests.namespace(about) or "default"
        seed = f"{manifests.uid(about)}/{reason}/{note}/{moment.timestamp()}/{self._instance}"
        stem = re.sub(r"[^a-z0-9.\-]+", "-", manifests.name(about).lower()).strip("-.")[:200] or "object"
        name = f"{stem}.{hashlib.sha256(seed.encode()).hexdigest()[:16]}"
        body = {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {"namespace": namespace, "name": name},
            "eventTime": _micro_time(moment),
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance,
            "action": action,
            "reason": reason,
            "type": event_type,
            "note": note,
            "regarding": {
                "apiVersion": about.get("apiVersion"),
                "kind": about.get("kind"),
                "namespace": manifests.namespace(about),
                "name": manifests.name(about),
                "uid": manifests.uid(about),
                "resourceVersion": manifests.version(about),
            },
        }
        return _Series(namespace, name, body, first_at=now, last_at=now, last_observed=moment)

    def _combined(self, about: Mapping[str, Any], event_type: str, reason: str, note: str, now: float) -> str:
        key = (manifests.uid(about), event_type, reason)
        similar = self._similar.get(key)
        if similar is None or now - similar.since > _SERIES_SECONDS:
            similar = self._similar[key] = _Similar(now)
        self._similar.move_to_end(key)
        _trim(self._similar)
        if note in similar.notes:
            return note
        if len(similar.notes) >= _SIMILAR_LIMIT:
            return f"(combined from many similar events; see the object's status for the latest) {reason}"
        similar.notes.add(note)
        return note

    def _allowed(self, uid: str, now: float) -> bool:
        allowance = self._allowances.setdefault(uid, _Allowance(float(_OBJECT_BURST), now))
        self._allowances.move_to_end(uid)
        _trim(self._allowances)
        allowance.tokens = min(float(_OBJECT_BURST), allowance.tokens + (now - allowance.counted_at) / _OBJECT_REFILL_SECONDS)
        allowance.counted_at = now
        if allowance.tokens < 1.0:
            return False
        allowance.tokens -= 1.0
        return True

    def _failed(self, error: ApiError) -> None:
        self._drop("failed")
        _log.debug("an event could not be posted", error=str(error))

    def _drop(self, why: str) -> None:
        if self._on_drop is not None:
            self._on_drop(why)


def _shortened(note: str) -> str:
    """At most 1,024 bytes, as the API server demands, cut at a character."""
    data = note.encode()
    return note if len(data) <= _NOTE_LIMIT else data[: _NOTE_LIMIT - 3].decode(errors="ignore") + "…"


def _trim(remembered: OrderedDict[Any, Any]) -> None:
    while len(remembered) > _REMEMBERED:
        remembered.popitem(last=False)


def _micro_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
