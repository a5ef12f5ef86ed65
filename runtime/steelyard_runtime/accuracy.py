"""Golden samples through an engine: how near its answers are to the reference's."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.tokens import TextTokenizer, bucket_of, padded

Run = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]

TOLERANCE = {"float32": 0.9999, "bfloat16": 0.999, "default": 0.999}
"""Least cosine to the float32 reference, by dtype. Measured (docs of the back ends): float32 1.000000, bfloat16 0.99996; `default` may be either."""


def embed_samples(run: Run, tokenizer: TextTokenizer, lengths: Sequence[int], batch: int, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return the embeddings [n, dimension] of texts, each run alone in its bucket (and padded to `batch` rows)."""
    rows, _ = tokenizer.encode(texts)
    found = []
    for row in rows:
        ids, mask = padded([row], bucket_of(len(row), lengths), batch)
        found.append(run(ids, mask)[0])
    return np.stack(found)
