"""What is known of a workload on one pool and revision: replicas, capacity, unit cost, and the evidence behind them."""

from typing import Annotated

from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.model import StatusModel
from steelyard.api.moment import Time
from steelyard.api.money import Decimal
from steelyard.api.objective import CostUnit
from steelyard.api.status_values import Count, SmallCount
from steelyard.api.text import Digest, HashedRevision, Message, PlaceName, PoolName
from steelyard.api.word import Word


class Basis(Word):
    """What a number rests on."""

    CLAIMED = "Claimed", "an advertised number; nothing is measured here"
    CARRIED = "Carried", "a load that was carried: the true number is there or above"
    MEASURED = "Measured", "this workload's own traffic here"
    PLANNED = "Planned", "busy time here, at a planned utilisation"
    FITTED = (
        "Fitted",
        "a law fitted to this traffic, at loads below the objective",
    )
    PROBED = "Probed", "a ramp here that no user waited for, up to a load that broke the objective"
    SHARE = "Share", "measured traffic, at the requested share of the node's price"


class PricedBy(Word):
    """Where the price of a node is from."""

    POOL = "AcceleratorPool", "the pool's own shapes"
    CATALOGUE = (
        "Catalogue",
        "no AcceleratorPool has these nodes: the pool is named after their instance type, at the List price of the catalogue",
    )


class EnergyMethod(Word):
    """How an energy is known."""

    MEASURED = "Measured", "a counter of the devices themselves"
    ESTIMATED = "Estimated", "a part of what the node's processors drew, by processor time; it judges no claim"


class Verdict(Word):
    """The answer to a claim."""

    CONFIRMED = "Confirmed", "what is measured agrees with the claim, within a tenth"
    REFUTED = "Refuted", "what is measured excludes the claim by more than a tenth"
    INCONCLUSIVE = "Inconclusive", "too little has been measured to tell"


class TokenCost(StatusModel):
    """All of the cost over the tokens of one kind."""

    value: Annotated[Decimal, says("All of the cost for 1M tokens of good requests.", unit="currency", example="2.14")]
    lower: Annotated[Decimal, says("The lower 95 % end.", unit="currency", example="2.08")]
    upper: Annotated[Decimal, says("The upper 95 % end.", unit="currency", example="2.21")]
    tokens: Annotated[Count, says("The denominator.", unit="tokens", example=710_000)]
    cached: Annotated[Count | None, says("Input tokens that a prefix cache kept.", unit="tokens", example=120_000)] = None


class TokensPerRequest(StatusModel):
    """How many tokens a good request had when the capacity was measured."""

    mean: Annotated[Decimal, says("The mean over good requests.", unit="tokens", example="212")]
    lower: Annotated[Decimal, says("The lower 95 % end.", unit="tokens", example="207")]
    upper: Annotated[Decimal, says("The upper 95 % end.", unit="tokens", example="218")]


class UnitCost(StatusModel):
    """Cost of 1,000 good requests with its interval and the counts it was made from, and the same money over tokens."""

    value: Annotated[
        Decimal,
        says(
            "The cost of 1,000 good requests: the sum of cost over the sum of good requests, never a mean of ratios.",
            unit="currency for 1,000 good requests",
            example="0.0193",
        ),
    ]
    lower: Annotated[
        Decimal | None,
        says(
            "The lower end of the 95 % interval of the unit cost, by block bootstrap over windows. Missing when it rests on a claim.",
            unit="currency for 1,000 good requests",
            example="0.0187",
        ),
    ] = None
    upper: Annotated[
        Decimal | None,
        says(
            "The upper end of the 95 % interval of the unit cost. Missing when it rests on a claim, which has no interval.",
            unit="currency for 1,000 good requests",
            example="0.0201",
        ),
    ] = None
    n: Annotated[
        Count,
        says("How many good requests the value rests on. Few of them make a wide interval.", unit="requests", example=1200),
    ] = 0
    from_: Annotated[
        Time | None,
        says(
            "The start of the first window that is counted in, to be compared with the time of your bill. Windows with incomplete "
            "readings are left out, of the requests and of the cost.",
            example="2026-03-01T11:00:00Z",
        ),
    ] = None
    to: Annotated[
        Time | None,
        says(
            "The end of the last window that is counted in. Its distance from now is the age of the number.", example="2026-03-01T12:00:00Z"
        ),
    ] = None
    cost: Annotated[
        Decimal | None,
        says("The money spent here in that time: the numerator, so that you can recompute the value.", unit="currency", example="1.52"),
    ] = None
    good: Annotated[
        Count | None,
        says(
            "The good requests served here in that time: the denominator. Errors and slow answers cost but are not in it.",
            unit="requests",
            example=78_700,
        ),
    ] = None
    replicas: Annotated[
        SmallCount | None,
        says(
            "How many replicas served in that time. Another number is measured anew: what two cost says little of three. Missing when the number changed meanwhile, as in a move.",
            unit="replicas",
            example=3,
        ),
    ] = None
    basis: Annotated[
        Basis,
        says(
            "What the value rests on, by the words of capacityBasis. A claim never wins over a measurement, and it is never shown without this word.",
            brief=True,
            example="Measured",
        ),
    ]
    output_tokens: Annotated[
        TokenCost | None,
        says("The same money over output tokens. Missing where they are not told."),
    ] = None
    input_tokens: Annotated[
        TokenCost | None,
        says("The same money over input tokens. Missing where they are not told."),
    ] = None


