"""How near an engine's answers are to the reference's: one number, 0 where they are the same."""

from collections.abc import Sequence

import numpy as np

from steelyard_runtime.tasks.measure import Measure
from steelyard_runtime.tensors.engine import TensorEngine
from steelyard_runtime.tensors.samples import Array, Sample
from steelyard_runtime.tensors.signature import Signature

LARGEST_DIFFERENCE = Measure("largestDifference", "largest relative difference to the reference", more_is_nearer=False)
TOLERANCE = {"default": 0.005, "float32": 0.005, "float16": 0.02, "bfloat16": 0.1}
"""By dtype, where nothing is quantised. The default is float32: what a graph loses by less is known to nobody before, and a detector may lose a
fifth where an encoder loses nothing. What is near 0 on random inputs shows even the order in which sums are added up."""
QUANTIZED = {"int8weightonly": 0.2, "int8dynamic": 0.3}
"""The same by quantisation, which was asked for and loses more than any dtype."""
SAME = 0.005
"""How far a row's answer alone and among others may be apart in float32: sums are added up in another order, and what is near 0 shows it."""


def tolerance(dtype: str, quantization: str) -> float:
    """The largest relative difference that an artifact may show, where it is made and wherever it is loaded."""
    return max(TOLERANCE[dtype], QUANTIZED.get(quantization, 0.0))


def relative_difference(found: Sequence[Array], reference: Sequence[Array], scales: Sequence[float]) -> float:
    """Return the largest difference of a value of any output, as a part of the output's scale (its largest magnitude by the reference).

    Of what is no float (whole numbers, truths, strings): the part of the values that are not equal. Another shape, or a value that is no number
    where the reference has one, is infinitely far.
    """
    return max((_difference(a, b, scale) for a, b, scale in zip(found, reference, scales, strict=True)), default=0.0)


def scales_of(samples: Sequence[Sample]) -> list[float]:
    """Return each output's largest finite magnitude over all samples; 1 where it has none above 0."""
    return [max((_magnitude(sample.outputs[at]) for sample in samples), default=0.0) or 1.0 for at in range(len(samples[0].outputs))]


def golden_difference(engine: TensorEngine, signature: Signature, batches: Sequence[int], samples: Sequence[Sample]) -> float:
    """Return the largest relative difference over the golden samples: each alone, and where rows are computed together, each among others in
    runs of every batch size, so that an engine which mixes rows is found."""
    scales = scales_of(samples)
    if not signature.batched:
        return max(relative_difference(engine.run(each.inputs), each.outputs, scales) for each in samples)
    worst = 0.0
    for batch in sorted({signature.rows or size for size in (1, *batches)}):
        for first in range(len(samples)):
            these = [samples[(first + at) % len(samples)] for at in range(batch)]
            together = {each.name: np.concatenate([sample.inputs[each.name] for sample in these]) for each in signature.inputs}
            found = engine.run(together)
            if any(len(output) != batch for output in found):
                return float("inf")
            for at, sample in enumerate(these):
                worst = max(worst, relative_difference([output[at : at + 1] for output in found], sample.outputs, scales))
            if batch >= len(samples):  # all of them were in it
                break
    return worst


def _difference(found: Array, reference: Array, scale: float) -> float:
    if found.shape != reference.shape:
        return float("inf")
    if not found.size:
        return 0.0
    if reference.dtype.kind != "f":
        return float(np.mean(found != reference))
    a, b = found.astype(np.float64), reference.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))  # infinities too
    with np.errstate(invalid="ignore"):
        apart = np.where(same, 0.0, np.abs(a - b) / scale)
    return float("inf") if np.isnan(apart).any() else float(apart.max())


def _magnitude(output: Array) -> float:
    if output.dtype.kind != "f" or not output.size:
        return 0.0
    return float(np.abs(output[np.isfinite(output)].astype(np.float64)).max(initial=0.0))
