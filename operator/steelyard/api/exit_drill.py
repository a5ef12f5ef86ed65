"""The guard against lock-in, proven: a workload tries, now and then, whether it could leave its accelerator family."""

from typing import Annotated

from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.model import SpecModel, StatusModel
from steelyard.api.moment import Time
from steelyard.api.money import Decimal, PositiveMoney
from steelyard.api.placement_status import Basis
from steelyard.api.status_values import Seconds, SmallCount
from steelyard.api.text import TRIAL_NAME_MAX, FamilyName, Message, PlaceName, Reason

DAY = 86_400
FAMILIES_MAX = 8
TrialName = Annotated[str, Field(max_length=TRIAL_NAME_MAX)]


class ExitDrill(SpecModel):
    """How often it is tried whether the workload could leave its accelerator family, and for how much money."""

    every_seconds: Annotated[
        int,
        says(
            "How often an AcceleratorTrial on a pool of another accelerator family is made. One that ordered no replica is made "
            "again after an hour. In the mode Observe there is none.",
            unit="seconds",
            example=7 * DAY,
            low=3600,
            high=90 * DAY,
        ),
    ] = 7 * DAY
    budget: Annotated[
        PositiveMoney,
        says(
            "The most that one drill may cost, start-up included, compiles not. It is reserved before it starts, as for every trial.",
            unit="currency",
            example="1.50",
        ),
    ]


class ExitProof(StatusModel):
    """A proof that the workload could leave an accelerator family for another."""

    from_: Annotated[FamilyName, says("The accelerator family that could be left.", example="neuron-inf2")]
    to: Annotated[FamilyName, says("The accelerator family that would take the load.", example="nvidia")]
    from_pool: Annotated[PlaceName, says("The pool in use, by which the cost is compared.", example="inf2-xlarge")]
    to_pool: Annotated[PlaceName, says("The pool that was tried.", example="g5-xlarge")]
    within_seconds: Annotated[
        Seconds,
        says(
            "How long it would take until all replicas are ready there: as long as the drill's took, node and download included. It"
            " supposes that other nodes come as fast, and that the artifact is still stored (else add compileSeconds); shifting "
            "traffic is not in it.",
            unit="seconds",
            example=540,
        ),
    ]
    compile_seconds: Annotated[
        Seconds | None,
        says(
            "How long the compile of that artifact took. Missing where it is not told.",
            unit="seconds",
            example=840,
        ),
    ] = None
    replicas: Annotated[
        SmallCount | None,
        says("Replicas that the load of then needs there. Missing where none was sent.", unit="replicas", example=3),
    ] = None
    cost_percent: Annotated[
        Decimal | None,
        says(
            "What these replicas cost more than those that the pool in use needs for that load, by list prices; negative where they cost less. Missing "
            "where it is not known.",
            unit="percent",
            example="21",
        ),
    ] = None
    cost_percent_lower: Annotated[
        Decimal | None,
        says("The lower end of its interval, by the 95 % intervals of both capacities.", unit="percent", example="18"),
    ] = None
    cost_percent_upper: Annotated[Decimal | None, says("The upper end of its interval.", unit="percent", example="33")] = None
    basis: Annotated[
        Basis | None,
        says(
            "How the capacity of the pool in use is known: Probed in the same drill, or by live traffic where it had no room for one replica more.",
            example="Probed",
            brief=True,
        ),
    ] = None
    proven_time: Annotated[Time, says("When the drill had measured it.", example="2026-03-01T12:25:00Z")]
    trial_name: Annotated[TrialName, says("The AcceleratorTrial that shows it, while it is kept.", example="embedder-exit-0a1b2c3d4e")]


class LastDrill(StatusModel):
    """The drill under way, or the last one."""

    name: Annotated[TrialName, says("Its AcceleratorTrial, written here before it is made.", example="embedder-exit-0a1b2c3d4e")]
    from_pool: Annotated[PlaceName, says("The pool in use.", example="inf2-xlarge")]
    to_pool: Annotated[PlaceName, says("The pool that is tried.", example="g5-xlarge")]
    compares: Annotated[bool, says("Whether the pool in use is measured beside it.", example=True)] = False
    time: Annotated[Time, says("When it was decided.", example="2026-03-01T12:00:00Z")]
    duration_seconds: Annotated[Seconds, says("How long its load lasts on each pool.", unit="seconds", example=900)]
    seen: Annotated[bool, says("Whether its AcceleratorTrial was there: one that is gone is not made again.", example=True)] = False
    began: Annotated[bool, says("Whether replicas of it were ordered, which is what costs money.", example=True)] = False
    reason: Annotated[
        Reason | None,
        says("How it ended, as one word from the documented vocabulary. Missing while it is under way.", example="ExitProven"),
    ] = None
    message: Annotated[Message, says("How it ended, as a sentence.", example="pool g5-xlarge keeps the promise with 3 replicas")] = ""
    spent: Annotated[
        Decimal | None, says("What it cost. Missing while it is under way, and where nothing of it began.", unit="currency", example="0.62")
    ] = None


class ExitDrillStatus(StatusModel):
    """Whether the workload could leave its accelerator family, as far as that was tried."""

    from_: Annotated[
        FamilyName | None,
        says("The accelerator family in use, which is to be left.", example="neuron-inf2"),
    ] = None
    wanted_time: Annotated[
        Time,
        says("Since when a proof for that family is wanted: the age of what was never proven.", example="2026-03-01T11:58:00Z"),
    ]
    next_time: Annotated[
        Time | None, says("When the next drill is due. Missing while one is under way.", example="2026-03-08T12:00:00Z")
    ] = None
    reason: Annotated[Reason, says("How the last drill ended, or what the next one waits for, as one word.", example="ExitProven")]
    message: Annotated[
        Message,
        says("The same as a sentence, with what to do.", example="pool g5-xlarge keeps the promise with 3 replicas"),
    ] = ""
    last: Annotated[LastDrill | None, says("The drill under way, or the last one. Missing before the first.")] = None
    proofs: Annotated[
        tuple[ExitProof, ...],
        says(
            "The newest proof of each pair of accelerator families, newest first. They stay when their trials are deleted.",
            most=FAMILIES_MAX,
            list_type="atomic",
        ),
    ] = ()
