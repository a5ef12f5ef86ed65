"""Open Inference Protocol v2 (REST), with the binary tensor extension that Triton's client uses by default."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.serve.request import Inputs, Limits, Rejected, check_count, checked_texts, json_object

INPUT = "text"
OUTPUT = "embedding"
HEADER = "Inference-Header-Content-Length"
"""Length of the JSON part; what follows it in the body are tensors in binary."""


@dataclass(frozen=True, slots=True)
class InferRequest:
    """A request that made sense."""

    inputs: Inputs
    id: str | None
    binary: bool
    """Whether the output was asked for in binary."""


def infer_request(body: bytes, header_length: str | None, limits: Limits) -> InferRequest:
    """Read a body; raises `Rejected`."""
    cut = len(body)
    if header_length is not None:
        # int() takes other scripts' digits, and refuses thousands of them with an error of its own.
        if not header_length.isascii() or not header_length.isdigit() or len(header_length) > 19 or int(header_length) > len(body):
            raise Rejected(400, f"{HEADER} must be the length of the JSON part, at most {len(body)}; it is {header_length!r}")
        cut = int(header_length)
    document = json_object(body[:cut], 2 * limits.max_inputs)
    tensors = document.get("inputs")
    if not isinstance(tensors, list) or len(tensors) != 1 or not isinstance(tensors[0], dict) or tensors[0].get("name") != INPUT:
        raise Rejected(400, f"inputs must be exactly one tensor named {INPUT!r}")
    tensor: dict[str, Any] = tensors[0]
    if tensor.get("datatype") != "BYTES":
        raise Rejected(400, f"the datatype of {INPUT} must be BYTES, not {tensor.get('datatype')!r}")
    texts = _texts(tensor, body[cut:], limits)
    shape = tensor.get("shape")
    if shape not in ([len(texts)], [len(texts), 1]) or any(isinstance(size, bool) for size in shape):  # True equals 1
        raise Rejected(
            400, f"the shape of {INPUT} must be [{len(texts)}] or [{len(texts)}, 1], as there are {len(texts)} elements; it is {shape!r}"
        )
    return InferRequest(checked_texts(texts, limits, INPUT), _id(document), _wants_binary(document))


def infer_response(model: str, request: InferRequest, embeddings: Sequence[NDArray[np.float32]]) -> tuple[bytes, int | None]:
    """Return the body, and the length of its JSON part if a binary tensor follows it."""
    array = np.stack(list(embeddings)).astype("<f4")
    output: dict[str, object] = {"name": OUTPUT, "datatype": "FP32", "shape": list(array.shape)}
    document: dict[str, object] = {"model_name": model, "model_version": "1", "outputs": [output]}
    if request.id is not None:
        document["id"] = request.id
    if not request.binary:
        output["data"] = array.ravel()
        return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY), None
    data = array.tobytes()
    output["parameters"] = {"binary_data_size": len(data)}
    head = orjson.dumps(document)
    return head + data, len(head)


def server_metadata(version: str) -> bytes:
    """Return the body of GET /v2."""
    return orjson.dumps({"name": "steelyard", "version": version, "extensions": ["binary_tensor_data"]})


def model_metadata(model: str, manifest: Manifest) -> bytes:
    """Return the body of GET /v2/models/{model}."""
    return orjson.dumps(
        {
            "name": model,
            "versions": ["1"],
            "platform": f"steelyard_{manifest.backend}",
            "inputs": [{"name": INPUT, "datatype": "BYTES", "shape": [-1]}],
            "outputs": [{"name": OUTPUT, "datatype": "FP32", "shape": [-1, manifest.dimension]}],
        }
    )


def error_response(message: str) -> bytes:
    """Return an error in the protocol's shape."""
    return orjson.dumps({"error": message})


def _texts(tensor: dict[str, Any], binary: bytes, limits: Limits) -> list[str]:
    parameters = tensor.get("parameters")
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is not None:
        if size != len(binary):
            raise Rejected(400, f"binary_data_size of {INPUT} is {size}, but {len(binary)} bytes follow the JSON part")
        return _binary_texts(binary, limits)
    data = tensor.get("data")
    if isinstance(data, list) and len(data) > limits.max_inputs:
        check_count(len(data), limits, INPUT)
    if isinstance(data, list) and all(isinstance(item, list) and len(item) == 1 for item in data):
        data = [item[0] for item in data]
    if not isinstance(data, list) or not all(isinstance(item, str) for item in data):
        raise Rejected(400, f"the data of {INPUT} must be a list of strings")
    return data


def _binary_texts(binary: bytes, limits: Limits) -> list[str]:
    """Elements one after the other, each with its length in four bytes, little-endian, before it."""
    texts: list[str] = []
    position = 0
    while position < len(binary):
        if len(texts) == limits.max_inputs:
            raise Rejected(400, f"{INPUT} has more than {limits.max_inputs} inputs; 1 to {limits.max_inputs} are taken")
        if position + 4 > len(binary):
            raise Rejected(400, f"the binary data of {INPUT} ends within a length")
        (length,) = struct.unpack_from("<I", binary, position)
        position += 4
        if position + length > len(binary):
            raise Rejected(400, f"the binary data of {INPUT} ends within an element")
        try:
            texts.append(binary[position : position + length].decode())
        except UnicodeDecodeError as error:
            raise Rejected(400, f"element {len(texts)} of {INPUT} is not UTF-8: {error}") from error
        position += length
    return texts


def _id(document: dict[str, object]) -> str | None:
    value = document.get("id")
    if value is not None and not isinstance(value, str):
        raise Rejected(400, "id must be a string")
    return value


def _wants_binary(document: dict[str, object]) -> bool:
    parameters = document.get("parameters")
    binary = isinstance(parameters, dict) and parameters.get("binary_data_output") is True
    outputs = document.get("outputs")
    if outputs is None:
        return binary
    if not isinstance(outputs, list) or len(outputs) != 1 or not isinstance(outputs[0], dict) or outputs[0].get("name") != OUTPUT:
        raise Rejected(400, f"outputs must be left out or be exactly one named {OUTPUT!r}")
    own = outputs[0].get("parameters")
    return own.get("binary_data") is True if isinstance(own, dict) and "binary_data" in own else binary
