"""Every word a user can meet as a reason, explained once. Code never branches on the text of a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Reason(str, Enum):
    """CamelCase reason with its sentence. The reference page docs/reference/reasons.md is generated from this."""

    meaning: str

    def __new__(cls, word: str, meaning: str) -> Reason:
        """A member is its word; the sentence hangs on it."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.meaning = meaning
        return member

    # Why a voluntary action does not happen (gates, in chain order).
    FROZEN = ("Frozen", "A person stopped voluntary actions: the workload is paused, or the whole installation is frozen.")
    MODE_OBSERVES = ("ModeObserves", "The mode does not allow moves: Observe only measures, Recommend says what it would do.")
    NOT_SYNCED = ("NotSynced", "The view of the cluster is not complete yet, so nothing is decided on it.")
    CLOCK_SUSPECT = ("ClockSuspect", "The operator's clock and the API server's disagree by more than a minute; ages cannot be trusted.")
    OBSERVATIONS_STALE = ("ObservationsStale", "There is no recent and complete reading of the traffic; serving goes on untouched.")
    TOO_FEW_REQUESTS = ("TooFewRequests", "Fewer good requests were measured than rebalancing.minGoodRequests asks for.")
    ONLY_CARRIED = (
        "OnlyCarried",
        "All that is known is a load that was carried: the true figure is there or above, so no claim is judged by it.",
    )
    NOT_COMPARABLE = (
        "NotComparable",
        "The claim speaks of a metric, a unit, a pool or a load of which nothing is measured for this workload.",
    )
    LATENCY_UNOBSERVABLE = (
        "LatencyUnobservable",
        "No percentile can be read: the server tells no histogram of how long its answers took, or no objective is for the whole of a request.",
    )
    METRIC_MISSING = (
        "MetricMissing",
        "A metric that metrics.names gives is not on the server's page, or none of its series is meant; what else is read counts.",
    )
    PRICE_SUSPECT = ("PriceSuspect", "A price that the decision needs is unknown, too old or implausible.")
    INFEASIBLE_TARGET = ("InfeasibleTarget", "No pool can carry the load within the objective and the limits, or the plan's target cannot.")
    SLO_AT_RISK = ("SLOAtRisk", "The latency promise is not met now: quality first, money later.")
    ALREADY_CHEAPEST = ("AlreadyCheapest", "The present placement is the cheapest of those known.")
    SAVING_NOT_SIGNIFICANT = ("SavingNotSignificant", "The lower 95 % bound of the saving is below rebalancing.minSavingPercent.")
    PAYBACK_TOO_LONG = ("PaybackTooLong", "The move would cost more than it saves within rebalancing.paybackSeconds.")
    NO_EXPECTED_SAVING = (
        "NoExpectedSaving",
        "By the claims, taken as wide priors, measuring this pool costs more than it can be expected to save.",
    )
    NO_ROOM = (
        "NoRoom",
        "A slower target needs more replicas of the source beside it, so that an equal part of the load is not too much for it, than are allowed.",
    )
    POOL_SCARCE = (
        "PoolScarce",
        "The pool is short of nodes, and by the fleet's plan other workloads save more with them than this one would.",
    )
    COOLING_DOWN = ("CoolingDown", "The last move ended less than rebalancing.cooldownSeconds ago.")
    CYCLIC = (
        "Cyclic",
        "The move would return to a pool that was left within the cool-down, which doubles each time that the pool is left again.",
    )
    EXPLORED_LATELY = ("ExploredLately", "The pool was tried lately with this revision; each exploration doubles the time to the next one.")
    QUARANTINED = ("Quarantined", "This pool failed with this revision; it is tried again after the back-off.")
    POOL_EXHAUSTED = ("PoolExhausted", "The pool could not deliver nodes lately; it is tried again after the back-off.")
    BUDGET_EXHAUSTED = ("BudgetExhausted", "The money for explorations within a day, or the number of moves allowed at once, is used up.")
    GOES_WITHOUT = ("GoesWithout", "The pools or a budget do not hold all workloads, and by the fleet's plan others come first.")
    NOT_ITS_TURN = ("NotItsTurn", "Moves of a namespace with fewer of them under way, or that gain more for what they cost, begin first.")
    REPLICAS_OWNED_ELSEWHERE = ("ReplicasOwnedElsewhere", "Something else writes the replicas; Steelyard never fights over a field.")
    TOO_EXPENSIVE = ("TooExpensive", "A good request would cost more there than spec.objective.maxUnitCost, which bounds a rescue.")
    NO_POOL_MEETS_OBJECTIVE = (
        "NoPoolMeetsObjective",
        "Every pool that the workload may use was measured, and misses the objective at any load; the message names the best one, what it reaches, "
        "and the mildest objective that would hold.",
    )
    TOO_MANY_UNREADY_NODES = (
        "TooManyUnreadyNodes",
        "Too large a part of the pool or the cluster is unready, or was less than ten minutes ago; all voluntary actions wait.",
    )

    # Why a pool is not eligible.
    NOT_SELECTED = (
        "NotSelected",
        "spec.placement does not select the pool: neither its poolSelector nor, where that is left out, its pools.",
    )
    UNSUPPORTED_TARGET = (
        "UnsupportedTarget",
        "No toolchain is configured for any of the pool's back ends, none of them is for its processors, or none exists for its accelerator.",
    )
    NO_VARIANT = ("NoVariant", "The custom server has no image for the pool's accelerator family: add a variant, or keep to other pools.")
    NO_FETCH_IMAGE = (
        "NoFetchImage",
        "No image is configured that downloads the model of a custom server, or sends it samples: set config.fetchImage.",
    )
    UNSUPPORTED_TASK = ("UnsupportedTask", "Steelyard's own server does not do what spec.model.task says.")
    NO_STORE = ("NoStore", "No artifact store is configured, without which no model is compiled or served: set config.store.uri.")
    DOES_NOT_FIT = (
        "DoesNotFit",
        "No node shape of the pool is large enough for one replica, or the model does not fit the memory of a replica's devices.",
    )
    NO_DIFFERENCE = ("NoDifference", "The variant is what runs on the pool without it: give it another dtype, quantization or back end.")
    ACCURACY_TOO_LOW = (
        "AccuracyTooLow",
        "The answers of the pool's artifact are farther from the reference's than spec.objective.accuracy allows, or were not compared with them by a "
        "measure that it gives a limit of.",
    )
    COMPILING = ("Compiling", "The model is being compiled for this pool.")
    COMPILE_FAILED = (
        "CompileFailed",
        "The model could not be compiled for this pool; the CompiledModel says why and when it is tried again.",
    )
    ARTIFACT_CORRUPT = (
        "ArtifactCorrupt",
        "Serving pods refuse the published artifact: the store lost it or changed its bytes. It is compiled again.",
    )
    SPOT_LIMITED = (
        "SpotLimited",
        "The pool is spot and spec.placement.maxSpotPercent allows only a part of the replicas on spot: the pool may not take the whole load.",
    )
    OVERLAPPING = (
        "Overlapping",
        "The pool has nodes in common with another pool that the workload uses or that is older; nothing is tried or moved between the two.",
    )
    LIMIT_REACHED = ("LimitReached", "The replicas needed are more than the pool, or spec.scaling.maxReplicas, allows.")
    CANNOT_MEET_OBJECTIVE = (
        "CannotMeetObjective",
        "As measured there, the pool misses the objective at any load: by more than it allows at the lowest load seen, and no lower one would help.",
    )

    # How a move goes.
    MOVE_STARTED = ("MoveStarted", "A move to a cheaper placement began.")
    RESCUE_STARTED = (
        "RescueStarted",
        "The promise is broken and more replicas of the same do not help: the workload begins to leave the pool, whatever that costs.",
    )
    EXPLORATION_STARTED = ("ExplorationStarted", "One replica is tried on a pool without measurements, within a budget and a deadline.")
    STEP_STARTED = ("StepStarted", "The move went one step further.")
    MOVED = ("Moved", "The move ended; the workload runs on the new placement.")
    EXPLORED = ("Explored", "The exploration ended; the pool is measured and the workload stays where it was.")
    CHEAPER_AS_MEASURED = ("CheaperAsMeasured", "The pool is cheaper as measured; the move goes on.")
    VIOLATES_SLO = ("ViolatesSLO", "The target broke the latency promise more often than the source over the same minutes.")
    TARGET_CRASHED = ("TargetCrashed", "Replicas on the target crash or refuse their artifact.")
    PROBE_FAILED = (
        "ProbeFailed",
        "The probe of a pool ended without a result: its replica did not start, the generator failed, or time was up; no user's request was sent there.",
    )
    PROBE_CONTRADICTED = (
        "ProbeContradicted",
        "Live traffic was carried, or broke the promise, beyond the bounds that a probe found; the live figure is believed from now on.",
    )
    TARGET_NOT_READY = ("TargetNotReady", "Replicas on the target did not become ready before the deadline.")
    DEADLINE_PASSED = ("DeadlinePassed", "The evidence was still inconclusive at the deadline; the source keeps the load.")
    SOURCE_NOT_GROWN = (
        "SourceNotGrown",
        "The source did not get the replicas that it needs so that an equal part of the load is not too much for a slower target.",
    )
    TARGET_OVERLOADED = (
        "TargetOverloaded",
        "An equal part of the load was more than a replica of the target carries. What it carries is known now: the next try makes room first.",
    )
    NOT_CHEAPER = ("NotCheaper", "As measured, the target does not save enough; the source keeps the load.")
    TARGET_GONE = ("TargetGone", "The pool or the artifact of the target disappeared during the move.")
    NOT_ASKED_FOR = (
        "NotAskedFor",
        "The revision that the move goes to is not asked for any more: what was edited was edited again or put back. Or the trial that a person asked "
        "for was stopped or deleted, or gives way to a new revision.",
    )
    NEW_REVISION = ("NewRevision", "Artifact, image or server arguments changed; the new revision replaces the old one step by step.")
    WAITING = ("Waiting", "The step's evidence is not complete yet.")

    # State of a workload.
    PLACED = ("Placed", "Replicas are ready where the plan wants them.")
    ABOVE_MAX_UNIT_COST = (
        "AboveMaxUnitCost",
        "Replicas are ready where the plan wants them, and a good request is measured to cost more than spec.objective.maxUnitCost there.",
    )
    PLACING = ("Placing", "Replicas are starting.")
    IDLE = (
        "Idle",
        "Whoever owns the replicas asks for none on any pool, so that nothing serves and nothing is paid; the message says how long a first replica takes "
        "on each pool, and what it costs until it serves.",
    )
    UNPLACED = ("Unplaced", "Replicas wait: no node has room for them, or the API server refuses their pods; the message says why.")
    WAITING_FOR_QUOTA = (
        "WaitingForQuota",
        "Replicas wait in a queue of Kueue until its ClusterQueue has quota for them: no start-up, no lack of nodes and no failure; the message quotes Kueue.",
    )
    SECRET_MISSING = (
        "SecretMissing",
        "A pod waits for a Secret, or a key of one, that its namespace does not have; the message names it and the command that makes it.",
    )
    IMAGE_UNAVAILABLE = ("ImageUnavailable", "A node cannot pull the image of a pod; the message names the image and quotes why.")
    CONTAINER_NOT_CREATED = (
        "ContainerNotCreated",
        "A pod has a node and its container cannot be made there; the message quotes the kubelet, or names the volumes.",
    )
    NODE_NOT_READY = ("NodeNotReady", "Replicas are on a node that is not ready; the message says which, and since when.")
    NO_POOL = ("NoPool", "No pool is selected, fits and has a compiled model.")
    WITHIN_SLO = ("WithinSLO", "The promise holds on the traffic of the last windows.")
    NO_TRAFFIC = ("NoTraffic", "There were no requests, so there is nothing to measure: no value, not zero.")
    OBSERVED = ("Observed", "Every serving replica was read lately.")
    COMPILED = ("Compiled", "An artifact is verified for every eligible pool.")
    BALANCED = ("Balanced", "No cheaper placement is known that would pay for a move.")
    MOVING = ("Moving", "A move is under way.")
    CHEAPER_KNOWN = ("CheaperKnown", "A cheaper placement is known; mode or a gate keeps the workload where it is.")
    SERVING = ("Serving", "Replicas are ready and serving.")
    NOT_EXHAUSTED = ("NotExhausted", "Nodes are found for the replicas that ask for them on the pool.")
    NODE_POOL_READY = ("NodePoolReady", "Karpenter's NodePool makes nodes of the pool; the message says how many at most.")
    NODE_POOL_MISSING = (
        "NodePoolMissing",
        "There is no NodePool of the name that spec.provisioner.nodePool gives: apply it, or correct the name.",
    )
    NODE_POOL_NOT_READY = (
        "NodePoolNotReady",
        "Karpenter does not make nodes by the NodePool of spec.provisioner.nodePool; the message quotes its condition.",
    )
    NO_NODE_LIMIT = (
        "NoNodeLimit",
        "Neither the NodePool's spec.limits nor spec.capacity.maxNodes bounds the pool's nodes, so that those that stand are planned with.",
    )
    NO_KARPENTER = (
        "NoKarpenter",
        "spec.provisioner.nodePool names a NodePool, and the API server does not serve the kind, or the operator may not list it.",
    )
    NODE_GROUP_READY = ("NodeGroupReady", "Cluster Autoscaler adds nodes to the pool's node group; the message says how many at most.")
    NODE_GROUP_BACKOFF = (
        "NodeGroupBackoff",
        "Cluster Autoscaler adds no node to the pool's node group for a while, since it could not; the message quotes it.",
    )
    NO_PROVISIONER = ("NoProvisioner", "Nothing makes nodes of the pool: those that stand are planned with.")
    PROVISIONER_NOT_READ = (
        "ProvisionerNotRead",
        "A provisioner makes nodes of the pool up to spec.capacity.maxNodes, and nothing more is known of it.",
    )
    PUBLISHED = ("Published", "What makes the pool's nodes is told what good requests cost there; the message says in which figures.")
    NOT_COMPARED = (
        "NotCompared",
        "No workload was measured within a week both on this pool and on another one, so nothing is known to be told, or the operator has just begun.",
    )
    PUBLISHED_ELSEWHERE = (
        "PublishedElsewhere",
        "Somebody else's NodeOverlay or ConfigMap says what the pool's would, and is left alone: delete it, or set spec.provisioner.publish to false.",
    )
    NOT_PUBLISHABLE = (
        "NotPublishable",
        "The configuration, the API server or Karpenter does not let what is known be told; the message says which, and what to do.",
    )
    NOT_OVERLAPPING = ("NotOverlapping", "No node of the pool belongs to another pool as well.")
    NOT_HELD = ("NotHeld", "Nothing holds the workload.")
    SCALED = ("Scaled", "The number of replicas follows the load, or what whoever sizes asks for.")
    REMOVED = ("Removed", "A placement that nothing needs any more is removed.")

    ENDPOINT_TAKEN = (
        "EndpointTaken",
        "The Service that clients call, or the PodDisruptionBudget of its replicas, would have the workload's name, and an object of that name is "
        "somebody else's: it is left alone, and status.endpoint is empty while it is the Service.",
    )
    ROUTE_TAKEN = (
        "RouteTaken",
        "The workload's HTTPRoute would have its name, and an HTTPRoute of that name is somebody else's: it is left alone, and nothing is moved.",
    )
    ROUTE_NOT_ACCEPTED = (
        "RouteNotAccepted",
        "A Gateway of spec.traffic.parentRefs does not accept the workload's HTTPRoute, has not said anything of it, or does not find its backends, or the "
        "API server refuses the route; the message quotes which says what. Replicas follow the load, and nothing is moved.",
    )
    NO_GATEWAY_API = (
        "NoGatewayApi",
        "spec.traffic asks for an HTTPRoute, and the API server does not serve the kind: install the Gateway API's definitions; the operator "
        "notices within a minute.",
    )
    INFERENCE_POOL_TAKEN = (
        "InferencePoolTaken",
        "An InferencePool of the workload would have the name of one that is somebody else's: that is left alone and sent no requests, they go by "
        "Services, and nothing is moved.",
    )
    INFERENCE_POOL_NOT_ACCEPTED = (
        "InferencePoolNotAccepted",
        "A Gateway of spec.traffic.parentRefs does not accept an InferencePool of the workload, has not said anything of it, or does not find its endpoint "
        "picker, or the API server refuses it; the message quotes which says what. Requests go by Services, replicas follow the load, and nothing is moved.",
    )
    NO_INFERENCE_POOLS = (
        "NoInferencePools",
        "spec.traffic.inferencePools asks for InferencePools, and the API server does not serve the kind: install the definitions of the Gateway API "
        "Inference Extension; the operator notices within a minute. Requests go by Services, and nothing is moved.",
    )
    SHARE_NOT_SERVED = (
        "ShareNotServed",
        "The placements did not serve the parts of the requests that the route's weights send them, as when clients come by the Service.",
    )

    # State of a trial.
    MEASURING = ("Measuring", "The pools of the trial are sent requests, or their replicas start.")
    DECIDED = ("Decided", "Everything that was asked for is measured, and each claim has its verdict.")
    BUDGET_SPENT = ("BudgetSpent", "The time that the trial's budget pays for is over, and a claim is still open; the message says which.")
    DEADLINE = (
        "Deadline",
        "spec.deadlineSeconds of the trial, or the time of its load, is over, and not all is decided; the message says what is open.",
    )
    STOPPED = ("Stopped", "A person set spec.stop of the trial; what was measured until then stays.")
    BUDGET_TOO_SMALL = (
        "BudgetTooSmall",
        "The least that the trial would have to reserve is more than its budget, so that nothing was started; the message says how much it is.",
    )
    NOTHING_MEASURED = (
        "NothingMeasured",
        "No pool of the trial could be measured, as status.pools says of each, or nobody knows what requests the server takes.",
    )

    # State of an exit drill.
    DRILLING = (
        "Drilling",
        "A replica on a pool of another accelerator family is tried, which shows whether the workload could leave its own.",
    )
    EXIT_PROVEN = ("ExitProven", "By the last drill, a pool of another accelerator family would carry the load within its promise.")
    NO_OTHER_FAMILY = ("NoOtherFamily", "The workload may use no pool of another accelerator family, so that no exit can be tried.")
    TOO_FEW_FAMILIES = (
        "TooFewFamilies",
        "Fewer accelerator families are eligible than placement.minAcceleratorFamilies asks for, so that the workload is served by those that are.",
    )
    TRIAL_GONE = ("TrialGone", "The trial of a drill was deleted before it had ended, so that it proves nothing.")
    # A server that exists already.
    EXISTING_MISSING = (
        "ExistingMissing",
        "The object that spec.server.existing names is not there or cannot be read, or is Steelyard's own or another workload's; the message says which.",
    )
    NO_REPLICAS = (
        "NoReplicas",
        "What spec.server.existing names is scaled to zero: there is nothing to measure until there are replicas.",
    )

    # What the shell meets while acting.
    OBJECT_INVALID = ("ObjectInvalid", "The API server refuses an object, or a spec cannot be read; the message quotes why.")
    FIELDS_IGNORED = ("FieldsIgnored", "A spec has fields that only a later version of the operator knows; the message names them.")
    NOT_OURS = ("NotOurs", "An object that is needed, or that has the name of one, belongs to somebody else; it is left alone.")
    REVISION_DIFFERS = ("RevisionDiffers", "A Deployment of the name that is needed exists with another revision; delete it.")
    FIELD_OWNED_ELSEWHERE = (
        "FieldOwnedElsewhere",
        "Something else owns a field of an object of ours and says otherwise; the object is left alone until that manager releases it.",
    )
    LABEL_MISSING = ("LabelMissing", "An object of ours has lost the label by which it is watched; put it back.")

    # Verdict on a claim.
    CLAIM_CONFIRMED = ("ClaimConfirmed", "The advertised figure holds on this model and traffic.")
    CLAIM_REFUTED = ("ClaimRefuted", "The advertised figure does not hold on this model and traffic.")
    CLAIM_INCONCLUSIVE = ("ClaimInconclusive", "The measurements do not decide yet whether the advertised figure holds.")

    @classmethod
    def named(cls, word: str) -> Reason:
        """The member with that word; ValueError for a word that is not in the vocabulary."""
        for member in cls:
            if member.value == word:
                return member
        raise ValueError(f"{word!r} is not a reason")

    def __str__(self) -> str:
        """The word itself."""
        return str(self.value)


