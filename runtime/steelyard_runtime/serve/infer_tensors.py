"""Tensors by the Open Inference Protocol v2 (REST): a body to arrays and arrays to a body, in JSON or by the binary tensor extension.

The extension (Triton's `protocol/extension_binary_data`): the header Inference-Header-Content-Length says how long the JSON part is; a tensor with
`binary_data_size` has its bytes after it, little-endian and row by row, tensors in the order of the JSON; an element of BYTES has its length before
it, in four bytes.
"""

import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from steelyard_runtime.serve import schemas
from steelyard_runtime.serve.door import Schema
from steelyard_runtime.serve.inference_protocol import json_length, request_id
from steelyard_runtime.serve.request import Limits, Rejected, check_count, json_object
from steelyard_runtime.tensors.datatype import Datatype, Kind
from steelyard_runtime.tensors.signature import Tensor

Array = NDArray[Any]
JSON_VALUES = 1 << 20
"""Of one request: a million numbers are 10 MB of JSON, and stop every other request for as long as they are read. So do elements of BYTES, each of
which is an object of its own."""
NESTED = 64
"""Values of a row, up to which a description tells how its data is nested: it may be flat as well."""
DEEPEST = 32
"""Nested lists of JSON data; no graph has so many axes."""
NOT_SERVED = ("shared_memory_region", "shared_memory_offset", "shared_memory_byte_size", "classification")
"""Parameters that change what is read or answered: to leave them out in silence would be an answer to another question."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An output that was asked for."""

    tensor: Tensor
    binary: bool


@dataclass(frozen=True, slots=True)
class TensorRequest:
    """A request that made sense. inputs: by name, each of the shape that was said."""

    inputs: Mapping[str, Array]
    wanted: tuple[Wanted, ...]
    id: str | None


def tensor_request(
    body: bytes,
    header: str | None,
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    most_bytes: int,
    *,
    rows: Limits | None = None,
    one_of: bool = False,
) -> TensorRequest:
    """Read a body; raises `Rejected`. The shapes of `inputs` and `outputs` are those of a request; most_bytes: of all inputs together; rows: of how
    many a request may have, where first axes count them; one_of: one of the inputs is sent, and not all."""
    cut = json_length(header, len(body))
    document = json_object(body[:cut], JSON_VALUES)
    parts = _parts(document, inputs, one_of=one_of)
    rest = memoryview(body)[cut:]
    arrays: dict[str, Array] = {}
    size = elements = 0
    for tensor, part in parts:
        shape = _shape(part.get("shape"), tensor)
        if rows is not None:
            check_count(shape[0], rows, tensor.name)
        elements += math.prod(shape) if tensor.datatype.size is None else 0
        if elements > JSON_VALUES:
            raise Rejected(400, f"the inputs have {elements} elements of BYTES with {tensor.name!r}; {JSON_VALUES} are taken")
        # An empty axis beside vast ones takes no memory, but numpy makes no such array.
        size += math.prod(each or 1 for each in shape) * (tensor.datatype.size or 4)
        if size > most_bytes:
            raise Rejected(
                400, f"the inputs have more than {most_bytes} bytes with {tensor.name!r} of shape {list(shape)}; send fewer or smaller rows"
            )
        own, rest = _binary_part(part, tensor, rest)
        arrays[tensor.name] = _from_json(part, tensor, shape) if own is None else _from_binary(own, tensor, shape)
    if len(rest):
        raise Rejected(
            400, f"{len(rest)} bytes follow the JSON part that no input's binary_data_size counts; say whose they are, or leave them out"
        )
    return TensorRequest(arrays, _wanted(document, outputs), request_id(document))


def tensor_response(model: str, request: TensorRequest, outputs: Mapping[str, Array]) -> tuple[bytes, int | None]:
    """Return the body, and the length of its JSON part if a binary tensor follows it; raises `Rejected` for what JSON cannot hold."""
    told: list[dict[str, object]] = []
    blobs: list[bytes] = []
    for wanted in request.wanted:
        array = outputs[wanted.tensor.name]
        item: dict[str, object] = {"name": wanted.tensor.name, "datatype": wanted.tensor.datatype.name, "shape": list(array.shape)}
        if wanted.binary:
            blobs.append(_to_binary(array, wanted.tensor.datatype))
            item["parameters"] = {"binary_data_size": len(blobs[-1])}
        else:
            item["data"] = _to_json(array, wanted.tensor)
        told.append(item)
    document: dict[str, object] = {"model_name": model, "model_version": "1", "outputs": told}
    if request.id is not None:
        document["id"] = request.id
    head = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    if not any(wanted.binary for wanted in request.wanted):
        return head, None
    return b"".join((head, *blobs)), len(head)


