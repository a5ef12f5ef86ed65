"""CompiledModels: gather, think, write down, tell, make the Job. Never touches serving.

Status is written before the Job is made: an attempt stands in it first, so a process that dies in between is followed by one that makes the
Job of the same name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from steelyard.control.authority import authority
from steelyard.control.clock import Clock
from steelyard.control.gather.compile_job import is_running
from steelyard.control.gather.compile_snapshots import CompileSnapshots, UsersOf
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.api_client import ApiClient
from steelyard.control.kube.apply import Applier, Refused
from steelyard.control.kube.errors import Forbidden, Invalid
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.reader import Reader
from steelyard.control.kube.resource import COMPILED_MODELS, JOBS, NAMESPACES, ObjectKey
from steelyard.control.kube.store import Store
from steelyard.control.reconcile.refusals import Refusals
from steelyard.control.telemetry.decision_log import DecisionLog
from steelyard.core.compiling.attempt import Running
from steelyard.core.compiling.eta import remaining
from steelyard.core.compiling.queue import Waiter
from steelyard.core.compiling.snapshot import CompileSnapshot
from steelyard.core.decide_compile import CompileDecision, CompileStart, decide_compile
from steelyard.core.facts.snapshot import Settings
from steelyard.render import name
from steelyard.render.compile_job import PROGRESS_PORT, CompileJobIntent, compile_job
from steelyard.status.compiled_model import status_of
from steelyard.status.patch import changes
from steelyard.status.read.compiled_model import seconds_taken
from steelyard.status.scalar import time_of

ASKS_FOR = 60.0
"""Seconds after its last look for which a compile keeps its turn. It is looked at every three."""

UNREADABLE = 60.0
"""Seconds until one that could not be read is looked at again: what was wrong may be with its Job or its pod."""
FetchProgress = Callable[[str], Awaitable[Mapping[str, Any] | None]]
"""GET a pod's /progress; None if it did not answer."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """Seconds after which to look again, None where only a change can bring news, and whether the status was written: the store tells nobody
    of our own writes, and who uses a CompiledModel has to be told."""

    again: float | None
    changed: bool = False


@dataclass(frozen=True, slots=True)
class _Asking:
    """Who waits for a place, on pools' devices or elsewhere, and when it was last looked at."""

    waiter: Waiter
    on_pools: bool
    looked_at: float


