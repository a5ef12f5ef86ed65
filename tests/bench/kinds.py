"""Three kinds of server as the simulator has them, each at any speed: one request at a time, batches, and text by continuous batching."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from steelyard.simulate.lengths import Lengths
from steelyard.simulate.truth import Truth
from steelyard.simulate.workload_entry import ObjectiveEntry


class Kind(StrEnum):
    """Of a server."""

    SEQUENTIAL = "sequential"
    BATCHING = "batching"
    TOKENS = "tokens"


OTHERS = ((Kind.SEQUENTIAL, False), (Kind.BATCHING, True), (Kind.BATCHING, False), (Kind.TOKENS, True), (Kind.TOKENS, False))
"""Servers of other kinds, or that do not tell how busy they are."""
OBJECTIVES: Mapping[Kind, Mapping[str, object]] = {
    Kind.SEQUENTIAL: {"milliseconds": 4000, "percent": 99},
    Kind.BATCHING: {"milliseconds": 9000, "percent": 99},
    Kind.TOKENS: {"ttftMilliseconds": 4000, "itlMilliseconds": 150, "percent": 99},
}
_LENGTHS: Mapping[str, object] = {"prompt": {"mean": 300, "spread": 0.7, "most": 2000}, "output": {"mean": 120, "spread": 0.7, "most": 800}}


def server(kind: Kind, speed: float) -> Mapping[str, object]:
    """A truth: one that is so many times as fast as that of speed 1."""
    one = {"startSeconds": 60}
    if kind is Kind.SEQUENTIAL:
        return {"serviceMilliseconds": 400 / speed, "spread": 0.3, **one}
    if kind is Kind.BATCHING:
        return {"batching": {"alphaMilliseconds": 900 / speed, "betaMilliseconds": 120 / speed, "maxBatch": 16}, **one}
    tokens = {
        "floorMilliseconds": 30 / speed,
        "sequenceMicroseconds": 300 / speed,
        "contextMicroseconds": 0.5 / speed,
        "promptMicroseconds": 150 / speed,
        "kvTokens": 40_000,
        "maxSequences": 32,
    }
    return {"tokens": tokens, **one}


def named(kind: Kind, *, told: bool) -> str:
    """For people."""
    return f"{kind.value}, busy time {'told' if told else 'not told'}"


def requests(kind: Kind) -> Mapping[str, object]:
    """The part of a workload's entry that says how long its requests are; empty where that does not matter."""
    return {"lengths": _LENGTHS} if kind is Kind.TOKENS else {}


def lengths(kind: Kind) -> Lengths | None:
    """The same, as the simulator reads it."""
    return Lengths.model_validate(_LENGTHS) if kind is Kind.TOKENS else None


def objective(kind: Kind) -> ObjectiveEntry:
    """Of OBJECTIVES, as the simulator reads it."""
    return ObjectiveEntry.model_validate(OBJECTIVES[kind])


def saturation(kind: Kind, truth: Mapping[str, object]) -> float:
    """Requests per second of such a server when it is always full."""
    return Truth.model_validate(truth).saturation(lengths(kind))
