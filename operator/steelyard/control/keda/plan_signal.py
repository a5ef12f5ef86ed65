"""What an autoscaler is told of one workload on one pool: a number, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.control.reconcile.fleet import Fleet
from steelyard.control.telemetry.metrics import Sample
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import Workload
from steelyard.core.planning.signal import signal


@dataclass(frozen=True, slots=True)
class NoSignal:
    """Why there is no number. `wrong`: it is asked for in a way that never gives one, until somebody changes the ScaledObject or the workload."""

    why: str
    wrong: bool = False


class PlanSignal:
    """Of all workloads."""

    def __init__(self, fleet: Fleet, snapshots: SnapshotBuilder, now: Callable[[], datetime]) -> None:
        self._fleet = fleet
        self._snapshots = snapshots
        self._now = now

    def gauges(self, targets: Iterable[Manifest]) -> Iterator[Sample]:
        """Of each ScaleTarget whose number is known."""
        for each in targets:
            namespace, spec = manifests.namespace(each) or "", each.get("spec") or {}
            workload, pool = str(spec.get("workloadName", "")), str(spec.get("pool", ""))
            told = self.replicas(WorkloadKey(namespace, workload), pool)
            if not isinstance(told, NoSignal):
                yield Sample("steelyard_autoscaler_replicas", (namespace, workload, pool), float(told))

    def replicas(self, key: WorkloadKey, pool: str) -> int | NoSignal:
        """Replicas that the pool should have by the plan, by what was read a moment ago. What is not known is never a number."""
        workload = self._snapshots.workload(key)
        if not isinstance(workload, Workload):
            return NoSignal(f"there is no InferenceWorkload {key.name} in namespace {key.namespace} that can be read", wrong=True)
        if not workload.sized_elsewhere:
            return NoSignal(
                f"spec.scaling.owner of InferenceWorkload {key.name} is Steelyard, so that nothing is for an autoscaler to write",
                wrong=True,
            )
        unknown = self._fleet.unknown(key)
        if unknown is not None:
            return NoSignal(unknown)
        target = self._fleet.target(key)
        if target is None or target.replicas is None or target.most is not None:
            return NoSignal(f"the fleet's plan has no replicas for InferenceWorkload {key.name} now")
        standing: dict[str, int] = {}
        ready: dict[str, int] = {}
        for place in self._snapshots.placements(workload, self._now()):
            standing[place.key.pool] = max(standing.get(place.key.pool, 0), place.desired)
            ready[place.key.pool] = ready.get(place.key.pool, 0) + place.ready
        told = signal(target.replicas, standing, ready)
        if pool not in told:
            return NoSignal(
                f"InferenceWorkload {key.name} has no replica on pool {pool}: the plan counts only pools where it runs", wrong=True
            )
        if pool not in self._fleet.offered(key):
            return NoSignal(
                f"the fleet's plan says nothing of pool {pool}: it was made before InferenceWorkload {key.name} ran there, or has no figure of it"
            )
        return told[pool]
