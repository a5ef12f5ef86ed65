"""Whether the server is ready, and if not, why. Written by the serving loop, read by the thread that answers probes."""

import time
from dataclasses import dataclass, field
from enum import StrEnum

STUCK_AFTER = 60.0
"""Seconds without a turn of the serving loop, or with a batch in the engine, after which the process is not live."""


class Stage(StrEnum):
    """A server goes through these in order."""

    STARTING = "Starting"
    READY = "Ready"
    DRAINING = "Draining"


@dataclass
class State:
    """The stage, a sentence for people, and signs of life."""

    stage: Stage = Stage.STARTING
    reason: str = "the artifact is being fetched and loaded"
    beat: float = field(default_factory=time.monotonic)
    batches: dict[int, float] = field(default_factory=dict)
    """When each busy worker's batch entered the engine."""

    @property
    def ready(self) -> bool:
        """Whether new requests should come here."""
        return self.stage is Stage.READY

    def enter(self, stage: Stage, reason: str) -> None:
        """Go to a stage."""
        self.reason = reason
        self.stage = stage

    def sick(self) -> str | None:
        """Return why the process should be restarted, or None."""
        now = time.monotonic()
        if now - self.beat > STUCK_AFTER:
            return f"the serving loop has not turned for {now - self.beat:.0f} s"
        oldest = min(list(self.batches.values()), default=now)
        if now - oldest > STUCK_AFTER:
            return f"a batch has been in the engine for {now - oldest:.0f} s"
        return None
