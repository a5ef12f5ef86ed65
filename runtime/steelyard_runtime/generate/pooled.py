"""Golden samples of a model that pools: token ids, and the vector or the logits that the reference gave for each."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.artifacts.golden import least_cosine
from steelyard_runtime.artifacts.manifest import Cosine, Logprob
from steelyard_runtime.compile.blame import blame_the_model
from steelyard_runtime.generate.child import Child
from steelyard_runtime.generate.golden import TOLERANCE
from steelyard_runtime.generate.in_float32 import in_float32
from steelyard_runtime.generate.pooling import pooling_of
from steelyard_runtime.generate.task import EMBED, Task
from steelyard_runtime.tasks.embeddings import TOLERANCE as COSINE
from steelyard_runtime.texts import golden_texts
from steelyard_runtime.tokens import TextTokenizer

NAME = "golden-pooled.npz"
LONGEST = 256
"""Tokens of a golden sample."""
SECONDS = 600.0
"""For one sample."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """For each sample its token ids, and what the reference makes of them: a vector, or a logit for each label."""

    ids: tuple[NDArray[np.int64], ...]
    outputs: NDArray[np.float32]
    """[samples, dimension or labels]"""


def save(golden: Pooled, folder: Path) -> None:
    """Write the samples into an artifact's folder; no pickle is involved."""
    lengths = np.array([len(ids) for ids in golden.ids], np.int64)
    np.savez(folder / NAME, lengths=lengths, ids=np.concatenate(golden.ids), outputs=golden.outputs)


def load(folder: Path) -> Pooled:
    """Read the samples from an artifact's folder."""
    with np.load(folder / NAME, allow_pickle=False) as arrays:
        ends = [0, *np.cumsum(arrays["lengths"]).tolist()]
        ids = tuple(arrays["ids"][start:end].astype(np.int64) for start, end in pairwise(ends))
        return Pooled(ids, arrays["outputs"].astype(np.float32))


def pooled_reference(model: Path, task: Task, longest: int, samples: int, seed: int) -> Pooled:
    """Compute the golden samples by transformers, in float32; raises `Failure` for a model that it cannot load without code from its author."""
    import torch  # type: ignore[import-not-found]  # noqa: PLC0415
    import transformers  # type: ignore[import-not-found]  # noqa: PLC0415

    length = min(LONGEST, longest)
    rows, _ = TextTokenizer(model, length).encode(golden_texts(samples, seed, length))
    loader = transformers.AutoModel if task is EMBED else transformers.AutoModelForSequenceClassification
    pooling = pooling_of(model) if task is EMBED else None
    with blame_the_model("transformers cannot load this model"):
        loaded = loader.from_pretrained(model, dtype="auto", trust_remote_code=False, use_safetensors=True, local_files_only=True)
    network: Any = in_float32(loaded.eval())
    outputs = []
    with torch.inference_mode():
        for row in rows:
            said = network(input_ids=torch.tensor([row]), attention_mask=torch.ones((1, len(row)), dtype=torch.int64))
            found = said.logits[0] if pooling is None else pooling.of(said.last_hidden_state[0].float())
            outputs.append(found.float().numpy().astype(np.float32))
    return Pooled(tuple(np.array(row, np.int64) for row in rows), np.stack(outputs))


async def compared(child: Child, model: str, task: Task, golden: Pooled) -> float:
    """Ask a running vLLM for each sample. Returns the least cosine of vectors, or the largest mean difference of the labels' log-probabilities."""
    path = "/v1/embeddings" if task is EMBED else "/classify"
    # Without the activation a label's figure is its logit: what is compared does not depend on what a model makes of it in the end.
    more = {} if task is EMBED else {"use_activation": False}
    found = [await child.asked(path, {"model": model, "input": ids.tolist(), **more}, SECONDS) for ids in golden.ids]
    answers = [answered(each, "embedding" if task is EMBED else "probs", golden.outputs.shape[1]) for each in found]
    return least_cosine(answers, list(golden.outputs)) if task is EMBED else worst_label(np.stack(answers), golden.outputs)


def answered(document: Any, field: str, size: int) -> NDArray[np.float32]:
    """Read vLLM's answer. What is missing becomes NaN, which no tolerance lets pass."""
    try:
        found = np.array(document["data"][0][field], np.float32)
    except (KeyError, IndexError, TypeError, ValueError):
        found = np.empty(0, np.float32)
    return found if found.shape == (size,) else np.full(size, np.nan, np.float32)


def worst_label(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    """Return the largest mean difference of a sample's log-probabilities, in nats; infinite where anything is not a number."""
    means = np.abs(_log_probabilities(found) - _log_probabilities(wanted)).mean(axis=1)
    return float(means.max()) if np.isfinite(means).all() else float("inf")


def _log_probabilities(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """[n, labels]; one logit is that of yes against no."""
    wide = logits.astype(np.float64)
    both = np.concatenate([wide, np.zeros_like(wide)], axis=1) if wide.shape[1] == 1 else wide
    shifted = both - both.max(axis=1, keepdims=True)
    found: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return found


def accuracy_of(task: Task, golden: Pooled, dtype: str, value: float | None) -> Cosine | Logprob:
    """As a manifest tells it."""
    if task is EMBED:
        return Cosine(int(golden.outputs.shape[1]), value, COSINE[dtype])
    return Logprob(value, TOLERANCE[dtype])
