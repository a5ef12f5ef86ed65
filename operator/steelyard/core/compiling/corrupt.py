"""A published artifact that serving pods refuse: it is compiled again, at once the first time and ever later after that.

The pods are the only ones who read the store after a compile, so their last words are how one that lost or changed bytes shows. A compile
removes what is corrupt under its key; where it finds it whole, the fault is on the pods' way to it, and the pause keeps that cheap too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from steelyard.core.compiling.attempt import Attempts, Failure, FailureClass

FIRST_PAUSE = timedelta(minutes=10)
"""Before the second compile of artifacts that do not last; doubled each time."""
LONGEST_PAUSE = timedelta(hours=6)
LASTED = timedelta(days=1)
"""An artifact that was not refused for so long was whole: the next time is a first time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The last word of a serving container that did not get the artifact which `uri` and `digest` name. `started`: the container, which read
    the store after that."""

    pod: str
    uri: str
    digest: str
    started: datetime
    reason: str
    message: str


def reopened(attempts: Attempts, refusals: Iterable[Refused], now: datetime) -> Attempts:
    """The attempts with the artifact taken back, and a time for the next one, if pods refuse what stands; else as they are.

    Counts only what speaks of the artifact that stands and was begun after it stood: a compile has answered older words already, and none
    brings back a digest that has been replaced.
    """
    built, since = attempts.built, attempts.built_at
    if built is None or since is None:
        return attempts
    told = [each for each in refusals if (each.uri, each.digest) == (built.uri, built.digest) and each.started > since]
    if not told:
        return attempts
    first = min(told, key=lambda each: (each.started, each.pod))
    times = attempts.corruptions if now - since < LASTED else 0
    failure = Failure(
        failure_class=FailureClass.CORRUPT, reason=first.reason, message=f"pod {first.pod} refused the artifact: {first.message}"
    )
    return replace(attempts, built=None, built_at=None, failure=failure, retry_at=now + _pause(times), corruptions=times + 1)


def _pause(times: int) -> timedelta:
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(times - 1, 12)) if times else timedelta(0)
