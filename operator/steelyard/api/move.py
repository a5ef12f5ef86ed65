"""A rebalancing on its way, written before its first side effect so that a restarted operator can go on with it."""

from typing import Annotated

from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.model import StatusModel
from steelyard.api.moment import Time
from steelyard.api.money import Decimal
from steelyard.api.objective import CostUnit
from steelyard.api.status_values import Count, SmallCount
from steelyard.api.text import HashedRevision, Message, PlaceName
from steelyard.api.word import Word


class MoveKind(Word):
    """Why there is a move."""

    REBALANCE = "Rebalance", "a cheaper mix"
    EXPLORATION = "Exploration", "measuring a pool without measurements"
    REVISION = "Revision", "a new artifact, image or argument"
    RESCUE = "Rescue", "leaving a pool where the promise is broken and more replicas do not help"


class MoveStep(Word):
    """Where a move is."""

    PROBE = "Probe", "a replica that serves nobody is measured with a ramp of requests"
    SURGE = "Surge", "target replicas start beside the old ones"
    SHIFT = "Shift", "traffic goes over step by step, compared over the same minutes"
    BAKE = "Bake", "the new mix holds under full traffic"
    DRAIN = "Drain", "the old replicas finish what they have"
    BACK = "Back", "the traffic returns and the target is stopped"


class MoveOutcome(Word):
    """How a move ended."""

    MOVED = "Moved", "the target carries the whole load"
    EXPLORED = "Explored", "the target is measured and the source carries the load"
    ROLLED_BACK = "RolledBack", "the target was left, and the source carries the load"


AskedBy = Annotated[str, Field(max_length=320)]


class Move(StatusModel):
    """The one move under way."""

    id: Annotated[
        Annotated[str, Field(min_length=1, max_length=63)],
        says("The name of this move, the same in events, metrics, logs and decision records.", example="20260301-120000-inf2-xlarge"),
    ]
    kind: Annotated[MoveKind, says("Why this move is made.", example="Rebalance")]
    from_: Annotated[PlaceName, says("The pool that carries the load when the move begins and gives up its replicas.", example="g5-xlarge")]
    to: Annotated[
        PlaceName,
        says("The pool that takes the replicas. The same as the other one when only the revision changes.", example="inf2-xlarge"),
    ]
    from_revision: Annotated[HashedRevision, says("The revision that runs on the pool that gives up replicas.", example="3f9a01bc")]
    to_revision: Annotated[HashedRevision, says("The revision that will run on the pool that takes the replicas.", example="77c0de12")]
    step: Annotated[MoveStep, says("Where the move is.", example="Shift")]
    target_replicas: Annotated[
        SmallCount, says("How many replicas of the new side this step wants, a surge included.", unit="replicas", example=2)
    ] = 0
    source_replicas: Annotated[
        SmallCount, says("How many replicas of the old side this step keeps, warm for a way back.", unit="replicas", example=3)
    ] = 0
    target_goal: Annotated[
        SmallCount, says("How many replicas of the new side the move ends with at the present load.", unit="replicas", example=3)
    ] = 1
    source_goal: Annotated[
        SmallCount,
        says(
            "How many replicas of the old side stay when the move ends: above 0 where both carry a part of the load.",
            unit="replicas",
            example=1,
        ),
    ] = 0
    target_base: Annotated[
        SmallCount,
        says("How many replicas the new side had before the move, and has again if the move goes back.", unit="replicas", example=2),
    ] = 0
    reserved: Annotated[
        Decimal | None,
        says(
            "What an exploration may cost until its deadline, by the prices when it began. Missing for other moves.",
            unit="currency",
            example="0.25",
        ),
    ] = None
    share_percent: Annotated[
        int | None,
        says(
            "How far the requests are shifted, from the weights before the move to those after it: 0, 1, 5, 25, 50 or 100. Missing "
            "without a route, and where an endpoint picker chooses among both ends.",
            unit="percent",
            example=25,
            low=0,
            high=100,
        ),
    ] = None
    asking: Annotated[
        bool,
        says(
            "Whether nothing is made for the step yet, since the autoscaler of the new side's pool is asked for capacity before.",
            example=True,
        ),
    ] = False
    trial: Annotated[
        AskedBy | None,
        says(
            "The AcceleratorTrial by which a person asked for the exploration, as NAME/UID. Missing where the workload explores by itself.",
            example="half/0f6c1b1e",
        ),
    ] = None
    started_time: Annotated[
        Time, says("When the move was decided, which is before anything was changed for it.", example="2026-03-01T12:00:00Z")
    ]
    step_time: Annotated[Time, says("When the present step began; its windows are counted from here.", example="2026-03-01T12:20:00Z")]
    deadline_time: Annotated[Time, says("When the move goes back if the step is not decided by then.", example="2026-03-01T13:20:00Z")]
    reason: Annotated[
        Annotated[str, Field(max_length=64)],
        says("Why the move is where it is, as one word from the documented vocabulary.", example="CheaperAsMeasured"),
    ]
    message: Annotated[
        Message,
        says(
            "Why the move is where it is, as one sentence with its numbers.", example="inf2-xlarge is cheaper as measured; replica 2 of 3."
        ),
    ] = ""
    back_reason: Annotated[
        Annotated[str, Field(max_length=64)] | None,
        says("Why the move goes back, once it does; it decides whether the target is quarantined.", example="ViolatesSLO"),
    ] = None


