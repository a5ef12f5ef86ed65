"""Golden samples through an engine: how near its answers are to the reference's."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.artifacts.golden import Golden, least_cosine
from steelyard_runtime.compile.backend import Engine
from steelyard_runtime.tokens import TextTokenizer, bucket_of, padded

Run = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]

TOLERANCE = {"float32": 0.9999, "bfloat16": 0.999, "float16": 0.999, "default": 0.999}
"""Least cosine to the float32 reference, by dtype, where nothing is quantised; `default` may be either. What is reached: docs/benchmarks/accuracy.md."""
QUANTIZED = {"int8weightonly": 0.99, "int8dynamic": 0.98}
"""The same by quantisation: it was asked for, and loses more than any dtype. Far below what a healthy model shows, far above a broken one."""


def tolerance(dtype: str, quantization: str) -> float:
    """Least cosine to the float32 reference that an artifact must reach, where it is made and wherever it is loaded."""
    return min(TOLERANCE[dtype], QUANTIZED.get(quantization, 1.0))


def golden_cosine(engine: Engine, tokenizer: TextTokenizer, lengths: Sequence[int], batches: Sequence[int], golden: Golden) -> float:
    """Return the least cosine to the reference, over all graphs: those of each batch size where it has its own."""
    return min(
        least_cosine(embed_samples(engine.run, tokenizer, lengths, batch, golden.texts), golden.embeddings)
        for batch in (batches if engine.fixed_batch else (1,))
    )


def embed_samples(run: Run, tokenizer: TextTokenizer, lengths: Sequence[int], batch: int, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return the embeddings [n, dimension] of texts, each in its bucket, in all `batch` rows, and read from another row than the one before."""
    rows, _ = tokenizer.encode(texts)
    found = []
    for number, row in enumerate(rows):
        ids, mask = padded([row] * batch, bucket_of(len(row), lengths), batch)
        found.append(run(ids, mask)[number % batch])
    return np.stack(found)
