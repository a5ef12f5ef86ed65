"""The frozen facts that one decision is made on. Whoever builds them reads no further; whoever decides asks no one else."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from steelyard.core.facts.accuracy import Accuracy
from steelyard.core.facts.capacity_request import Ask, CapacityRequest
from steelyard.core.facts.claim import Claim
from steelyard.core.facts.custom import Custom
from steelyard.core.facts.estimate import Estimate
from steelyard.core.facts.existing import Existing, Found
from steelyard.core.facts.exit_drill import DrillTrial, ExitDrill
from steelyard.core.facts.identity import PlacementKey, WorkloadKey, on_pool
from steelyard.core.facts.live_trial import LiveTrial
from steelyard.core.facts.memory import Memory
from steelyard.core.facts.model_memory import ModelMemory
from steelyard.core.facts.node_pool import Provisioning
from steelyard.core.facts.price import Price
from steelyard.core.facts.probe import Lengths, Probe
from steelyard.core.facts.resources import CompileResources, Resources
from steelyard.core.facts.route import Route, Routing
from steelyard.core.facts.samples import Samples
from steelyard.core.facts.unit_cost import Unit
from steelyard.core.facts.window import Window
from steelyard.core.vocabulary.architecture import LABEL as ARCHITECTURE
from steelyard.core.vocabulary.architecture import of_target
from steelyard.core.vocabulary.reading import Reading
from steelyard.core.vocabulary.reason import Refusal


class Mode(StrEnum):
    """How far rebalancing may go."""

    OBSERVE = "Observe"
    RECOMMEND = "Recommend"
    AUTO = "Auto"


class ProbeFirst(StrEnum):
    """When a trial begins with a probe."""

    AUTO = "Auto"
    """Where live traffic cannot show what a replica carries."""
    ALWAYS = "Always"
    NEVER = "Never"


class Aim(StrEnum):
    """What a trial is made for."""

    SAVING = "Saving"
    VERDICT = "Verdict"
    """Also for a word on a claim, whatever it may save."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The model as the user names it."""

    uri: str
    digest: str | None
    revision: str | None
    task: str
    secret_name: str | None = None
    parameters: float | None = None
    """Millions that it holds, by the catalogue; None where nobody says, or not one figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodAccess:
    """Names of Secrets that a workload's images are pulled with, and of the service accounts of its pods; None: the namespace's default. No part
    of the revision: it says who a replica is to others, and not what it does."""

    pull_secrets: tuple[str, ...] = ()
    account: str | None = None
    compile_account: str | None = None
    queue: str | None = None
    """The LocalQueue of Kueue whose quota its serving pods, and those of its probes and trials, are counted by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileOptions:
    """Shapes, precision and flags."""

    dtype: str = "default"
    quantization: str = "none"
    batch_sizes: tuple[int, ...] = (1, 8)
    sequence_lengths: tuple[int, ...] = (32, 64, 128)
    tensor_parallel: int = 1
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberFormat:
    """What one back end computes in; None is what the pool's family says."""

    dtype: str | None = None
    quantization: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVariant(NumberFormat):
    """The model once more in other numbers or by another back end, to be compared with what `compile` says; None is what that says."""

    name: str
    backend: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyObjective:
    """At least `percent` of requests have `metric` within `milliseconds`."""

    metric: str
    milliseconds: int
    percent: float

    @property
    def allowed(self) -> float:
        """Fraction of requests that may be slower."""
        return 1.0 - self.percent / 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """At most the part `allowed` of the requests takes longer than `within` seconds from arrival to answer; None where other times are promised.
    `first`: seconds to the first token, and `between` from one to the next on the average; None where the whole of an answer is promised as well. Of
    several, `allowed` is that of the strictest, `first_allowed` and `between_allowed` are their own; None: the same."""

    allowed: float
    within: float | None
    first: float | None = None
    between: float | None = None
    first_allowed: float | None = None
    between_allowed: float | None = None


