"""Gathers what is known of one AcceleratorTrial, its workload and its Jobs, and freezes it for `decide_trial`."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TypeVar

from steelyard.api.accelerator_trial import AcceleratorTrial
from steelyard.control.gather.newest_pod import newest_pod
from steelyard.control.gather.pod_trouble import secret_keys
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.gather.spec import Unreadable, read_spec
from steelyard.control.gather.trial_facts import replica_of, trial_of
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.reader import Reader
from steelyard.control.kube.resource import ACCELERATOR_TRIALS, COMPILED_MODELS, JOBS, PODS
from steelyard.control.kube.store import Store
from steelyard.core.facts.custom import Custom
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.probe import ProbeState
from steelyard.core.facts.snapshot import RefusedWrite, Snapshot
from steelyard.core.facts.trial import Neighbours, Trial, TrialMemory, TrialReplica
from steelyard.core.rebalancing.askable import not_askable
from steelyard.core.trials.look import TrialSnapshot
from steelyard.core.vocabulary.reason import Reason, Refusal
from steelyard.render import label, name
from steelyard.render.probe_job import BEGIN_PORT
from steelyard.status.accuracy import verified_accuracy
from steelyard.status.read.compiled_model import seconds_taken
from steelyard.status.trial import trial_memory_of

T = TypeVar("T")


class TrialSnapshots:
    """Reads the store; never writes, never waits."""

    def __init__(self, store: Store, workloads: SnapshotBuilder, reader: Reader, synced: Callable[[], bool]) -> None:
        self._store = store
        self._workloads = workloads
        self._reader = reader
        self._synced = synced

    def freeze(self, raw: Manifest, refused: tuple[RefusedWrite, ...], now: datetime) -> TrialSnapshot | Unreadable:
        """Everything about one trial as of now. refused: Jobs that the API server does not take for it."""
        parsed = read_spec(AcceleratorTrial, ACCELERATOR_TRIALS, raw, self._reader)
        if isinstance(parsed, Unreadable):
            return parsed
        trial = self._reader.read(ACCELERATOR_TRIALS, raw, lambda each: trial_of(parsed, each, now))
        if trial is None:
            return Unreadable("its metadata are not those of an object of Kubernetes")
        names = {name.trial_job(trial.key.name, pool): pool for pool in trial.pools}
        memory = self._reader.read(ACCELERATOR_TRIALS, raw, lambda _: trial_memory_of(raw.get("status") or {}))
        return TrialSnapshot(
            trial=trial,
            memory=memory or TrialMemory(),
            workload=self._workload(trial, now),
            replicas={pool: replica for each, pool in names.items() if (replica := self._replica(raw, each, now)) is not None},
            compiled=self._by_key(trial, _seconds),
            accuracies=self._by_key(trial, verified_accuracy),
            refused={names[write.name]: write for write in refused if write.name in names},
            neighbours=self._around(trial) if trial.live else {},
        )

    def jobs(self, raw: Manifest) -> tuple[Manifest, ...]:
        """All that are there for it and not leaving."""
        mine = self._store.owned_by(manifests.uid(raw), JOBS)
        return tuple(job for job in mine if label.TRIAL in manifests.labels(job) and not manifests.is_leaving(job))

    def _workload(self, trial: Trial, now: datetime) -> Snapshot | Refusal:
        found = self._workloads.freeze(WorkloadKey(trial.key.namespace, trial.workload), now)
        if isinstance(found, Unreadable):
            return Refusal(Reason.OBJECT_INVALID, f"InferenceWorkload {trial.workload} cannot be read: {found.message}")
        if found is None and not self._synced():
            return Refusal(Reason.NOT_SYNCED, "the first lists of the cluster's objects are not absorbed yet")
        if found is None:
            return Refusal(Reason.WAITING, f"there is no InferenceWorkload {trial.workload} in namespace {trial.key.namespace}")
        if found.workload.existing is not None:
            return Refusal(
                Reason.NOT_OURS,
                f"InferenceWorkload {trial.workload} is of {found.workload.existing}, which is its owner's, so that no replica of it can be made "
                "elsewhere: make a trial of a workload of the same model whose server Steelyard makes",
            )
        why = None if trial.live else not_askable(found) or _taken(found.workload.custom)
        if why is not None:
            live = "or compare its pools by the requests that it gets, with spec.load.mode Live"
            return replace(why, message=f"InferenceWorkload {trial.workload}: {why.message}; {live}")
        return found

    def _replica(self, raw: Manifest, called: str, now: datetime) -> TrialReplica | None:
        job = self._store.get(JOBS.key(manifests.namespace(raw), called))
        if job is None or manifests.controller_uid(job) != manifests.uid(raw):
            return None
        newest = newest_pod(self._store, job)
        keys = secret_keys([self._workloads.settings.store_read_secret])
        reading = partial(replica_of, job, keys=keys, now=now, quota_of=self._workloads.quota_of)
        without = self._reader.read(JOBS, job, lambda _: reading(None))
        found = without if newest is None else self._reader.read(PODS, newest, reading) or without
        node = None if newest is None else manifests.node_name(newest)
        if newest is None or found is None or node is None or found.probe.state is not ProbeState.RUNNING:
            return found
        around = self._neighbours([newest], {node})
        return replace(found, neighbours=around.pods, others_cpu=around.others_cpu)

    def _around(self, trial: Trial) -> dict[str, Neighbours]:
        """Who is on the nodes of the workload's serving pods, by pool."""
        mine = self._store.labelled(PODS, label.WORKLOAD, trial.workload, trial.key.namespace)
        placed = [(pod, where) for pod in mine if (where := self._reader.read(PODS, pod, _serves)) is not None]
        found = {}
        for pool in trial.pools:
            there = [(pod, node) for pod, (on, node) in placed if on == pool]
            if there:
                found[pool] = self._neighbours([pod for pod, _ in there], {node for _, node in there})
        return found

    def _neighbours(self, pods: Sequence[Manifest], nodes: Set[str]) -> Neighbours:
        """What runs on the nodes beside these pods: those that the store has, and what others ask for."""
        mine = {manifests.uid(pod) for pod in pods}
        there = (each for each in self._store.all(PODS) if manifests.node_name(each) in nodes and manifests.uid(each) not in mine)
        return Neighbours(
            pods=tuple(sorted(f"{manifests.namespace(each)}/{manifests.name(each)}" for each in there if _runs(each))),
            others_cpu=sum(self._workloads.others_on(node).get("cpu", 0.0) for node in sorted(nodes)),
            nodes=len(nodes),
        )

    def _by_key(self, trial: Trial, reading: Callable[[Manifest], T | None]) -> dict[str, T]:
        """What each CompiledModel of the namespace tells in its status, by key; of those alone that do."""
        found = {}
        for compiled in self._store.all(COMPILED_MODELS, trial.key.namespace):
            told = self._reader.read(COMPILED_MODELS, compiled, lambda each: (str(each["spec"]["key"]), reading(each.get("status") or {})))
            if told is not None and told[1] is not None:
                found[told[0]] = told[1]
        return found


def _serves(pod: Manifest) -> tuple[str, str] | None:
    """(pool, node) of a serving pod that runs; None of any other."""
    labels, node = manifests.labels(pod), manifests.node_name(pod)
    return (label.key_of(labels).pool, node) if labels.get(label.ROLE) == label.SERVING and node is not None and _runs(pod) else None


def _runs(pod: Manifest) -> bool:
    return (pod.get("status") or {}).get("phase") == "Running"


def _seconds(status: Manifest) -> int | None:
    took = seconds_taken(status)
    return None if took is None else round(took)


def _taken(custom: Custom | None) -> Refusal | None:
    """The generator of a trial listens beside the server, in the same pod."""
    if custom is None or BEGIN_PORT not in {custom.port, custom.page.port}:
        return None
    told = f"its server listens on port {BEGIN_PORT}, at which a trial's generator is told to begin: change spec.server.custom.port or metrics.port"
    return Refusal(Reason.NOTHING_MEASURED, told)
