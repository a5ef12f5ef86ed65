"""What the reference generates after each golden text: for platforms whose vLLM tells no log-probabilities of a prompt.

Greedy, and compared up to the first token that differs, because it changes all that follow. One that falls the other way at a near tie costs
what the reference holds it to be less likely; a machine that computes something else generates what the reference holds to be unlikely.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.failure import Reason, user_failure

STEPS = 16
"""Tokens after each text: enough to be decoded from the cache, and from more than its last block."""
BEST = 20
"""Candidates of each step: at a near tie the other one is among them."""


@dataclass(frozen=True, slots=True)
class Continuation:
    """For each step its likeliest tokens, the likeliest first, which is also what the next step follows."""

    tokens: NDArray[np.int64]
    """Steps by candidates."""
    logprobs: NDArray[np.float32]
    """Theirs, in nats."""

    def loss(self, generated: Sequence[int]) -> float:
        """Return by how much less likely the reference holds each token than its own, in nats: the mean up to the first that differs.

        Infinite for a token that is not among the candidates, and where fewer were generated than there are steps.
        """
        for step, (tokens, logprobs) in enumerate(zip(self.tokens, self.logprobs, strict=True)):
            if step >= len(generated):
                return float("inf")
            (found,) = np.nonzero(tokens == generated[step])
            if not found.size:
                return float("inf")
            if found[0]:
                return float(logprobs[0] - logprobs[found[0]]) / (step + 1)
        return 0.0


def request(model: str, ids: Sequence[int], steps: int) -> dict[str, Any]:
    """What vLLM is asked. Nothing of the model's generation_config.json may change what is the likeliest token."""
    return {
        "model": model,
        "prompt": [int(each) for each in ids],
        "max_tokens": steps,
        "temperature": 0,
        "repetition_penalty": 1.0,
        "ignore_eos": True,
        "return_token_ids": True,
    }


def answered(document: Any) -> list[int]:
    """Read vLLM's answer; raises `Failure` where it does not tell the tokens."""
    try:
        return [int(each) for each in document["choices"][0]["token_ids"]]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise user_failure(
            Reason.UNSUPPORTED_TARGET, "this vLLM does not tell which tokens it generates (return_token_ids): use a newer one"
        ) from error
