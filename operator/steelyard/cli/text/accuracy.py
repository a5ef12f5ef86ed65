"""How near the answers of an artifact are to the reference's, in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from steelyard.status.read.compiled_model import ToldAccuracy


class Verified(Protocol):
    """A pool in a table."""

    @property
    def pool(self) -> str:
        """Its name."""

    @property
    def accuracy(self) -> ToldAccuracy | None:
        """Of its artifact."""


SHORT = {
    "LeastCosine": "cosine",
    "WorstProbability": "probability",
    "ScoreConcordance": "concordance",
    "LargestDifference": "difference",
    "WorstLogprob": "nats",
}
"""Of the figure, where it stands in a column."""


def figure_of(told: ToldAccuracy | None) -> tuple[str, str] | None:
    """The figure, and what it is of, in short; None where nothing was verified."""
    if told is None or told.value is None:
        return None
    return f"{told.value:f}", SHORT.get(told.measure or "", told.measure or "")


def compared(pools: Iterable[Verified]) -> bool:
    """Whether the answers of any were."""
    return any(figure_of(p.accuracy) is not None for p in pools)


def accuracies(pools: Iterable[Verified]) -> list[str]:
    """Of each pool's artifact: quality comes before cost."""
    return [f"{p.pool}: {told}" for p in pools if (told := accuracy(p.accuracy)) is not None]


def accuracy(told: ToldAccuracy | None) -> str | None:
    """None where nothing was verified."""
    if told is None or told.value is None:
        return None
    said = {
        "LeastCosine": "least cosine to the reference {}",
        "WorstProbability": "probabilities at most {} from the reference's",
        "ScoreConcordance": "concordance {} with the reference's scores",
        "LargestDifference": "values at most {} from the reference's, as a part of the largest",
        "WorstLogprob": "at most {} nats from the reference",
    }
    return said.get(told.measure or "", f"{told.measure} {{}}").format(f"{told.value:f}") + " on golden samples, where it was compiled"
