"""Open Inference Protocol v2 (REST), with the binary tensor extension that Triton's client uses by default."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from numpy.typing import NDArray

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.serve.door import Answers, Infer, Schema, Tensor, Tensors
from steelyard_runtime.serve.request import Inputs, Limits, Rejected, check_count, json_object

HEADER = "Inference-Header-Content-Length"
"""Length of the JSON part; what follows it in the body are tensors in binary."""
TEXT = "BYTES"
NUMBERS = {"FP32": "<f4", "INT64": "<i8"}
"""By datatype, as they lie in binary."""
ERROR: Schema = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}


@dataclass(frozen=True, slots=True)
class InferRequest:
    """A request that made sense. `outputs`: what was asked for, each with whether it was asked for in binary."""

    inputs: Inputs
    id: str | None
    outputs: Mapping[str, bool]


def infer_request(body: bytes, header_length: str | None, limits: Limits, tensors: Tensors) -> InferRequest:
    """Read a body; raises `Rejected`."""
    cut = json_length(header_length, len(body))
    document = json_object(body[:cut], 2 * limits.max_inputs * len(tensors.inputs))
    columns: dict[str, list[str]] = {}
    rest = body[cut:]
    given = _given(document.get("inputs"), [tensor.name for tensor in tensors.inputs])
    for number, tensor in enumerate(given):
        columns[tensor["name"]], rest = _column(tensor, rest, limits, last=number + 1 == len(given))
    return InferRequest(tensors.asked(columns), request_id(document), _outputs(document, [tensor.name for tensor in tensors.outputs]))


def infer_response(model: str, request: InferRequest, tensors: Tensors, rows: Sequence[Any], answers: Answers) -> tuple[bytes, int | None]:
    """Return the body, and the length of its JSON part if binary tensors follow it."""
    arrays = tensors.arrays(request.inputs, rows, answers)
    outputs: list[dict[str, object]] = []
    parts: list[bytes] = []
    for tensor in tensors.outputs:
        if tensor.name not in request.outputs:
            continue
        array = arrays[tensor.name]
        output: dict[str, object] = {"name": tensor.name, "datatype": tensor.datatype, "shape": list(array.shape)}
        if request.outputs[tensor.name]:
            parts.append(_binary(tensor.datatype, array))
            output["parameters"] = {"binary_data_size": len(parts[-1])}
        else:
            output["data"] = array.ravel().tolist() if tensor.datatype == TEXT else array.astype(NUMBERS[tensor.datatype]).ravel()
        outputs.append(output)
    document: dict[str, object] = {"model_name": model, "model_version": "1", "outputs": outputs}
    if request.id is not None:
        document["id"] = request.id
    head = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    return head + b"".join(parts), len(head) if parts else None


def json_length(header: str | None, size: int) -> int:
    """Return where the JSON part of a body of so many bytes ends; raises `Rejected`."""
    if header is None:
        return size
    # int() takes other scripts' digits, and refuses thousands of them with an error of its own.
    if not header.isascii() or not header.isdigit() or len(header) > 19 or int(header) > size:
        raise Rejected(400, f"{HEADER} must be the length of the JSON part, at most {size}; it is {header!r}")
    return int(header)


def request_id(document: Mapping[str, object]) -> str | None:
    """Return what a request is called, which its answer repeats; raises `Rejected`."""
    value = document.get("id")
    if value is not None and not isinstance(value, str):
        raise Rejected(400, "id must be a string")
    return value


def server_metadata(version: str) -> bytes:
    """Return the body of GET /v2."""
    return orjson.dumps({"name": "steelyard", "version": version, "extensions": ["binary_tensor_data"]})


def model_metadata(model: str, manifest: Manifest, infer: Infer) -> bytes:
    """Return the body of GET /v2/models/{model}."""

    def told(these: Sequence[Tensor]) -> list[dict[str, object]]:
        return [
            {
                "name": tensor.name,
                "datatype": tensor.datatype,
                "shape": list(tensor.shape),
                **({"parameters": tensor.parameters} if tensor.parameters else {}),
            }
            for tensor in these
        ]

    return orjson.dumps(
        {
            "name": model,
            "versions": ["1"],
            "platform": f"steelyard_{manifest.backend}",
            "inputs": told(infer.inputs),
            "outputs": told(infer.outputs),
        }
    )


def error_response(message: str) -> bytes:
    """Return an error in the protocol's shape."""
    return orjson.dumps({"error": message})


