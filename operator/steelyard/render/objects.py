"""desired(intent): every object of one workload that should exist, in the order in which it should come to exist, and what should not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.snapshot import Settings
from steelyard.core.placing.intent import Intent
from steelyard.render import name
from steelyard.render.capacity_request import capacity_request
from steelyard.render.compiled_model import compiled_model
from steelyard.render.deployment import deployment
from steelyard.render.disruption_budget import disruption_budget
from steelyard.render.exit_drill import exit_drill
from steelyard.render.http_route import http_route
from steelyard.render.inference_pool import inference_pool
from steelyard.render.manifest import Manifest
from steelyard.render.probe_job import probe_job
from steelyard.render.scale_target import scale_target
from steelyard.render.service import front, of_placement

NOTHING: Mapping[PlacementKey, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Absent:
    """An object of ours that should be gone."""

    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Scale:
    """A Deployment of ours that should have this number of replicas, and nothing else changed."""

    namespace: str
    name: str
    replicas: int


@dataclass(frozen=True, slots=True)
class Desired:
    """`compiled`: created if missing, this workload joins its owners. `present`: applied. What is in none of them is left alone."""

    compiled: tuple[Manifest, ...]
    present: tuple[Manifest, ...]
    scales: tuple[Scale, ...]
    absent: tuple[Absent, ...]
    probe: Manifest | None = None
    """The Job of the probe that should run: made if it is missing. One of another is removed."""
    drill: Manifest | None = None
    """The trial of an exit drill: made if it is missing, and never written again."""
    scale_targets: tuple[Manifest, ...] = ()
    """Made if they are missing; their specs are never written again, and their statuses are. Others of the workload are removed."""
    capacity: tuple[Manifest, ...] = ()
    """What a move asks for capacity with: made if it is missing, and never written again. What others ask for is removed."""


def desired(intent: Intent, settings: Settings, standing: Mapping[PlacementKey, str] = NOTHING) -> Desired:
    """A function of the intent alone: equal intents give equal bytes. `standing`: names of the Deployments that stand, which they keep."""
    workload, uid = intent.workload, intent.workload_uid

    def called(key: PlacementKey) -> str:
        return standing.get(key) or name.placement(workload, key)

    present: list[Manifest] = []
    absent: list[Absent] = []
    if intent.create or intent.scale is not None:
        present.append(front(workload, uid))
        if settings.evictions_at_once is not None:
            present.append(disruption_budget(workload, uid, settings.evictions_at_once))
        else:
            absent.append(Absent("PodDisruptionBudget", workload.namespace, name.front(workload)))
    for placement in sorted(intent.create, key=lambda p: p.key):
        present.append(of_placement(workload, uid, placement.key, called(placement.key)))
        present.append(deployment(workload, uid, placement, settings, called(placement.key)))
    if intent.route is not None:
        # After what it names.
        if (asked := intent.route.routing.pools) is not None:
            present += (inference_pool(workload, uid, asked, pool) for pool in intent.route.pools)
        present.append(http_route(workload, uid, intent.route, called))
    scales = tuple(Scale(workload.namespace, called(key), count) for key, count in sorted((intent.scale or {}).items()))
    absent += (Absent(kind, workload.namespace, called(key)) for key in sorted(intent.gone) for kind in ("Deployment", "Service"))
    absent += (Absent("AcceleratorTrial", workload.namespace, each) for each in intent.drills_gone)
    compiled = tuple(compiled_model(workload, uid, each) for each in sorted(intent.compile, key=lambda c: c.inputs.key))
    probe = None if intent.probe is None else probe_job(workload, uid, intent.probe, settings)
    drill = None if intent.drill is None else exit_drill(workload, uid, intent.drill)
    targets = tuple(scale_target(workload, uid, pool, each) for pool, each in sorted(intent.scale_targets.items()))
    capacity = () if intent.capacity is None else capacity_request(workload, uid, intent.capacity, settings)
    return Desired(compiled, tuple(present), scales, tuple(absent), probe, drill, targets, capacity)