def request_schema(inputs: Sequence[Tensor], most_rows: int | None, whole: tuple[int, int] | None) -> Schema:
    """Return the schema of a request with all inputs, all of it in JSON and its data nested by its shape. most_rows: of an open first axis, of
    which there is at least one; None where it counts no rows."""
    return schemas.infer_request([_described(each, most_rows, whole) for each in inputs])


def answer_schema(model: str, outputs: Sequence[Tensor]) -> Schema:
    """Return the schema of an answer in JSON."""
    return schemas.infer_answer(model, [_described(each, None, None, flat=True) for each in outputs])


def _described(tensor: Tensor, most_rows: int | None, whole: tuple[int, int] | None, *, flat: bool = False) -> Schema:
    element = _element(tensor.datatype, whole)
    data: Schema = {"type": "array", "items": element}
    if not flat and math.prod(size or 1 for size in tensor.shape) <= NESTED:
        data = element
        for at, size in reversed([*enumerate(tensor.shape)]):
            data = {"type": "array", "items": data, **_bounds(size, most_rows if at == 0 else None)}
        if not tensor.shape:
            data = {"type": "array", "items": data, **_bounds(1, None)}
    # Which size stands where is told by the metadata: clients and tools understand no tuples (prefixItems).
    axes = len(tensor.shape)
    shape: Schema = {"type": "array", "minItems": axes, "maxItems": axes, "items": {"type": "integer", "minimum": 0}}
    return schemas.tensor(tensor.name, tensor.datatype.name, shape, data)


def _bounds(size: int | None, most_rows: int | None) -> Schema:
    if size is not None:
        return {"minItems": size, "maxItems": size}
    return {} if most_rows is None else {"minItems": 1, "maxItems": most_rows}


def _element(datatype: Datatype, whole: tuple[int, int] | None) -> Schema:
    match datatype.kind:
        case Kind.TRUTH:
            return {"type": "boolean"}
        case Kind.BYTES:
            return {"type": "string"}
        case Kind.WHOLE:
            bounds = np.iinfo(np.dtype(datatype.dtype))
            low, high = (bounds.min, bounds.max) if whole is None else (max(bounds.min, whole[0]), min(bounds.max, whole[1]))
            return {"type": "integer", "minimum": int(low), "maximum": int(high)}
        case Kind.NUMBER:
            largest = float(np.finfo(np.dtype(datatype.dtype)).max)
            return {"type": "number", "minimum": -largest, "maximum": largest}


def _parts(document: Mapping[str, object], inputs: Sequence[Tensor], *, one_of: bool) -> list[tuple[Tensor, dict[str, Any]]]:
    """Each input with what was sent of it, in the order in which it was sent: that of the bytes."""
    sent = document.get("inputs")
    known = {each.name: each for each in inputs}
    expected = ", ".join(map(repr, known))
    if not isinstance(sent, list) or not all(isinstance(part, dict) for part in sent):
        raise Rejected(400, f"inputs must be a list of tensors: {expected}")
    found: list[tuple[Tensor, dict[str, Any]]] = []
    for part in sent:
        tensor = known.pop(part.get("name"), None) if isinstance(part.get("name"), str) else None
        if tensor is None:
            raise Rejected(400, f"inputs must be {expected}, each once; {part.get('name')!r} is none of them, or is sent twice")
        if part.get("datatype") != tensor.datatype.name:
            raise Rejected(400, f"the datatype of {tensor.name!r} must be {tensor.datatype.name}, not {part.get('datatype')!r}")
        _require_served(part, tensor.name)
        found.append((tensor, part))
    if one_of and len(found) != 1:
        raise Rejected(400, f"inputs must be one of {expected}; there are {len(found)}")
    if known and not one_of:
        raise Rejected(400, f"inputs lack {', '.join(map(repr, known))}; send {expected}")
    return found


