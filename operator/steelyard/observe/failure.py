"""Why one pod could not be read in one round. A failure never turns into a number."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """A bounded vocabulary: it labels the counter of refused inputs."""

    ADDRESS = "Address"
    """The pod has no address that can be asked."""
    UNREACHABLE = "Unreachable"
    """Refused, reset or no route."""
    TIMEOUT = "Timeout"
    """No complete answer in time; this includes an answer that trickles."""
    NOT_REACHED = "NotReached"
    """The round ended before this pod's turn: too many others were slow."""
    STATUS = "Status"
    """Not 200; redirects are not followed."""
    CONTENT_TYPE = "ContentType"
    """Not the text format."""
    TOO_LARGE = "TooLarge"
    """More bytes than a pod may send."""
    TOO_MANY = "TooMany"
    """More lines, series, labels or buckets than a page may have."""
    SYNTAX = "Syntax"
    """Not the exposition format, or not the JSON of the query API."""
    NOT_A_NUMBER = "NotANumber"
    """NaN."""
    INFINITE = "Infinite"
    """An infinite value."""
    NEGATIVE = "Negative"
    """A negative counter."""
    NOT_WHOLE = "NotWhole"
    """A count with a fraction, or above 2**53 where floats no longer count."""
    DUPLICATE = "Duplicate"
    """The same series twice."""
    BUCKETS = "Buckets"
    """A histogram whose buckets contradict each other."""
    LABEL = "Label"
    """A label whose value cannot be understood."""
    MISSING = "Missing"
    """A metric that is needed is not there. Not there is not zero."""
    FROZEN = "Frozen"
    """The exporter repeats itself."""
    UNSTEADY = "Unsteady"
    """Its counters go back again and again, and no process of it began anew."""
    LEAPT = "Leapt"
    """Its counters grew by more than a replica can answer, or than this one has ever come near."""
    TARGET_DOWN = "TargetDown"
    """Prometheus says up == 0."""
    EMPTY = "Empty"
    """A query without a result."""
    QUERY = "Query"
    """Prometheus refused the query."""
    TERMINATION = "Termination"
    """A termination message that is not one of ours."""


@dataclass(frozen=True, slots=True)
class Failure:
    """`why` names the input and the pod or the query, without numbers that drift: it ends in a status condition. `missing`: the metric that is not
    there, of which nobody has looked yet what is there instead."""

    reason: Reason
    why: str
    missing: str = ""


class RejectedError(Exception):
    """Raised at the boundary for input that must not be stored; `detail` completes "<input>: ...". `missing`: the metric that is not there."""

    def __init__(self, reason: Reason, detail: str, missing: str = "") -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.missing = missing
