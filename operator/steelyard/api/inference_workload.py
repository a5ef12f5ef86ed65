"""InferenceWorkload: one model, its latency promise, and the pools it may use."""

import re
from typing import Annotated, Literal

from pydantic import Field

from steelyard.api.compile_options import USUAL_LENGTHS, CompileOptions
from steelyard.api.conditions import WorkloadCondition
from steelyard.api.describe import says
from steelyard.api.existing import ExistingServer
from steelyard.api.exit_drill import ExitDrillStatus
from steelyard.api.kind import Column, Kind, Resource
from steelyard.api.last_decision import LastDecision
from steelyard.api.load_rises import LoadRises
from steelyard.api.metrics_page import TOLD, ServerPage
from steelyard.api.model import SpecModel, StatusModel
from steelyard.api.money import CurrencyCode
from steelyard.api.move import FinishedMove, Move
from steelyard.api.objective import AccuracyLimit, CostUnit, LatencyMetric, Objective
from steelyard.api.placement import Placement
from steelyard.api.placement_status import ClaimStatus, PlacementStatus, Quarantine
from steelyard.api.pods import Pods
from steelyard.api.pool_cost import PoolCost
from steelyard.api.rebalancing import Mode, Rebalancing
from steelyard.api.rule import Rule
from steelyard.api.scaling import ReplicaOwner, Scaling
from steelyard.api.server import CustomServer, LatencyFrom, Server, SteelyardServer
from steelyard.api.source import ModelSource
from steelyard.api.status_values import Generation
from steelyard.api.task import GRAPHS, TASKS
from steelyard.api.task_measure import MEASURE_CEL, measure_of
from steelyard.api.text import LABEL, WORKLOAD_NAME_MAX
from steelyard.api.traffic import Traffic
from steelyard.api.unread import UNREAD
from steelyard.api.vllm_task import TEXT, VLLM_TASKS


def _named(metric: LatencyMetric) -> str:
    """The profiles that tell it, as a list of CEL."""
    return "[" + ", ".join(f"'{profile}'" for profile in TOLD[metric]) + "]"


def _listed(metric: LatencyMetric) -> str:
    *most, last = TOLD[metric]
    return f"{', '.join(most)} and {last}"


def _pools(model: ModelSource | None) -> bool:
    """Whether it gives vectors, labels or scores."""
    return model is not None and model.task not in {None, TEXT}


def _measured(spec: "InferenceWorkloadSpec", limit: AccuracyLimit) -> bool:
    assert spec.model is not None
    return limit.measure == measure_of(spec.model.task, vllm=spec.server.vllm is not None)


def _counts_requests(objective: Objective) -> bool:
    return objective.unit == CostUnit.GOOD_REQUESTS and set(_times(objective)) <= {LatencyMetric.E2E}


def _times(objective: Objective) -> list[LatencyMetric]:
    return [each.metric for each in objective.latency]


def _only_times_that_are_told(server: str) -> tuple[Rule, Rule]:
    """What is promised of a server that is not ours has to be what its metrics tell of."""

    def page(spec: "InferenceWorkloadSpec") -> ServerPage | None:
        given: ExistingServer | CustomServer | None = getattr(spec.server, server)
        return None if given is None or _read_at_a_gateway(spec.server) else given.metrics

    def by_names(spec: "InferenceWorkloadSpec") -> bool:
        found = page(spec)
        return found is None or found.names is None or found.tells(_times(spec.objective))

    def by_profile(spec: "InferenceWorkloadSpec") -> bool:
        found = page(spec)
        return found is None or found.names is not None or found.tells(_times(spec.objective))

    there = f"self.server.{server}"
    told = "s.latencyFrom == 'Gateway' || " if server == "custom" else ""
    return (
        Rule(
            f"!has({there}) || [{there}].all(s, {told}!has(s.metrics.names) || [s.metrics.names].all(n, self.objective.latency.all(l, "
            "l.metric == 'e2e' ? has(n.latencyHistogram) : l.metric == 'ttft' ? has(n.firstTokenHistogram) : has(n.tokenGapHistogram))))",
            f"must be of times that server.{server}.metrics.names has a histogram of: latencyHistogram for e2e, firstTokenHistogram for ttft, "
            "tokenGapHistogram for itl",
            by_names,
            field="objective.latency",
        ),
        Rule(
            f"!has({there}) || [{there}].all(s, {told}!has(s.metrics.profile) || self.objective.latency.all(l, "
            f"l.metric == 'e2e' || s.metrics.profile in (l.metric == 'ttft' ? {_named(LatencyMetric.TTFT)} : {_named(LatencyMetric.ITL)})))",
            f"must be of times that the profile tells: e2e of all, ttft of {_listed(LatencyMetric.TTFT)}, itl of {_listed(LatencyMetric.ITL)}",
            by_profile,
            field="objective.latency",
        ),
    )