def _require_served(part: Mapping[str, Any], name: str) -> None:
    parameters = part.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        raise Rejected(400, f"the parameters of {name!r} must be an object")
    for word in NOT_SERVED:
        if parameters and word in parameters:
            raise Rejected(400, f"{word} of {name!r} is not served here; leave it out")


def _shape(said: object, tensor: Tensor) -> tuple[int, ...]:
    expected = [-1 if size is None else size for size in tensor.shape]
    sizes = said if isinstance(said, list) and all(type(size) is int and 0 <= size < 2**31 for size in said) else None
    if sizes is None or len(sizes) != len(expected) or any(want not in (-1, size) for want, size in zip(expected, sizes, strict=True)):
        raise Rejected(400, f"the shape of {tensor.name!r} must be {expected}, with -1 for any size; it is {said!r:.200}")
    return tuple(sizes)


def _binary_part(part: Mapping[str, Any], tensor: Tensor, rest: memoryview) -> tuple[memoryview | None, memoryview]:
    """Cut off the tensor's own bytes; None where it is in JSON."""
    parameters = part.get("parameters") or {}
    if "binary_data_size" not in parameters:
        return None, rest
    size = parameters["binary_data_size"]
    if "data" in part:
        raise Rejected(400, f"{tensor.name!r} has both data and binary_data_size; send one of them")
    if type(size) is not int or not 0 <= size <= len(rest):
        raise Rejected(
            400,
            f"binary_data_size of {tensor.name!r} is {size!r:.50}, but {len(rest)} bytes are left after the JSON part; correct one of them",
        )
    return rest[:size], rest[size:]


def _from_binary(own: memoryview, tensor: Tensor, shape: tuple[int, ...]) -> Array:
    count, datatype = math.prod(shape), tensor.datatype
    if datatype.size is None:
        found = np.empty(count, dtype=object)
        found[:] = _elements(own, count, tensor.name)
        return found.reshape(shape)
    if len(own) != count * datatype.size:
        raise Rejected(
            400,
            f"{tensor.name!r} of shape {list(shape)} has {count} elements of {datatype.size} bytes, which are {count * datatype.size};"
            f" its binary_data_size is {len(own)}",
        )
    array: Array = np.frombuffer(own, dtype=np.uint8 if datatype.kind is Kind.TRUTH else datatype.dtype)
    if datatype.kind is Kind.TRUTH:
        if array.size and array.max() > 1:  # numpy would take any byte, and engines compute with it
            raise Rejected(400, f"an element of {tensor.name!r} is {array.max()}; a BOOL is one byte, 0 or 1")
        array = array.view(np.bool_)
    return array.reshape(shape)


def _elements(own: memoryview, count: int, name: str) -> list[bytes]:
    found: list[bytes] = []
    position = 0
    while position < len(own):
        if position + 4 > len(own):
            raise Rejected(400, f"the binary data of {name!r} ends within a length")
        (length,) = struct.unpack_from("<I", own, position)
        position += 4
        if position + length > len(own):
            raise Rejected(
                400, f"the binary data of {name!r} ends within an element: one of {length} bytes, and {len(own) - position} are left"
            )
        if len(found) == count:
            raise Rejected(400, f"the binary data of {name!r} has more than the {count} elements of its shape")
        found.append(bytes(own[position : position + length]))
        position += length
    if len(found) != count:
        raise Rejected(400, f"the binary data of {name!r} has {len(found)} elements, and its shape {count}")
    return found


def _from_json(part: Mapping[str, Any], tensor: Tensor, shape: tuple[int, ...]) -> Array:
    if not isinstance(part.get("data"), list):
        raise Rejected(400, f"{tensor.name!r} has no data; send a list in it, or its bytes with binary_data_size")
    values = list(_flat(part["data"], tensor.name, DEEPEST))
    if len(values) != math.prod(shape):
        raise Rejected(400, f"the data of {tensor.name!r} has {len(values)} elements, and its shape {list(shape)} {math.prod(shape)}")
    return _READERS[tensor.datatype.kind](values, tensor).reshape(shape)


def _flat(data: list[Any], name: str, depth: int) -> Iterator[Any]:
    """Data may be nested by its shape, or flat: the protocol takes both. Of nested data only the order counts."""
    if not any(type(item) is list for item in data):
        yield from data
        return
    if depth == 0:
        raise Rejected(400, f"the data of {name!r} is nested deeper than any shape; send it flat")
    for item in data:
        if type(item) is not list:
            raise Rejected(400, f"the data of {name!r} has lists and values side by side; send it flat, or nested by its shape")
        yield from _flat(item, name, depth - 1)


