"""The last decision in short: what was decided, why, which gates said what, and when it may change."""

from typing import Annotated

from pydantic import Field, StrictBool

from steelyard.api.compiled_model import Accuracy
from steelyard.api.describe import says
from steelyard.api.model import StatusModel
from steelyard.api.moment import Time
from steelyard.api.money import Decimal
from steelyard.api.objective import CostUnit
from steelyard.api.placement_status import Basis
from steelyard.api.status_values import Count, SmallCount
from steelyard.api.text import Message, PlaceName
from steelyard.api.word import Word


class CostBasis(Word):
    """What a cost that decides is made from."""

    NODES = "Nodes", "the price of a node over the replicas that fit on it, where nodes come and go"
    SHARE = "Share", "the largest part of a node's devices, CPU or memory that a replica takes, where nodes stay"
    COMMITTED = "Committed", "a thousandth of that of Nodes, where they are paid for in any case"


class DecisionVerdict(Word):
    """What was decided."""

    PLACE = "Place", "replicas start where nothing ran"
    WAIT = "Wait", "a compile has to end first"
    STAY = "Stay", "the present placement is the best that is known"
    HOLD = "Hold", "an input or a person stops voluntary actions"
    MOVE = "Move", "a move was begun or goes on"
    DONE = "Done", "a move ended"


class BoardEntry(StatusModel):
    """What one gate said."""

    gate: Annotated[
        Annotated[str, Field(min_length=1, max_length=64)],
        says("The gate, by the name of its refusal, in the order in which gates are asked.", example="SavingNotSignificant"),
    ]
    passed: Annotated[StrictBool, says("Whether the gate let the move pass. A gate that cannot tell refuses.", example=False)]
    reason: Annotated[
        Annotated[str, Field(max_length=64)],
        says("Why the gate refused, as one word from the documented vocabulary; empty when it passed.", example="SavingNotSignificant"),
    ] = ""
    message: Annotated[
        Annotated[str, Field(max_length=256)],
        says(
            "What the gate saw, the rule it applied, and what would change its mind.",
            example="Saving 4 to 13 %; its lower end must be 10 % or more.",
        ),
    ] = ""


class OptionEntry(StatusModel):
    """One pool as it was weighed."""

    pool: Annotated[PlaceName, says("The pool that was weighed, at the load and the prices of that moment.", example="inf2-xlarge")]
    feasible: Annotated[bool, says("Whether the workload could run there: fits, compiled, within all limits.", example=True)]
    reason: Annotated[
        Annotated[str, Field(max_length=64)],
        says("Why it could not, as one word from the documented vocabulary; empty when it could.", example="Compiling"),
    ] = ""
    message: Annotated[
        Annotated[str, Field(max_length=256)],
        says(
            "Why it could not, as one sentence that says what to change; or why it is not ruled out where it would need more than is allowed.",
            example="The model is being compiled for neuron.",
        ),
    ] = ""
    replicas: Annotated[
        SmallCount | None,
        says("How many replicas would carry the load there. Missing while capacity or load are not known.", unit="replicas", example=2),
    ] = None
    cost_per_hour: Annotated[
        Decimal | None,
        says("What these replicas would cost. Missing while the price is not known.", unit="currency an hour", example="1.52"),
    ] = None
    unit_cost: Annotated[
        Decimal | None,
        says(
            "What one unit would cost there at this load. Missing while unknown.",
            unit="currency",
            example="0.0193",
        ),
    ] = None
    lower: Annotated[
        Decimal | None, says("The lower end of that cost: the 95 % interval, or the claim's spread.", unit="currency", example="0.0181")
    ] = None
    upper: Annotated[
        Decimal | None, says("The upper end of that cost: the 95 % interval, or the claim's spread.", unit="currency", example="0.0207")
    ] = None
    basis: Annotated[
        Basis | None, says("What the figures rest on: a claim, or this workload's own traffic there.", example="Measured", brief=True)
    ] = None
    n: Annotated[Count, says("How many good requests they rest on; 0 for a claim.", unit="requests", example=1200)] = 0
    cheapest_below: Annotated[
        Decimal | None,
        says("The price of one node below which this pool would be the cheapest at this load.", unit="currency an hour", example="0.61"),
    ] = None
    cost_basis: Annotated[
        CostBasis | None,
        says("What the costs of this entry are made from: what the bill changes by with one replica.", example="Nodes"),
    ] = None
    accuracy: Annotated[
        Accuracy | None,
        says(
            "How near the answers of the pool's artifact were to the reference's. Missing where they were not compared, or it is not compiled."
        ),
    ] = None


class LastDecision(StatusModel):
    """The last decision about the mix of this workload."""

    time: Annotated[
        Time,
        says(
            "When the decision was made, by the operator's own clock, which follows that of the API server.", example="2026-03-01T12:00:00Z"
        ),
    ]
    verdict: Annotated[
        DecisionVerdict, says("What was decided. Hold means that no voluntary action is taken and serving is untouched.", example="Hold")
    ]
    reason: Annotated[
        Annotated[str, Field(max_length=64)],
        says("Why, as one word from the documented vocabulary: the first refusal on the board.", example="SavingNotSignificant"),
    ] = ""
    message: Annotated[
        Message,
        says(
            "Why, as one sentence with its numbers, for people.",
            example="No pool is cheaper by 10 % or more; best is inf2-xlarge with 4 to 13 %.",
        ),
    ] = ""
    digest: Annotated[
        Annotated[str, Field(max_length=64)],
        says("The digest of the decision's subject, which stands with the full record in the operator's log.", example="0a1b2c3d4e5f6071"),
    ] = ""
    unit: Annotated[
        CostUnit | None,
        says(
            "What the unit costs of the options are counted by. Missing: GoodRequests.",
            example="OutputTokens",
            brief=True,
        ),
    ] = None
    options: Annotated[
        tuple[OptionEntry, ...],
        says("Every pool as it was weighed, in the order of their names.", most=32, list_type="map", keys=("pool",)),
    ] = ()
    board: Annotated[
        tuple[BoardEntry, ...],
        says(
            "What every gate said, in order, the ones behind the first refusal included: they say what would refuse next.",
            most=24,
            list_type="atomic",
        ),
    ] = ()
