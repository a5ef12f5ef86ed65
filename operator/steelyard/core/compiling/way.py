"""What a compile is given and is not in its key: the way to a model's bytes, and resources. A CompiledModel keeps what it was made with."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.core.compiling.attempt import Attempts, FailureClass
from steelyard.core.facts.resources import CompileResources


@dataclass(frozen=True, slots=True)
class Way:
    """A model's address, the Secret that opens it, and what the compile asks for; None: as the configuration says."""

    uri: str
    secret_name: str | None
    resources: CompileResources | None = None


MENDED = frozenset({FailureClass.USER, FailureClass.OUT_OF_MEMORY})
"""What the user can mend by another way."""


def begins_anew(attempts: Attempts, made_with: Way, wanted: Way, *, shared: bool) -> bool:
    """Whether a CompiledModel is made anew with another way: where the user had to mend something, and has. Who shares one cannot mend it
    for the others: two who name two ways would take turns for ever."""
    failed = attempts.built is None and attempts.failure is not None and attempts.failure.failure_class in MENDED
    return failed and wanted != made_with and not shared
