"""The record of a decision about an AcceleratorTrial, as JSON. Its facts stand in `trial`, where those of a workload stand in `snapshot`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from steelyard.core.decide_trial import TrialDecision
from steelyard.core.replay.codec import plain
from steelyard.core.replay.record import RECORD_VERSION, Record, read_as
from steelyard.core.trials.look import TrialSnapshot


def trial_record(snapshot: TrialSnapshot, decision: TrialDecision, now: datetime) -> dict[str, Any]:
    """As it is written."""
    return {"version": RECORD_VERSION, "now": plain(now), "trial": plain(snapshot), **trial_outcome(decision)}


def trial_outcome(decision: TrialDecision) -> dict[str, Any]:
    """What was decided: to be the same when it is decided again."""
    return {
        "reason": decision.finished.reason.value,
        "message": decision.finished.message,
        "digest": decision.digest,
        "memory": plain(decision.memory),
        "jobs": plain(decision.jobs),
        "over": decision.over,
        "begin": plain(decision.begin),
        "enough": plain(decision.enough),
        "reconsider_at": plain(decision.reconsider_at),
    }


def read_trial(raw: Mapping[str, Any]) -> Record[TrialSnapshot]:
    """A record as it was written. NotPlainError says what is wrong with it."""
    known = ("reason", "message", "digest", "memory", "jobs", "over", "begin", "enough", "reconsider_at")
    return read_as(TrialSnapshot, "trial", known, raw)
