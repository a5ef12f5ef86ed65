"""How near the answers of an artifact were to the reference's where it was compiled: on golden samples, and not on users' requests."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Measure(StrEnum):
    """What is compared."""

    LEAST_COSINE = "LeastCosine"
    """Of embeddings: the least cosine over the golden samples; 1 is the same direction."""
    WORST_PROBABILITY = "WorstProbability"
    """Of classes: the largest difference of a probability over the golden samples; 0 is the same."""
    SCORE_CONCORDANCE = "ScoreConcordance"
    """Of ranks: Lin's concordance coefficient of the scores of the golden samples; 1 is the same, and less the more order or scale differ."""
    LARGEST_DIFFERENCE = "LargestDifference"
    """Of tensors and images: the largest difference of a value over the golden samples, as a part of its output's largest; 0 is the same."""
    WORST_LOGPROB = "WorstLogprob"
    """Of text: the largest mean difference of log-probabilities of a golden sample, in nats; 0 is the same."""

    def keeps(self, value: float, limit: float) -> bool:
        """Whether answers are as near as is asked for."""
        return value >= limit if self in {Measure.LEAST_COSINE, Measure.SCORE_CONCORDANCE} else value <= limit


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A measure and its figure."""

    measure: Measure
    value: float
