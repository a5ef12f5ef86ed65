"""The promise: how fast, for what share of the requests, and how much one request may cost."""

import re
from typing import Annotated

from steelyard.api.compiled_model import AccuracyMeasure
from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.money import ObjectivePercent, PositiveDecimal, PositiveMoney
from steelyard.api.rule import Rule
from steelyard.api.word import Word


class LatencyMetric(Word):
    """Which time is meant."""

    E2E = "e2e", "from the arrival of a request to the end of its answer"
    TTFT = "ttft", "to the first token"
    ITL = "itl", "the mean time between tokens"


class CostUnit(Word):
    """What a cost is counted by."""

    GOOD_REQUESTS = "GoodRequests", "cost per 1,000 good requests"
    OUTPUT_TOKENS = "OutputTokens", "cost per 1M generated tokens of good requests"
    INPUT_TOKENS = "InputTokens", "cost per 1M prompt tokens of good requests"


class LatencyObjective(SpecModel):
    """One promise about one time of a request."""

    metric: Annotated[
        LatencyMetric,
        says("Which time of a request is promised. Each may be given once; the two token times need a server that streams.", example="e2e"),
    ]
    milliseconds: Annotated[
        int,
        says(
            "How long that time may be, measured where the server receives the request. A request that takes longer is not good.",
            unit="milliseconds",
            example=100,
            low=1,
            high=3_600_000,
        ),
    ]
    percent: Annotated[
        ObjectivePercent,
        says(
            "The share of all requests that must be within that time. Refused and failed requests count as not within. Of several "
            "promises each counts by itself where the server tells them apart; else requests that keep all of them, by the highest.",
            unit="percent",
            example="99.9",
        ),
    ] = "99"


ABOVE_ONE = "^(1[.]0*[1-9]|[1-9][0-9]|[2-9])"
"""How a decimal begins that is more than 1. What is no decimal does not begin so: it has a sentence of its own."""


class AccuracyLimit(SpecModel):
    """How near answers have to be to the reference's, by one measure."""

    RULES = (
        Rule(
            f"self.measure == 'WorstLogprob' || !self.limit.matches('{ABOVE_ONE}')",
            "must be at most 1: of LeastCosine and ScoreConcordance 1 is the same, and of a probability or a tensor's largest value 1 is all of it",
            lambda a: a.measure == AccuracyMeasure.WORST_LOGPROB or re.match(ABOVE_ONE, a.limit) is None,
            field="limit",
        ),
    )

    measure: Annotated[
        AccuracyMeasure,
        says("What is compared over the golden samples: the measure of what the model's task gives.", example="LeastCosine"),
    ]
    limit: Annotated[
        PositiveDecimal,
        says(
            "The least cosine or concordance, or the largest difference (of a probability, of a value as a part of the largest, or in nats), that an "
            "artifact may have been measured to have.",
            example="0.999",
        ),
    ]


class Objective(SpecModel):
    """What a good request is, and what it may cost."""

    latency: Annotated[
        tuple[LatencyObjective, ...],
        says(
            "The latency promises. A request is good only if the same request keeps all of them; capacity is what a replica serves while "
            "their percentages hold.",
            least=1,
            most=3,
            keys=("metric",),
        ),
    ]
    accuracy: Annotated[
        tuple[AccuracyLimit, ...],
        says(
            "How near the answers have to be to those of the uncompiled model, by what the compile measured on golden samples. A pool whose artifact "
            "is farther, or was never compared, is not used, however cheap it is. Left out, each artifact is held to the limit of its number format.",
            most=len(AccuracyMeasure),
            keys=("measure",),
        ),
    ] = ()
    error_budget_percent: Annotated[
        int,
        says(
            "The part of the misses which the promise allows that sizing may plan for: as few replicas are kept as are expected to "
            "be late no more often. 0 plans for next to none, 100 for all.",
            unit="percent",
            low=0,
            high=100,
            example=25,
        ),
    ] = 50
    max_unit_cost: Annotated[
        PositiveMoney | None,
        says(
            "The most that one unit should cost: 1,000 good requests, or 1M tokens. It never stops serving: while more is certainly"
            " measured, the condition Placed is AboveMaxUnitCost, and no rescue goes to a pool that costs more.",
            unit="currency for one unit",
            example="0.05",
        ),
    ] = None
    unit: Annotated[
        CostUnit,
        says(
            "What the unit cost is counted by, and pools are compared by. With tokens all of the cost is divided by those of that kind.",
            example="OutputTokens",
        ),
    ] = CostUnit.GOOD_REQUESTS
