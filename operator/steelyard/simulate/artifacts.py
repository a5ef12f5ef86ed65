"""The compiles of one workload: each key once, after its time, with the core's own rules for trying again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from steelyard.core.compiling.attempt import Attempts, Built, Failure, FailureClass, JobOutcome, NoJob, Running, next_attempt
from steelyard.core.facts.snapshot import Artifact, ArtifactState
from steelyard.core.placing.intent import CompileIntent


@dataclass(slots=True)
class _Compile:
    seconds: float
    pools: tuple[str, ...]
    attempts: Attempts
    begun: datetime | None = None


class Artifacts:
    """By compile key. `pools` of a key are those that it was asked for."""

    def __init__(self) -> None:
        self._compiles: dict[str, _Compile] = {}

    def ask(self, intent: CompileIntent, seconds: float) -> None:
        """The artifact of the key should exist; a compile takes that long."""
        key = intent.inputs.key
        if key not in self._compiles:
            self._compiles[key] = _Compile(seconds, intent.pools, Attempts())

    @property
    def running(self) -> int:
        """Jobs."""
        return sum(1 for c in self._compiles.values() if c.attempts.open)

    @property
    def settled(self) -> bool:
        """Whether there is nothing left to compile."""
        return all(c.attempts.built is not None for c in self._compiles.values())

    def advance(self, now: datetime, failing: frozenset[str], room: int) -> bool:
        """Let compiles begin (at most `room`), end and fail, those for a failing pool; whether anything is new."""
        news = False
        for key in sorted(self._compiles):
            compile_ = self._compiles[key]
            before = compile_.attempts
            compile_.attempts, start = next_attempt(before, self._outcome(key, compile_, now, failing), now, may_start=room > 0)
            if start is not None:
                compile_.begun, room = now, room - 1
            news |= compile_.attempts != before
        return news

    def seen(self) -> Mapping[str, Artifact]:
        """As a snapshot has them."""
        return {key: _artifact(key, self._compiles[key].attempts) for key in sorted(self._compiles)}

    def _outcome(self, key: str, compile_: _Compile, now: datetime, failing: frozenset[str]) -> JobOutcome:
        if compile_.begun is None or not compile_.attempts.open:
            return NoJob()
        if now < compile_.begun + timedelta(seconds=compile_.seconds):
            return Running()
        if failing.intersection(compile_.pools):
            return Failure(failure_class=FailureClass.INFRASTRUCTURE, reason="Evicted", message="the node of the compile was taken away")
        return Built(uri=f"sim://artifacts/{key}", digest=f"sha256:{key}", size_bytes=0, seconds=compile_.seconds)


def _artifact(key: str, attempts: Attempts) -> Artifact:
    if attempts.built is not None:
        built = attempts.built
        return Artifact(state=ArtifactState.READY, uri=built.uri, digest=built.digest, size_bytes=built.size_bytes)
    if attempts.failure is not None and not attempts.open:
        return Artifact(state=ArtifactState.FAILED, message=attempts.failure.message, retry_at=attempts.retry_at)
    return Artifact(state=ArtifactState.COMPILING)
