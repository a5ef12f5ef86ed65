"""GET /openapi.json: what this server takes and answers, as OpenAPI 3.1. Clients are generated from it, and it is fuzzed against the server."""

from collections.abc import Sequence

import orjson

from steelyard_runtime.serve import inference_protocol, openai, schemas
from steelyard_runtime.serve.door import Door, Infer, Schema, Tensors
from steelyard_runtime.serve.request import Limits

JSON_TYPES = {"BYTES": "string", "FP32": "number", "INT64": "integer"}


def document(model: str, version: str, doors: Sequence[Door], infer: Infer) -> bytes:
    """Return the document of a server that has loaded its model."""
    openai_error, protocol_error = openai.ERROR, inference_protocol.ERROR
    metadata: Schema = {"type": "object", "required": ["name", "versions", "platform", "inputs", "outputs"]}
    name = {"name": "model", "in": "path", "required": True, "schema": {"const": model}}
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {"title": f"Steelyard: {model}", "version": version},
            "paths": {
                **{
                    door.endpoint.path: {"post": _operation(door.endpoint.name, door.answers, door.endpoint.refuses, takes=door.takes)}
                    for door in doors
                },
                "/v1/models": {"get": _operation("models", {"type": "object", "required": ["object", "data"]}, openai_error)},
                "/v2": {"get": _operation("server", {"type": "object", "required": ["name", "version", "extensions"]}, protocol_error)},
                "/v2/health/live": {"get": _operation("live", {"type": "object"}, protocol_error)},
                "/v2/health/ready": {"get": _operation("ready", {"type": "object"}, protocol_error)},
                "/v2/models/{model}": {"parameters": [name], "get": _operation("model", metadata, protocol_error)},
                "/v2/models/{model}/ready": {"parameters": [name], "get": _operation("modelReady", {"type": "object"}, protocol_error)},
                "/v2/models/{model}/infer": {
                    "parameters": [name],
                    "post": _operation("infer", infer.answers, protocol_error, takes=infer.takes),
                },
            },
        }
    )


def text_schemas(model: str, tensors: Tensors, limits: Limits) -> tuple[Schema, Schema]:
    """Of a request and of an answer by the Open Inference Protocol, where each input is a text."""
    text = schemas.text(limits)
    data: Schema = {
        "anyOf": [schemas.many(limits, text), schemas.many(limits, {"type": "array", "minItems": 1, "maxItems": 1, "items": text})]
    }
    shape: Schema = {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "integer", "minimum": 1}}
    given = [schemas.tensor(each.name, "BYTES", shape, data) for each in tensors.inputs]
    sizes: Schema = {"type": "array", "items": {"type": "integer"}}
    answered = [
        schemas.tensor(each.name, each.datatype, sizes, {"type": "array", "items": {"type": JSON_TYPES[each.datatype]}})
        for each in tensors.outputs
    ]
    return schemas.infer_request(given), schemas.infer_answer(model, answered)


def _operation(name: str, answers: Schema, error: Schema, takes: Schema | None = None) -> Schema:
    """One operation. Only those that take a body can refuse one, or be shed."""
    refused = {"400": "The request is wrong, and the message says where.", "413": "The body is too large."}
    shed = {"429": "The queue is full: try again after the seconds of Retry-After."}
    statuses = {**(refused | shed if takes else {}), "404": "There is no such model here.", "503": "Not ready, and the message says why."}
    found: Schema = {
        "operationId": name,
        "responses": {
            "200": {"description": "The answer.", "content": {"application/json": {"schema": answers}}},
            **{status: {"description": text, "content": {"application/json": {"schema": error}}} for status, text in statuses.items()},
        },
    }
    if takes:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": takes}}}
    return found
