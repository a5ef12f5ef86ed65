"""What Steelyard's own server does with a model."""

from steelyard.api.word import Word


class Task(Word):
    """By the model hub's names."""

    FEATURE_EXTRACTION = "feature-extraction", "a text becomes one vector"
    SENTENCE_SIMILARITY = "sentence-similarity", "the same; the hub's name for models that compare sentences by such vectors"
    EMBEDDINGS = "embeddings", "the same, by an older name"
    TEXT_CLASSIFICATION = "text-classification", "a text, or a pair of texts, gets a probability for each class"
    TOKEN_CLASSIFICATION = "token-classification", "parts of a text, such as names, are found and get a class"
    TEXT_RANKING = "text-ranking", "documents are ranked by their relevance to a query, which the model reads with each of them"
    IMAGE_CLASSIFICATION = "image-classification", "an image gets a probability for each class"
    TENSORS = "tensors", "any ONNX graph: tensors in, tensors out"


GRAPHS = (Task.IMAGE_CLASSIFICATION.value, Task.TENSORS.value)
"""Whose inputs are no texts, and have no lengths."""
TASKS = tuple(task.value for task in Task)
