"""Golden samples: inputs and the answers that the eager reference gave to them. They travel inside of the artifact."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.tokens import Text

NAME = "golden.npz"


@dataclass(frozen=True, slots=True)
class Golden:
    """Samples, and the reference's answer to each, float32: [size], or [length, size] where each token has one."""

    samples: tuple[Text, ...]
    answers: tuple[NDArray[np.float32], ...]


def save_golden(golden: Golden, folder: Path) -> None:
    """Write the samples into an artifact's folder; no pickle is involved."""
    arrays: dict[str, Any] = {
        "texts": np.array(golden.samples, dtype=np.str_),
        "embeddings": np.concatenate([np.atleast_2d(answer) for answer in golden.answers]),
    }
    if golden.answers[0].ndim > 1:
        arrays["lengths"] = np.array([len(answer) for answer in golden.answers], np.int64)
    np.savez(folder / NAME, **arrays)


def load_golden(folder: Path) -> Golden:
    """Read the samples from an artifact's folder."""
    with np.load(folder / NAME, allow_pickle=False) as arrays:
        samples = tuple(_sample(each) for each in arrays["texts"].tolist())
        answers = arrays["embeddings"].astype(np.float32)
        if "lengths" not in arrays:
            return Golden(samples, tuple(answers))
        ends = [0, *np.cumsum(arrays["lengths"]).tolist()]
        return Golden(samples, tuple(answers[start:end] for start, end in pairwise(ends)))


def _sample(read: str | list[str]) -> Text:
    return tuple(read) if isinstance(read, list) else read


def least_cosine(left: Sequence[NDArray[np.float32]], right: Sequence[NDArray[np.float32]]) -> float:
    """Return the least cosine over the rows of two [n, dimension] arrays; a row that is not finite or zero counts as -1."""
    a, b = np.asarray(left, np.float64), np.asarray(right, np.float64)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        cosines = (a * b).sum(axis=1) / norms
    return float(np.where(np.isfinite(cosines), cosines, -1.0).min())
