"""Gathers what is known of one CompiledModel, its Job and those who use it, and freezes it for `decide_compile`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from steelyard.control.gather.compile_job import end_of, no_node, runs
from steelyard.control.gather.pod_trouble import secret_keys, trouble
from steelyard.control.gather.served_artifact import refused_artifact
from steelyard.control.gather.workload_facts import moment
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import INFERENCE_WORKLOADS, JOBS, PODS, ObjectKey
from steelyard.control.kube.store import Store
from steelyard.core.compiling.attempt import Built, Failure
from steelyard.core.compiling.corrupt import Refused
from steelyard.core.compiling.site import User
from steelyard.core.compiling.snapshot import CompileJob, CompileSnapshot
from steelyard.core.facts.snapshot import RefusedWrite, Settings
from steelyard.core.vocabulary.reason import Refusal
from steelyard.render import label, name
from steelyard.status.compiled_model import attempts_of, told_of

UsersOf = Callable[[Manifest], tuple[User, ...]]
"""The workloads that use a CompiledModel, each with the pools as it sees them."""


class CompileSnapshots:
    """Reads the store; never writes, never waits."""

    def __init__(self, store: Store, settings: Settings, users_of: UsersOf) -> None:
        self._store = store
        self._settings = settings
        self._users_of = users_of

    def freeze(
        self, compiled: Manifest, refused: tuple[RefusedWrite, ...], starting: Mapping[ObjectKey, bool], now: datetime
    ) -> CompileSnapshot:
        """Everything about one CompiledModel as of now. `refused`: what the API server does not take for it; `starting`: Jobs that other
        passes are about to make, and whether each runs on a pool."""
        spec, status = compiled["spec"], compiled.get("status") or {}
        attempts = attempts_of(status)
        found = self._job_named(compiled, attempts.count)
        # That of a CompiledModel of this name that is gone goes too; until then no other of its name can be made.
        mine = found is not None and manifests.controller_uid(found) == manifests.uid(compiled)
        on_pools, elsewhere = self._running_jobs(starting)
        snapshot = CompileSnapshot(
            namespace=manifests.namespace(compiled) or "",
            name=manifests.name(compiled),
            key=spec["key"],
            backend=spec["backend"],
            target=spec["target"],
            versions=spec["toolchain"],
            attempts=attempts,
            settings=self._settings,
            told=told_of(status),
            job=self._job(found, spec["model"], now) if found is not None and mine else None,
            taken_name=manifests.name(found) if found is not None and not mine else None,
            jobs_on_pools=on_pools,
            jobs_elsewhere=elsewhere,
            refusals=self._refusals(compiled),
            refused_write=next(iter(refused), None),
        )
        # Who uses it is looked up among all workloads of the namespace.
        return replace(snapshot, users=self._users_of(compiled)) if snapshot.needs_users else snapshot

    def pod_of(self, compiled: Manifest, attempt: int) -> Manifest | None:
        """The newest pod of the Job of that attempt."""
        job = self._job_named(compiled, attempt)
        return None if job is None else self._newest_pod(job)

    def _job_named(self, compiled: Manifest, attempt: int) -> Manifest | None:
        if not attempt:
            return None
        return self._store.get(JOBS.key(manifests.namespace(compiled), name.compile_job(manifests.name(compiled), attempt)))

    def _newest_pod(self, job: Manifest) -> Manifest | None:
        pods = self._store.owned_by(manifests.uid(job), PODS)
        return max(pods, key=lambda p: (manifests.metadata(p).get("creationTimestamp", ""), manifests.name(p)), default=None)

    def _job(self, job: Manifest, model: Manifest, now: datetime) -> CompileJob:
        pod = self._newest_pod(job)
        end = end_of(job, pod)
        return CompileJob(
            started=moment((job.get("status") or {}).get("startTime")),
            built=end if isinstance(end, Built) else None,
            failure=end if isinstance(end, Failure) else None,
            waits=self._waits(job, pod, model, now),
        )

    def _waits(self, job: Manifest, pod: Manifest | None, model: Manifest, now: datetime) -> Refusal | None:
        """What keeps the attempt's pod from running."""
        if pod is None:
            return None
        keys = secret_keys(self._settings.store_secret, model["uri"], model.get("secretName"))
        return no_node(job, pod) or trouble(pod, "its Job", keys, now)

    def _refusals(self, compiled: Manifest) -> tuple[Refused, ...]:
        """Of the pods of those who use it, whichever artifact they name."""
        found = []
        for owner in manifests.metadata(compiled).get("ownerReferences") or ():
            if owner.get("kind") == INFERENCE_WORKLOADS.kind:
                pods = self._store.labelled(PODS, label.WORKLOAD, owner["name"])
                here = (refused_artifact(p) for p in pods if manifests.namespace(p) == manifests.namespace(compiled))
                found += [refusal for each in here if each is not None for _, refusal in (each,)]
        return tuple(found)

    def _running_jobs(self, starting: Mapping[ObjectKey, bool]) -> tuple[int, int]:
        """How many compile Jobs run, or are about to, on a pool's device, and how many on general nodes."""
        on_a_pool = {JOBS.key_of(job): label.POOL in manifests.labels(job) for job in self._store.all(JOBS) if runs(job)}
        every = {**starting, **on_a_pool}
        return sum(every.values()), len(every) - sum(every.values())
