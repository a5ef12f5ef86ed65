"""Gathers what is known of one CompiledModel, its Job and those who use it, and freezes it for `decide_compile`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from steelyard.control.gather.compile_job import end_of, is_stuck, no_node, runs
from steelyard.control.gather.newest_pod import newest_pod
from steelyard.control.gather.pod_trouble import secret_keys, trouble
from steelyard.control.gather.pool_facts import compile_resources_of
from steelyard.control.gather.served_artifact import refused_artifact
from steelyard.control.gather.workload_facts import moment
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.reader import Reader
from steelyard.control.kube.resource import COMPILED_MODELS, INFERENCE_WORKLOADS, JOBS, PODS, ObjectKey
from steelyard.control.kube.store import Store
from steelyard.core.compiling.attempt import Built, Failure
from steelyard.core.compiling.corrupt import Refused
from steelyard.core.compiling.queue import CompileQueue, Waiter
from steelyard.core.compiling.site import User
from steelyard.core.compiling.snapshot import CompileJob, CompileSnapshot
from steelyard.core.facts.snapshot import RefusedWrite, Settings
from steelyard.core.vocabulary.reason import Refusal
from steelyard.render import label, name
from steelyard.status.compiled_model import attempts_of, told_of

UsersOf = Callable[[Manifest], tuple[User, ...]]
"""The workloads that use a CompiledModel, each with the pools as it sees them."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A Job of ours. `holds`: a place of everybody's; False where it holds one of its own namespace's alone, None where it has ended."""

    namespace: str
    on_a_pool: bool
    made: datetime
    holds: bool | None


class CompileSnapshots:
    """Reads the store; never writes, never waits."""

    def __init__(self, store: Store, settings: Settings, users_of: UsersOf, reader: Reader) -> None:
        self._store = store
        self._settings = settings
        self._users_of = users_of
        self._reader = reader

    def freeze(
        self,
        compiled: Manifest,
        refused: tuple[RefusedWrite, ...],
        starting: Mapping[ObjectKey, bool],
        asking: Mapping[bool, Collection[Waiter]],
        now: datetime,
    ) -> CompileSnapshot:
        """Everything about one CompiledModel as of now. `refused`: what the API server does not take for it; `starting`: Jobs that other
        passes are about to make, and whether each runs on a pool; `asking`: who asks for a place on pools, and who elsewhere."""
        spec, status = compiled["spec"], compiled.get("status") or {}
        attempts = attempts_of(status)
        found = self._job_named(compiled, attempts.count)
        # That of a CompiledModel of this name that is gone goes too; until then no other of its name can be made.
        mine = found is not None and manifests.controller_uid(found) == manifests.uid(compiled)
        snapshot = CompileSnapshot(
            namespace=manifests.namespace(compiled) or "",
            name=manifests.name(compiled),
            key=spec["key"],
            backend=spec["backend"],
            target=spec["target"],
            versions=spec["toolchain"],
            resources=compile_resources_of(spec["resources"]) if spec.get("resources") else None,
            attempts=attempts,
            settings=self._settings,
            told=told_of(status),
            job=self._job(found, spec["model"], now) if found is not None and mine else None,
            taken_name=manifests.name(found) if found is not None and not mine else None,
            refusals=self._refusals(compiled),
            refused_write=next(iter(refused), None),
        )
        if snapshot.needs_place:
            on_pools, who = snapshot.needs_device, (snapshot.namespace, snapshot.name)
            asks = {(each.namespace, each.name): each for each in asking.get(on_pools, ())}
            own = asks.pop(who, None)
            queue = replace(self._queue(starting, on_pools, now), waiting=tuple(sorted(asks.values())))
            snapshot = replace(snapshot, queue=queue, asked_since=own.since if own else None)
        # Who uses it is looked up among all workloads of the namespace.
        return replace(snapshot, users=self._users_of(compiled)) if snapshot.needs_users else snapshot

    def pod_of(self, compiled: Manifest, attempt: int) -> Manifest | None:
        """The newest pod of the Job of that attempt."""
        job = self._job_named(compiled, attempt)
        return None if job is None else newest_pod(self._store, job)

    def _job_named(self, compiled: Manifest, attempt: int) -> Manifest | None:
        if not attempt:
            return None
        return self._store.get(JOBS.key(manifests.namespace(compiled), name.compile_job(manifests.name(compiled), attempt)))

    def _job(self, job: Manifest, model: Manifest, now: datetime) -> CompileJob:
        pod = newest_pod(self._store, job)
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
        stores = (self._settings.store_secret, self._settings.store_read_secret)
        keys = secret_keys(stores, model["uri"], model.get("secretName"))
        return no_node(job, pod) or trouble(pod, "its Job", keys, now)

    def _refusals(self, compiled: Manifest) -> tuple[Refused, ...]:
        """Of the pods of those who use it, whichever artifact they name."""
        found = []
        for owner in manifests.metadata(compiled).get("ownerReferences") or ():
            if owner.get("kind") == INFERENCE_WORKLOADS.kind:
                pods = self._store.labelled(PODS, label.WORKLOAD, owner["name"], manifests.namespace(compiled))
                here = (self._reader.read(PODS, pod, refused_artifact) for pod in pods)
                found += [refusal for each in here if each is not None for _, refusal in (each,)]
        return tuple(found)

    def _queue(self, starting: Mapping[ObjectKey, bool], on_pools: bool, now: datetime) -> CompileQueue:
        """The Jobs that run, or are about to, on pools' devices or on general nodes."""
        begun = [key.namespace for key, on_a_pool in starting.items() if on_a_pool == on_pools]
        running, stuck = Counter(begun), Counter[str]()
        served = dict.fromkeys(begun, now)
        for job in self._store.all(JOBS):
            seen = self._reader.read(JOBS, job, partial(self._place, now=now))
            if seen is None or seen.on_a_pool != on_pools:
                continue
            served[seen.namespace] = max(seen.made, served.get(seen.namespace, seen.made))
            if seen.holds is not None and JOBS.key_of(job) not in starting:
                (running if seen.holds else stuck)[seen.namespace] += 1
        return CompileQueue(running=dict(running), stuck=dict(stuck), served=served)

    def _place(self, job: Manifest, now: datetime) -> _Place | None:
        """What a Job takes; None for one that is no attempt of a CompiledModel of ours, whatever its labels say."""
        namespace = manifests.namespace(job) or ""
        compiled = self._store.get(COMPILED_MODELS.key(namespace, manifests.labels(job).get(label.COMPILED_MODEL, "")))
        made = moment(manifests.metadata(job).get("creationTimestamp"))
        if compiled is None or made is None or manifests.controller_uid(job) != manifests.uid(compiled):
            return None
        # Whoever may name our object as the owner of theirs still takes one place for each compile, and no more.
        present = name.compile_job(manifests.name(compiled), attempts_of(compiled.get("status") or {}).count)
        holds = None
        if runs(job) and manifests.name(job) == present:
            holds = not is_stuck(job, newest_pod(self._store, job), now)
        return _Place(namespace, label.POOL in manifests.labels(job), made, holds)