class Floor(StatusModel):
    """What is reached at the lowest load that was seen."""

    percent: Annotated[
        Decimal,
        says("The share of requests that met every objective at that load. Errors count as missed.", unit="percent", example="96.2"),
    ]
    lower: Annotated[Decimal, says("The lower end of the 95 % interval of that share.", unit="percent", example="95.9")]
    upper: Annotated[Decimal, says("The upper end of the 95 % interval of that share.", unit="percent", example="96.5")]
    most: Annotated[
        Decimal,
        says(
            "The share that a still lower load could make of it at most, by the loads seen. Below the objective's percent no number of replicas helps.",
            unit="percent",
            example="97.1",
        ),
    ]
    requests_per_second: Annotated[Decimal, says("The lowest load of a replica that was seen.", unit="requests per second", example="2.1")]
    requests: Annotated[Count, says("How many requests the share rests on.", unit="requests", example=4800)]
    time: Annotated[Time, says("Until when it was seen.", example="2026-03-01T12:00:00Z")]


class Saturation(StatusModel):
    """What one replica completes at most, late or not."""

    per_replica: Annotated[
        Decimal,
        says(
            "The requests that one replica completes when it is full. A claim of throughput is about this.",
            unit="requests per second",
            example="55",
        ),
    ]
    lower: Annotated[Decimal, says("The lower end of its 95 % interval.", unit="requests per second", example="52.1")]
    upper: Annotated[Decimal, says("The upper end of its 95 % interval.", unit="requests per second", example="58.3")]
    requests: Annotated[Count, says("How many answers it rests on.", unit="requests", example=4800)] = 0


class UnitEnergy(StatusModel):
    """What one good request draws, by counters of joules."""

    joules_per_request: Annotated[
        Decimal,
        says(
            "The energy of a good request: all that the replicas drew, idle or not, over the good requests.",
            unit="joules",
            example="4.3",
        ),
    ]
    lower: Annotated[Decimal, says("The lower end of its 95 % interval.", unit="joules", example="4.2")]
    upper: Annotated[Decimal, says("The upper end of its 95 % interval.", unit="joules", example="4.45")]
    watts: Annotated[Decimal, says("The mean power of one replica meanwhile.", unit="watts", example="172")]
    watts_lower: Annotated[Decimal, says("The lower end of the 95 % interval of that power.", unit="watts", example="169")]
    watts_upper: Annotated[Decimal, says("The upper end of the 95 % interval of that power.", unit="watts", example="175")]
    requests_per_second: Annotated[
        Decimal, says("What one replica answered meanwhile, in time or late.", unit="requests per second", example="40")
    ]
    n: Annotated[Count, says("How many good requests it rests on.", unit="requests", example=38_400)] = 0
    method: Annotated[EnergyMethod, says("Whether it is counted for these replicas alone, or attributed to them.", example="Measured")]


class Percentile(StatusModel):
    """How long requests take that a replica answers at a load for which it is meant: from half of its capacity to all of it."""

    percent: Annotated[
        Decimal,
        says("The part of the answers that stayed below: that of the objective for the whole request.", unit="percent", example="99"),
    ]
    milliseconds: Annotated[Decimal, says("What they stayed below.", unit="milliseconds", example="84")]
    lower: Annotated[
        Decimal, says("The lower end of what that may be, by bounds that hold at every look.", unit="milliseconds", example="50")
    ]
    upper: Annotated[
        Decimal, says("The upper end of what that may be, by bounds that hold at every look.", unit="milliseconds", example="100")
    ]
    requests_per_second: Annotated[Decimal, says("What one replica was asked for meanwhile.", unit="requests per second", example="31")]
    n: Annotated[Count, says("How many answers it rests on.", unit="requests", example=38_400)] = 0


