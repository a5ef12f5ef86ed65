"""Golden samples: texts and the embeddings the eager reference gave for them. They travel inside of the artifact."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

NAME = "golden.npz"


@dataclass(frozen=True, slots=True)
class Golden:
    """Texts [n] and their reference embeddings [n, dimension], float32."""

    texts: tuple[str, ...]
    embeddings: NDArray[np.float32]


def save_golden(golden: Golden, folder: Path) -> None:
    """Write the samples into an artifact's folder; no pickle is involved."""
    np.savez(folder / NAME, texts=np.array(golden.texts, dtype=np.str_), embeddings=golden.embeddings)


def load_golden(folder: Path) -> Golden:
    """Read the samples from an artifact's folder."""
    with np.load(folder / NAME, allow_pickle=False) as arrays:
        return Golden(tuple(str(text) for text in arrays["texts"]), arrays["embeddings"].astype(np.float32))


def least_cosine(left: NDArray[np.float32], right: NDArray[np.float32]) -> float:
    """Return the least cosine over the rows of two [n, dimension] arrays; a row that is not finite or zero counts as -1."""
    a, b = left.astype(np.float64), right.astype(np.float64)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        cosines = (a * b).sum(axis=1) / norms
    return float(np.where(np.isfinite(cosines), cosines, -1.0).min())