class CompileReconciler:
    """One pass over one CompiledModel."""

    def __init__(
        self,
        client: ApiClient,
        applier: Applier,
        store: Store,
        settings: Settings,
        fetch_progress: FetchProgress,
        users_of: UsersOf,
        decision_log: DecisionLog,
        clock: Clock,
        reader: Reader | None = None,
    ) -> None:
        self._client = client
        self._applier = applier
        self._store = store
        self._settings = settings
        self._fetch_progress = fetch_progress
        self._reader = reader or Reader(lambda *_: None)
        self._snapshots = CompileSnapshots(store, settings, users_of, self._reader)
        self._decision_log = decision_log
        self._clock = clock
        self._refused_writes = Refusals(clock)
        self._starting: dict[ObjectKey, bool] = {}
        self._asking: dict[ObjectKey, _Asking] = {}

    async def reconcile(self, key: ObjectKey) -> Compiled:
        """One pass over one CompiledModel."""
        began = self._clock.monotonic()
        compiled = self._store.get(key)
        if compiled is None:
            self._asking.pop(key, None)
            self._refused_writes.forget(key.namespace or "", key.name)
            self._decision_log.forget_compile(key.namespace or "", key.name)
            return Compiled(None)
        if manifests.is_leaving(compiled) or self._store.behind(key):
            return Compiled(1.0)
        now = self._clock.now()
        refused, asking = self._refused_writes.told(compiled), self._who_asks()
        snapshot = self._reader.read(
            COMPILED_MODELS, compiled, lambda _: self._snapshots.freeze(compiled, refused, self._starting, asking, now)
        )
        if snapshot is None:
            return Compiled(UNREADABLE)
        decision = decide_compile(snapshot, now)
        self._note_asking(key, snapshot, queued=decision.queued, now=now)
        job_name = name.compile_job(key.name, decision.attempts.count)
        with self._about_to_start(JOBS.key(key.namespace, job_name), decision.start):
            progress = await self._progress(compiled, decision, now) if isinstance(snapshot.outcome, Running) else None
            changed = await self._write_down(compiled, decision, progress, job_name, now)
            self._decision_log.compiled(compiled, snapshot, decision, now)
            if decision.start is not None:
                await self._make(compiled, job_name, decision.start)
        self._refused_writes.ended(compiled, began)
        again = None if decision.reconsider_at is None else (decision.reconsider_at - now).total_seconds()
        return Compiled(again, changed)

    def _who_asks(self) -> Mapping[bool, Sequence[Waiter]]:
        """Those who were told lately to wait for a place: who cannot be looked at any more keeps nobody waiting."""
        now = self._clock.monotonic()
        self._asking = {key: each for key, each in self._asking.items() if now - each.looked_at < ASKS_FOR}
        return {on_pools: [each.waiter for each in self._asking.values() if each.on_pools == on_pools] for on_pools in (True, False)}

    def _note_asking(self, key: ObjectKey, snapshot: CompileSnapshot, *, queued: bool, now: datetime) -> None:
        self._asking.pop(key, None)
        if queued:
            waiter = Waiter(snapshot.asked_since or now, snapshot.namespace, snapshot.name)
            self._asking[key] = _Asking(waiter, snapshot.needs_device, self._clock.monotonic())

    @contextmanager
    def _about_to_start(self, job: ObjectKey, start: CompileStart | None) -> Iterator[None]:
        """A Job takes its place from its decision on, not only once it exists: other CompiledModels are decided meanwhile."""
        if start is not None:
            self._starting[job] = start.site.pool is not None
        try:
            yield
        finally:
            self._starting.pop(job, None)

    async def _write_down(
        self, compiled: Manifest, decision: CompileDecision, progress: Mapping[str, Any] | None, job_name: str, now: datetime
    ) -> bool:
        """Whether the status was written."""
        old = compiled.get("status") or {}
        generation = int(manifests.metadata(compiled).get("generation", 1))
        patch = changes(old, status_of(decision, progress, old, job_name, generation, now))
        if patch is None:
            return False
        key, version = COMPILED_MODELS.key_of(compiled), manifests.version(compiled)
        written = await self._client.patch_status(
            COMPILED_MODELS, key.namespace, key.name, patch, version=version, uid=manifests.uid(compiled)
        )
        self._store.wrote(COMPILED_MODELS, written)
        return True

    async def _make(self, compiled: Manifest, job_name: str, start: CompileStart) -> None:
        """Make the Job. What the API server refuses is told by the next pass and tried later, as everything that it refuses.

        The namespace's uid names the folder that the Job may read and write in the store. It is read now and never kept: the namespace may be
        another one of the same name by the next attempt.
        """
        namespace = manifests.namespace(compiled) or ""
        key = JOBS.key(namespace, job_name)
        if self._refused_writes.waits(compiled, key):
            return
        intent = CompileJobIntent(
            namespace=namespace,
            namespace_uid=manifests.uid(await self._client.get(NAMESPACES, None, namespace)),
            compiled_name=manifests.name(compiled),
            compiled_uid=manifests.uid(compiled),
            spec=compiled["spec"],
            image=start.image,
            attempt=start.attempt,
            site=start.site,
        )
        try:
            done = await self._applier.apply(JOBS, compile_job(intent, self._settings))
        except (Forbidden, Invalid) as refused:
            self._refused_writes.refused(compiled, key, refused.message)
            return
        if isinstance(done, Refused):
            # A Job of this name that is not among ours to watch: nobody tells when it goes.
            self._refused_writes.refused(compiled, key, done.message)
            return
        self._refused_writes.granted(compiled, key)

    async def _progress(self, compiled: Manifest, decision: CompileDecision, now: datetime) -> Mapping[str, Any] | None:
        """What the pod tells of the compile, with a time for its end; None where it does not run, or does not answer."""
        pod = self._snapshots.pod_of(compiled, decision.attempts.count) or {}
        address = (pod.get("status") or {}).get("podIP")
        if not address or not is_running(pod):
            return None
        progress = await self._fetch_progress(f"http://{authority(str(address), PROGRESS_PORT)}/progress")
        if progress is None or progress.get("etaSeconds") is not None:
            return progress
        return {**progress, "etaSeconds": self._eta(progress, compiled["spec"]["backend"], now)}

    def _eta(self, progress: Mapping[str, Any], backend: str, now: datetime) -> int | None:
        """By the other CompiledModels of the back end; the compile itself does not know."""
        try:
            elapsed = (now - time_of(str(progress["startedAt"]))).total_seconds()
        except (KeyError, TypeError, ValueError):
            return None
        others = (each for each in self._store.all(COMPILED_MODELS) if each["spec"].get("backend") == backend)
        took = (seconds_taken(each.get("status") or {}) for each in others)
        return remaining(elapsed, (seconds for seconds in took if seconds is not None))
