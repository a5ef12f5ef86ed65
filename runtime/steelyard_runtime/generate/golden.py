"""Golden samples of a model that generates text: token ids, and the log-probability that the reference gave to each of them.

Log-probabilities of a given text, not generated texts: one token that falls the other way at a near tie changes all that follow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

NAME = "golden-logprobs.npz"
TOLERANCE = {"float32": 0.02, "bfloat16": 0.15, "float16": 0.15, "default": 0.15}
"""Largest mean difference of a sample's log-probabilities, in nats, by dtype. Another model than the reference differs by more than 1."""


@dataclass(frozen=True, slots=True)
class Golden:
    """For each sample its token ids, and the log-probabilities of all of them but the first, in nats, float32."""

    ids: tuple[NDArray[np.int64], ...]
    logprobs: tuple[NDArray[np.float32], ...]


def save(golden: Golden, folder: Path) -> None:
    """Write the samples into an artifact's folder; no pickle is involved."""
    np.savez(
        folder / NAME,
        lengths=np.array([len(ids) for ids in golden.ids], np.int64),
        ids=np.concatenate(golden.ids),
        logprobs=np.concatenate(golden.logprobs),
    )


def load(folder: Path) -> Golden:
    """Read the samples from an artifact's folder."""
    with np.load(folder / NAME, allow_pickle=False) as arrays:
        ends = [0, *np.cumsum(arrays["lengths"]).tolist()]
        ids = tuple(arrays["ids"][start:end].astype(np.int64) for start, end in pairwise(ends))
        tails = [0, *np.cumsum(arrays["lengths"] - 1).tolist()]
        return Golden(ids, tuple(arrays["logprobs"][start:end].astype(np.float32) for start, end in pairwise(tails)))


def request(model: str, ids: Sequence[int]) -> dict[str, Any]:
    """What vLLM is asked: the log-probability of each token that was given, and one token more, because it has to generate."""
    return {"model": model, "prompt": [int(each) for each in ids], "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0}


def answered(document: Any, ids: Sequence[int]) -> NDArray[np.float32]:
    """Read vLLM's answer. What is missing becomes NaN, which no tolerance lets pass."""
    try:
        said = document["choices"][0]["prompt_logprobs"][1:]
        found = [float(each[str(int(token))]["logprob"]) for each, token in zip(said, ids[1:], strict=True)]
    except (KeyError, IndexError, TypeError, ValueError):
        found = [float("nan")] * (len(ids) - 1)
    return np.array(found, np.float32)


def worst_difference(golden: Golden, found: Sequence[NDArray[np.float32]]) -> float:
    """Return the largest mean absolute difference over the samples, in nats; infinite where anything is not a number."""
    means = [float(np.abs(want.astype(np.float64) - have).mean()) for want, have in zip(golden.logprobs, found, strict=True)]
    worst = max(means)
    return worst if np.isfinite(means).all() else float("inf")
