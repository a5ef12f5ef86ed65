"""What the generators of a trial tell while they still ask: the same as their last word will say, as far as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from steelyard.control.gather.probe_job import steps_of
from steelyard.control.gather.trial_facts import began_of, lengths_of, steady_of
from steelyard.core.facts.trial import TrialReplica
from steelyard.core.trials.look import TrialSnapshot

Fetch = Callable[[str], Awaitable[Mapping[str, Any] | None]]
"""GET a URL of a pod; None if it did not answer."""


async def with_progress(snapshot: TrialSnapshot, fetch: Fetch, now: datetime) -> TrialSnapshot:
    """With what those tell that were to have begun, all asked at once. One that does not answer, or not sensibly, tells nothing yet."""
    begin = snapshot.memory.begin
    asked = [(pool, replica) for pool, replica in snapshot.replicas.items() if replica.address is not None]
    if begin is None or now < begin or not asked:
        return snapshot
    said = await asyncio.gather(*(fetch(f"{replica.address}/progress") for _, replica in asked))
    told = {pool: with_word(replica, word) for (pool, replica), word in zip(asked, said, strict=True)}
    return replace(snapshot, replicas={**snapshot.replicas, **told})


def with_word(replica: TrialReplica, word: Mapping[str, Any] | None) -> TrialReplica:
    """The replica with the steps that its generator has finished."""
    try:
        steps = steps_of(word.get("steps")) if word else ()
    except ValueError:
        steps = ()
    if word is None or not steps:
        return replica
    return replace(
        replica,
        probe=replace(replica.probe, steps=steps),
        ramped=word.get("ramped") is True,
        steady=steady_of(word.get("steady")),
        lengths=lengths_of(word.get("lengths")),
        began=began_of(word.get("began")),
    )
