"""Has every pool that may be used its artifact? What keeps one from it, the first of an ordered list of checks."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import TypeAlias

from steelyard.core.compiling.candidate import Candidate
from steelyard.core.placing.analysis import Analysis
from steelyard.core.vocabulary.condition import Condition, ConditionType
from steelyard.core.vocabulary.reason import STUCK, Reason, Refusal

COMPILED_MODEL = "CompiledModel"
Check: TypeAlias = Callable[[Analysis], Refusal | None]


def compiled(seen: Analysis) -> Condition:
    """The condition Compiled."""
    missing = next((found for check in CHECKS if (found := check(seen)) is not None), None)
    if missing is not None:
        return Condition(ConditionType.COMPILED, False, missing.reason, missing.message)
    return Condition(ConditionType.COMPILED, True, Reason.COMPILED, "an artifact is verified for every eligible pool")


def no_toolchain(seen: Analysis) -> Refusal | None:
    """There must be a pool to compile for."""
    if _chosen(seen):
        return None
    return Refusal(Reason.NO_POOL, seen.missing or "no selected pool has a back end with a toolchain: see `kubectl steelyard explain`")


def no_store(seen: Analysis) -> Refusal | None:
    """There must be a place for artifacts."""
    return _first_of(seen, frozenset({Reason.NO_STORE}))


def not_written(seen: Analysis) -> Refusal | None:
    """The API server must take what asks for the compile."""
    refused = next((write for write in seen.snapshot.refused if write.kind == COMPILED_MODEL), None)
    return Refusal(Reason.OBJECT_INVALID, str(refused)) if refused is not None else None


def stuck(seen: Analysis) -> Refusal | None:
    """Nothing must wait for somebody to mend it."""
    return _first_of(seen, STUCK)


def unplaced(seen: Analysis) -> Refusal | None:
    """Nothing must wait for a node."""
    return _first_of(seen, frozenset({Reason.UNPLACED}))


def compiling(seen: Analysis) -> Refusal | None:
    """No compile must be under way. What it waits for is told where all of them wait."""
    waiting = _refused_as(seen, Reason.COMPILING)
    if not waiting:
        return None
    queued = [why.message for candidate, why in waiting if candidate.artifact is not None and candidate.artifact.waits is not None]
    under_way = f"compiling for {_names(waiting)}: `kubectl get cmodel` shows the progress"
    return Refusal(Reason.COMPILING, queued[0] if len(queued) == len(waiting) else under_way)


def failed(seen: Analysis) -> Refusal | None:
    """No compile must have failed."""
    without = _refused_as(seen, Reason.COMPILE_FAILED)
    if not without:
        return None
    _, why = without[0]
    told = f"no artifact for {_names(without)}: {why.message}; `kubectl describe cmodel` says when it is tried again"
    return Refusal(Reason.COMPILE_FAILED, told)


CHECKS: tuple[Check, ...] = (
    no_toolchain,  # nothing can be compiled at all
    no_store,
    not_written,  # no compile can begin
    stuck,  # what somebody has to mend comes before what mends itself
    unplaced,
    compiling,
    failed,  # is tried again
)


def _chosen(seen: Analysis) -> list[Candidate]:
    return [c for c in seen.candidates if c.pool.selected and c.inputs is not None]


def _refused(seen: Analysis) -> list[tuple[Candidate, Refusal]]:
    return [(candidate, candidate.refusal) for candidate in _chosen(seen) if candidate.refusal is not None]


def _refused_as(seen: Analysis, reason: Reason) -> list[tuple[Candidate, Refusal]]:
    return [(candidate, why) for candidate, why in _refused(seen) if why.reason is reason]


def _first_of(seen: Analysis, reasons: Set[Reason]) -> Refusal | None:
    return next((why for _, why in _refused(seen) if why.reason in reasons), None)


def _names(refused: list[tuple[Candidate, Refusal]]) -> str:
    return ", ".join(candidate.name for candidate, _ in refused)