def _read_at_a_gateway(server: Server) -> bool:
    return server.custom is not None and server.custom.latency_from == LatencyFrom.GATEWAY


_NO_VARIANTS = "self.compile.?variants.orValue([]).size() == 0"


class InferenceWorkloadSpec(SpecModel):
    """What a user promises and allows."""

    RULES = (
        Rule(
            "has(self.server.existing) || has(self.server.custom) || has(self.model)",
            "must give model, unless the server is existing or custom: it is what is served",
            lambda s: s.server.existing is not None or s.server.custom is not None or s.model is not None,
            field="model",
            reason="FieldValueRequired",
        ),
        Rule(
            "has(self.server.existing) == has(oldSelf.server.existing)",
            "must not change between existing and another server: make another workload, and delete this one",
            None,
            field="server",
            reason="FieldValueForbidden",
        ),
        Rule(
            "has(self.server.custom) == has(oldSelf.server.custom)",
            "must not change between custom and another server: what serves until the new one does would be read by the wrong metrics; make another "
            "workload, and delete this one",
            None,
            field="server",
            reason="FieldValueForbidden",
        ),
        Rule(
            "!has(self.server.custom) || !has(oldSelf.server.custom) || !has(self.traffic) || !has(self.traffic.inferencePools) || "
            "self.server.custom.port == oldSelf.server.custom.port",
            "must stay as it is while traffic.inferencePools is given, whose pods listen on one port: remove inferencePools, change the port, and give "
            "them again when no replica of the old revision is left",
            None,
            field="server.custom.port",
            reason="FieldValueForbidden",
        ),
        Rule(
            "!has(self.server.steelyard) || !has(self.model) || has(self.model.task)",
            'must give model.task, such as "feature-extraction", with the steelyard server: it decides what is compiled and how it is checked',
            lambda s: s.server.steelyard is None or s.model is None or s.model.task is not None,
            field="model.task",
            reason="FieldValueRequired",
        ),
        Rule(
            f"!has(self.server.steelyard) || self.?model.?task.orValue('tensors') in {list(TASKS)}",
            f"must be a task that the steelyard server does: {', '.join(TASKS)}; text is generated by the vllm server",
            lambda s: s.server.steelyard is None or s.model is None or s.model.task is None or s.model.task in TASKS,
            field="model.task",
            spares_stored=True,
        ),
        Rule(
            f"!(self.?model.?task.orValue('') in {list(GRAPHS)}) || (self.compile.sequenceLengths == {list(USUAL_LENGTHS)} && "
            "self.compile.?flags.orValue([]).size() == 0 && "
            "(!has(self.compile.families) || self.compile.families.all(f, !has(f.sequenceLengths) && f.?flags.orValue([]).size() == 0)))",
            f"must leave out sequenceLengths and flags with the tasks {' and '.join(GRAPHS)}: their inputs have no lengths, and back ends that read "
            "ONNX take no flags",
            lambda s: s.model is None or s.model.task not in GRAPHS or not (s.compile.says_lengths or s.compile.all_flags),
            field="compile",
            spares_stored=True,
        ),
        Rule(
            "!has(self.server.steelyard) || self.objective.latency.all(l, l.metric == 'e2e')",
            "must use the metric e2e with the steelyard server: ttft and itl are times of models that stream tokens; use the vllm server",
            lambda s: s.server.steelyard is None or all(o.metric == LatencyMetric.E2E for o in s.objective.latency),
            field="objective.latency",
        ),
        Rule(
            "!has(self.server.existing) || self.rebalancing.mode != 'Auto'",
            "must be Observe or Recommend when the server is existing: nothing of it is changed; a workload with a model and server vllm or steelyard "
            "may be Auto",
            lambda s: s.server.existing is None or s.rebalancing.mode != Mode.AUTO,
            field="rebalancing.mode",
        ),
        *_only_times_that_are_told("existing"),
        *_only_times_that_are_told("custom"),
        Rule(
            "self.server.?custom.?latencyFrom.orValue('') != 'Gateway' || self.objective.latency.all(l, l.metric == 'e2e')",
            "must use the metric e2e alone with server.custom.latencyFrom: Gateway: a gateway does not tell when tokens came",
            lambda s: not _read_at_a_gateway(s.server) or all(o.metric == LatencyMetric.E2E for o in s.objective.latency),
            field="objective.latency",
        ),
        Rule(
            "self.server.?custom.?latencyFrom.orValue('') != 'Gateway' || self.?traffic.?parentRefs.orValue([]).size() > 0",
            "must name the Gateways in parentRefs with server.custom.latencyFrom: Gateway: they tell how long requests took",
            lambda s: not _read_at_a_gateway(s.server) or (s.traffic is not None and bool(s.traffic.parent_refs)),
            field="traffic",
            reason="FieldValueRequired",
        ),
        Rule(
            f"!has(self.server.vllm) || self.?model.?task.orValue('{TEXT}') in {[*VLLM_TASKS]}",
            f"must be one of {', '.join(VLLM_TASKS)} with the vllm server, or left out for text-generation",
            lambda s: s.server.vllm is None or s.model is None or s.model.task is None or s.model.task in VLLM_TASKS,
            field="model.task",
        ),
        Rule(
            f"!has(self.server.vllm) || self.?model.?task.orValue('{TEXT}') == '{TEXT}' || "
            "(self.objective.unit == 'GoodRequests' && self.objective.latency.all(l, l.metric == 'e2e'))",
            "must promise e2e alone and count GoodRequests, unless vllm generates text: the answers of the other tasks have no tokens",
            lambda s: s.server.vllm is None or not _pools(s.model) or _counts_requests(s.objective),
            field="objective",
        ),
        Rule(
            "has(self.server.vllm) || self.objective.unit == 'GoodRequests'",
            "must be GoodRequests unless the server is vllm: nothing is decided by the tokens of others, which are told where they count them",
            lambda s: s.server.vllm is not None or s.objective.unit == CostUnit.GOOD_REQUESTS,
            field="objective.unit",
        ),
        Rule(
            "has(self.server.steelyard) || has(self.server.vllm) || self.objective.?accuracy.orValue([]).size() == 0",
            "must be left out unless the server is steelyard or vllm: of others nothing is compiled, and no answer is compared with a reference",
            lambda s: (s.server.custom is None and s.server.existing is None) or not s.objective.accuracy,
            field="objective.accuracy",
            reason="FieldValueForbidden",
        ),
        Rule(
            f"!has(self.objective.accuracy) || !has(self.model) || self.objective.accuracy.all(a, a.measure == ({MEASURE_CEL}))",
            "must be by the one measure that is told of model.task: LeastCosine of vectors, WorstProbability of classes, ScoreConcordance of ranks, "
            "LargestDifference of tensors and images, and with vllm WorstLogprob of all but vectors",
            lambda s: s.model is None or all(_measured(s, each) for each in s.objective.accuracy),
            field="objective.accuracy",
            spares_stored=True,
        ),
        Rule(
            f"{_NO_VARIANTS} || self.objective.?accuracy.orValue([]).size() > 0",
            "must be given with compile.variants: fewer bits are nearly always cheaper, and nobody has said how near the answers have to be",
            lambda s: not s.compile.variants or bool(s.objective.accuracy),
            field="objective.accuracy",
            reason="FieldValueRequired",
        ),
        Rule(
            f"{_NO_VARIANTS} || self.scaling.owner != 'External'",
            "must be left out when scaling.owner is External: who writes the replicas of each pool would decide which variant runs there",
            lambda s: not s.compile.variants or s.scaling.owner != ReplicaOwner.EXTERNAL,
            field="compile.variants",
            reason="FieldValueForbidden",
        ),
        Rule(
            f"{_NO_VARIANTS} || !has(self.placement.pools) || self.placement.pools.all(p, p.minReplicas == 0)",
            "must have no minReplicas with compile.variants: it does not say of which variant replicas are to stay there",
            lambda s: not s.compile.variants or all(p.min_replicas == 0 for p in s.placement.pools),
            field="placement.pools",
            reason="FieldValueForbidden",
        ),
        Rule(
            "!has(self.server.existing) || self.?traffic.?parentRefs.orValue([]).size() == 0",
            "must be left out when the server is existing: nothing of it is changed, its routes included",
            lambda s: s.server.existing is None or s.traffic is None or not s.traffic.parent_refs,
            field="traffic",
            reason="FieldValueForbidden",
        ),
        Rule(
            "!has(self.traffic) || !has(self.traffic.samples) || has(self.server.custom)",
            "must be left out unless the server is custom: what requests steelyard and vllm take is known, and what exists already is not probed",
            lambda s: s.traffic is None or s.traffic.samples is None or s.server.custom is not None,
            field="traffic.samples",
            reason="FieldValueForbidden",
        ),
        Rule(
            "self.scaling.owner != 'External' || self.rebalancing.mode != 'Auto'",
            "must be Recommend or Observe when scaling.owner is External: who writes the replicas also decides where they are",
            lambda s: s.scaling.owner != ReplicaOwner.EXTERNAL or s.rebalancing.mode != Mode.AUTO,
            field="rebalancing.mode",
        ),
        Rule(
            "!has(self.placement.pools) || self.placement.pools.map(p, p.minReplicas).sum() <= self.scaling.maxReplicas",
            "must not ask for more minReplicas over its pools than scaling.maxReplicas: lower them or raise scaling.maxReplicas",
            lambda s: sum(p.min_replicas for p in s.placement.pools) <= s.scaling.max_replicas,
            field="placement.pools",
        ),
        Rule(
            "self.placement.minAcceleratorFamilies <= self.scaling.maxReplicas",
            "must not be more than scaling.maxReplicas: every family needs at least one replica",
            lambda s: s.placement.min_accelerator_families <= s.scaling.max_replicas,
            field="placement.minAcceleratorFamilies",
        ),
        *UNREAD,
    )

    model: Annotated[
        ModelSource | None,
        says(
            "The model to serve: where its weights are, exactly which version, and what it does. Needed unless the server is "
            "custom, which finds its files at modelPath, or existing, where it only tells which claims and catalogue entries speak "
            "of it."
        ),
    ] = None
    server: Annotated[
        Server,
        says(
            "The program that answers requests: exactly one of steelyard, vllm, custom and existing. Left out, it is Steelyard's own server."
        ),
    ] = Server(steelyard=SteelyardServer())
    compile: Annotated[
        CompileOptions,
        says("What the model is compiled to. A change of what is part of the compile key compiles anew, and old artifacts stay."),
    ] = CompileOptions()
    objective: Annotated[
        Objective, says("The promise: what makes a request good, and what it may cost. Cost is only counted by good requests.")
    ]
    scaling: Annotated[Scaling, says("How many replicas there may be over all pools, and who writes that number.")] = Scaling()
    placement: Annotated[
        Placement,
        says("Which pools may be used and how much of each. Left out, every pool of the cluster, without further bounds."),
    ] = Placement()
    rebalancing: Annotated[
        Rebalancing,
        says("How freely the workload may be moved to a cheaper mix of pools, and what must have been measured before."),
    ] = Rebalancing()
    traffic: Annotated[
        Traffic | None,
        says(
            "By what gateways requests come, and samples of them. Without gateways they come by the workload's Service, which gives each ready replica "
            "about an equal share, whatever it carries."
        ),
    ] = None
    pods: Annotated[
        Pods,
        says(
            "What the workload's pods are given beside the above: Secrets to pull images with, a queue, and service accounts. A "
            "change restarts nothing; what is made next takes it up."
        ),
    ] = Pods()


