"""The reference of a model that generates text: transformers, in float32, without a compiler, with weights as wide as they come."""

from pathlib import Path
from typing import Any

import numpy as np

from steelyard_runtime.compile.blame import blame_the_model
from steelyard_runtime.generate.continuation import BEST, Continuation
from steelyard_runtime.generate.golden import Golden
from steelyard_runtime.generate.in_float32 import in_float32
from steelyard_runtime.texts import golden_texts
from steelyard_runtime.tokens import TextTokenizer

LONGEST = 256
"""Tokens of a golden sample: enough to meet more than one block of the cache, and soon computed."""


def reference(model: Path, longest: int, samples: int, seed: int, *, steps: int = 0) -> Golden:
    """Compute the golden samples, and `steps` tokens after each; raises `Failure` for a model that transformers cannot load without code from
    its author."""
    import torch  # type: ignore[import-not-found]  # noqa: PLC0415
    from transformers import AutoModelForCausalLM  # type: ignore[import-not-found]  # noqa: PLC0415

    steps = min(steps, longest // 2)
    length = min(LONGEST, longest - max(1, steps))  # one token is generated in any case
    rows, _ = TextTokenizer(model, length).encode(golden_texts(samples, seed, length))
    ids = tuple(np.array(row, np.int64) for row in rows)
    with blame_the_model("transformers cannot load this model to generate text"):
        network: Any = in_float32(
            AutoModelForCausalLM.from_pretrained(
                model, dtype="auto", trust_remote_code=False, use_safetensors=True, local_files_only=True
            ).eval()
        )
    logprobs, continuations = [], []
    with torch.inference_mode():
        for each in ids:
            given = torch.from_numpy(each)[None]
            said = network(input_ids=given, use_cache=True)
            table = torch.log_softmax(said.logits[0, :-1].float(), dim=-1)
            logprobs.append(table.gather(1, given[0, 1:, None])[:, 0].numpy().astype(np.float32))
            tokens, likely = [], []
            for _ in range(steps):
                row = torch.log_softmax(said.logits[0, -1].float(), dim=-1)
                best = row.topk(min(BEST, len(row)))
                tokens.append(best.indices.numpy().astype(np.int64))
                likely.append(best.values.numpy().astype(np.float32))
                if len(tokens) < steps:
                    said = network(input_ids=best.indices[None, :1], past_key_values=said.past_key_values, use_cache=True)
            if steps:
                continuations.append(Continuation(np.stack(tokens), np.stack(likely)))
    return Golden(ids, tuple(logprobs), tuple(continuations))
