"""Which of its CompiledModels a workload no longer uses: each change of model, options or toolchain leaves one behind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from steelyard.core.compiling.attempt import Attempts

KEPT = 3
"""Built ones of each back end that are not used and stay: going back to one of the last revisions needs no compile."""


@dataclass(frozen=True, slots=True)
class Known:
    """A CompiledModel that the workload is a user of. `created` as Kubernetes writes times, which sort."""

    name: str
    key: str
    backend: str
    created: str
    attempts: Attempts


def superseded(known: Iterable[Known], asked_for: frozenset[str], served: Iterable[str | None]) -> tuple[str, ...]:
    """Names of those to let go of, the oldest first: not asked for, served by no placement, not being compiled, and older than what is kept.

    `asked_for` and `served` are compile keys. None while nothing is asked for, or where a placement does not tell what it serves: a workload
    whose pools are gone for a moment has superseded nothing.
    """
    used = {*asked_for, *served}
    if not asked_for or None in used:
        return ()
    unused = sorted((k for k in known if k.key not in used and not k.attempts.open), key=lambda k: (k.created, k.name), reverse=True)
    kept: dict[str, int] = {}
    gone = []
    for each in unused:
        kept[each.backend] = kept.get(each.backend, 0) + (each.attempts.built is not None)
        if each.attempts.built is None or kept[each.backend] > KEPT:
            gone.append(each.name)
    return tuple(reversed(gone))
