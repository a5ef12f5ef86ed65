"""The last decision in short: what was decided, why, which gates said what, and when it may change."""

from typing import Annotated

from pydantic import Field, StrictBool

from steelyard.api.describe import says
from steelyard.api.model import StatusModel
from steelyard.api.moment import Time
from steelyard.api.money import Decimal
from steelyard.api.text import Digest, Message
from steelyard.api.word import Word


class DecisionVerdict(Word):
    """What was decided."""

    MOVE = "Move", "a move was begun or went on"
    STAY = "Stay", "the present mix is the best that is known"
    HOLD = "Hold", "a gate refused"
    ROLLBACK = "Rollback", "a move went back"


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
        Digest | None,
        says(
            "The digest of the full decision record in the operator's log, to find it and replay it.",
            example="sha256:0a0a and so on, 64 hex digits",
        ),
    ] = None
    next_time: Annotated[
        Time | None, says("When the decision is looked at again if nothing changes before.", example="2026-03-01T12:05:00Z")
    ] = None
    board: Annotated[
        tuple[BoardEntry, ...],
        says(
            "What every gate said, in order, the ones behind the first refusal included: they say what would refuse next.",
            most=24,
            list_type="atomic",
        ),
    ] = ()


class Savings(StatusModel):
    """Money saved by moves, net of what the moves cost."""

    total: Annotated[
        Decimal,
        says("What moves have saved, less what they cost, against the mix of before. May be negative.", unit="currency", example="182.40"),
    ]
    currency: Annotated[
        Annotated[str, Field(max_length=3, pattern="^[A-Z]{3}$")],
        says("The currency of all money in this status, by its ISO 4217 code, as the operator was configured.", example="USD"),
    ]
    since: Annotated[
        Time, says("From when on the savings are summed up; usually the first move of the workload.", example="2026-02-01T00:00:00Z")
    ]
