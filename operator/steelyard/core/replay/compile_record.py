"""The record of a decision about a CompiledModel, as JSON. Its facts stand in `compile`, where those of a workload stand in `snapshot`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from steelyard.core.compiling.snapshot import CompileSnapshot
from steelyard.core.decide_compile import CompileDecision, decide_compile
from steelyard.core.replay.codec import plain, rebuilt
from steelyard.core.replay.record import RECORD_VERSION, time_of


@dataclass(frozen=True, slots=True)
class CompileRecord:
    """A record that was read. `decided`: what came of it then, as plain values; an older record may lack some of them."""

    snapshot: CompileSnapshot
    now: datetime
    decided: Mapping[str, Any]


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


def read_compile(raw: Mapping[str, Any]) -> CompileRecord:
    """A record as it was written. NotPlainError says what is wrong with it."""
    now = time_of(raw)
    known = ("verdict", "reason", "message", "attempts", "start", "waiting_for", "reconsider_at")
    return CompileRecord(
        snapshot=rebuilt(CompileSnapshot, raw.get("compile"), "compile"),
        now=now,
        decided={name: raw[name] for name in known if name in raw},
    )


def compile_again(written: CompileRecord) -> CompileDecision:
    """The same facts, decided once more."""
    return decide_compile(written.snapshot, written.now)
