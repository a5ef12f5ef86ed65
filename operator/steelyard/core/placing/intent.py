"""What should exist. Builders in `render` turn one intent into Kubernetes objects; what is held renders to nothing at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from steelyard.core.compiling.key import CompileInputs
from steelyard.core.facts.capacity_request import Ask
from steelyard.core.facts.custom import Custom, Program
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.probe import LengthRamps, Ramp
from steelyard.core.facts.resources import CompileResources, Resources
from steelyard.core.facts.route import Routing
from steelyard.core.facts.samples import Samples
from steelyard.core.facts.snapshot import LatencyObjective, Model, PodAccess, Toolchain, VllmOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileIntent:
    """One CompiledModel should exist for this key, and this workload is one of its users."""

    namespace: str
    inputs: CompileInputs
    toolchain: Toolchain
    pools: tuple[str, ...]
    resources: CompileResources | None = None
    """What each of its containers asks for; None: as the configuration says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementIntent:
    """One Deployment and its Service. `replicas` is written through /scale once the Deployment exists."""

    key: PlacementKey
    asked: str
    replicas: int
    backend: str
    image: str
    artifact_uri: str
    artifact_digest: str
    artifact_bytes: int | None = None
    model_name: str
    task: str
    latency: tuple[LatencyObjective, ...]
    batch_sizes: tuple[int, ...]
    resources: Resources
    resource_name: str | None
    family: str
    node_selector: Mapping[str, str]
    tolerations: tuple[Mapping[str, str], ...]
    scheduler: str | None
    runtime_class: str | None = None
    vllm: VllmOptions | None = None
    tensor_parallel: int = 1
    access: PodAccess = field(default_factory=PodAccess)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomIntent:
    """The same of a program of the user's own. `model`: what is fetched before it starts; None where its image brings what it needs. `latency` and
    `samples`: what a probe of it is told."""

    key: PlacementKey
    asked: str
    replicas: int
    program: Program
    server: Custom
    model: Model | None
    resources: Resources
    resource_name: str | None
    node_selector: Mapping[str, str]
    tolerations: tuple[Mapping[str, str], ...]
    scheduler: str | None
    runtime_class: str | None = None
    access: PodAccess = field(default_factory=PodAccess)
    latency: tuple[LatencyObjective, ...] = ()
    samples: Samples | None = None

    @property
    def image(self) -> str:
        """The program's."""
        return self.program.image


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeIntent:
    """One Job: the replica as `placement` would make it, in no Service, and the generator beside it in the same pod. A move may probe both of its
    ends, one after the other: a Job is told from another by its move and its placement (`Probe.move`, `Probe.key`). One that runs stays as it was
    made, whatever the ramp of the same probe would be now."""

    move: str
    placement: PlacementIntent | CustomIntent
    ramp: Ramp
    seconds: int
    """After which it is ended, counted from its making."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityIntent:
    """One ProvisioningRequest: room for `count` replicas as `placement` would make them. A move is told from another by `move`."""

    move: str
    ask: Ask
    placement: PlacementIntent | CustomIntent
    count: int
    seconds: int
    """For which it is waited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialIntent:
    """One Job of an AcceleratorTrial: a replica and its generator, as of a probe. `loads`: requests per second of the whole workload, each sent for
    `load_seconds` after the ramp, one replica's part of it. `begin_by`: when it begins to measure unless it is told to before, in Unix seconds."""

    trial: WorkloadKey
    trial_uid: str
    workload: WorkloadKey
    placement: PlacementIntent | CustomIntent
    ramp: Ramp
    loads: tuple[float, ...]
    load_seconds: int
    begin_by: float
    seconds: int
    """After which it is ended, counted from its making."""
    length_ramps: LengthRamps | None = None
    """Sent between the ramp and the loads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillIntent:
    """One AcceleratorTrial that the workload owns. `budget`: money; `deadline_seconds`: after which it ends in any case."""

    name: str
    pools: tuple[str, ...]
    budget: float
    duration_seconds: int
    deadline_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleTargetIntent:
    """Where somebody else writes how many replicas there are on a pool. `first`: what it is made with, and never written again. `pods`, `ready`: what
    stands there, of all revisions."""

    first: int
    pods: int
    ready: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteIntent:
    """One HTTPRoute with a backend for each placement, and the InferencePools that are asked for. `weights`: of the placements that there are or that
    are made in the same pass. `accepted`: the InferencePools that requests are sent to; without any, Services are."""

    routing: Routing
    weights: Mapping[PlacementKey, int]
    accepted: tuple[str, ...] = ()

    @property
    def pools(self) -> tuple[str, ...]:
        """The InferencePools that should exist."""
        asked = self.routing.pools
        return () if asked is None else tuple(sorted({asked.of(key) for key in self.weights}))

    @property
    def one_for_all(self) -> bool:
        """Whether one InferencePool gets all requests, so that there are no weights."""
        return self.routing.pools is not None and self.routing.pools.shared and bool(self.accepted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """Everything that should exist for one workload.

    `scale` changes replicas of Deployments that exist, without touching anything else of them; `gone` names placements whose objects
    should not exist any more. A placement in none of the three is left exactly as it is.
    """

    workload: WorkloadKey
    workload_uid: str
    compile: tuple[CompileIntent, ...] = ()
    create: tuple[PlacementIntent | CustomIntent, ...] = ()
    scale: Mapping[PlacementKey, int] | None = None
    gone: tuple[PlacementKey, ...] = ()
    probe: ProbeIntent | None = None
    """The probe that should run; a Job of another is removed."""
    capacity: CapacityIntent | None = None
    """What should be asked for; another request is removed before anything is made."""
    front: bool = True
    drill: DrillIntent | None = None
    """The trial of an exit drill that should exist: made if it is missing."""
    drills_gone: tuple[str, ...] = ()
    """Trials of earlier ones that are not kept."""
    scale_targets: Mapping[str, ScaleTargetIntent] = field(default_factory=dict)
    """By pool; a pool's that is not among them is removed."""
    route: RouteIntent | None = None
    """The route that should exist; where none should, one of the workload's own is removed."""
