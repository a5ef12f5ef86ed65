"""The record of a decision about an AcceleratorTrial, as JSON. Its facts stand in `trial`, where those of a workload stand in `snapshot`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from steelyard.core.decide_trial import TrialDecision, decide_trial
from steelyard.core.facts.trial import TrialMemory
from steelyard.core.replay.codec import plain, rebuilt
from steelyard.core.replay.record import RECORD_VERSION, time_of
from steelyard.core.trials.look import TrialSnapshot


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """A record that was read. `decided`: what came of it then, as plain values; an older record may lack some of them."""

    snapshot: TrialSnapshot
    now: datetime
    decided: Mapping[str, Any]


def trial_record(snapshot: TrialSnapshot, decision: TrialDecision, now: datetime) -> dict[str, Any]:
    """As it is written."""
    return {"version": RECORD_VERSION, "now": plain(now), "trial": plain(snapshot), **trial_outcome(decision)}


def trial_outcome(decision: TrialDecision) -> dict[str, Any]:
    """What was decided: to be the same when it is decided again."""
    return {
        "reason": decision.finished.reason.value,
        "message": decision.finished.message,
        "memory": plain(decision.memory),
        "jobs": plain(decision.jobs),
        "over": decision.over,
        "begin": plain(decision.begin),
        "enough": plain(decision.enough),
        "reconsider_at": plain(decision.reconsider_at),
    }


def read_trial(raw: Mapping[str, Any]) -> TrialRecord:
    """A record as it was written. NotPlainError says what is wrong with it."""
    now = time_of(raw)
    known = ("reason", "message", "memory", "jobs", "over", "begin", "enough", "reconsider_at")
    return TrialRecord(
        snapshot=rebuilt(TrialSnapshot, raw.get("trial"), "trial"),
        now=now,
        decided={name: raw[name] for name in known if name in raw},
    )


def trial_again(written: TrialRecord) -> TrialDecision:
    """The same facts, decided once more."""
    return decide_trial(written.snapshot, written.now)


def says(memory: TrialMemory) -> tuple[object, ...]:
    """What of a trial's memory is worth a record when it is another: how far each pool is, what is known there, each word, and whether it is over.
    Spent money and how far a ramp is change all the time."""
    rows = tuple((row.pool, row.phase, row.capacity is not None) for row in memory.rows)
    words = tuple((each.verdict.pool, each.verdict.name, each.verdict.verdict) for each in memory.verdicts)
    return rows, words, memory.started, memory.begin, memory.answered is not None, memory.finished
