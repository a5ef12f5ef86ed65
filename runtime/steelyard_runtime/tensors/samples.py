"""Golden samples of a graph: inputs, and what the reference answered. They travel inside of the artifact.

Inputs are those that lie beside the graph as ONNX's own tests have them (`test_data_set_0/input_0.pb` and on), else random ones of its shapes.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard_runtime.artifacts.golden import NAME
from steelyard_runtime.compile.blame import blame_the_model, not_the_models
from steelyard_runtime.failure import Failure, Reason, user_failure
from steelyard_runtime.tensors.datatype import Kind
from steelyard_runtime.tensors.signature import Signature, Tensor

Array = NDArray[Any]
Inputs = Mapping[str, Array]
"""By name."""
Run = Callable[[Inputs], Sequence[Array]]
"""From the inputs to the outputs in the graph's own order."""

DATA_SET = "test_data_set_{}/input_{}.pb"
"""The ONNX project's own layout of test data beside a model (onnx/onnx, onnx/backend/test)."""
OPEN_SIZES = (64, 32, 48, 224, 128, 16, 8, 1)
"""What an open axis is tried with: images want multiples of 32, and many graphs with an open axis take one size in truth."""
HIGHEST = (255, 1)
"""Of random whole numbers: bytes and pixels first, then what is an index of anything."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A request and the reference's answer, the outputs in the graph's order."""

    inputs: Inputs
    outputs: tuple[Array, ...]


def given_inputs(model: Path, tensors: Sequence[Tensor], most: int) -> list[Inputs]:
    """Read the inputs that lie beside the graph, of at most so many data sets; none where there are none. Raises `Failure`."""
    found: list[Inputs] = []
    while len(found) < most and (model / DATA_SET.format(len(found), 0)).is_file():
        number = len(found)
        found.append({each.name: _read(model / DATA_SET.format(number, at), each) for at, each in enumerate(tensors)})
    return found


def random_inputs(run: Run, tensors: Sequence[Tensor], rows: int, count: int, chance: np.random.Generator) -> list[Inputs]:
    """Make `count` requests of `rows` rows, of shapes that the reference takes: `rows` is the size of an open first axis. Raises `Failure`."""
    last = "it answers with values that are no numbers"
    for highest, size in itertools.product(HIGHEST, OPEN_SIZES if any(None in each.shape[1:] for each in tensors) else (1,)):
        made: list[Inputs] = [{each.name: _random(each, rows, size, highest, chance) for each in tensors} for _ in range(count)]
        try:
            if all(are_numbers(run(inputs)) for inputs in made):
                return made
        except Exception as error:  # the reference says in many ways that a shape is none of its own
            if (other := not_the_models(error)) is not None:
                raise other from error
            last = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
    raise user_failure(
        Reason.MODEL_UNREADABLE,
        f"the graph takes no random inputs of its shapes: {last}; put inputs that it takes beside it, as {DATA_SET.format(0, 0)} and on (TensorProto)",
    )


def are_numbers(outputs: Sequence[Array]) -> bool:
    """Whether no value is "not a number"; infinities are a graph's own business."""
    return not any(output.dtype.kind == "f" and bool(np.isnan(output).any()) for output in outputs)


def save_samples(samples: Sequence[Sample], signature: Signature, folder: Path) -> Path:
    """Write them into an artifact's folder, and return the file; no pickle is involved."""
    arrays: dict[str, Array] = {}
    for number, sample in enumerate(samples):
        for at, tensor in enumerate(signature.inputs):
            arrays[f"{number}.in.{at}"] = _plain(sample.inputs[tensor.name])
        for at, output in enumerate(sample.outputs):
            arrays[f"{number}.out.{at}"] = _plain(output)
    np.savez(folder / NAME, allow_pickle=False, **arrays)
    return folder / NAME


