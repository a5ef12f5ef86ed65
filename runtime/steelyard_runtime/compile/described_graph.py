"""What a graph takes and gives, and golden samples of it, by ONNX Runtime without optimisations."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from steelyard_runtime.compile.blame import blame_the_model, not_the_models
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.failure import Reason, user_failure
from steelyard_runtime.tasks.graph_task import Described
from steelyard_runtime.tensors.difference import SAME, relative_difference, scales_of
from steelyard_runtime.tensors.graph import graph_file, reference_session, tensors_of, weights_beside
from steelyard_runtime.tensors.samples import Array, Inputs, Run, Sample, given_inputs, random_inputs, rows_of, two_that_differ
from steelyard_runtime.tensors.signature import Signature, first_axis


def described_graph(model: Path, spec: CompileSpec) -> Described:
    """Run the graph and look at it. Raises `Failure`."""
    weights_beside(graph_file(model))  # before anything follows a path in it
    session = reference_session(graph_file(model))
    inputs, outputs = tensors_of(session)

    def run(asked: Inputs) -> Sequence[Array]:
        found: Sequence[Array] = session.run(None, dict(asked))
        return found

    maybe, fixed = first_axis((*inputs, *outputs))
    chance = np.random.default_rng(spec.golden_seed)
    requests = given_inputs(model, inputs, spec.golden_samples) or random_inputs(run, inputs, fixed or 1, spec.golden_samples, chance)
    alone = _each_alone(run, two_that_differ(list(rows_of(requests)), chance), fixed or 1) if maybe else []
    if alone and _independent(run, alone, fixed or len(alone)):
        _require_the_same_again(lambda row: _sample(run, row, fixed or 1).outputs, alone)
        return Described(model, Signature(inputs, outputs, batched=True, rows=fixed), alone[: max(2, spec.golden_samples)])
    with blame_the_model("the graph does not take the inputs that lie beside it"):
        samples = [Sample(asked, tuple(run(asked))) for asked in requests]
    _require_the_same_again(run, samples)
    return Described(model, Signature(inputs, outputs), samples)


def _each_alone(run: Run, inputs: Sequence[Inputs], rows: int) -> list[Sample]:
    """The answer to each row by itself; none where the graph does not take them so."""
    try:
        return [_sample(run, row, rows) for row in inputs]
    except Exception as error:  # a graph may want several rows, whatever its shapes say
        if (other := not_the_models(error)) is not None:
            raise other from error
        return []


def _sample(run: Run, row: Inputs, rows: int) -> Sample:
    """A row's answer by itself: the only one of its run, or in all rows of a graph that fixes how many there are."""
    found = run({name: np.concatenate([array] * rows) for name, array in row.items()})
    return Sample(row, tuple(np.asarray(output)[:1] for output in found))


def _independent(run: Run, alone: Sequence[Sample], rows: int) -> bool:
    """Whether each row is answered among others as it is by itself, which no shape tells: a graph may mix its rows, or count something else."""
    scales = scales_of(alone)
    for first in range(0, len(alone), rows):
        these = [alone[(first + at) % len(alone)] for at in range(rows)]
        try:
            found = run({name: np.concatenate([sample.inputs[name] for sample in these]) for name in these[0].inputs})
        except Exception as error:  # rows of other shapes, or a graph whose first axis is not what it seems
            if (other := not_the_models(error)) is not None:
                raise other from error
            return False
        if any(np.ndim(output) == 0 or len(output) != rows for output in found):
            return False
        for at, sample in enumerate(these):
            if relative_difference([output[at : at + 1] for output in found], sample.outputs, scales) > SAME:
                return False
    return True


def _require_the_same_again(run: Run, samples: Sequence[Sample]) -> None:
    scales = scales_of(samples)
    if any(relative_difference(run(sample.inputs), sample.outputs, scales) > SAME for sample in samples):
        raise user_failure(
            Reason.MODEL_UNREADABLE,
            "the graph answers the same inputs differently each time; export it without random operators (in evaluation mode)",
        )
