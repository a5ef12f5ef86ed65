"""AcceleratorTrials: gather, think, write down, tell, make or end the Jobs. Never touches serving: of live traffic, the workload does.

Status is written before a Job is made: its money and its times stand in it first, so a process that dies in between is followed by one that makes
the Job of the same name, for the time that is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Set

from steelyard.control.clock import Clock
from steelyard.control.gather.probe_job import over
from steelyard.control.gather.spec import Unreadable
from steelyard.control.gather.trial_progress import Fetch, with_progress
from steelyard.control.gather.trial_snapshots import TrialSnapshots
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.api_client import ApiClient
from steelyard.control.kube.apply import Applier, Refused
from steelyard.control.kube.errors import AlreadyExists, Conflict, Forbidden, Invalid
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import ACCELERATOR_TRIALS, INFERENCE_WORKLOADS, JOBS, ObjectKey
from steelyard.control.kube.store import Store
from steelyard.control.reconcile.refusals import Refusals
from steelyard.control.telemetry.decision_log import DecisionLog
from steelyard.control.telemetry.events import EventRecorder, EventType
from steelyard.core.decide_trial import TrialDecision, decide_trial
from steelyard.core.facts.snapshot import Settings
from steelyard.core.vocabulary.reason import Reason
from steelyard.render import name
from steelyard.render.probe_job import trial_job
from steelyard.status.patch import changes
from steelyard.status.trial import status_of_trial

SOON, UNREADABLE = 0.5, 60.0
ENDING = 5.0
"""Seconds until it is looked whether the Jobs of a trial that has ended are gone."""


class TrialReconciler:
    """One pass over one trial."""

    def __init__(
        self,
        client: ApiClient,
        applier: Applier,
        store: Store,
        snapshots: TrialSnapshots,
        settings: Settings,
        fetch: Fetch,
        decision_log: DecisionLog,
        events: EventRecorder,
        wake: Callable[[ObjectKey], None],
        clock: Clock,
    ) -> None:
        self._client = client
        self._applier = applier
        self._store = store
        self._snapshots = snapshots
        self._settings = settings
        self._fetch = fetch
        self._decision_log = decision_log
        self._events = events
        self._wake = wake
        self._clock = clock
        self._refusals = Refusals(clock)

    async def reconcile(self, key: ObjectKey) -> float | None:
        """Seconds after which to look again; None where only a change can bring news."""
        raw, began = self._store.get(key), self._clock.monotonic()
        if raw is None:
            self._refusals.forget(key.namespace, key.name)
            return None
        if manifests.is_leaving(raw):
            return None
        if self._store.behind(key):
            return SOON
        now = self._clock.now()
        snapshot = self._snapshots.freeze(raw, self._refusals.told(raw), now)
        if isinstance(snapshot, Unreadable):
            self._events.record(raw, EventType.WARNING, Reason.OBJECT_INVALID, snapshot.message)
            return UNREADABLE
        snapshot = await with_progress(snapshot, self._fetch, now)
        decision = decide_trial(snapshot, now)
        written = await self._write_down(raw, decision, live=snapshot.trial.live)
        self._decision_log.tried(raw, snapshot, decision, now)
        if snapshot.trial.live and written is not raw:
            # The store tells nobody of our own writes: the workload, which carries it out, has to be told here.
            self._wake(INFERENCE_WORKLOADS.key(key.namespace, snapshot.trial.workload))
        for job in decision.jobs:
            await self._make(written, trial_job(job, self._settings))
        # At once: one that does not answer must not keep the others from beginning with it.
        await asyncio.gather(
            *(self._fetch(f"{address}/progress?begin={moment.timestamp():.3f}") for address, moment in decision.begin.items()),
            *(self._fetch(f"{address}/progress?enough") for address in decision.enough),
        )
        self._refusals.ended(raw, began)
        if decision.over:
            told = {name.trial_job(key.name, pool) for pool, replica in snapshot.replicas.items() if replica.ended is not None}
            return await self._end(written, told)
        if decision.jobs:
            return SOON
        return None if decision.reconsider_at is None else max(SOON, (decision.reconsider_at - self._clock.now()).total_seconds())

    async def _write_down(self, raw: Manifest, decision: TrialDecision, *, live: bool) -> Manifest:
        key, old = ACCELERATOR_TRIALS.key_of(raw), raw.get("status") or {}
        generation = int(manifests.metadata(raw).get("generation", 1))
        jobs = {} if live else {row.pool: name.trial_job(key.name, row.pool) for row in decision.memory.rows}
        patch = changes(old, status_of_trial(decision, self._settings, jobs, old, generation, self._clock.now()))
        if patch is None:
            return raw
        written = await self._client.patch_status(
            ACCELERATOR_TRIALS, key.namespace, key.name, patch, version=manifests.version(raw), uid=manifests.uid(raw)
        )
        self._store.wrote(ACCELERATOR_TRIALS, written)
        return written

    async def _make(self, raw: Manifest, job: Manifest) -> None:
        """What the API server refuses is told by the next pass and tried later, as everything that it refuses."""
        key = JOBS.key_of(job)
        if self._refusals.waits(raw, key):
            return
        try:
            done = await self._applier.apply(JOBS, job)
        except (Conflict, AlreadyExists):
            return
        except (Forbidden, Invalid) as refused:
            self._refusals.refused(raw, key, refused.message)
            return
        if isinstance(done, Refused):
            self._refusals.taken(raw, key)
        else:
            self._refusals.granted(raw, key)

    async def _end(self, raw: Manifest, told: Set[str]) -> float | None:
        """What runs ends; what has ended stays for its log until its own time. told: Jobs whose generator has said its last word, which their conditions
        tell a moment later."""
        running = [job for job in self._snapshots.jobs(raw) if manifests.name(job) not in told and over(job) is None]
        for job in running:
            key = JOBS.key_of(job)
            await self._applier.delete(JOBS, key.namespace, key.name, owner_uid=manifests.uid(raw))
        return ENDING if running else None