def load_samples(signature: Signature, folder: Path) -> list[Sample]:
    """Read them from an artifact's folder."""
    with np.load(folder / NAME, allow_pickle=False) as arrays:
        count = sum(name.endswith(".out.0") for name in arrays.files)
        return [
            Sample(
                {each.name: _typed(arrays[f"{number}.in.{at}"], each) for at, each in enumerate(signature.inputs)},
                tuple(_typed(arrays[f"{number}.out.{at}"], each) for at, each in enumerate(signature.outputs)),
            )
            for number in range(count)
        ]


def rows_of(requests: Sequence[Inputs]) -> Iterator[Inputs]:
    """Cut requests along the first axis into rows of one."""
    for request in requests:
        for at in range(min(len(array) for array in request.values())):
            yield {name: array[at : at + 1] for name, array in request.items()}


def two_that_differ(rows: Sequence[Inputs], chance: np.random.Generator) -> list[Inputs]:
    """Put a row second that is not like the first, and the others behind; none where there is none.

    Rows that are alike get the same answer among each other, whether the graph mixes them or not. Where all are, one more is drawn from the values
    of the first, so that a graph which takes that takes this.
    """
    if not rows:
        return []
    first, *others = rows
    drawn = {name: _drawn(array, chance) for name, array in first.items()}
    other = next((row for row in (*others, drawn) if not _alike(row, first)), None)
    return [] if other is None else [first, other, *(row for row in others if row is not other)]


def _alike(one: Inputs, other: Inputs) -> bool:
    return all(np.array_equal(array, other[name]) for name, array in one.items())


def _drawn(array: Array, chance: np.random.Generator) -> Array:
    """An array of this one's values, in any number and order; floats up to half as large, since sums may not stay the same."""
    values = chance.choice(array.reshape(-1), array.shape) if array.size else array
    return (values * chance.uniform(0.5, 1, array.shape)).astype(array.dtype) if array.dtype.kind == "f" else values


def _read(path: Path, tensor: Tensor) -> Array:
    import onnx  # noqa: PLC0415  only the compile image has it
    from onnx import numpy_helper  # noqa: PLC0415

    with blame_the_model(f"{path.parent.name}/{path.name} is no TensorProto"):
        found: Array = numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes()))
    if found.dtype.kind in "OSU":
        found = _typed(found.astype(np.str_), tensor)
    fits = len(found.shape) == len(tensor.shape) and all(want in (None, size) for want, size in zip(tensor.shape, found.shape, strict=True))
    if found.dtype != np.dtype(tensor.datatype.dtype) or not fits:
        raise _unfit(path, f"{found.dtype} {list(found.shape)}, and {tensor.name!r} is {tensor.datatype.onnx} {_told(tensor)}")
    return found


def _unfit(path: Path, what: str) -> Failure:
    return user_failure(
        Reason.MODEL_UNREADABLE,
        f"{path.parent.name}/{path.name} is {what}; write the graph's inputs in its own order, each as a TensorProto",
    )


def _told(tensor: Tensor) -> str:
    return str([-1 if size is None else size for size in tensor.shape])


def _random(tensor: Tensor, rows: int, size: int, highest: int, chance: np.random.Generator) -> Array:
    shape = tuple(want if want is not None else (rows if at == 0 else size) for at, want in enumerate(tensor.shape))
    match tensor.datatype.kind:
        case Kind.NUMBER:
            return chance.standard_normal(shape).astype(tensor.datatype.dtype)
        case Kind.TRUTH:
            return chance.integers(0, 2, shape).astype(np.bool_)
        case Kind.WHOLE:
            high = min(highest, int(np.iinfo(np.dtype(tensor.datatype.dtype)).max))
            return chance.integers(0, high, shape, endpoint=True).astype(tensor.datatype.dtype)
        case Kind.BYTES:
            return np.array([f"word{n}" for n in chance.integers(0, 10, int(np.prod(shape)))], dtype=object).reshape(shape)


def _plain(array: Array) -> Array:
    return array.astype(np.str_) if array.dtype.kind == "O" else array


def _typed(array: Array, tensor: Tensor) -> Array:
    return array.astype(object) if tensor.datatype.kind is Kind.BYTES else array
