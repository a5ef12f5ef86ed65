"""A claim: what somebody advertises about an accelerator. It is a prior and a question, never an answer."""

from typing import Annotated

from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.moment import Date
from steelyard.api.money import PositiveDecimal
from steelyard.api.rule import Pattern, Rule
from steelyard.api.word import Word

CLAIMS_MAX = 32
"""Of one pool."""


class ClaimMetric(Word):
    """What is claimed."""

    UNIT_COST = "UnitCost", "the cost of one unit"
    THROUGHPUT = "Throughput", "requests or tokens per second of one device"
    LATENCY = (
        "Latency",
        "the time that the objective's percent of the requests stay below, from half of a replica's capacity to all of it",
    )
    POWER = "Power", "the power of one device, or of a replica on a CPU pool"


class ClaimUnit(Word):
    """The unit of an absolute claim."""

    PER_THOUSAND_REQUESTS = "PerThousandRequests", "currency per 1,000 requests"
    PER_MILLION_TOKENS = "PerMillionTokens", "currency per 1M generated tokens"
    PER_MILLION_INPUT_TOKENS = "PerMillionInputTokens", "currency per 1M prompt tokens"
    REQUESTS_PER_SECOND = "RequestsPerSecond", "requests per second of one device"
    TOKENS_PER_SECOND = "TokensPerSecond", "generated tokens per second of one device"
    INPUT_TOKENS_PER_SECOND = "InputTokensPerSecond", "prompt tokens per second of one device"
    MILLISECONDS = "Milliseconds", "milliseconds at the objective's percent"
    WATTS = "Watts", "watts of one device"


class OperatingPoint(Word):
    """The load at which a claimed number holds."""

    OBJECTIVE = "Objective", "the highest load at which the workload's objective is kept"
    SATURATION = "Saturation", "the most that a replica completes, late or not"


UNITS_OF: dict[ClaimMetric, tuple[ClaimUnit, ...]] = {
    ClaimMetric.UNIT_COST: (ClaimUnit.PER_THOUSAND_REQUESTS, ClaimUnit.PER_MILLION_TOKENS, ClaimUnit.PER_MILLION_INPUT_TOKENS),
    ClaimMetric.THROUGHPUT: (ClaimUnit.REQUESTS_PER_SECOND, ClaimUnit.TOKENS_PER_SECOND, ClaimUnit.INPUT_TOKENS_PER_SECOND),
    ClaimMetric.LATENCY: (ClaimUnit.MILLISECONDS,),
    ClaimMetric.POWER: (ClaimUnit.WATTS,),
}


class ClaimFigure(SpecModel):
    """What is claimed, whoever says so: a metric with a ratio or a value."""

    RULES = (
        Rule(
            "has(self.ratio) != has(self.value)",
            "must give exactly one of ratio (with relativeTo) and value (with unit)",
            lambda c: (c.ratio is None) != (c.value is None),
            field="ratio",
        ),
        Rule(
            "has(self.ratio) == has(self.relativeTo)",
            "must be given with ratio and only with it: a ratio says nothing without what it is relative to",
            lambda c: (c.ratio is None) == (c.relative_to is None),
            field="relativeTo",
        ),
        Rule(
            "!has(self.value) || has(self.unit)",
            "must be given with value: a value says nothing without its unit",
            lambda c: c.value is None or c.unit is not None,
            field="unit",
        ),
        Rule(
            "!has(self.unit) || (self.metric == 'UnitCost' && self.unit in ['PerThousandRequests', 'PerMillionTokens', "
            "'PerMillionInputTokens']) || (self.metric == 'Throughput' && self.unit in ['RequestsPerSecond', 'TokensPerSecond', "
            "'InputTokensPerSecond']) || "
            "(self.metric == 'Latency' && self.unit == 'Milliseconds') || (self.metric == 'Power' && self.unit == 'Watts')",
            "must fit the metric: UnitCost in PerThousandRequests, PerMillionTokens or PerMillionInputTokens, Throughput in RequestsPerSecond, "
            "TokensPerSecond or InputTokensPerSecond, Latency in Milliseconds, Power in Watts",
            lambda c: c.unit is None or c.unit in UNITS_OF[c.metric],
            field="unit",
        ),
    )

    metric: Annotated[
        ClaimMetric,
        says("What the claim is about. It decides which units are possible and what is measured to judge it.", example="UnitCost"),
    ]
    ratio: Annotated[
        PositiveDecimal | None,
        says(
            "The claimed number as a multiple of the same number elsewhere: 70 % lower cost is 0.30, twice the throughput is 2.",
            unit="ratio",
            example="0.30",
        ),
    ] = None
    relative_to: Annotated[
        Annotated[
            str,
            Field(max_length=63),
            Pattern("^[a-z0-9][A-Za-z0-9.-]*$", 'must be the name of a pool or an instance type, such as "g5.xlarge"'),
        ]
        | None,
        says(
            "What the ratio is relative to: another AcceleratorPool by name, or an instance type: of another pool's shapes, else of the catalogue.",
            example="g5.xlarge",
        ),
    ] = None
    value: Annotated[
        PositiveDecimal | None,
        says(
            "The claimed number itself, in the unit below. Divide what was published for a whole machine by its devices.",
            unit="see unit",
            example="2674.19",
        ),
    ] = None
    unit: Annotated[
        ClaimUnit | None,
        says(
            "The unit of the value. Needed with value. A ratio may have one too: with a unit of tokens it is a ratio of costs or rates by tokens; "
            "left out, it is of what the workload's objective.unit counts.",
            example="RequestsPerSecond",
        ),
    ] = None
    at: Annotated[
        OperatingPoint | None,
        says(
            "The load at which the number holds: it is compared with what is measured there. Left out: Saturation for Throughput, since vendors "
            "tell what a device completes at most, and Objective for all else. A ratio of latencies compares pools that are equally full; at Saturation "
            "no latency is judged: there it is the queue's.",
            example="Saturation",
        ),
    ] = None


class Claim(ClaimFigure):
    """One advertised number with its source."""

    name: Annotated[
        Annotated[
            str,
            Field(max_length=63),
            Pattern("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "must be lower case letters, digits and hyphens, such as vendor-cost-2026"),
        ],
        says("A name for the claim, once in this pool. Verdicts of workloads refer to it.", example="vendor-bert-base-batch8"),
    ]
    model: Annotated[
        Annotated[
            str,
            Field(max_length=253),
            Pattern(
                "^[A-Za-z0-9*?][A-Za-z0-9*?._/-]*$",
                'must be a glob over model names with letters, digits and * ? . _ / - only, such as "*bert*"',
            ),
        ],
        says(
            "For which models the claim was made, as a glob over the path of model.uri without its scheme. * and ? are wildcards.",
            example="*/bert-base*",
        ),
    ] = "*"
    conditions: Annotated[
        Annotated[str, Field(max_length=512)],
        says(
            "Under which conditions the claim was made: precision, batch, lengths, software, price basis. For people to compare with.",
            example="bfloat16, batch 8, 128 tokens",
        ),
    ] = ""
    source: Annotated[
        Annotated[str, Field(min_length=1, max_length=512)],
        says(
            "Who says so and where, precisely enough to find it again. A claim without a source is not accepted.",
            example="vendor documentation, throughput_data_encoder.csv",
        ),
    ]
    date: Annotated[
        Date,
        says("When it was published or read, as YYYY-MM-DD. Software gets better, so old claims are worth less.", example="2026-02-26"),
    ]
