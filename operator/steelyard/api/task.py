"""What Steelyard's own server does with a model."""

from steelyard.api.word import Word


class Task(Word):
    """By the model hub's names."""

    FEATURE_EXTRACTION = "feature-extraction", "a text becomes one vector"
    SENTENCE_SIMILARITY = "sentence-similarity", "the same"
    EMBEDDINGS = "embeddings", "the same"
    TEXT_CLASSIFICATION = "text-classification", "a text, or a pair of them, gets a probability for each class"
    TOKEN_CLASSIFICATION = "token-classification", "parts of a text, such as names, get a class"
    TEXT_RANKING = "text-ranking", "documents are ranked by their relevance to a query"
    IMAGE_CLASSIFICATION = "image-classification", "an image gets a probability for each class"
    TENSORS = "tensors", "any ONNX graph: tensors in, tensors out"


GRAPHS = (Task.IMAGE_CLASSIFICATION.value, Task.TENSORS.value)
"""Whose inputs are no texts, and have no lengths."""
TASKS = tuple(task.value for task in Task)
