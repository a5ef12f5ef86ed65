"""Any ONNX graph, by the Open Inference Protocol: tensors in, tensors out."""

import json
import random
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.compile.spec import CompileSpec
from steelyard_runtime.serve import door
from steelyard_runtime.serve.door import Door, Endpoint, Inferred, Schema
from steelyard_runtime.serve.infer_tensors import TensorRequest, answer_schema, request_schema, tensor_request, tensor_response
from steelyard_runtime.serve.inference_protocol import HEADER
from steelyard_runtime.serve.request import Inputs, Limits, Rejected
from steelyard_runtime.tasks.graph_task import Described, LoadRequest
from steelyard_runtime.tensors.datatype import BY_NAME, Datatype, Kind
from steelyard_runtime.tensors.rows import Answer, joined, rows_of_request
from steelyard_runtime.tensors.samples import Array, Sample
from steelyard_runtime.tensors.signature import Signature, Tensor


class Tensors:
    """A folder with `model.onnx`."""

    name = "tensors"
    endpoints: tuple[Endpoint, ...] = ()

    def parameters(self, model: Path) -> int:
        """By its size, each of four bytes: its files tell no other."""
        from steelyard_runtime.tensors.graph import size_of  # noqa: PLC0415  needs what only the compile image has

        return size_of(model) // 4

    def described(self, model: Path, spec: CompileSpec, scratch: Path) -> Described:
        """It is a graph."""
        from steelyard_runtime.compile.described_graph import described_graph  # noqa: PLC0415

        return described_graph(model, spec)

    def keep(self, model: Path, into: Path) -> None:
        """Nothing: the signature says all."""

    def head(
        self, folder: Path, manifest: Manifest, signature: Signature, samples: Sequence[Sample], whole: tuple[int, int] | None
    ) -> "TensorHead":
        """The signature is all there is to it."""
        return TensorHead(signature, samples, whole)

    def request(self, model: str, metadata: Mapping[str, Any], chance: random.Random) -> LoadRequest:
        """Random tensors like the golden samples."""
        return random_tensors(model, metadata, np.random.default_rng(chance.getrandbits(64)))


class TensorHead:
    """Tensors are rows already."""

    def __init__(self, signature: Signature, samples: Sequence[Sample], whole: tuple[int, int] | None) -> None:
        self._signature, self._samples, self._whole = signature, samples, whole

    def encode(self, inputs: Sequence[Any]) -> tuple[list[Any], int]:
        """They are."""
        return list(inputs), 0

    def doors(self, model: str, limits: Limits) -> tuple[Door, ...]:
        """None of its own."""
        return ()

    def infer(self, model: str, limits: Limits) -> "TensorInfer":
        """All inputs and outputs of the graph."""
        return TensorInfer(model, limits, self._signature, self._samples, self._whole)


class TensorInfer:
    """A graph by the Open Inference Protocol."""

    def __init__(
        self, model: str, limits: Limits, signature: Signature, samples: Sequence[Sample], whole: tuple[int, int] | None = None
    ) -> None:
        self._model, self._limits, self._signature, self._whole = model, limits, signature, whole
        self._taken = tuple(Tensor(each.name, each.datatype, signature.asked(each)) for each in signature.inputs)
        self._given = tuple(Tensor(each.name, each.datatype, signature.asked(each)) for each in signature.outputs)
        self.inputs = tuple(as_metadata(each, _like(samples, each)) for each in self._taken)
        self.outputs = tuple(as_metadata(each, {}) for each in self._given)
        self.takes: Schema = request_schema(self._taken, limits.max_inputs if signature.batched else None, whole)
        self.answers: Schema = answer_schema(model, self._given)

    def read(self, body: bytes, header_length: str | None) -> Inferred:
        """Read a body; raises `Rejected`."""
        rows = self._limits if self._signature.batched else None
        asked = tensor_request(body, header_length, self._taken, self._given, self._limits.body, rows=rows)
        if rows is not None:
            _require_as_many_rows(asked.inputs)
        inputs = {each.name: self._fit(each, asked.inputs[each.name]) for each in self._taken}
        return Inferred(Inputs(rows=rows_of_request(self._signature, inputs)), partial(self._reply, asked))

    def _reply(self, asked: TensorRequest, rows: Sequence[Any], answers: Sequence[Answer]) -> tuple[bytes, int | None]:
        return tensor_response(self._model, asked, joined(self._signature, answers))

    def _fit(self, tensor: Tensor, array: Array) -> Array:
        """Strings as text, and whole numbers that the engine computes with."""
        if tensor.datatype.kind is Kind.BYTES:
            return _decoded(array, tensor.name)
        if self._whole is not None and tensor.datatype.kind is Kind.WHOLE and array.size:
            low, high = self._whole
            if int(array.min()) < low or int(array.max()) > high:
                raise Rejected(
                    400, f"a value of {tensor.name!r} is beyond {low} to {high}, with which this back end computes {tensor.datatype.name}"
                )
        return array