SETTLED = frozenset(
    {
        Reason.ALREADY_CHEAPEST,
        Reason.NO_EXPECTED_SAVING,
        Reason.SAVING_NOT_SIGNIFICANT,
        Reason.PAYBACK_TOO_LONG,
        Reason.EXPLORED_LATELY,
        Reason.POOL_SCARCE,
        Reason.NO_ROOM,
    }
)
"""Refusals that say that the present placement is the right one."""

STUCK = frozenset({Reason.OBJECT_INVALID, Reason.SECRET_MISSING, Reason.IMAGE_UNAVAILABLE, Reason.CONTAINER_NOT_CREATED})
"""What keeps a pod from starting until somebody mends it."""

AWAITED = frozenset({Reason.COMPILING, Reason.UNPLACED})
"""Why an artifact is not there yet that comes by itself: what compiles it runs, has its turn later, or waits for a node."""

ASKED_IN_VAIN: Mapping[str, str] = {Reason.WAITING_FOR_QUOTA: "quota", Reason.POOL_EXHAUSTED: "nodes"}
"""Why a place is left alone for minutes where nothing has failed, and what replicas of this workload had waited for."""

WISHED = frozenset({Reason.FROZEN, Reason.NOT_ASKED_FOR})
"""What a person has asked for: told like everything else, and no warning."""

HOLDS = frozenset(
    {
        Reason.FROZEN,
        Reason.NOT_SYNCED,
        Reason.CLOCK_SUSPECT,
        Reason.OBSERVATIONS_STALE,
        Reason.LATENCY_UNOBSERVABLE,
        Reason.PRICE_SUSPECT,
        Reason.SLO_AT_RISK,
        Reason.NO_POOL_MEETS_OBJECTIVE,
        Reason.REPLICAS_OWNED_ELSEWHERE,
        Reason.TOO_MANY_UNREADY_NODES,
        Reason.GOES_WITHOUT,
        Reason.EXISTING_MISSING,
        Reason.NO_REPLICAS,
        Reason.ROUTE_TAKEN,
        Reason.ROUTE_NOT_ACCEPTED,
        Reason.NO_GATEWAY_API,
        Reason.INFERENCE_POOL_TAKEN,
        Reason.INFERENCE_POOL_NOT_ACCEPTED,
        Reason.NO_INFERENCE_POOLS,
    }
)
"""Refusals that hold a workload: an input or a person stops it. The others just say that staying is right."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not: what was seen, the rule, what to do. `reconsider_at` None: only a change of the inputs can lift it."""

    reason: Reason
    message: str
    reconsider_at: datetime | None = None
