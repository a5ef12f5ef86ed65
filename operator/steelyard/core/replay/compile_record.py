"""The record of a decision about a CompiledModel, as JSON. Its facts stand in `compile`, where those of a workload stand in `snapshot`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from steelyard.core.compiling.snapshot import CompileSnapshot
from steelyard.core.decide_compile import CompileDecision
from steelyard.core.replay.codec import plain
from steelyard.core.replay.record import RECORD_VERSION, Record, read_as


def compile_record(snapshot: CompileSnapshot, decision: CompileDecision, now: datetime) -> dict[str, Any]:
    """As it is written."""
    return {"version": RECORD_VERSION, "now": plain(now), "compile": plain(snapshot), **compile_outcome(decision)}


def compile_outcome(decision: CompileDecision) -> dict[str, Any]:
    """What was decided, as far as it outlives the pass: to be the same when it is decided again."""
    return {
        "verdict": decision.verdict.value,
        "reason": decision.ready.reason.value,
        "message": decision.ready.message,
        "attempts": plain(decision.attempts),
        "start": plain(decision.start),
        "waiting_for": plain(decision.waiting_for),
        "reconsider_at": plain(decision.reconsider_at),
    }


def read_compile(raw: Mapping[str, Any]) -> Record[CompileSnapshot]:
    """A record as it was written. NotPlainError says what is wrong with it."""
    return read_as(CompileSnapshot, "compile", ("verdict", "reason", "message", "attempts", "start", "waiting_for", "reconsider_at"), raw)
