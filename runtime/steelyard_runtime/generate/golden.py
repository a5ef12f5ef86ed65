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

from steelyard_runtime.failure import Reason, user_failure
from steelyard_runtime.generate.continuation import Continuation

NAME = "golden-logprobs.npz"
TOLERANCE = {"float32": 0.02, "bfloat16": 0.15, "float16": 0.15, "default": 0.15}
"""Largest mean difference of a sample's log-probabilities, in nats, by dtype. Another model than the reference differs by more than 1."""


@dataclass(frozen=True, slots=True)
class Golden:
    """For each sample its token ids, and the log-probabilities of all of them but the first, in nats, float32."""

    ids: tuple[NDArray[np.int64], ...]
    logprobs: tuple[NDArray[np.float32], ...]
    continuations: tuple[Continuation, ...] = ()
    """One for each sample, or none: what is compared instead where vLLM tells no log-probabilities of a prompt."""


def save(golden: Golden, folder: Path) -> None:
    """Write the samples into an artifact's folder; no pickle is involved."""
    np.savez(
        folder / NAME,
        lengths=np.array([len(ids) for ids in golden.ids], np.int64),
        ids=np.concatenate(golden.ids),
        logprobs=np.concatenate(golden.logprobs),
        **_stacked(golden.continuations),
    )


def _stacked(continuations: Sequence[Continuation]) -> dict[str, Any]:
    if not continuations:
        return {}
    return {
        "continued": np.stack([each.tokens for each in continuations]),
        "continued_logprobs": np.stack([each.logprobs for each in continuations]),
    }


def load(folder: Path) -> Golden:
    """Read the samples from an artifact's folder."""
    with np.load(folder / NAME, allow_pickle=False) as arrays:
        ends = [0, *np.cumsum(arrays["lengths"]).tolist()]
        ids = tuple(arrays["ids"][start:end].astype(np.int64) for start, end in pairwise(ends))
        tails = [0, *np.cumsum(arrays["lengths"] - 1).tolist()]
        logprobs = tuple(arrays["logprobs"][start:end].astype(np.float32) for start, end in pairwise(tails))
        if "continued" not in arrays:
            return Golden(ids, logprobs)
        steps = zip(arrays["continued"].astype(np.int64), arrays["continued_logprobs"].astype(np.float32), strict=True)
        return Golden(ids, logprobs, tuple(Continuation(*each) for each in steps))


def request(model: str, ids: Sequence[int]) -> dict[str, Any]:
    """What vLLM is asked: the log-probability of each token that was given, and one token more, because it has to generate."""
    return {"model": model, "prompt": [int(each) for each in ids], "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0}


def answered(document: Any, ids: Sequence[int]) -> NDArray[np.float32]:
    """Read vLLM's answer. What is missing becomes NaN, which no tolerance lets pass; raises `Failure` where nothing was told at all."""
    try:
        said = document["choices"][0].get("prompt_logprobs")
        if said in (None, [None]) and len(ids) > 1:
            # A plugin that does not support them says so by this, and by no error.
            raise user_failure(
                Reason.UNSUPPORTED_TARGET,
                "vLLM tells no log-probabilities of a prompt on this platform, and without them nothing is held against the reference; use"
                " another platform",
            )
        found = [float(each[str(int(token))]["logprob"]) for each, token in zip(said[1:], ids[1:], strict=True)]
    except (AttributeError, KeyError, IndexError, TypeError, ValueError):
        found = [float("nan")] * (len(ids) - 1)
    return np.array(found, np.float32)


def worst_difference(golden: Golden, found: Sequence[NDArray[np.float32]]) -> float:
    """Return the largest mean absolute difference over the samples, in nats; infinite where anything is not a number."""
    means = [float(np.abs(want.astype(np.float64) - have).mean()) for want, have in zip(golden.logprobs, found, strict=True)]
    worst = max(means)
    return worst if np.isfinite(means).all() else float("inf")