def _require_as_many_rows(inputs: Mapping[str, Array]) -> None:
    (first, count), *others = [(name, len(array)) for name, array in inputs.items()]
    for name, other in others:
        if other != count:
            raise Rejected(400, f"{name!r} has {other} rows and {first!r} {count}; the first axis of all inputs counts the same rows")


def random_tensors(model: str, metadata: Mapping[str, Any], chance: np.random.Generator) -> LoadRequest:
    """Return a request of one row, or of one sample's shapes, in binary: values of a normal distribution, or between the golden samples' bounds.
    Raises as reading JSON does where the metadata is not this server's."""
    parts, blobs = [], []
    for tensor in metadata["inputs"]:
        datatype, like = BY_NAME[tensor["datatype"]], tensor["parameters"]
        array = _drawn(datatype, tuple(like["sample_shape"]), like, chance)
        blobs.append(array)
        parts.append(
            {
                "name": tensor["name"],
                "datatype": datatype.name,
                "shape": like["sample_shape"],
                "parameters": {"binary_data_size": len(array)},
            }
        )
    head = json.dumps({"inputs": parts, "parameters": {"binary_data_output": True}}).encode()
    return LoadRequest(
        f"/v2/models/{model}/infer", b"".join((head, *blobs)), {HEADER: str(len(head)), "content-type": "application/octet-stream"}
    )


def _drawn(datatype: Datatype, shape: tuple[int, ...], like: Mapping[str, Any], chance: np.random.Generator) -> bytes:
    match datatype.kind:
        case Kind.NUMBER:
            array: Array = chance.standard_normal(shape)
        case Kind.BYTES:
            return b"".join(b"\5\0\0\0word%d" % chance.integers(0, 10) for _ in range(int(np.prod(shape))))
        case Kind.TRUTH | Kind.WHOLE:
            array = chance.integers(like["sample_least"], like["sample_most"], shape, endpoint=True)
    return array.astype(datatype.dtype).tobytes()


def _like(samples: Sequence[Sample], tensor: Tensor) -> dict[str, object]:
    """What the golden samples were like: a request that a load generator makes of it is one that the graph takes."""
    arrays = [sample.inputs[tensor.name] for sample in samples]
    found: dict[str, object] = {"sample_shape": list(arrays[0].shape)}
    if tensor.datatype.kind in (Kind.WHOLE, Kind.TRUTH):
        found["sample_least"] = min((int(array.min()) for array in arrays if array.size), default=0)
        found["sample_most"] = max((int(array.max()) for array in arrays if array.size), default=0)
    return found


def as_metadata(tensor: Tensor, parameters: Mapping[str, object]) -> door.Tensor:
    """A tensor as metadata has it."""
    return door.Tensor(tensor.name, tensor.datatype.name, tuple(-1 if size is None else size for size in tensor.shape), parameters)


def _decoded(array: Array, name: str) -> Array:
    found = np.empty(array.shape, dtype=object)
    try:
        for place, value in np.ndenumerate(array):
            found[place] = value.decode()
    except UnicodeDecodeError as error:
        raise Rejected(400, f"an element of {name!r} is not UTF-8, which this graph's strings are: {error}") from error
    return found
