"""A running vLLM held against the reference, by the golden samples of its artifact."""

from steelyard_runtime.generate import continuation, golden
from steelyard_runtime.generate.child import Child

SECONDS = 600.0
"""For one sample."""


async def worst_difference(child: Child, model: str, samples: golden.Golden) -> float:
    """Return the largest mean difference of a sample, in nats; infinite where anything is not a number; raises `Failure` where nothing can be compared."""
    if samples.continuations:
        losses = []
        for ids, continued in zip(samples.ids, samples.continuations, strict=True):
            asked = continuation.request(model, ids.tolist(), len(continued.tokens))
            losses.append(continued.loss(continuation.answered(await child.complete(asked, SECONDS))))
        return max(losses)
    found = [golden.answered(await child.complete(golden.request(model, ids.tolist()), SECONDS), ids.tolist()) for ids in samples.ids]
    return golden.worst_difference(samples, found)