def _truths(values: list[Any], tensor: Tensor) -> Array:
    _require_kinds(values, {bool}, tensor)
    return np.array(values, dtype=np.bool_)


def _numbers(values: list[Any], tensor: Tensor) -> Array:
    _require_kinds(values, {int, float}, tensor)
    with np.errstate(over="ignore"):
        found = np.array(values, dtype=np.float64).astype(tensor.datatype.dtype)
    if not np.isfinite(found).all():
        raise Rejected(400, f"a value of {tensor.name!r} is beyond what {tensor.datatype.name} holds")
    return found


def _wholes(values: list[Any], tensor: Tensor) -> Array:
    _require_kinds(values, {int, float}, tensor)
    if not all(type(value) is int or value.is_integer() for value in values):
        raise Rejected(400, f"a value of {tensor.name!r} is no whole number, and {tensor.datatype.name} holds no other")
    whole = list(map(int, values))
    bounds = np.iinfo(np.dtype(tensor.datatype.dtype))
    if whole and not bounds.min <= min(whole) <= max(whole) <= bounds.max:
        raise Rejected(400, f"a value of {tensor.name!r} is beyond what {tensor.datatype.name} holds ({bounds.min} to {bounds.max})")
    return np.array(whole, dtype=tensor.datatype.dtype)


def _strings(values: list[Any], tensor: Tensor) -> Array:
    _require_kinds(values, {str}, tensor)
    found = np.empty(len(values), dtype=object)
    found[:] = [value.encode() for value in values]
    return found


def _require_kinds(values: list[Any], kinds: set[type], tensor: Tensor) -> None:
    if not set(map(type, values)) <= kinds:
        raise Rejected(400, f"the data of {tensor.name!r} is {tensor.datatype.name}: each of its elements must be {tensor.datatype.kind}")


_READERS: Mapping[Kind, Callable[[list[Any], Tensor], Array]] = {
    Kind.TRUTH: _truths,
    Kind.WHOLE: _wholes,
    Kind.NUMBER: _numbers,
    Kind.BYTES: _strings,
}


def _to_binary(array: Array, datatype: Datatype) -> bytes:
    if datatype.size is None:
        elements = [_encoded(each) for each in array.ravel()]
        return b"".join(part for each in elements for part in (struct.pack("<I", len(each)), each))
    return array.astype(datatype.dtype, copy=False).tobytes()


def _to_json(array: Array, tensor: Tensor) -> object:
    if tensor.datatype.size is None:
        try:
            return [_encoded(each).decode() for each in array.ravel()]
        except UnicodeDecodeError as error:
            raise Rejected(
                400, f"an element of {tensor.name!r} is not UTF-8, which JSON needs; ask for it in binary (binary_data)"
            ) from error
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise Rejected(
            400, f"{tensor.name!r} holds infinity, or what is no number, and JSON has neither; ask for it in binary (binary_data)"
        )
    return np.ascontiguousarray(array).ravel()


def _encoded(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _wanted(document: Mapping[str, object], outputs: Sequence[Tensor]) -> tuple[Wanted, ...]:
    """All outputs where none is named."""
    parameters = document.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        raise Rejected(400, "parameters must be an object")
    binary = isinstance(parameters, dict) and parameters.get("binary_data_output") is True
    asked = document.get("outputs")
    if not asked and asked in (None, []):
        return tuple(Wanted(each, binary) for each in outputs)
    known = {each.name: each for each in outputs}
    expected = ", ".join(map(repr, known))
    if not isinstance(asked, list) or not all(isinstance(each, dict) and isinstance(each.get("name"), str) for each in asked):
        raise Rejected(400, f"outputs must be left out, or a list of some of {expected}, each with its name")
    found: list[Wanted] = []
    for each in asked:
        tensor = known.pop(each["name"], None)
        if tensor is None:
            raise Rejected(400, f"outputs may be {expected}, each once; {each['name']!r} is none of them, or is named twice")
        _require_served(each, tensor.name)
        own = (each.get("parameters") or {}).get("binary_data", binary)
        if type(own) is not bool:
            raise Rejected(400, f"binary_data of {tensor.name!r} must be true or false")
        found.append(Wanted(tensor, own))
    return tuple(found)
