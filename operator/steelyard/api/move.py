"""A rebalancing on its way, written before its first side effect so that a restarted operator can go on with it."""

from typing import Annotated

from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.model import StatusModel
from steelyard.api.moment import Time
from steelyard.api.money import Decimal
from steelyard.api.status_values import Count, SmallCount
from steelyard.api.text import HashedRevision, Message, PoolName
from steelyard.api.word import Word


class MoveKind(Word):
    """Why there is a move."""

    INITIAL = "Initial", "the first placement"
    REBALANCE = "Rebalance", "a cheaper mix"
    EXPLORATION = "Exploration", "measuring a pool without measurements"
    REVISION = "Revision", "a new artifact, image or argument"


class MoveStep(Word):
    """Where a move is."""

    PREPARE = "Prepare", "the artifact is made and verified"
    SURGE = "Surge", "target replicas start beside the old ones"
    SHIFT = "Shift", "traffic goes over step by step, compared over the same minutes"
    BAKE = "Bake", "the new mix holds under full traffic"
    DRAIN = "Drain", "the old replicas finish what they have"
    BACK = "Back", "the traffic returns and the target is stopped"


class MoveOutcome(Word):
    """How a move ended."""

    DONE = "Done", "the new mix is in place"
    FAILED = "Failed", "the target was worse, so the traffic went back"
    INCONCLUSIVE = "Inconclusive", "the deadline came before the verdict"
    ABANDONED = "Abandoned", "a change of the inputs made it pointless"


class SideBaseline(StatusModel):
    """Counters of one side at the start of a comparison."""

    good: Annotated[
        Count, says("Requests of this side that had met every objective when the comparison began.", unit="requests", example=79_000)
    ] = 0
    slow: Annotated[
        Count, says("Requests of this side that had been answered too late when the comparison began.", unit="requests", example=420)
    ] = 0
    error: Annotated[Count, says("Requests of this side that had failed when the comparison began.", unit="requests", example=3)] = 0
    shed: Annotated[
        Count, says("Requests of this side that had been refused for a full queue when the comparison began.", unit="requests", example=0)
    ] = 0
    cost: Annotated[
        Decimal | None,
        says("What this side had cost when the comparison began. Missing while its price is unknown.", unit="currency", example="1.5"),
    ] = None


class Baseline(StatusModel):
    """Where both sides stood when their comparison began."""

    source: Annotated[
        SideBaseline, says("The counters of the old side at the start of the step, so that only what came later is compared.")
    ] = SideBaseline()
    target: Annotated[
        SideBaseline, says("The counters of the new side at the start of the step, so that only what came later is compared.")
    ] = SideBaseline()


class Move(StatusModel):
    """The one move under way."""

    id: Annotated[
        Annotated[str, Field(min_length=1, max_length=63)],
        says("The name of this move, the same in events, metrics, logs and decision records.", example="20260301-120000-inf2-xlarge"),
    ]
    kind: Annotated[MoveKind, says("Why this move is made, which also decides which gates it had to pass.", example="Rebalance")]
    from_: Annotated[
        PoolName | None, says("The pool that gives up replicas. Missing for a first placement, which has none.", example="g5-xlarge")
    ] = None
    to: Annotated[
        PoolName, says("The pool that takes the replicas. The same as the other one when only the revision changes.", example="inf2-xlarge")
    ]
    from_revision: Annotated[
        HashedRevision | None, says("The revision that runs on the pool that gives up replicas.", example="3f9a01bc")
    ] = None
    to_revision: Annotated[HashedRevision, says("The revision that will run on the pool that takes the replicas.", example="77c0de12")]
    step: Annotated[
        MoveStep, says("Where the move is. A restarted operator goes on from here, after looking at what really exists.", example="Shift")
    ]
    target_replicas: Annotated[
        SmallCount, says("How many replicas of the new side this step wants, a surge included.", unit="replicas", example=2)
    ] = 0
    source_replicas: Annotated[
        SmallCount, says("How many replicas of the old side this step keeps, warm for a way back.", unit="replicas", example=3)
    ] = 0
    weight: Annotated[
        Annotated[int, Field(ge=0, le=100, strict=True)] | None,
        says(
            "The share of new requests that this step sends to the new side. Missing without a weighted route.", unit="percent", example=25
        ),
    ] = None
    started_time: Annotated[
        Time, says("When the move was decided, which is before anything was changed for it.", example="2026-03-01T12:00:00Z")
    ]
    step_time: Annotated[
        Time | None, says("When the present step began; its windows are counted from here.", example="2026-03-01T12:20:00Z")
    ] = None
    deadline_time: Annotated[Time | None, says("When the move goes back if it is not decided by then.", example="2026-03-01T13:20:00Z")] = (
        None
    )
    baseline: Annotated[
        Baseline | None, says("Where the counters of both sides stood when this step began, so that the comparison survives a restart.")
    ] = None
    reason: Annotated[
        Message,
        says(
            "Why this move was decided, as one sentence with its numbers.", example="inf2-xlarge saves 31 % (24 to 37 %), pays back in 3 h."
        ),
    ] = ""


class FinishedMove(StatusModel):
    """A move that has ended."""

    id: Annotated[
        Annotated[str, Field(min_length=1, max_length=63)],
        says("The name of the move, to be looked up in logs and decision records.", example="20260301-120000-inf2-xlarge"),
    ]
    kind: Annotated[
        MoveKind | None, says("Why that move was made: the same word as while it was under way.", example="Rebalance", brief=True)
    ] = None
    from_: Annotated[
        PoolName | None, says("The pool that gave up replicas. Missing for a first placement, which had none.", example="g5-xlarge")
    ] = None
    to: Annotated[PoolName, says("The pool that took the replicas, or was to take them had the move not gone back.", example="inf2-xlarge")]
    time: Annotated[
        Time,
        says("When the move ended. The cool-down and the guard against going to and fro count from here.", example="2026-03-01T13:05:00Z"),
    ]
    outcome: Annotated[MoveOutcome, says("How the move ended. Only Done left the new mix in place.", example="Done")]
    reason: Annotated[
        Message, says("Why it ended so, as one sentence with its numbers.", example="Pass after 14 windows: 0.4 % slow against 0.6 %.")
    ] = ""
