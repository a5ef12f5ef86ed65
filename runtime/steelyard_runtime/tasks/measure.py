"""How near answers are to the eager reference's, as one figure a task."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure. `word`: what a compile's result and a manifest call it; `says`: what people read before the figure."""

    word: str
    says: str
    more_is_nearer: bool

    def keeps(self, value: float, tolerance: float) -> bool:
        """Whether a figure is as near as is asked for; what is no number never is."""
        return value >= tolerance if self.more_is_nearer else value <= tolerance

    def worst(self, values: Iterable[float]) -> float:
        """Of several graphs, that of the farthest."""
        return min(values) if self.more_is_nearer else max(values)

    def broken(self, value: float, tolerance: float) -> str:
        """Say by how much a figure misses."""
        return f"the {self.says} is {value:.6f}, {'below' if self.more_is_nearer else 'above'} {tolerance}"


LEAST_COSINE = Measure("cosineMin", "least cosine to the reference", more_is_nearer=True)
WORST_PROBABILITY = Measure("probabilityWorst", "largest difference of a probability from the reference", more_is_nearer=False)
SCORE_CONCORDANCE = Measure("concordanceMin", "concordance of the scores with the reference's", more_is_nearer=True)
