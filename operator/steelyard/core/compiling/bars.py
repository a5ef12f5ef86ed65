"""Why the Job of a compile is not made now: ordered lists of rules, for an attempt that has begun, one that is to begin, and one whose
time has not come.

Each rule is total and tells one reason; the first that holds is what the compile waits for. A Job is made where none of them holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from steelyard.core.compiling.attempt import Attempts, is_due
from steelyard.core.compiling.site import is_asked_for, pools_to_compile_on
from steelyard.core.compiling.snapshot import CompileSnapshot
from steelyard.core.facts.snapshot import Pool
from steelyard.core.vocabulary.reason import Reason, Refusal


@dataclass(frozen=True, slots=True)
class CompileGrounds:
    """What the rules look at. `pools`: those to compile on, best first. `asked_for`: whether a workload still wants what is compiled.
    `has_turn`: whether one of the places is for it."""

    snapshot: CompileSnapshot
    pools: tuple[Pool, ...]
    asked_for: bool
    has_turn: bool


Rule: TypeAlias = Callable[[CompileGrounds], Refusal | None]


def grounds(snapshot: CompileSnapshot, attempts: Attempts, now: datetime) -> CompileGrounds:
    """Derived once. `attempts`: as they stand before the pass, with an artifact that was refused taken back."""
    key, users, settings = snapshot.key, snapshot.users, snapshot.settings
    return CompileGrounds(
        snapshot=snapshot,
        pools=pools_to_compile_on(key, users, settings, now) if snapshot.needs_device else (),
        # What was published once may be what serves, whatever is asked for now.
        asked_for=attempts.failure is None or attempts.corruptions > 0 or is_asked_for(key, users, settings),
        has_turn=snapshot.has_turn(now),
    )


def bar(attempts: Attempts, seen: CompileGrounds, now: datetime) -> Refusal | None:
    """What keeps the Job of the present or the next attempt from being made; None where nothing does, or no attempt is to follow."""
    return next((why for rule in _rules(attempts, now) if (why := rule(seen)) is not None), None)


def _rules(attempts: Attempts, now: datetime) -> tuple[Rule, ...]:
    if attempts.open:
        return GO_ON
    if is_due(attempts, now):
        return BEGIN
    return () if attempts.retry_at is None else NOT_YET


def _not_asked_for(seen: CompileGrounds) -> Refusal | None:
    if seen.asked_for:
        return None
    return Refusal(Reason.COMPILING, "it is not tried again as long as no workload that uses it asks for it")


def _name_taken(seen: CompileGrounds) -> Refusal | None:
    if seen.snapshot.taken_name is None:
        return None
    whose = "belongs to another, most often to a CompiledModel of this name that was deleted; it goes first"
    return Refusal(Reason.COMPILING, f"Job {seen.snapshot.taken_name} {whose}")


def _no_toolchain(seen: CompileGrounds) -> Refusal | None:
    if seen.snapshot.toolchain is not None:
        return None
    backend = seen.snapshot.backend
    return Refusal(Reason.COMPILING, f"no toolchain of back end {backend} is configured: add config.toolchains.{backend}")


def _no_pool(seen: CompileGrounds) -> Refusal | None:
    if not seen.snapshot.needs_device or seen.pools:
        return None
    return Refusal(
        Reason.COMPILING,
        f"compiling with {seen.snapshot.backend} takes a device, and no pool that a workload selects and that would serve this artifact has a"
        " resourceName: add one, or let one of them be selected",
    )


def no_turn(seen: CompileGrounds) -> Refusal | None:
    """The last rule: it waits for a place, and for nothing else."""
    if seen.has_turn:
        return None
    taken, at_once = seen.snapshot.queue.taken(seen.snapshot.namespace), seen.snapshot.settings.compile_jobs_at_once
    rule = f"config.compile.jobsAtOnce lets {at_once} run at the same time"
    if taken < at_once:
        return Refusal(Reason.COMPILING, f"it waits for its turn: {rule}, and others come first")
    which = "another one" if taken == 1 else f"{taken} others"
    return Refusal(Reason.COMPILING, f"it waits for {which} to end: {rule}")


BEGIN: tuple[Rule, ...] = (
    _not_asked_for,  # what failed is tried again for those who want it
    _no_toolchain,  # nothing compiles it
    _no_pool,  # it takes a device, and no pool has one for it
    no_turn,  # as many run as may, or others come first
)
"""For an attempt that is to begin."""
GO_ON: tuple[Rule, ...] = (
    _name_taken,  # its Job cannot be made
    _no_toolchain,
    _no_pool,
    no_turn,
)
"""For an attempt that has begun and has no Job: who died between the two makes it again."""
NOT_YET: tuple[Rule, ...] = (_not_asked_for,)
"""For an attempt whose time has not come."""
