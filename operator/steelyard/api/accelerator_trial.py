"""AcceleratorTrial: a proof of concept as an object. Some pools are compared under the same load, within a budget, and claims are judged."""

import re
from typing import Annotated, Literal

from pydantic import Field, StrictBool

from steelyard.api.claim import CLAIMS_MAX, ClaimFigure
from steelyard.api.compiled_model import Accuracy
from steelyard.api.conditions import TrialCondition
from steelyard.api.describe import says
from steelyard.api.kind import Column, Kind, Resource
from steelyard.api.model import SpecModel, StatusModel
from steelyard.api.moment import Time
from steelyard.api.money import CurrencyCode, Decimal, PositiveMoney
from steelyard.api.placement_status import Basis, ClaimStatus, Percentile, Saturation, UnitCost, UnitEnergy, Verdict
from steelyard.api.rule import Pattern, Rule
from steelyard.api.shape import PriceClass
from steelyard.api.status_values import Count, Generation, Seconds, SmallCount
from steelyard.api.text import LABEL, TRIAL_NAME_MAX, HashedRevision, Message, PlaceName, WorkloadName
from steelyard.api.word import Word

POOLS_MAX = 8
FACTORS_MAX = 2

LengthFactor = Annotated[
    str,
    Field(max_length=4),
    Pattern(
        "^(0[.][1-9][1-9]?|1[.][1-9]|[2-9]([.][1-9])?|10)$",
        'must be a quoted number from "0.1" to "10" with one decimal at most (two below "1") and no zero at its end, such as "0.5"; not "1": the lengths as they are are measured anyway',
        quoted=True,
    ),
]
"""Times all lengths of the requests. Each number is written in one way alone, so that a set has it once."""


class LoadMode(Word):
    """Where the load of a trial comes from."""

    SYNTHETIC = "Synthetic", "a generator beside each server, with requests as long as the workload's own; no user waits for them"
    LIVE = (
        "Live",
        "a share of the workload's own requests, which one replica on each pool answers beside those that serve; by a move of the workload",
    )
    MIRROR = "Mirror", "copies of the workload's own requests, by a gateway that can make them"


class TrialLoad(SpecModel):
    """What the pools are asked for."""

    RULES = (
        Rule(
            "self.mode != 'Mirror'",
            "must be Synthetic or Live: no gateway that mirrors requests is used by this version",
            lambda load: load.mode != LoadMode.MIRROR,
            field="mode",
        ),
        Rule(
            "self.mode == 'Synthetic' || !has(self.lengthFactors) || self.lengthFactors.size() == 0",
            "must be left out with mode Live: the users' own requests are as long as they are",
            lambda load: load.mode == LoadMode.SYNTHETIC or not load.length_factors,
            field="lengthFactors",
        ),
    )

    mode: Annotated[LoadMode, says("Where the requests come from.", example="Synthetic")] = LoadMode.SYNTHETIC
    length_factors: Annotated[
        tuple[Annotated[LengthFactor, says("Times all lengths, of prompts and of answers.", unit="times", example="0.5")], ...],
        says(
            "At which other lengths the pools are measured as well, to find out whether a claim holds there: by a shorter ramp for each, with all lengths "
            "of the requests times it. Each takes as long as a fifth of the load, beside it, and as much money; so there is none unless asked for. Where a "
            "server cannot take requests so long (spec.compile.sequenceLengths, spec.server.vllm.maxModelLength), its pool's row says so, and nothing is "
            "cut.",
            example=["0.5", "2"],
            most=FACTORS_MAX,
            list_type="set",
        ),
    ] = ()


