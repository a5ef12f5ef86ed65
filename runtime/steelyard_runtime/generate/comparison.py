"""A running vLLM held against the reference, by the golden samples of its artifact."""

from pathlib import Path

from steelyard_runtime.artifacts.manifest import Cosine, Logprob
from steelyard_runtime.generate import continuation, golden, pooled
from steelyard_runtime.generate.child import Child
from steelyard_runtime.generate.golden import Golden
from steelyard_runtime.generate.pooled import SECONDS, Pooled
from steelyard_runtime.generate.task import Task

Samples = Golden | Pooled


def load(folder: Path, task: Task) -> Samples:
    """Read the samples from an artifact's folder."""
    return pooled.load(folder) if task.pools else golden.load(folder)


async def difference(child: Child, model: str, task: Task, samples: Samples) -> float:
    """Return the least cosine of vectors, else the largest mean difference of a sample, in nats, infinite where anything is not a number; raises
    `Failure` where nothing can be compared."""
    if isinstance(samples, Pooled):
        return await pooled.compared(child, model, task, samples)
    if samples.continuations:
        losses = []
        for ids, continued in zip(samples.ids, samples.continuations, strict=True):
            asked = continuation.request(model, ids.tolist(), len(continued.tokens))
            losses.append(continued.loss(continuation.answered(await child.complete(asked, SECONDS))))
        return max(losses)
    found = [golden.answered(await child.complete(golden.request(model, ids.tolist()), SECONDS), ids.tolist()) for ids in samples.ids]
    return golden.worst_difference(samples, found)


def broken(accuracy: Cosine | Logprob, value: float, samples: Samples) -> str | None:
    """By how much an answer misses what the artifact asks for, in words; None where it keeps it."""
    if isinstance(accuracy, Cosine):
        return (
            None
            if value >= accuracy.tolerance
            else f"the least cosine to the reference's vectors is {value:.4f}, below {accuracy.tolerance}"
        )
    if value <= accuracy.tolerance:
        return None
    continued = isinstance(samples, Golden) and samples.continuations
    what = "what is generated is less likely to the reference" if continued else "log-probabilities differ from the reference's"
    return f"{what} by {value:.4f} nats, more than {accuracy.tolerance}"