class PlacementStatus(StatusModel):
    """One workload on one pool in one revision."""

    pool: Annotated[
        PlaceName,
        says(
            "The pool that the replicas of this entry run on, or could run on; POOL.VARIANT for a variant of spec.compile.",
            example="inf2-xlarge",
        ),
    ]
    revision: Annotated[
        HashedRevision,
        says(
            "The hash of what makes a replica behave (artifact, image, arguments), also the end of the Deployment's name.",
            example="3f9a01bc",
        ),
    ]
    desired_replicas: Annotated[
        SmallCount, says("How many replicas Steelyard wants here now, by load, plan and the step of a move.", unit="replicas", example=3)
    ] = 0
    ready_replicas: Annotated[
        SmallCount, says("How many replicas here pass their readiness check now and can take traffic.", unit="replicas", example=3)
    ] = 0
    weight: Annotated[
        int | None,
        says(
            "What the workload's HTTPRoute sends here, of 1000. Missing where requests come otherwise, or all go to one "
            "InferencePool. Of placements in one InferencePool the parts are by replica, and its endpoint picker may choose others.",
            unit="thousandths",
            example=250,
            low=0,
            high=1000,
        ),
    ] = None
    artifact_digest: Annotated[
        Digest | None,
        says(
            "The digest of the compiled artifact that the replicas run. Missing where nothing is compiled, as with a custom server.",
            example="sha256:0a0a and so on, 64 hex digits",
        ),
    ] = None
    capacity_per_replica: Annotated[
        Decimal | None,
        says(
            "The good requests that one replica serves while the objective holds: the best estimate from claim and evidence.",
            unit="requests per second",
            example="38.5",
        ),
    ] = None
    capacity_lower: Annotated[
        Decimal | None,
        says(
            "The lower end of the 95 % interval of that capacity. A saving has to hold with it.", unit="requests per second", example="36.1"
        ),
    ] = None
    capacity_upper: Annotated[
        Decimal | None,
        says(
            "The upper end of the 95 % interval of that capacity; far above the lower end means little evidence.",
            unit="requests per second",
            example="41.0",
        ),
    ] = None
    unit_cost: Annotated[
        UnitCost | None,
        says(
            "What good requests cost here, with interval, counts and basis. Missing without traffic and without a claim; it is never 0 by accident."
        ),
    ] = None
    capacity_basis: Annotated[
        Basis | None,
        says(
            "What the capacity rests on.",
            example="Measured",
        ),
    ] = None
    capacity_requests: Annotated[Count, says("How many good requests the capacity rests on.", unit="requests", example=1200)] = 0
    good_percent: Annotated[
        Decimal | None,
        says("The share of requests that met every objective here. Missing without traffic.", unit="percent", example="99.4"),
    ] = None
    p50_milliseconds: Annotated[
        Count | None,
        says("The latency that half of the requests stayed below here, from histogram buckets.", unit="milliseconds", example=40),
    ] = None
    p95_milliseconds: Annotated[Count | None, says("The same of 95 of 100 requests.", unit="milliseconds", example=110)] = None
    p99_milliseconds: Annotated[Count | None, says("The same of 99 of 100 requests.", unit="milliseconds", example=180)] = None
    floor: Annotated[
        Floor | None,
        says("What is reached here at the lowest load that was seen, which tells whether the objective can be met here at any load."),
    ] = None
    saturation: Annotated[
        Saturation | None,
        says(
            "What one replica completes at most here, late or not. Missing where nothing was shed and the server does not tell how busy it is."
        ),
    ] = None
    energy: Annotated[
        UnitEnergy | None,
        says("What a good request draws here. Missing where no counter tells it: what is unknown is never 0."),
    ] = None
    latency: Annotated[
        Percentile | None,
        says("How long requests take here at a usual load. Missing without an objective for the whole request, or without a histogram."),
    ] = None
    start_seconds: Annotated[
        Decimal | None,
        says(
            "How long a replica took here from its order until it was first ready, as measured. A move to this pool is priced with it.",
            unit="seconds",
            example="95",
        ),
    ] = None
    probed_time: Annotated[
        Time | None,
        says(
            "When the probe ended that the capacity rests on. Missing where it rests on the workload's own traffic.",
            example="2026-03-01T12:00:00Z",
        ),
    ] = None
    priced_by: Annotated[
        PricedBy | None,
        says(
            "Where the price of a node is from. Missing: the AcceleratorPool of that name. Where it is the catalogue's, create one "
            "with the price that you pay.",
            example="Catalogue",
        ),
    ] = None
    input_tokens_per_request: Annotated[
        TokensPerRequest | None,
        says("The input tokens of the good requests that the capacity is for."),
    ] = None
    output_tokens_per_request: Annotated[
        TokensPerRequest | None,
        says("The output tokens of the good requests that the capacity is for."),
    ] = None
    steady: Annotated[
        bool | None, says("Whether the unit cost was measured outside of moves, so that it speaks of this placement alone.", example=True)
    ] = None


