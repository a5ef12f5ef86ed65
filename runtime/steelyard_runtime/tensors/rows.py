"""Requests cut into rows that run with those of others, and the answers to runs cut into those of rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steelyard_runtime.tensors.datatype import Kind
from steelyard_runtime.tensors.engine import TensorEngine
from steelyard_runtime.tensors.samples import Array, Inputs, Sample, are_numbers
from steelyard_runtime.tensors.signature import Signature

KINDS = 1 << 30
"""Numbers for shapes. Two that share one only fail together, and then run alone."""
BEYOND = 1000
"""Times the golden samples' largest value."""
Answer = tuple[Array, ...]
"""Outputs in the graph's order: of one row, with its axis, or of a request that runs alone."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a request, its axis kept, or all of a request that runs alone."""

    inputs: Inputs

    def __len__(self) -> int:
        """A number for its shape: only rows of one shape run together."""
        return hash(tuple(array.shape for array in self.inputs.values())) % KINDS + 1


def rows_of_request(signature: Signature, inputs: Mapping[str, Array]) -> tuple[Row, ...]:
    """Cut a request, whose inputs have equally many rows where rows run together."""
    ordered = {each.name: inputs[each.name] for each in signature.inputs}
    if not signature.batched:
        return (Row(ordered),)
    count = len(next(iter(ordered.values())))
    return tuple(Row({name: array[at : at + 1] for name, array in ordered.items()}) for at in range(count))


def joined(signature: Signature, answers: Sequence[Answer]) -> dict[str, Array]:
    """Return a request's outputs by name, out of the answers to its rows."""
    names = [each.name for each in signature.outputs]
    if not signature.batched:
        return dict(zip(names, answers[0], strict=True))
    return {name: np.concatenate([answer[at] for answer in answers]) for at, name in enumerate(names)}


class Rows:
    """Of rows into the graph, and of their answers out of it."""

    def __init__(self, signature: Signature, samples: Sequence[Sample]) -> None:
        self._signature = signature
        self._numbers = all(are_numbers(sample.outputs) for sample in samples)
        self._usual = {
            each.name: BEYOND * max(_magnitude(sample.inputs[each.name]) for sample in samples)
            for each in signature.inputs
            if each.datatype.kind is Kind.NUMBER
        }

    def feed(self, rows: Sequence[Row], length: int, batch: int) -> tuple[Array, ...]:
        """Return the graph's inputs, one row under the other, the last of them repeated up to `batch`: what is computed for nothing is possible."""
        names = [each.name for each in self._signature.inputs]
        if not self._signature.batched:
            return tuple(rows[0].inputs[name] for name in names)
        more = [rows[-1]] * (batch - len(rows))
        return tuple(np.concatenate([row.inputs[name] for row in (*rows, *more)]) for name in names)

    def read(self, found: Any, rows: Sequence[Row]) -> list[Any]:
        """Return the answer to each row; raises `ValueError` where there are fewer."""
        if not self._signature.batched:
            return [tuple(found)]
        for tensor, output in zip(self._signature.outputs, found, strict=True):
            if output.ndim == 0 or len(output) < len(rows):
                raise ValueError(f"the engine's {tensor.name!r} for {len(rows)} rows has the shape {output.shape}")
        return [tuple(output[at : at + 1] for output in found) for at in range(len(rows))]

    def sound(self, row: Row, answer: Answer) -> bool:
        """Whether an answer may be one: values that are no numbers are the engine's fault unless the reference's answers had some, or the request is
        none itself or far beyond the golden samples, where any graph may overflow."""
        if not self._numbers or are_numbers(answer):
            return True
        return not all(_magnitude(row.inputs[name]) <= usual for name, usual in self._usual.items())


class RunningGraph:
    """A graph's engine, as a batcher runs it."""

    fixed_lengths = False

    def __init__(self, engine: TensorEngine, signature: Signature) -> None:
        self.workers = engine.workers
        self.fixed_batch = signature.rows is not None
        self._engine = engine
        self._names = [each.name for each in signature.inputs]

    def run(self, *arrays: Array) -> Any:
        """Return the outputs in the graph's order."""
        return self._engine.run(dict(zip(self._names, arrays, strict=True)))


def _magnitude(array: Array) -> float:
    return float(np.abs(array).max(initial=0))