class Owner(StrEnum):
    """Who decides how many replicas there are."""

    STEELYARD = "Steelyard"
    EXTERNAL = "External"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """Bounds of the total number of replicas."""

    minimum: int = 1
    maximum: int = 10
    owner: Owner = Owner.STEELYARD
    priority: int = 0
    """Who is served where the pools do not hold all: higher first."""

    @property
    def least(self) -> int:
        """Fewest replicas that sizing leaves running. The last one stays: without replicas there is no traffic to see and nothing to wake by."""
        return max(1, self.minimum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebalancing:
    """The user's policy; every threshold a gate compares with comes from here."""

    mode: Mode = Mode.RECOMMEND
    min_saving_percent: float = 10.0
    payback_seconds: int = 86400
    cooldown_seconds: int = 21600
    window_seconds: int = 60
    bake_seconds: int = 1800
    min_good_requests: int = 300
    deadline_seconds: int = 3600
    exploration_budget: float | None = None
    """Money for trials within a day; None: a tenth of what the workload costs in a day."""
    exploration_deadline_seconds: int = 1800
    aim: Aim = Aim.SAVING
    probe: ProbeFirst = ProbeFirst.AUTO
    paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolChoice:
    """What a workload says of one pool by name."""

    minimum: int = 0
    maximum: int | None = None
    resources: Resources | None = None
    devices: int = 1


_NOTHING_SAID = PoolChoice()


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmOptions:
    """How vLLM serves, as the user says; None is vLLM's own choice. arguments: name without dashes, value (None for a switch)."""

    max_model_length: int | None = None
    max_sequences: int | None = None
    max_batched_tokens: int | None = None
    memory_percent: int = 90
    prefix_caching: bool = True
    arguments: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """An InferenceWorkload's spec and identity."""

    key: WorkloadKey
    uid: str
    generation: int
    model: Model
    compile: CompileOptions
    """For every family that is not in `compile_by_family`."""
    latency: tuple[LatencyObjective, ...]
    scaling: Scaling
    rebalancing: Rebalancing
    unit: Unit = Unit.GOOD_REQUESTS
    """What costs are counted by."""
    max_unit_cost: float | None = None
    """Money for one `unit` that it should not exceed; None where nothing is said."""
    error_budget: float = 0.5
    """Part of the misses which the objective allows that sizing may plan for."""
    pools: Mapping[str, PoolChoice] = field(default_factory=dict)
    min_families: int = 1
    max_spot_percent: int = 100
    deleting: bool = False
    server: str = "steelyard"
    """Which server the spec asks for."""
    vllm: VllmOptions | None = None
    """Given where `server` is vllm."""
    compile_by_family: Mapping[str, CompileOptions] = field(default_factory=dict)
    format_by_backend: Mapping[str, NumberFormat] = field(default_factory=dict)
    variants: tuple[ModelVariant, ...] = ()
    """Each an option of its own on every pool that has its back end."""
    access: PodAccess = field(default_factory=PodAccess)
    accuracy: tuple[Accuracy, ...] = ()
    """How near to the reference's answers have to be, by each of these measures that an artifact tells."""
    compile_resources: CompileResources | None = None
    """What a compile of the model asks for; None: as the configuration says."""
    exit_drill: ExitDrill | None = None
    existing: Existing | None = None
    """Given where `server` is existing: what is read, and never changed."""
    custom: Custom | None = None
    """Given where `server` is custom."""
    routing: Routing | None = None
    """By what gateway clients come; None: by the workload's Service alone."""
    samples: Samples | None = None
    """Requests to ask a custom server."""

    def choice(self, place: str) -> PoolChoice:
        """What it says of the pool, or of the pool of a place."""
        return self.pools.get(on_pool(place), _NOTHING_SAID)

    def compile_for(self, family: str, backend: str | None = None, variant: ModelVariant | None = None) -> CompileOptions:
        """What the model is compiled to for an accelerator family by a back end; None where no back end is known yet."""
        options = self.compile_by_family.get(family, self.compile)
        for own in (self.format_by_backend.get(backend or ""), variant):
            if own is not None:
                options = replace(options, dtype=own.dtype or options.dtype, quantization=own.quantization or options.quantization)
        return options

    @property
    def sized_elsewhere(self) -> bool:
        """Whether somebody else says how many replicas there are on each pool, and Steelyard brings that about."""
        return self.scaling.owner is Owner.EXTERNAL and self.existing is None

    @property
    def advisory(self) -> bool:
        """Whether Steelyard only says where it would run: it starts no move."""
        return self.rebalancing.mode is not Mode.AUTO or self.scaling.owner is Owner.EXTERNAL

    @property
    def allowed(self) -> float:
        """Fraction of requests that may miss the strictest objective; 1 % where none is given. Misses of the others are weighed by it (`Window.violations`)."""
        return min((o.allowed for o in self.latency), default=0.01)

    @property
    def several_shares(self) -> bool:
        """Whether promises differ in what they allow: shares of good requests are then of the tightest of them, as the strictest would count them."""
        return len({o.percent for o in self.latency}) > 1

    @property
    def whole_request(self) -> LatencyObjective | None:
        """The objective for the whole time of a request, the shortest of several; None where other times are promised alone."""
        return min((o for o in self.latency if o.metric == "e2e"), key=lambda o: o.milliseconds, default=None)

    @property
    def promise(self) -> Promise:
        """What is promised of a request."""
        promised = {o.metric for o in self.latency}
        within = min((o.milliseconds / 1000 for o in self.latency if o.metric == "e2e"), default=None)
        first, between = (
            None if "e2e" in promised else min((o.milliseconds / 1000 for o in self.latency if o.metric == metric), default=None)
            for metric in ("ttft", "itl")
        )
        own = {o.metric: o.allowed for o in self.latency if o.allowed != self.allowed}
        return Promise(
            allowed=self.allowed,
            within=within if promised <= {"e2e"} else None,
            first=first,
            between=between,
            first_allowed=own.get("ttft"),
            between_allowed=own.get("itl"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One instance type of a pool. `resources`: of a whole node. `for_replicas`: what of it replicas can have, where that is known; None: what a
    reserve for the system leaves. `standing`: nodes of the pool that are of this type. `pods`: that one takes, where one that stands says so."""

    instance_type: str
    resources: Resources
    price: Price | None
    for_replicas: Resources | None = None
    pods: int | None = None
    standing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unnamed:
    """An instance type that nodes of a pool have and none of its shapes names: what they cost is not known. `resources`: of one node, as it says."""

    instance_type: str
    nodes: int
    resources: Resources


@dataclass(frozen=True, slots=True, kw_only=True)
class TooManyUnready:
    """Too many nodes were unready, of the pool or of all. `ended`: when they were first seen to be well again; None while they are not."""

    started: datetime
    ended: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhaustion:
    """The pool delivered no nodes, `failures` times in a row, last at `since`: nobody is sent there before `until`, and then one replica."""

    since: datetime
    until: datetime
    failures: int = 1
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Another pool that some nodes belong to as well. `nodes`: the first few by name; none where each node of the one would be one of the
    other's. `older`: whether the other pool is the older one."""

    pool: str
    nodes: tuple[str, ...]
    count: int
    older: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """An AcceleratorPool as this workload sees it, or a place on it. `selected`: by the workload's poolSelector. `name`: of the place where there is a
    `variant`."""

    name: str
    family: str
    resource_name: str | None
    backends: tuple[str, ...]
    node_selector: Mapping[str, str]
    tolerations: tuple[Mapping[str, str], ...] = ()
    scheduler: str | None = None
    runtime_class: str | None = None
    shapes: tuple[Shape, ...] = ()
    spot: bool = False
    reserved: bool = False
    """Whether its nodes are paid for, used or not."""
    max_nodes: int | None = None
    """By its own limit and by what its provisioner can do now; None where neither is known."""
    provisioned: bool = False
    """Whether something makes its nodes, and removes those that nobody uses."""
    provisioning: Provisioning | None = None
    """Whether that can make some now; None of a pool that nobody wrote."""
    node_group: str | None = None
    """By its id at Cluster Autoscaler, where that makes its nodes and the pool says so."""
    publishes: bool = False
    """Whether what makes its nodes is told what good requests cost there."""
    ask: Ask | None = None
    """How that is asked before a move for cost makes anything here; None where it is not, or cannot be."""
    claims: tuple[Claim, ...] = ()
    selected: bool = True
    unnamed: tuple[Unnamed, ...] = ()
    """Types of its nodes that no shape names, in order of name."""
    nodes: int = 0
    unready_nodes: int = 0
    starting_nodes: int = 0
    """Of the unready ones: those that were never ready yet."""
    exhaustion: Exhaustion | None = None
    """The last one, until a node is found again or it is long over."""
    held_nodes: float = 0.0
    """Nodes that the replicas of other workloads take, wanted or there, each as the part of a node that it asks for."""
    too_many_unready: TooManyUnready | None = None
    """The last one, until the nodes have been well for a while."""
    default_resources: Resources | None = None
    accelerator: str = ""
    """The accelerator's model, as the catalogue knows it."""
    device_memory: float | None = None
    """GiB of one device, as the pool or the catalogue says; None where neither does."""
    unsupported: str = ""
    """Why no toolchain exists for the accelerator; empty where one does, or nobody knows better."""
    architecture: str | None = None
    """Of a CPU pool's processors, as Kubernetes names it; None where neither its selector, its nodes nor its model tells."""
    overlaps: tuple[Overlap, ...] = ()
    """Other pools with the same nodes, in order of name."""
    made: bool = False
    """Whether there is no AcceleratorPool of this name: nodes of one instance type under a server that exists already, at the catalogue's price."""
    advertised: Estimate | None = None
    """What the catalogue expects of the workload's model on one replica's devices, in requests per second."""
    targets: Mapping[str, str] = field(default_factory=dict)
    """What is to be compiled for, by back end, where its owner says so."""
    variant: ModelVariant | None = None
    """Of the model, that runs here; None: as `Workload.compile` says."""

    @property
    def of(self) -> str:
        """The AcceleratorPool's own name."""
        return on_pool(self.name)

    @property
    def exhausted_until(self) -> datetime | None:
        """Before when nobody is sent there."""
        return self.exhaustion.until if self.exhaustion else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """An instance type that no pool has and a claim is relative to, by the catalogue: requests per second of a whole node, money per
    1,000 requests at the list price (None: no price in this currency), and the factor that both may be off by."""

    throughput: float
    unit_cost: float | None
    spread: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """What serves and compiles one back end: part of the key, known before any pod runs."""

    backend: str
    serve_image: str
    compile_image: str
    versions: Mapping[str, str]
    target: str
    compile_needs_device: bool = False
    """Whether compiling takes a device of the pool, and not only a processor."""

    @property
    def architecture(self) -> str | None:
        """Of the processors that what it compiles runs on, and that it compiles on; None where the target is a device."""
        return of_target(self.target)

    def on_its_nodes(self, selector: Mapping[str, str]) -> Mapping[str, str]:
        """Labels of nodes, narrowed to those with processors that it is for."""
        return selector if self.architecture is None else {**selector, ARCHITECTURE: self.architecture}


class ArtifactState(StrEnum):
    """Where a compile stands."""

    ABSENT = "Absent"
    COMPILING = "Compiling"
    READY = "Ready"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A CompiledModel as seen now, by compile key."""

    state: ArtifactState
    uri: str | None = None
    digest: str | None = None
    size_bytes: int | None = None
    memory: ModelMemory | None = None
    """What the model takes of a device's memory; None where its maker has not told."""
    accuracy: Accuracy | None = None
    """None where the machine that compiled could not run what it made."""
    message: str = ""
    retry_at: datetime | None = None
    waits: Refusal | None = None
    """While it is Compiling: what the compile waits for, where it does not run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A Deployment as it exists: desired and actual, and who owns its replicas. `name` is its own; it tells nothing."""

    key: PlacementKey
    desired: int
    ready: int
    pods: int
    crashing: int = 0
    unplaced: int = 0
    """Replicas that the scheduler has no node for, or whose pods the API server does not admit."""
    unplaced_message: str = ""
    crash_message: str = ""
    trouble: Refusal | None = None
    """What keeps replicas from serving beside crashes and a lack of nodes: a node that is not ready, a Secret, an image."""
    waiting_since: datetime | None = None
    """Since when the first of the replicas that are unplaced, or in `trouble`, waits; None where none does."""
    refused_nodes: str = ""
    """Why the cluster's autoscaler brings no node for those that are unplaced, in its words; empty where it brings one, or says nothing."""
    queued: int = 0
    """Replicas that wait for quota of a queue: no scheduler has seen them."""
    queued_message: str = ""
    queued_since: datetime | None = None
    """Since when the first of those waits."""
    quota_given: datetime | None = None
    """When the last of the replicas that are not ready yet had its quota; None where none of them had to ask for any, or nobody tells."""
    start_seconds: float | None = None
    """From the order of a replica to its first ready moment, the median of those that are ready; None where none is."""
    replicas_owner: str | None = None
    artifact_digest: str | None = None
    artifact_key: str | None = None
    """The compile key that its pods load the artifact of; None where that cannot be read."""
    asked: str = ""
    """Hash of what the user asked for when it was made; a difference to today's is a new revision."""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Windows of one placement, oldest first, of one revision only."""

    windows: Sequence[Window]
    lengths: Lengths | None = None
    """Of its requests, where its server tells."""
    blind: str = ""
    """Which promised times the server tells no more than a mean of, and what would make them known; empty where all are told."""
    doubts: tuple[str, ...] = ()
    """What of the names of its metrics may not be meant so, for some minutes now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeCache:
    """Where serving pods keep what they downloaded: a folder of the node, or a claim of that name in each namespace. Not a part of the
    revision: it changes when a replica is ready, not what it does."""

    host_path: str | None
    claim: str | None
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Registries:
    """What models of `oci://` may be downloaded from, as hosts with or without a port. `allowed`: empty for all. `private`: those that may have
    addresses that are not public. `plain_http`: those without TLS. `token_hosts`: by registry, where it may send to for a token."""

    allowed: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    plain_http: tuple[str, ...] = ()
    token_hosts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The operator's configuration as far as decisions and builders depend on it."""

    toolchains: Mapping[str, Toolchain]
    """By back end, or by back end and accelerator family or architecture of the processors: `vllm@neuron-trn2`, `onnxruntime@arm64`."""
    store_uri: str
    store_endpoint: str | None = None
    store_secret: str | None = None
    store_read_secret: str | None = None
    """For containers that only read; None: their identity is enough."""
    store_region: str = "us-east-1"
    signing_secret: str | None = None
    """Private keys, for compile pods; None: artifacts are not signed."""
    public_keys: str = ""
    """PEM; one of these must have signed what is served. Empty: nothing is verified."""
    fetch_image: str | None = None
    """The runtime's, that downloads the model of a custom server; None: one with a model cannot be served."""
    hub_endpoint: str | None = None
    registries: Registries = field(default_factory=Registries)
    serve_cache: ServeCache | None = None
    """None: an empty folder of each pod."""
    compile_node_selector: Mapping[str, str] = field(default_factory=dict)
    pool_labels: Mapping[str, str] = field(default_factory=dict)
    """That all pools of this installation have; empty: there are no others."""
    currency: str = "USD"
    frozen: bool = False
    moves_at_once: int | None = None
    """None: by the number of workloads."""
    moves_at_once_per_pool: int | None = None
    """To and from one pool; None: by the number of its nodes."""
    evictions_at_once: str | None = "1"
    """Serving pods of one workload that node drains may take away at once, as a number or in percent (10%); None: as many as they like."""
    image_pull_policy: str = "IfNotPresent"
    connection_max_age_seconds: int = 10
    compile_resources: Resources = field(default_factory=lambda: Resources(1.0, 4.0))
    compile_disk_gib: float = 10.0
    """Of the node's disk, for what a compile downloads and makes; a model that is larger than half of it is not downloaded."""
    compile_deadline_seconds: int = 3600
    compile_jobs_at_once: int = 2
    namespace_budgets: Mapping[str, float] = field(default_factory=dict)
    """Money per hour that the workloads of a namespace may cost together."""
    max_priority: int = 1000
    """The highest priority that counts, in namespaces that are not in `namespace_priorities`."""
    namespace_priorities: Mapping[str, int] = field(default_factory=dict)

    def priority_of(self, workload: Workload) -> int:
        """What it asks for, as far as its namespace is granted it: a tenant's own word gives nobody else's nodes away."""
        granted = self.namespace_priorities.get(workload.key.namespace, self.max_priority)
        return min(workload.scaling.priority, granted)

    def toolchains_of(self, backend: str, family: str, architecture: str | None) -> tuple[Toolchain, ...]:
        """Of a back end for an accelerator family, on processors of an architecture: its own before the one for all."""
        names = (f"{backend}@{family}", f"{backend}@{architecture}", backend)
        return tuple(found for each in names if (found := self.toolchains.get(each)) is not None)

    def toolchain_of(self, backend: str, target: str, versions: Mapping[str, str]) -> Toolchain | None:
        """The one whose compiles have these inputs; where none has them any more, the back end's, whose image then says what differs."""
        made = (t for t in self.toolchains.values() if (t.backend, t.target, dict(t.versions)) == (backend, target, dict(versions)))
        return next(made, self.toolchains.get(backend))


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetTarget:
    """What the fleet's plan has for one workload. replicas: by pool; None where it found nothing for it. scarcity: money per hour that one node
    is worth to other workloads, of the pools that are short of nodes. turn: whether it may begin a move. most: replicas that it may have, by
    pool, where it goes without what it needs because others come first; None where it does not. back: pools of which it gives back what it has
    beyond that, since somebody of a higher priority lacks it. lacked: pools of which another workload, that is not served without, gets more than
    is free."""

    replicas: Mapping[str, int] | None
    scarcity: Mapping[str, float]
    turn: bool = True
    most: Mapping[str, int] | None = None
    back: tuple[str, ...] = ()
    lacked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusedWrite:
    """An object that the API server does not take, by a policy, a quota or a rule, in its own words. `taken`: that stands under this name
    already, and is somebody else's."""

    kind: str
    name: str
    message: str
    taken: bool = False

    def __str__(self) -> str:
        """For a condition: nothing in it changes while the refusal stands."""
        if self.taken:
            return f"{self.kind} {self.name} exists and belongs to somebody else: delete or rename it, and it is made within five minutes"
        return f"the API server refuses {self.kind} {self.name}, which is tried again within five minutes: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything `decide` may look at for one workload.

    `artifacts` by compile key; `traffic` by placement: the reading is fresh only if every serving pod was read lately and the newest
    window is complete. `workloads`: of the installation; `workloads_in_namespace`: those of the workload's own. `moves_elsewhere`: moves in
    flight of others; `moves_by_pool`: those of them that go to or from a pool; `moves_in_namespace`: those in the workload's own namespace.
    `references`: by instance type. `target`: None while the fleet has no plan. `refused`: writes for this workload. `past`: windows of each
    placement that served and does not any more, which tell what was asked for then.
    """

    workload: Workload
    pools: tuple[Pool, ...]
    settings: Settings
    artifacts: Mapping[str, Artifact]
    placements: tuple[Placement, ...]
    traffic: Mapping[PlacementKey, Reading[Traffic]]
    memory: Memory
    synced: bool = True
    clock_suspect: bool = False
    workloads: int = 1
    workloads_in_namespace: int = 1
    moves_elsewhere: int = 0
    moves_by_pool: Mapping[str, int] = field(default_factory=dict)
    moves_in_namespace: int = 0
    references: Mapping[str, Reference] = field(default_factory=dict)
    target: FleetTarget | None = None
    refused: tuple[RefusedWrite, ...] = ()
    has_front: bool = True
    """Whether the Service that clients call is there and is the workload's own."""
    past: Mapping[PlacementKey, Sequence[Window]] = field(default_factory=dict)
    scale_targets: Mapping[str, int] = field(default_factory=dict)
    """By pool, the replicas that its ScaleTarget asks for; empty before any was made."""
    found: Found | None = None
    """Of the workload's existing server; None before the first look, and where it has none."""
    probe: Probe | None = None
    """That of the move under way, where its Job is there."""
    capacity: CapacityRequest | None = None
    """What the move under way has asked for; None where no request of it is there."""
    trials: tuple[LiveTrial, ...] = ()
    """Those that ask for a part of its traffic, the oldest first."""
    drills: tuple[DrillTrial, ...] = ()
    """Trials that the workload owns, oldest first."""
    other_trials: tuple[str, ...] = ()
    """Names of those of the workload that people made and that have not ended; looked for where an exit drill is asked for."""
    route: Route | None = None
    """The workload's own; None where it asks for none, or none was made yet."""

    @property
    def weighted(self) -> bool:
        """Whether requests come by weights: a gateway has accepted the route, and its backend is not one InferencePool for all. Else each ready replica
        gets about an equal share."""
        routing, route = self.workload.routing, self.route
        if routing is None or route is None or route.refusal is not None or not route.weights:
            return False
        return routing.pools is None or not (routing.pools.shared and routing.pools.sent_to(route.accepted, route.weights))

    def backend(self, key: PlacementKey) -> Hashable:
        """What of the route sends the placement its requests: an InferencePool that is accepted, and whose picker then chooses among all of its
        placements; else a Service of its own."""
        pools = self.workload.routing.pools if self.workload.routing is not None else None
        if pools is None or self.route is None or pools.of(key) not in pools.sent_to(self.route.accepted, self.route.weights):
            return key
        return pools.of(key)

    def by_weights(self, source: PlacementKey, target: PlacementKey) -> bool:
        """Whether weights can send requests to one rather than to the other."""
        return self.weighted and self.backend(source) != self.backend(target)

    def pool(self, name: str) -> Pool | None:
        """The pool of that name, if it exists."""
        return next((p for p in self.pools if p.name == name), None)

    def start_seconds(self, pool: str, revision: str | None) -> float | None:
        """From the order of a replica there to its first ready moment: as those took that stand there, the slowest of them, else as is remembered of that
        revision, else of any; None where it was never measured."""
        standing = [p.start_seconds for p in self.placements if p.key.pool == pool and p.start_seconds is not None]
        return max(standing) if standing else self.memory.start_seconds(pool, revision)

    def placement(self, key: PlacementKey) -> Placement | None:
        """The Deployment of that placement, if it exists."""
        return next((p for p in self.placements if p.key == key), None)