class Summary(StatusModel):
    """What `kubectl get` shows, made short by the operator: a column can only show one stored value."""

    model: Annotated[
        Annotated[str, Field(max_length=24)],
        says(
            "The model in short: the last part of model.uri, or without one the name of the existing object or the image, cut where it is longer.",
            example="all-MiniLM-L6-v2",
        ),
    ] = ""
    pool: Annotated[
        Annotated[str, Field(max_length=24)],
        says("The pool with the most replicas, and how many others are in use beside it.", example="inf2-xlarge+1"),
    ] = ""
    unit_cost: Annotated[
        Annotated[str, Field(max_length=40)],
        says(
            "What 1,000 good requests (or 1M tokens) cost on the pool that holds the load, with its 95 % interval: "
            "in percent where both sides are about equal, else from the lower to the upper end. A dash while it is unknown.",
            example="0.0193 EUR ±4%",
        ),
    ] = ""


class InferenceWorkloadStatus(StatusModel):
    """What Steelyard sees, does and has decided."""

    observed_generation: Annotated[
        Generation,
        says(
            "The generation of the spec that this status speaks about. Older than metadata.generation: the newest spec is not judged yet.",
            unit="generation",
            example=3,
        ),
    ] = 0
    conditions: Annotated[
        tuple[WorkloadCondition, ...],
        says(
            "What is true of the workload now: Ready sums up, Compiled, Placed, SLOMet, Observed, Balanced and Held say more. There are no others.",
            most=7,
            keys=("type",),
        ),
    ] = ()
    summary: Annotated[
        Summary | None,
        says("The short texts for kubectl get."),
    ] = None
    currency: Annotated[
        CurrencyCode | None,
        says("The currency of all money in this status, by its ISO 4217 code, as the operator was configured.", example="EUR"),
    ] = None
    endpoint: Annotated[
        Annotated[str, Field(max_length=63)] | None,
        says(
            "The Service of this namespace that clients call. It keeps its name through every move and revision. Left out while there is none of "
            "the workload's own.",
            example="embedder",
        ),
    ] = None
    placements: Annotated[
        tuple[PlacementStatus, ...],
        says(
            "The workload on each pool and revision, with the evidence behind its figures. Those that hold the load come first.",
            most=32,
            keys=("pool", "revision"),
        ),
    ] = ()
    costs: Annotated[
        tuple[PoolCost, ...],
        says(
            "What the workload costs an hour on each pool, counted in three ways. Written again where a figure differs by more than a twentieth.",
            most=32,
            keys=("pool",),
        ),
    ] = ()
    claims: Annotated[
        tuple[ClaimStatus, ...],
        says("What this workload's own traffic says about what was advertised for the pools it uses.", most=32, keys=("pool", "name")),
    ] = ()
    move: Annotated[Move | None, says("The move under way, written here before its first side effect. Missing while nothing moves.")] = None
    quarantine: Annotated[
        tuple[Quarantine, ...],
        says("Revisions that failed on a pool and are not tried there again for a while.", most=16, keys=("pool", "revision")),
    ] = ()
    history: Annotated[
        tuple[FinishedMove, ...],
        says(
            "The last eight moves that ended, oldest first, with their outcome and reason, and as many that AcceleratorTrials asked for.",
            most=16,
            list_type="atomic",
        ),
    ] = ()
    exit_drill: Annotated[
        ExitDrillStatus | None,
        says("Whether the workload could leave its accelerator family, as far as spec.placement.exitDrill has tried."),
    ] = None
    rises: Annotated[LoadRises | None, says("How the load rose within minutes, by which sizing keeps more ready.")] = None
    last_decision: Annotated[LastDecision | None, says("The last decision about the mix.")] = None


