"""How near the answers of a task are to the reference's is told by one measure: another one would be asked of figures that nobody has."""

from steelyard.api.compiled_model import AccuracyMeasure
from steelyard.api.task import Task
from steelyard.api.vllm_task import TEXT

VECTORS = (Task.FEATURE_EXTRACTION.value, Task.SENTENCE_SIMILARITY.value, Task.EMBEDDINGS.value)
CLASSES = (Task.TEXT_CLASSIFICATION.value, Task.TOKEN_CLASSIFICATION.value)


def measure_of(task: str | None, *, vllm: bool) -> AccuracyMeasure:
    """The one that is told of the task. vllm: whether it does the task, which it tells by log-probabilities wherever it gives no vectors."""
    task = task or TEXT
    if task in VECTORS:
        return AccuracyMeasure.LEAST_COSINE
    if vllm:
        return AccuracyMeasure.WORST_LOGPROB
    if task in CLASSES:
        return AccuracyMeasure.WORST_PROBABILITY
    return AccuracyMeasure.SCORE_CONCORDANCE if task == Task.TEXT_RANKING else AccuracyMeasure.LARGEST_DIFFERENCE


MEASURE_CEL = (
    f"!has(self.model.task) ? 'WorstLogprob' : self.model.task in {list(VECTORS)} ? 'LeastCosine' : has(self.server.vllm) ? 'WorstLogprob' : "
    f"self.model.task in {list(CLASSES)} ? 'WorstProbability' : self.model.task == 'text-ranking' ? 'ScoreConcordance' : 'LargestDifference'"
)
"""The same of a spec that has a model."""
