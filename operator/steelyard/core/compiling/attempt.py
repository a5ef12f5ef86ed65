"""How a compile goes on: what was tried, what came of it, and when it is tried again. Never touches serving.

User errors are never retried, but for those that can be mended outside of the workload: seldom. Running out of memory is retried larger, at
once; infrastructure is retried with a capped, doubling pause.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from steelyard.core.facts.accuracy import Accuracy
from steelyard.core.facts.model_memory import ModelMemory

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
LARGEST_FACTOR = 8
"""Memory is doubled at most three times."""
MENDED_ELSEWHERE = frozenset({"ModelNotFound", "ModelDigestMismatch", "SourceRefused", "ModelTooLarge"})
"""Words of the runtime (`steelyard_runtime/failure.py`) for what goes by an upload, a Secret, a right or the installation's configuration, which
no watch tells."""


class FailureClass(StrEnum):
    """Who can mend it."""

    USER = "User"
    OUT_OF_MEMORY = "OutOfMemory"
    INFRASTRUCTURE = "Infrastructure"
    UNSUPPORTED_TARGET = "UnsupportedTarget"
    CORRUPT = "Corrupt"
    """Not of an attempt: what it published is refused by those who load it (`corrupt.py`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What went wrong, and the end of the log."""

    failure_class: FailureClass
    reason: str
    message: str
    log_tail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A published artifact."""

    uri: str
    digest: str
    size_bytes: int
    seconds: float
    cached: bool = False
    """Found in the store: nothing was compiled."""
    accuracy: Accuracy | None = None
    """None where the machine that compiled could not run what it made."""
    memory: ModelMemory | None = None
    """None where its maker did not count it."""


@dataclass(frozen=True, slots=True)
class Running:
    """The Job of the present attempt exists and has not ended."""


@dataclass(frozen=True, slots=True)
class NoJob:
    """The Job of the present attempt does not exist."""


JobOutcome: TypeAlias = NoJob | Running | Built | Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """What status remembers: number of attempts begun, memory factor of the present one, the last failure and when to try again.

    `built_at`: since when the artifact stands; `corruptions`: how often in a row one was refused and compiled again (`corrupt.py`).
    """

    count: int = 0
    open: bool = False
    factor: int = 1
    failure: Failure | None = None
    retry_at: datetime | None = None
    built: Built | None = None
    built_at: datetime | None = None
    corruptions: int = 0


@dataclass(frozen=True, slots=True)
class StartJob:
    """The Job of attempt `count` should exist, with the memory of one replica times `factor`."""

    count: int
    factor: int


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt that has ended in this pass. `outcome`: Built, Found (in the store), or the class of the failure."""

    backend: str
    outcome: str
    seconds: float | None


def next_attempt(attempts: Attempts, outcome: JobOutcome, now: datetime, *, may_start: bool) -> tuple[Attempts, StartJob | None]:
    """What to remember, and the Job that should exist. An attempt is remembered before its Job is made: a crash between repeats the same name.

    may_start: no rule bars the beginning of an attempt (`bars.py`).
    """
    if attempts.built is not None:
        return attempts, None
    if attempts.open:
        match outcome:
            case Built():
                return replace(attempts, open=False, built=outcome, built_at=now, failure=None, retry_at=None), None
            case Failure():
                return _failed(attempts, outcome, now), None
            case Running():
                return attempts, None
            case NoJob():
                return attempts, StartJob(attempts.count, attempts.factor)
    if not may_start or not is_due(attempts, now):
        return attempts, None
    begun = replace(attempts, count=attempts.count + 1, open=True, factor=_factor(attempts), retry_at=None)
    return begun, StartJob(begun.count, begun.factor)


def is_due(attempts: Attempts, now: datetime) -> bool:
    """Whether the next attempt may begin by its time: the first one always, one after a failure at `retry_at`."""
    if attempts.failure is None:
        return True
    return attempts.retry_at is not None and now >= attempts.retry_at


def _factor(attempts: Attempts) -> int:
    if attempts.failure is not None and attempts.failure.failure_class is FailureClass.OUT_OF_MEMORY:
        return min(LARGEST_FACTOR, attempts.factor * 2)
    return attempts.factor


def _failed(attempts: Attempts, failure: Failure, now: datetime) -> Attempts:
    ended = replace(attempts, open=False, failure=failure, retry_at=None)
    match failure.failure_class:
        case FailureClass.USER if failure.reason in MENDED_ELSEWHERE:
            return replace(ended, retry_at=now + LONGEST_PAUSE)
        case FailureClass.USER | FailureClass.UNSUPPORTED_TARGET:
            return ended
        case FailureClass.OUT_OF_MEMORY:
            return replace(ended, retry_at=now) if attempts.factor < LARGEST_FACTOR else ended
        case FailureClass.INFRASTRUCTURE | FailureClass.CORRUPT:
            return replace(ended, retry_at=now + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(12, attempts.count - 1)))
