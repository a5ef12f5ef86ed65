"""The way to a model's bytes: it is not in the compile key, so a CompiledModel keeps the one that it was made with."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.core.compiling.attempt import Attempts, FailureClass


@dataclass(frozen=True, slots=True)
class Way:
    """A model's address, and the Secret that opens it."""

    uri: str
    secret_name: str | None


def begins_anew(attempts: Attempts, made_with: Way, wanted: Way, *, shared: bool) -> bool:
    """Whether a CompiledModel is made anew with another way: where the user had to mend something, and has. Who shares one cannot mend it
    for the others: two who name two ways would take turns for ever."""
    failed = attempts.built is None and attempts.failure is not None and attempts.failure.failure_class is FailureClass.USER
    return failed and wanted != made_with and not shared