class ClaimStatus(StatusModel):
    """What this workload's own traffic says about one claim of a pool."""

    pool: Annotated[PoolName, says("The pool whose claim is judged here, by what this workload measured on it.", example="inf2-xlarge")]
    name: Annotated[
        Annotated[str, Field(max_length=63)],
        says("The name of the claim in the pool's list of claims, where its source is given.", example="vendor-cost"),
    ]
    verdict: Annotated[
        Verdict,
        says(
            "What the measurements say about the claim, wrong with a chance of at most 1 % however often it is looked at.",
            example="Confirmed",
        ),
    ]
    n: Annotated[
        Count, says("How many good requests the verdict rests on. More of them make the interval narrower.", unit="requests", example=1200)
    ] = 0
    claimed: Annotated[
        Decimal | None,
        says("The advertised number, brought to the unit in which it was measured here.", unit="as the claim", example="0.3"),
    ] = None
    relative_to: Annotated[
        Annotated[str, Field(max_length=63)] | None,
        says("The pool or instance type that the claimed ratio is relative to. Missing for a claim with a value.", example="g5-xlarge"),
    ] = None
    price: Annotated[
        Decimal | None,
        says(
            "The price of the claim's pool when this workload first saw the claim: of a node over its resources, weighted. With the"
            " next field it fixes what a claim of cost says of the speed, whatever prices do later.",
            unit="currency per hour and weighted resource",
            example="2.06",
        ),
    ] = None
    relative_price: Annotated[
        Decimal | None,
        says(
            "The same price of the pool that the claim is relative to. Missing where it is relative to no pool.",
            unit="currency per hour and weighted resource",
            example="1.03",
        ),
    ] = None
    measured: Annotated[
        Decimal | None,
        says(
            "The number that was measured here in place of the claimed one. Missing until something was.",
            unit="as the claim",
            example="0.41",
        ),
    ] = None
    lower: Annotated[
        Decimal | None,
        says("The lower end of what the measured number may be, by bounds that hold at every look.", unit="as the claim", example="0.38"),
    ] = None
    upper: Annotated[
        Decimal | None,
        says("The upper end of what the measured number may be, by bounds that hold at every look.", unit="as the claim", example="0.44"),
    ] = None
    unit: Annotated[
        CostUnit | None,
        says("What the figures count. Missing: GoodRequests.", example="OutputTokens", brief=True),
    ] = None
    reason: Annotated[
        Annotated[str, Field(max_length=64)],
        says(
            "Why the verdict is Inconclusive, as one word from the documented vocabulary. Empty of the other verdicts.",
            example="OnlyCarried",
        ),
    ] = ""
    message: Annotated[
        Message,
        says(
            "The verdict as one sentence with its numbers, ready to be quoted.",
            example="Claimed 0.30 of g5-xlarge's cost, measured 0.41 (0.38 to 0.44).",
        ),
    ] = ""


class Quarantine(StatusModel):
    """A revision on a pool that failed and is not tried again for a while."""

    pool: Annotated[
        PlaceName, says("The pool on which the revision failed its verdict; other pools are not touched by it.", example="inf2-xlarge")
    ]
    revision: Annotated[HashedRevision, says("The revision that failed there. A new one is free to be tried at once.", example="3f9a01bc")]
    until: Annotated[
        Time, says("Until when it is not tried again. Each failure doubles the pause up to a limit.", example="2026-03-02T12:00:00Z")
    ]
    failures: Annotated[
        SmallCount, says("How many verdicts in a row it has failed there; it decides the length of the pause.", unit="failures", example=1)
    ] = 0
    reason: Annotated[
        Annotated[str, Field(max_length=64)],
        says("Why it failed the last time, as one word from the documented vocabulary.", example="SLOAtRisk"),
    ] = ""
