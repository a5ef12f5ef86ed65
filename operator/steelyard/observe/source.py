"""Where samples come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

from steelyard.observe.failure import Failure
from steelyard.observe.observed_pod import ObservedPod
from steelyard.observe.sample import Sample

Answer: TypeAlias = Sample | Failure


class Clock(Protocol):
    """The one clock of the shell."""

    def now(self) -> datetime:
        """The present instant in UTC, aware."""
        ...


class Source(Protocol):
    """Reads pods. Never raises for what a pod or a server says: that is a Failure of that pod."""

    @property
    def name(self) -> str:
        """Short and fixed: it labels metrics."""
        ...

    async def read(self, pods: Sequence[ObservedPod]) -> Mapping[str, Answer]:
        """One answer for each pod, by uid, within a bounded time."""
        ...
