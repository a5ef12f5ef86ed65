"""Parts of what several endpoints take and answer, as JSON Schema."""

from collections.abc import Sequence

from steelyard_runtime.serve.door import Schema
from steelyard_runtime.serve.request import Limits

USAGE: Schema = {
    "type": "object",
    "required": ["prompt_tokens", "total_tokens"],
    "properties": {"prompt_tokens": {"type": "integer"}, "total_tokens": {"type": "integer"}},
}
FRACTION: Schema = {"type": "number", "minimum": 0, "maximum": 1}
INDEX: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": ["boolean", "null"]}


def text(limits: Limits) -> Schema:
    """One text."""
    return {"type": "string", "minLength": 1, "maxLength": limits.max_chars}


def many(limits: Limits, items: Schema) -> Schema:
    """So many of them as one request may have."""
    return {"type": "array", "minItems": 1, "maxItems": limits.max_inputs, "items": items}


def record(properties: Schema, *optional: str) -> Schema:
    """An object with these fields, all of them needed but for some."""
    return {"type": "object", "required": [name for name in properties if name not in optional], "properties": properties}


def tensor(name: str, datatype: str, shape: Schema, data: Schema) -> Schema:
    """One tensor of the Open Inference Protocol."""
    return record({"name": {"const": name}, "datatype": {"const": datatype}, "shape": shape, "data": data})


def infer_request(inputs: Sequence[Schema]) -> Schema:
    """A request by the Open Inference Protocol with each of these tensors."""
    count = len(inputs)
    items = inputs[0] if count == 1 else {"anyOf": [*inputs]}
    given = {"type": "array", "minItems": count, "maxItems": count, "items": items}
    return record({"id": {"type": ["string", "null"]}, "inputs": given}, "id")


def infer_answer(model: str, outputs: Sequence[Schema]) -> Schema:
    """An answer by the Open Inference Protocol with those of these tensors that are wanted."""
    told = {"type": "array", "minItems": 1, "maxItems": len(outputs), "items": {"anyOf": [*outputs]}}
    optional = {"model_version": {"type": "string"}, "id": {"type": "string"}}
    return record({"model_name": {"const": model}, **optional, "outputs": told}, *optional)
