"""The view of `steelyard replay`: each decision, and whether it is decided the same way again."""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from steelyard.cli.problem import Problem
from steelyard.cli.recorded import Found, Recorded
from steelyard.core.compiling.snapshot import CompileSnapshot
from steelyard.core.decide import decide
from steelyard.core.decide_compile import decide_compile
from steelyard.core.decide_trial import decide_trial
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.replay.compile_record import compile_outcome
from steelyard.core.replay.difference import differences
from steelyard.core.replay.record import outcome
from steelyard.core.replay.trial_record import trial_outcome
from steelyard.core.trials.look import TrialSnapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedDifference:
    """One value that differs."""

    where: str
    """Path to it in the record."""
    was: str
    """As JSON; null where there was nothing."""
    found: str
    """What came of it now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedDecision:
    """One record."""

    source: str
    """File and line."""
    time: datetime
    """Of the decision."""
    workload: str
    """Namespace and name of the workload, of the CompiledModel or of the AcceleratorTrial."""
    kind: str
    """InferenceWorkload, CompiledModel or AcceleratorTrial."""
    verdict: str
    """As decided again."""
    reason: str
    message: str
    digest: str | None
    """As decided again: that of a status, or of a page of it, which rests on this decision. Null of a CompiledModel, whose status has none."""
    identical: bool
    """The same verdict, reason and whole numbers, and decimals to 1e-9."""
    differences: tuple[ReplayedDifference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayView:
    """All records of a file, in its order. `time` of the document is the last decision's."""

    now: datetime = field(metadata={"json": False})
    decisions: tuple[ReplayedDecision, ...]
    different: int
    """How many of them are."""
    other_versions: tuple[str, ...] = ()
    """File and line of records that another version of the record has: they are not decided again."""


def replay(found: Found) -> ReplayView:
    """Decide all again that can be."""
    decisions = tuple(_again(source, record) for source, record in found.records)
    return ReplayView(
        now=max(each.time for each in decisions),
        decisions=decisions,
        different=sum(not each.identical for each in decisions),
        other_versions=tuple(source for source, _ in found.others),
    )


@dataclass(frozen=True, slots=True)
class _Again:
    """What came of the facts, decided once more."""

    kind: str
    name: str
    verdict: str
    reason: str
    message: str
    outcome: dict[str, Any]


def _decided_again(record: Recorded) -> _Again:
    match record.snapshot:
        case Snapshot() as snapshot:
            decision = decide(snapshot, record.now)
            name = "/".join(snapshot.workload.key)
            return _Again("InferenceWorkload", name, decision.verdict, decision.reason.value, decision.message, outcome(decision))
        case CompileSnapshot() as compiled:
            made = decide_compile(compiled, record.now)
            name = f"{compiled.namespace}/{compiled.name}"
            return _Again("CompiledModel", name, made.verdict.value, made.ready.reason.value, made.ready.message, compile_outcome(made))
        case TrialSnapshot() as tried:
            told = decide_trial(tried, record.now)
            name, said = "/".join(tried.trial.key), told.finished
            return _Again(
                "AcceleratorTrial", name, "Ended" if told.over else "GoesOn", said.reason.value, said.message, trial_outcome(told)
            )


def _undecidable(source: str, error: Exception) -> Problem:
    """Facts that no decision can be made on; none that an operator saw are known."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return Problem(
        f"{source}: the record cannot be decided again: {said} ({Path(at.filename).name}:{at.lineno})",
        "if it was edited, take it as it was written; if it was not, this is a fault of Steelyard: report it with the record",
    )


def _again(source: str, record: Recorded) -> ReplayedDecision:
    try:
        found = _decided_again(record)
    except Exception as error:
        raise _undecidable(source, error) from error
    compared = {name: found.outcome[name] for name in record.decided}
    unlike = tuple(
        ReplayedDifference(where=each.where, was=_short(each.was), found=_short(each.found))
        for each in differences(dict(record.decided), compared)
    )
    return ReplayedDecision(
        source=source,
        time=record.now,
        workload=found.name,
        kind=found.kind,
        verdict=found.verdict,
        reason=found.reason,
        message=found.message,
        digest=found.outcome.get("digest") or None,
        identical=not unlike,
        differences=unlike,
    )


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:197]}..."
