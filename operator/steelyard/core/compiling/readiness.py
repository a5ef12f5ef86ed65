"""Whether a CompiledModel is ready, in a condition that stays the same while the facts do."""

from __future__ import annotations

from steelyard.core.compiling.attempt import Attempts, FailureClass
from steelyard.core.vocabulary.condition import Condition, ConditionType
from steelyard.core.vocabulary.reason import Reason, Refusal

MOST_OF_A_FAILURE = 300
"""Characters of a failure's message that stand in the condition, before what is done about it."""


def readiness(attempts: Attempts, waiting_for: Refusal | None) -> Condition:
    """The Ready condition. `waiting_for`: what keeps an attempt from running, if anything does."""
    if attempts.built is not None:
        message = "the artifact is published and its answers agree with the uncompiled model's"
        return Condition(ConditionType.READY, True, Reason.COMPILED, message)
    if attempts.failure is not None:
        failure = attempts.failure
        why = Reason.ARTIFACT_CORRUPT if failure.failure_class is FailureClass.CORRUPT else Reason.COMPILE_FAILED
        message = f"{failure.reason}: {failure.message[:MOST_OF_A_FAILURE]}; {_next(attempts, waiting_for)}"
        return Condition(ConditionType.READY, False, why, message)
    if waiting_for is not None:
        return Condition(ConditionType.READY, False, waiting_for.reason, waiting_for.message)
    return Condition(ConditionType.READY, None, Reason.COMPILING, "the model is being compiled")


def _next(attempts: Attempts, waiting_for: Refusal | None) -> str:
    """What is done about a failure."""
    if not attempts.open and attempts.retry_at is None:
        return "change the workload's model or compile options"
    if waiting_for is not None:
        return waiting_for.message
    return "it is being tried again" if attempts.open else "it is tried again at nextRetryTime"
