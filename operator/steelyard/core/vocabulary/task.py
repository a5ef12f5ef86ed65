"""What a model does, by the model hub's names, and what Steelyard's own server is asked to do for each."""

from __future__ import annotations

from collections.abc import Mapping

EMBEDDINGS = "embeddings"
SERVED: Mapping[str, str] = {
    "feature-extraction": EMBEDDINGS,
    "sentence-similarity": EMBEDDINGS,
    "embeddings": EMBEDDINGS,
    "text-classification": "text-classification",
    "token-classification": "token-classification",
    "text-ranking": "text-ranking",
    "image-classification": "image-classification",
    "tensors": "tensors",
}
"""The server's own word for each: api.task explains them to users, and a test holds both and the server's table together."""
TEXT = "text-generation"
"""Of vLLM alone, which does it where nothing is said."""
GRAPHS = frozenset({"image-classification", "tensors"})
"""Whose inputs are no texts: sequence lengths are no inputs of their compile."""
READ_ONNX = frozenset({"onnxruntime", "openvino"})
"""Back ends that make something of a graph; a test holds it against the runtime's own."""
READ_APART: Mapping[str, int] = {"text-ranking": 8}
"""Texts of the request that a load generator makes for a task, where the model reads each by itself (`DOCUMENTS` of the runtime's `text_ranking.py`)."""


def generates(task: str) -> bool:
    """Whether vLLM answers with text that it generates, and not with one vector, label or score."""
    return task in {"", TEXT}