class TrialClaim(ClaimFigure):
    """One claim to be judged. It needs no source: it is the question that the trial is made for."""

    name: Annotated[
        Annotated[
            str,
            Field(max_length=63),
            Pattern("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "must be lower case letters, digits and hyphens, such as half-the-cost"),
        ],
        says("A name for the claim, once in this trial.", example="half-the-cost"),
    ]
    pool: Annotated[PlaceName, says("The pool that the claim is about, one of spec.pools.", example="inf2-xlarge")]


class AcceleratorTrialSpec(SpecModel):
    """What is compared, for how long at most, and for how much money."""

    RULES = (
        Rule(
            "self.workloadName == oldSelf.workloadName && self.pools == oldSelf.pools && self.load == oldSelf.load && "
            "self.budget == oldSelf.budget && self.deadlineSeconds == oldSelf.deadlineSeconds && "
            "has(self.durationSeconds) == has(oldSelf.durationSeconds) && "
            "(!has(self.durationSeconds) || self.durationSeconds == oldSelf.durationSeconds) && "
            "has(self.claims) == has(oldSelf.claims) && (!has(self.claims) || self.claims == oldSelf.claims)",
            "must not change, but for stop: what is measured already was measured for this question; make another trial",
            None,
            reason="FieldValueForbidden",
        ),
        Rule(
            "!has(self.claims) || self.claims.all(c, c.pool in self.pools)",
            "must be about pools of this trial: each claim's pool has to be one of spec.pools",
            lambda t: all(c.pool in t.pools for c in t.claims),
            field="claims",
        ),
        Rule(
            "!has(self.claims) || self.claims.all(c, !has(c.ratio) || (self.pools.size() > 1 && c.relativeTo != c.pool))",
            "must have two pools for a ratio: relativeTo is another one than the claim's own, which spec.pools has to name; a value needs one alone",
            lambda t: all(c.ratio is None or (len(t.pools) > 1 and c.relative_to != c.pool) for c in t.claims),
            field="claims",
        ),
        Rule(
            "!has(self.durationSeconds) || self.durationSeconds <= self.deadlineSeconds",
            "must not be more than deadlineSeconds: the load is a part of the trial, after compiles and start-ups",
            lambda t: t.duration_seconds is None or t.duration_seconds <= t.deadline_seconds,
            field="durationSeconds",
        ),
    )

    workload_name: Annotated[
        WorkloadName,
        says(
            "The InferenceWorkload of this namespace whose model, objective, lengths and load are taken. It is not moved by the trial.",
            example="embedder",
        ),
    ]
    pools: Annotated[
        tuple[
            Annotated[
                PlaceName,
                says("The name of an AcceleratorPool, or POOL.VARIANT for a variant of the workload there.", example="inf2-xlarge"),
            ],
            ...,
        ],
        says(
            "The AcceleratorPools that are compared, each by one replica that serves nobody; of live traffic one after the other, by one that serves. "
            "The workload must be allowed to use them. One is enough where no claim is a ratio.",
            example=["g5-xlarge", "inf2-xlarge"],
            least=1,
            most=POOLS_MAX,
            list_type="set",
        ),
    ]
    load: Annotated[TrialLoad, says("What the pools are asked for.")] = TrialLoad()
    duration_seconds: Annotated[
        Annotated[int, says("", low=60, high=43_200)] | None,
        says(
            "How long the load lasts on each pool: a ramp until the objective breaks and the server is full, then steps at all, half and twice of the "
            "workload's load. It ends before once each claim has its verdict and the first of these is measured. Left out, it is as long as the budget "
            "pays for, from 3 to 60 minutes. Of live traffic, for how long at most a pool gets requests; left out, as long as an exploration of the "
            "workload may take. Longer means narrower intervals.",
            unit="seconds",
            example=1200,
        ),
    ] = None
    deadline_seconds: Annotated[
        int,
        says(
            "When the trial ends in any case, counted from its creation: waiting for compiles, nodes and start-ups is within it.",
            unit="seconds",
            example=7200,
            low=120,
            high=604_800,
        ),
    ] = 7200
    budget: Annotated[
        PositiveMoney,
        says(
            "The most that the trial's replicas may cost, start-up included. What it can cost at most is reserved before it starts; where that is "
            "more, it does not start. Compiles are not in it: they are kept for the workload. Of live traffic its replica stays, and goes on costing "
            "beyond this, while nothing can be read or no operator runs.",
            unit="currency",
            example="2.00",
        ),
    ]
    claims: Annotated[
        tuple[TrialClaim, ...],
        says(
            "The claims to be judged. Left out, they are those that the pools have for the workload's model.",
            most=8,
            keys=("name",),
        ),
    ] = ()
    stop: Annotated[
        StrictBool,
        says("Set it to true to end the trial now. What was measured stays in status, and nothing else stays.", example=True),
    ] = False


class TrialPhase(Word):
    """How far a trial is on one pool."""

    WAITING = "Waiting", "for its artifact, for the other pools, for a node, or for the workload to begin"
    STARTING = "Starting", "its replica is on a node and not ready yet, or is probed"
    MEASURING = "Measuring", "requests are sent, or come"
    MEASURED = "Measured", "all that was to be sent was sent, or what was asked is known"
    FAILED = "Failed", "it ended without a result"
    REFUSED = "Refused", "it cannot be measured here, and the message says why"


class TrialStep(StatusModel):
    """What became of a steady load."""

    load: Annotated[
        Decimal,
        says(
            "The load of the whole workload that is looked at; of live traffic, what came to all replicas on this pool.",
            unit="requests per second",
            example="120",
        ),
    ]
    of_present: Annotated[Decimal, says("That, as a multiple of the workload's load when the trial began.", unit="times", example="0.5")]
    replicas: Annotated[
        SmallCount,
        says("Replicas that this load needs on the pool, by the ramp; of live traffic, that served it.", unit="replicas", example=3),
    ]
    rate: Annotated[Decimal, says("What one replica was asked for: the load over the replicas.", unit="requests per second", example="40")]
    seconds: Annotated[Decimal | None, says("How long requests were sent.", unit="seconds", example="240")] = None
    requests: Annotated[Count, says("How many requests were sent.", unit="requests", example=9600)]
    failed: Annotated[Count | None, says("How many of them got an error or were turned away.", unit="requests", example=3)] = None
    good_percent: Annotated[Decimal, says("The share of them that met every objective.", unit="percent", example="99.4")]
    mean_milliseconds: Annotated[
        Decimal | None,
        says(
            "What an answer took in the mean. Missing where the server does not tell, as with the percentiles: of live traffic it needs a histogram with "
            "its sum.",
            unit="milliseconds",
            example="25.1",
        ),
    ] = None
    p50_milliseconds: Annotated[Decimal | None, says("What half of the answers took at most.", unit="milliseconds", example="22.4")] = None
    p95_milliseconds: Annotated[Decimal | None, says("What 95 of 100 answers took at most.", unit="milliseconds", example="48.1")] = None
    p99_milliseconds: Annotated[Decimal | None, says("What 99 of 100 answers took at most.", unit="milliseconds", example="80.2")] = None
    unit_cost: Annotated[
        Decimal | None,
        says(
            "What 1,000 good requests cost at this load with that many replicas. Missing while the price is not known.",
            unit="currency for 1,000 good requests",
            example="0.0193",
        ),
    ] = None
    joules_per_request: Annotated[
        Decimal | None,
        says("The energy of a good request, by the server's counter. Missing where none tells it.", unit="joules", example="4.3"),
    ] = None
    input_tokens: Annotated[
        Decimal | None,
        says("The tokens of a good request in the mean. Missing where the server does not tell.", unit="tokens", example="212"),
    ] = None
    output_tokens: Annotated[
        Decimal | None,
        says(
            "The tokens of its answer in the mean. Missing where nothing is generated, or the server does not tell.",
            unit="tokens",
            example="128",
        ),
    ] = None


class TrialLength(StatusModel):
    """What a replica carries with other lengths of all requests."""

    factor: Annotated[Decimal, says("Times all lengths, one of spec.load.lengthFactors.", unit="times", example="2")]
    message: Annotated[
        Message,
        says("Why nothing was measured, or less than was asked for, as a sentence.", example="not measured: its ramp did not end"),
    ] = ""
    capacity_per_replica: Annotated[
        Decimal | None,
        says("The requests that one replica serves while the objective is just kept.", unit="requests per second", example="17.2"),
    ] = None
    capacity_lower: Annotated[
        Decimal | None, says("The lower end of the 95 % interval of that capacity.", unit="requests per second", example="15.3")
    ] = None
    capacity_upper: Annotated[
        Decimal | None, says("The upper end of the 95 % interval of that capacity.", unit="requests per second", example="19.6")
    ] = None
    capacity_basis: Annotated[
        Basis | None,
        says("Probed, or Carried where the objective held up to the highest load that was sent.", example="Probed", brief=True),
    ] = None
    capacity_requests: Annotated[Count, says("How many good requests the capacity rests on.", unit="requests", example=1_900)] = 0
    saturation: Annotated[Saturation | None, says("What one replica completes at most, late or not. Missing where it was never full.")] = (
        None
    )
    unit_cost: Annotated[
        UnitCost | None,
        says("What good requests so long cost where the objective is just kept. Missing until price and capacity are known."),
    ] = None


class TrialPool(StatusModel):
    """What the trial found on one pool."""

    pool: Annotated[PlaceName, says("The pool that this row is about.", example="inf2-xlarge")]
    phase: Annotated[TrialPhase, says("How far the trial is there.", example="Measuring")]
    message: Annotated[Message, says("What it waits for, or why it ended so, as a sentence.", example="its artifact compiles")] = ""
    revision: Annotated[
        HashedRevision | None, says("The hash of what the replica is (artifact, image, arguments).", example="3f9a01bc")
    ] = None
    backend: Annotated[
        Annotated[str, Field(max_length=63)] | None, says("What serves on the pool, by its back end.", example="openvino")
    ] = None
    image: Annotated[
        Annotated[str, Field(max_length=512)] | None,
        says("The image of the server, and of the generator beside it.", example="registry.example/steelyard/runtime-serve:0.1.0"),
    ] = None
    devices: Annotated[
        Decimal | None,
        says("The devices of a replica: parts of them where a node hands out parts, and 0 on a CPU.", unit="devices", example="1"),
    ] = None
    job_name: Annotated[
        Annotated[str, Field(max_length=63)] | None,
        says("The Job of its replica, in the same namespace, to look at its pod and log.", example="half-0a1b2c3d4e"),
    ] = None
    compile_seconds: Annotated[
        Seconds | None,
        says(
            "How long the compile of its artifact took. Missing where nothing was compiled or it is not told.", unit="seconds", example=840
        ),
    ] = None
    beside: Annotated[
        Message,
        says(
            "Who else was on the node while the replica measured, as a sentence: what they do may be in the figures. Of live traffic on the nodes of all "
            "replicas on this pool. Empty for nobody.",
            example="its node also runs team-a/search-1",
        ),
    ] = ""
    start_seconds: Annotated[
        Decimal | None,
        says("How long its replica took from its order until it was ready.", unit="seconds", example="95"),
    ] = None
    from_: Annotated[Time | None, says("When its first request was sent.", example="2026-03-01T12:05:00Z")] = None
    to: Annotated[Time | None, says("When its last request was answered.", example="2026-03-01T12:25:00Z")] = None
    price_per_hour: Annotated[
        Decimal | None,
        says("What one replica costs an hour, by which all costs here are counted.", unit="currency an hour", example="0.7582"),
    ] = None
    price_class: Annotated[PriceClass | None, says("What kind of price that is.", example="List")] = None
    accuracy: Annotated[
        Accuracy | None,
        says("How near the answers of its artifact were to the reference's when it was compiled. Missing where that was not verified."),
    ] = None
    capacity_per_replica: Annotated[
        Decimal | None,
        says(
            "The requests that one replica serves while the objective is just kept, by the ramp or by live traffic.",
            unit="requests per second",
            example="38.5",
        ),
    ] = None
    capacity_lower: Annotated[
        Decimal | None, says("The lower end of the 95 % interval of that capacity.", unit="requests per second", example="36.1")
    ] = None
    capacity_upper: Annotated[
        Decimal | None, says("The upper end of the 95 % interval of that capacity.", unit="requests per second", example="41.0")
    ] = None
    capacity_basis: Annotated[
        Basis | None,
        says(
            "Probed, or Carried where the objective held up to the highest load that was sent. Of live traffic as everywhere: Measured, Fitted, Planned "
            "where nothing tells how full a replica may be, or Carried where servers do not tell how busy they are.",
            example="Probed",
            brief=True,
        ),
    ] = None
    capacity_requests: Annotated[Count, says("How many good requests the capacity rests on.", unit="requests", example=12_000)] = 0
    saturation: Annotated[Saturation | None, says("What one replica completes at most, late or not. Missing where it was never full.")] = (
        None
    )
    energy: Annotated[
        UnitEnergy | None,
        says(
            "What a good request and a replica draw at the highest steady load, of live traffic at the load that came, by counters. Missing where none tells it."
        ),
    ] = None
    latency: Annotated[
        Percentile | None,
        says(
            "How long requests take at the highest steady load that a replica is meant for, from half of its capacity to all of it; of live traffic at all "
            "such loads that came. Missing where none came, or too few requests for its upper end."
        ),
    ] = None
    unit_cost: Annotated[
        UnitCost | None,
        says("What good requests cost where the objective is just kept: the price over the capacity. Missing until both are known."),
    ] = None
    steps: Annotated[
        tuple[TrialStep, ...],
        says(
            "The steady loads after the ramp: half, all and twice of the workload's own, as far as they were sent. Of live traffic one: what was served "
            "as it was.",
            most=5,
            list_type="atomic",
        ),
    ] = ()
    lengths: Annotated[
        tuple[TrialLength, ...],
        says("The same with other lengths, one for each of spec.load.lengthFactors.", most=FACTORS_MAX, list_type="atomic"),
    ] = ()
    spent: Annotated[
        Decimal | None,
        says("What its replica has cost so far, from its node to its end.", unit="currency", example="0.31"),
    ] = None


class ClaimAtLength(StatusModel):
    """What the trial says about a claim with other lengths of all requests."""

    factor: Annotated[Decimal, says("Times all lengths, one of spec.load.lengthFactors.", unit="times", example="2")]
    verdict: Annotated[
        Verdict,
        says(
            "Confirmed or Refuted where the whole interval says so; else Inconclusive, also where nothing was measured.", example="Refuted"
        ),
    ]
    n: Annotated[Count, says("How many good requests the verdict rests on.", unit="requests", example=1_900)] = 0
    measured: Annotated[
        Decimal | None, says("The figure that the claim speaks of, as it was measured.", example="0.91", unit="as claimed")
    ] = None
    lower: Annotated[Decimal | None, says("The lower end of its interval.", example="0.81", unit="as claimed")] = None
    upper: Annotated[Decimal | None, says("The upper end of its interval.", example="1.04", unit="as claimed")] = None


class TrialVerdict(ClaimStatus):
    """What the trial says about one claim."""

    flips: Annotated[
        Message,
        says(
            "At which loads of the workload the claim would be true, false or, by the bounds of both capacities, open, since replicas are whole: as a "
            "sentence. Empty for a claim that is not of cost, that is the same at all loads, or of a pool where a load was only carried.",
            example="true from 80 to 120 requests/s; open from 124 to 131; false elsewhere between 20 and 480: replicas are whole",
        ),
    ] = ""
    lengths: Annotated[
        tuple[ClaimAtLength, ...],
        says(
            "The same claim with other lengths, one for each of spec.load.lengthFactors. Empty for a claim of power or latency, which short ramps do not "
            "judge. The trial ends as Decided whatever stands here.",
            most=FACTORS_MAX,
            list_type="atomic",
        ),
    ] = ()


class AcceleratorTrialStatus(StatusModel):
    """How far the trial is and what it found."""

    observed_generation: Annotated[
        Generation,
        says("The generation of the spec that this status speaks about.", unit="generation", example=1),
    ] = 0
    conditions: Annotated[
        tuple[TrialCondition, ...],
        says("What is true of the trial now: Finished says whether it has ended, and why.", most=1, keys=("type",)),
    ] = ()
    summary: Annotated[
        Annotated[str, Field(max_length=80)],
        says("The first verdict in short, for kubectl get.", example="inf2-xlarge: claimed 0.50, 0.83 [0.79, 0.88] Refuted"),
    ] = ""
    digest: Annotated[
        Annotated[str, Field(max_length=64)],
        says(
            "The digest of how far the trial is and what is known, which stands with the full record of that decision in the operator's log.",
            example="0a1b2c3d4e5f6071",
        ),
    ] = ""
    currency: Annotated[CurrencyCode | None, says("The currency of all money in this status.", example="USD")] = None
    reserved: Annotated[
        Decimal | None,
        says(
            "The most that the trial can cost, fixed when its replicas were made. Missing before. Of live traffic it grows with each pool that begins, up "
            "to spec.budget.",
            unit="currency",
            example="1.84",
        ),
    ] = None
    spent: Annotated[Decimal | None, says("What all replicas of the trial have cost so far.", unit="currency", example="0.62")] = None
    load: Annotated[
        Decimal | None,
        says("The workload's load when the trial began. Missing where none was known.", unit="requests per second", example="120"),
    ] = None
    load_seconds: Annotated[Seconds | None, says("How long the load lasts on each pool.", unit="seconds", example=1200)] = None
    length_seconds: Annotated[
        Seconds | None,
        says("How long the load at other lengths lasts beside it. Missing where none is asked for.", unit="seconds", example=480),
    ] = None
    started_time: Annotated[
        Time | None, says("When its replicas were ordered, which is after the compiles.", example="2026-03-01T12:00:00Z")
    ] = None
    begin_time: Annotated[
        Time | None,
        says("From when on all pools that are ready measure together.", example="2026-03-01T12:05:00Z"),
    ] = None
    answered_time: Annotated[
        Time | None,
        says(
            "When each claim had its verdict and the workload's own load was measured, with load left to send: generators were told "
            "to send no more of it.",
            example="2026-03-01T12:20:00Z",
        ),
    ] = None
    ended_time: Annotated[Time | None, says("When the trial ended, for whatever reason.", example="2026-03-01T12:25:00Z")] = None
    pools: Annotated[
        tuple[TrialPool, ...], says("What was found on each pool, in the order of the spec.", most=POOLS_MAX, keys=("pool",))
    ] = ()
    claims: Annotated[
        tuple[TrialVerdict, ...],
        says("The verdict on each claim, in order of pool and name.", most=POOLS_MAX * CLAIMS_MAX, keys=("pool", "name")),
    ] = ()


class AcceleratorTrial(Resource):
    """Some pools compared by a workload's own model and promise, with a budget, a deadline, and a verdict on what was claimed."""

    RULES = (
        Rule(
            f"self.metadata.name.size() <= {TRIAL_NAME_MAX} && self.metadata.name.matches('^{LABEL}$')",
            f"must have a name of at most {TRIAL_NAME_MAX} lower case letters, digits and hyphens that starts with a letter: NAME-HASH is the name of "
            "its Jobs, and the label job-name holds 63 characters",
            lambda t: len(t.metadata.name) <= TRIAL_NAME_MAX and re.fullmatch(LABEL, t.metadata.name) is not None,
        ),
    )

    kind: Literal["AcceleratorTrial"] = "AcceleratorTrial"
    spec: Annotated[
        AcceleratorTrialSpec,
        says(
            "What is compared, for how long at most, and for how much money. It does not change, but for stop: another question is another trial."
        ),
    ]
    status: Annotated[AcceleratorTrialStatus, says("How far the trial is and what it found. Only the operator writes it.")] = (
        AcceleratorTrialStatus()
    )


ACCELERATOR_TRIAL = Kind(
    model=AcceleratorTrial,
    name="AcceleratorTrial",
    plural="acceleratortrials",
    short="atrial",
    scope="Namespaced",
    columns=(
        Column("Workload", ".spec.workloadName", "Whose model and promise."),
        Column("Finished", '.status.conditions[?(@.type=="Finished")].status', "Whether it has ended."),
        Column("Reason", '.status.conditions[?(@.type=="Finished")].reason', "Why it ended, or what it does."),
        Column("Verdict", ".status.summary", "The first verdict in short."),
        Column("Spent", ".status.spent", "What it has cost so far."),
        Column("Budget", ".spec.budget", "What it may cost at most."),
        Column("Age", ".metadata.creationTimestamp", "Time since creation.", "date"),
        Column("Reserved", ".status.reserved", "What was set aside before it began.", wide=True),
        Column("Ended", ".status.endedTime", "When it ended.", wide=True),
    ),
    selectable=(".spec.workloadName",),
)