def _given(value: object, names: Sequence[str]) -> list[dict[str, Any]]:
    """The tensors of a request: exactly those of these names."""
    if (
        not isinstance(value, list)
        or len(value) != len(names)
        or not all(isinstance(each, dict) for each in value)
        or sorted(str(each.get("name")) for each in value) != sorted(names)
    ):
        raise Rejected(400, f"inputs must be exactly {_tensors_named(names)}")
    return value


def _tensors_named(names: Sequence[str]) -> str:
    return f"one tensor named {names[0]!r}" if len(names) == 1 else f"the tensors {' and '.join(map(repr, names))}"


def _column(tensor: dict[str, Any], binary: bytes, limits: Limits, *, last: bool) -> tuple[list[str], bytes]:
    """Return the texts of a tensor, and what is left of the binary part."""
    name = tensor["name"]
    if tensor.get("datatype") != TEXT:
        raise Rejected(400, f"the datatype of {name} must be {TEXT}, not {tensor.get('datatype')!r}")
    texts, rest = _texts(tensor, binary, limits, last=last)
    shape = tensor.get("shape")
    if shape not in ([len(texts)], [len(texts), 1]) or any(isinstance(size, bool) for size in shape):  # True equals 1
        raise Rejected(
            400, f"the shape of {name} must be [{len(texts)}] or [{len(texts)}, 1], as there are {len(texts)} elements; it is {shape!r}"
        )
    return texts, rest


def _texts(tensor: dict[str, Any], binary: bytes, limits: Limits, *, last: bool) -> tuple[list[str], bytes]:
    name, parameters = tensor["name"], tensor.get("parameters")
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is not None:
        # What no tensor owns is refused with the last.
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= len(binary) or (last and size != len(binary)):
            raise Rejected(400, f"binary_data_size of {name} is {size}, but {len(binary)} bytes follow the JSON part")
        return _binary_texts(name, binary[:size], limits), binary[size:]
    data = tensor.get("data")
    if isinstance(data, list) and len(data) > limits.max_inputs:
        check_count(len(data), limits, name)
    if isinstance(data, list) and all(isinstance(item, list) and len(item) == 1 for item in data):
        data = [item[0] for item in data]
    if not isinstance(data, list) or not all(isinstance(item, str) for item in data):
        raise Rejected(400, f"the data of {name} must be a list of strings")
    return data, binary


def _binary_texts(name: str, binary: bytes, limits: Limits) -> list[str]:
    """Elements one after the other, each with its length in four bytes, little-endian, before it."""
    texts: list[str] = []
    position = 0
    while position < len(binary):
        if len(texts) == limits.max_inputs:
            raise Rejected(400, f"{name} has more than {limits.max_inputs} inputs; 1 to {limits.max_inputs} are taken")
        if position + 4 > len(binary):
            raise Rejected(400, f"the binary data of {name} ends within a length")
        (length,) = struct.unpack_from("<I", binary, position)
        position += 4
        if position + length > len(binary):
            raise Rejected(400, f"the binary data of {name} ends within an element")
        try:
            texts.append(binary[position : position + length].decode())
        except UnicodeDecodeError as error:
            raise Rejected(400, f"element {len(texts)} of {name} is not UTF-8: {error}") from error
        position += length
    return texts


def _binary(datatype: str, array: NDArray[Any]) -> bytes:
    if datatype != TEXT:
        return array.astype(NUMBERS[datatype]).tobytes()
    elements = [str(each).encode() for each in array.ravel()]
    return b"".join(struct.pack("<I", len(each)) + each for each in elements)


def _outputs(document: dict[str, object], names: Sequence[str]) -> dict[str, bool]:
    """What was asked for, and what of it in binary."""
    parameters = document.get("parameters")
    binary = isinstance(parameters, dict) and parameters.get("binary_data_output") is True
    outputs = document.get("outputs")
    if outputs is None:
        return dict.fromkeys(names, binary)
    found: dict[str, bool] = {}
    for each in outputs if isinstance(outputs, list) else ():
        name = each.get("name") if isinstance(each, dict) else None
        if not isinstance(name, str) or name not in names or name in found:
            found.clear()
            break
        own = each.get("parameters")
        found[name] = own.get("binary_data") is True if isinstance(own, dict) and "binary_data" in own else binary
    if not found:
        wanted = f"exactly one named {names[0]!r}" if len(names) == 1 else f"some of {', '.join(map(repr, names))}, each once"
        raise Rejected(400, f"outputs must be left out or be {wanted}")
    return found
