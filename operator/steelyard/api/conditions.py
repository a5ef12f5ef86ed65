"""Conditions: what is true of an object now, and why. There are no phases (Kubernetes API conventions, "Typical status properties")."""

from typing import Annotated

from steelyard.api.describe import says
from steelyard.api.model import StatusModel
from steelyard.api.moment import Time
from steelyard.api.status_values import EXACT_MAX
from steelyard.api.text import Message, Reason
from steelyard.api.word import Word


class ConditionStatus(Word):
    """The three answers. Not knowing is an answer of its own."""

    TRUE = "True", "it is so"
    FALSE = "False", "it is not so"
    UNKNOWN = "Unknown", "it cannot be told"


class WorkloadConditionType(Word):
    """Every condition of an InferenceWorkload; there are no others."""

    READY = "Ready", "requests are served: the summary"
    COMPILED = "Compiled", "every usable pool has its verified artifact"
    PLACED = "Placed", "the plan has a place for the load"
    SLO_MET = "SLOMet", "the latency objectives are met"
    OBSERVED = "Observed", "fresh metrics arrive"
    BALANCED = "Balanced", "no cheaper mix is known"
    HELD = "Held", "no voluntary action is taken"


class PoolConditionType(Word):
    """Every condition of an AcceleratorPool."""

    READY = "Ready", "the pool can take replicas: the summary"
    PRICED = "Priced", "the price of its nodes is known"
    EXHAUSTED = "Exhausted", "the provider refused capacity lately"
    OVERLAPPING = "Overlapping", "another pool has the same nodes, or some of them"
    PROVISIONED = "Provisioned", "what makes its nodes can make some"
    PUBLISHED = "Published", "what makes its nodes is told what good requests cost there"


class CompiledModelConditionType(Word):
    """Every condition of a CompiledModel."""

    READY = "Ready", "the artifact is published and verified"


class TrialConditionType(Word):
    """Every condition of an AcceleratorTrial."""

    FINISHED = "Finished", "the trial has ended, for whatever reason"


class Condition(StatusModel):
    """One observation of an object's state."""

    status: Annotated[
        ConditionStatus,
        says(
            "Whether the condition holds at present. Unknown is an answer of its own: the facts needed are missing or too old to tell.",
            brief=True,
        ),
    ]
    observed_generation: Annotated[
        int,
        says(
            "The generation of the spec that this condition speaks about. Older than metadata.generation: the newest spec is not judged yet.",
            unit="generation",
            example=3,
            low=0,
            high=EXACT_MAX,
        ),
    ] = 0
    last_transition_time: Annotated[
        Time,
        says(
            "When the status of this condition last changed. A new reason or message alone does not change it.",
            example="2026-03-01T12:00:00Z",
        ),
    ]
    reason: Annotated[
        Reason,
        says(
            "Why the condition has this status, as one CamelCase word from the documented vocabulary, for programs and for searching.",
            example="ObservationsStale",
        ),
    ]
    message: Annotated[
        Message,
        says(
            "The same for people: what was seen, the rule it met, and what to do next. Programs should read the reason.",
            example="No request counter of pool cpu-a was read for 180 s; check that its pods are scraped.",
        ),
    ] = ""


_TYPE = "Which question the condition answers."


class WorkloadCondition(Condition):
    """One observation of a workload's state."""

    type: Annotated[WorkloadConditionType, says(_TYPE)]


class PoolCondition(Condition):
    """One observation of a pool's state."""

    type: Annotated[PoolConditionType, says(_TYPE)]


class CompiledModelCondition(Condition):
    """One observation of a compiled model's state."""

    type: Annotated[CompiledModelConditionType, says(_TYPE)]


class TrialCondition(Condition):
    """One observation of a trial's state."""

    type: Annotated[TrialConditionType, says(_TYPE)]