class CostBefore(StatusModel):
    """What one unit cost until a move was begun, by what decides, on all pools together."""

    value: Annotated[Decimal, says("That cost, as a ratio of sums over windows.", unit="currency", example="0.021")]
    lower: Annotated[Decimal, says("The lower end of its 95 % interval, by block bootstrap.", unit="currency", example="0.0201")]
    upper: Annotated[Decimal, says("The upper end of its 95 % interval.", unit="currency", example="0.0222")]


class Saved(StatusModel):
    """What a move saved for a while after it: what the same good requests would have cost before, less what was paid."""

    value: Annotated[Decimal, says("Money saved in that time; negative where the move made it dearer.", unit="currency", example="0.31")]
    lower: Annotated[
        Decimal,
        says(
            "The lower end of its 95 % interval. Where the interval covers 0, no saving is claimed.",
            unit="currency",
            example="0.24",
        ),
    ]
    upper: Annotated[Decimal, says("The upper end of its 95 % interval.", unit="currency", example="0.39")]
    paid: Annotated[Decimal, says("What the replicas of all pools cost in that time.", unit="currency", example="0.85")]
    good: Annotated[Count, says("The good requests of that time.", unit="requests", example=57_600)]
    from_: Annotated[Time, says("When the measurement began: when the move had ended.", example="2026-03-01T13:05:00Z")]
    to: Annotated[Time, says("When it ended, sixteen windows later or more.", example="2026-03-01T13:21:00Z")]


class FinishedMove(StatusModel):
    """A move that has ended."""

    kind: Annotated[
        MoveKind | None, says("Why that move was made: the same word as while it was under way.", example="Rebalance", brief=True)
    ] = None
    from_: Annotated[PlaceName, says("The pool that carried the load when the move began.", example="g5-xlarge")]
    to: Annotated[
        PlaceName, says("The pool that took the replicas, or was to take them had the move not gone back.", example="inf2-xlarge")
    ]
    to_revision: Annotated[HashedRevision, says("The revision that ran, or was to run, on that pool.", example="77c0de12")]
    time: Annotated[
        Time,
        says("When the move ended. The cool-down and the guard against going to and fro count from here.", example="2026-03-01T13:05:00Z"),
    ]
    outcome: Annotated[MoveOutcome, says("How the move ended.", example="Moved")]
    reason: Annotated[
        Annotated[str, Field(max_length=64)],
        says("Why it ended so, as one word from the documented vocabulary.", example="NotCheaper"),
    ] = ""
    cost: Annotated[
        Decimal | None,
        says(
            "What an exploration cost from start to end, by the prices when it began. Counts against the day's budget.",
            unit="currency",
            example="0.25",
        ),
    ] = None
    trial: Annotated[
        AskedBy | None,
        says("The AcceleratorTrial that asked for it: the cost counts against its budget instead.", example="half/0f6c1b1e"),
    ] = None
    unit_cost_before: Annotated[
        CostBefore | None, says("What one unit cost before a move for cost. Missing where too little of that time is known.")
    ] = None
    unit: Annotated[
        CostUnit | None,
        says("What the cost before is counted by. Missing: GoodRequests.", example="OutputTokens", brief=True),
    ] = None
    saved: Annotated[
        Saved | None,
        says("What the move did save, measured once after it. Missing until then, and where another move began before."),
    ] = None