class InferenceWorkload(Resource):
    """A model with a latency promise, run where one good request costs least, as measured on its own traffic."""

    RULES = (
        Rule(
            f"self.metadata.name.size() <= {WORKLOAD_NAME_MAX} && self.metadata.name.matches('^{LABEL}$')",
            f"must have a name of at most {WORKLOAD_NAME_MAX} lower case letters, digits and hyphens that starts with a letter: "
            "WORKLOAD-POOL-HASH is the name of Deployments and Services, which hold 63 characters",
            lambda w: len(w.metadata.name) <= WORKLOAD_NAME_MAX and re.fullmatch(LABEL, w.metadata.name) is not None,
        ),
    )

    kind: Literal["InferenceWorkload"] = "InferenceWorkload"
    spec: Annotated[
        InferenceWorkloadSpec,
        says("What you promise and allow: the model, its latency objective, the pools it may use, and how freely it may be moved."),
    ]
    status: Annotated[
        InferenceWorkloadStatus,
        says("What Steelyard sees, does and has decided. Only the operator writes it; nothing here is a setting."),
    ] = InferenceWorkloadStatus()


INFERENCE_WORKLOAD = Kind(
    model=InferenceWorkload,
    name="InferenceWorkload",
    plural="inferenceworkloads",
    short="iwl",
    scope="Namespaced",
    columns=(
        Column("Model", ".status.summary.model", "The model in short."),
        Column("Ready", '.status.conditions[?(@.type=="Ready")].status', "Whether requests are served."),
        Column("Pool", ".status.summary.pool", "The pool with the most replicas, and how many others are in use."),
        Column(
            "Cost", ".status.summary.unitCost", "Cost of 1,000 good requests, or of 1M tokens where it says so, with its 95 % interval."
        ),
        Column("SLO", '.status.conditions[?(@.type=="SLOMet")].status', "Whether the latency objectives are met."),
        Column("Reason", '.status.conditions[?(@.type=="Ready")].reason', "Why it is ready, or why not."),
        Column("Age", ".metadata.creationTimestamp", "Time since creation.", "date"),
        Column("Mode", ".spec.rebalancing.mode", "How far Steelyard goes.", wide=True),
        Column("Step", ".status.move.step", "The step of the move under way.", wide=True),
        Column("To", ".status.move.to", "The pool that the move under way goes to.", wide=True),
        Column("Decision", ".status.lastDecision.reason", "Why the last decision was as it was.", wide=True),
        Column("URI", ".spec.model.uri", "Where the model comes from.", wide=True),
    ),
    selectable=(".spec.rebalancing.mode", ".spec.model.uri"),
)
