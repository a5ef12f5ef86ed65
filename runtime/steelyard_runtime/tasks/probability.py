"""From logits to probabilities, and how far those of two models lie apart."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

TOLERANCE = {"float32": 0.002, "bfloat16": 0.03, "float16": 0.01, "default": 0.03}
"""Largest difference of a probability from the float32 reference's, by dtype, where nothing is quantised; `default` may be any. A class that the
reference prefers to another by more than twice as much is preferred by the artifact too."""
QUANTIZED = {"int8weightonly": 0.05, "int8dynamic": 0.1}
"""The same by quantisation. Chosen with room, as those above: no trained classifier was at hand to measure them with."""


def tolerance(dtype: str, quantization: str) -> float:
    """The larger of what dtype and quantisation are allowed."""
    return max(TOLERANCE[dtype], QUANTIZED.get(quantization, 0.0))


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Each on its own."""
    # Not by exp(-x), which is infinite where x is far below zero.
    return 0.5 * (1 + np.tanh(0.5 * logits.astype(np.float64)))


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Over the last axis."""
    found = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    scaled: NDArray[np.float64] = found / found.sum(axis=-1, keepdims=True)
    return scaled


def worst_difference(found: Sequence[NDArray[np.float64]], reference: Sequence[NDArray[np.float64]]) -> float:
    """Return the largest difference of any probability; 1 where one is no number."""
    worst = max(float(np.abs(a - b).max()) for a, b in zip(found, reference, strict=True))
    return worst if all(np.isfinite(a).all() for a in found) else 1.0
