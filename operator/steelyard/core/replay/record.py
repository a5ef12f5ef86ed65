"""The decision record: everything that a decision was made on, and what it was, as JSON. Whoever has it can decide again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.placing.decision import Decision
from steelyard.core.replay.codec import NotPlainError, plain, rebuilt

RECORD_VERSION = 6


Facts = TypeVar("Facts")


@dataclass(frozen=True, slots=True)
class Record(Generic[Facts]):
    """A record that was read: the facts, and `decided`, what came of them then, as plain values; an older record may lack some of them."""

    snapshot: Facts
    now: datetime
    decided: Mapping[str, Any]


def record(snapshot: Snapshot, decision: Decision, now: datetime) -> dict[str, Any]:
    """As it is written."""
    return {"version": RECORD_VERSION, "now": plain(now), "snapshot": plain(snapshot), **outcome(decision)}


def outcome(decision: Decision) -> dict[str, Any]:
    """What was decided, as far as it outlives the pass: to be the same when it is decided again."""
    last = decision.memory.last
    return {
        "verdict": decision.verdict.value,
        "reason": decision.reason.value,
        "digest": last.digest if last else "",
        "intent": plain(decision.intent),
        "desired": plain(decision.desired),
        "load": plain(decision.load),
        "memory": plain(decision.memory),
        "reconsider_at": plain(decision.reconsider_at),
    }


def read(raw: Mapping[str, Any]) -> Record[Snapshot]:
    """A record as it was written. NotPlainError says what is wrong with it."""
    return read_as(Snapshot, "snapshot", ("verdict", "reason", "digest", "intent", "desired", "load", "memory", "reconsider_at"), raw)


def read_as(kind: type[Facts], where: str, known: Sequence[str], raw: Mapping[str, Any]) -> Record[Facts]:
    """A record whose facts stand in that field, with those of the known outcomes that it has."""
    now = time_of(raw)
    return Record(snapshot=rebuilt(kind, raw.get(where), where), now=now, decided={name: raw[name] for name in known if name in raw})


def time_of(raw: Mapping[str, Any]) -> datetime:
    """When it was decided. NotPlainError where the record is of another version, or of one that did not write its time."""
    version = raw.get("version")
    if version != RECORD_VERSION:
        raise NotPlainError("version", f"is {version!r}, and this version reads {RECORD_VERSION}: use the steelyard that wrote it")
    if "now" not in raw:
        raise NotPlainError("now", "is missing: it was written before records held their time, and cannot be decided again")
    return rebuilt(datetime, raw["now"], "now")
