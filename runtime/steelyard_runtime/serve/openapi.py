"""GET /openapi.json: what this server takes and answers, as OpenAPI 3.1. Clients are generated from it, and it is fuzzed against the server."""

from typing import Any

import orjson

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.serve.inference_protocol import INPUT, OUTPUT
from steelyard_runtime.serve.request import Limits

Schema = dict[str, Any]


def document(model: str, version: str, manifest: Manifest, limits: Limits, vocabulary: int) -> bytes:
    """Return the document of a server that has loaded its model."""
    text: Schema = {"type": "string", "minLength": 1, "maxLength": limits.max_chars}
    many: Schema = {"type": "array", "minItems": 1, "maxItems": limits.max_inputs}
    token: Schema = {"type": "integer", "minimum": 0, "maximum": vocabulary - 1}
    tokens: Schema = {"type": "array", "minItems": 1, "maxItems": manifest.sequence_lengths[-1], "items": token}
    embedding_request: Schema = {
        "type": "object",
        "required": ["model", "input"],
        "properties": {
            "model": {"const": model},
            "input": {"anyOf": [text, {**many, "items": text}, tokens, {**many, "items": tokens}]},
            "encoding_format": {"enum": ["float", "base64", None]},
            "dimensions": {"enum": [manifest.dimension, None]},
        },
    }
    embedding: Schema = {
        "type": "object",
        "required": ["object", "index", "embedding"],
        "properties": {
            "object": {"const": "embedding"},
            "index": {"type": "integer", "minimum": 0},
            "embedding": {"anyOf": [_vector(manifest.dimension), {"type": "string", "contentEncoding": "base64"}]},
        },
    }
    embeddings: Schema = {
        "type": "object",
        "required": ["object", "model", "data", "usage"],
        "properties": {"object": {"const": "list"}, "model": {"const": model}, "data": {"type": "array", "items": embedding}},
    }
    tensor: Schema = {
        "type": "object",
        "required": ["name", "datatype", "shape", "data"],
        "properties": {
            "name": {"const": INPUT},
            "datatype": {"const": "BYTES"},
            "shape": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "integer", "minimum": 1}},
            "data": {"anyOf": [{**many, "items": text}, {**many, "items": {"type": "array", "minItems": 1, "maxItems": 1, "items": text}}]},
        },
    }
    infer_request: Schema = {
        "type": "object",
        "required": ["inputs"],
        "properties": {"id": {"type": ["string", "null"]}, "inputs": {"type": "array", "minItems": 1, "maxItems": 1, "items": tensor}},
    }
    output: Schema = {
        "type": "object",
        "required": ["name", "datatype", "shape", "data"],
        "properties": {
            "name": {"const": OUTPUT},
            "datatype": {"const": "FP32"},
            "shape": {"type": "array", "items": {"type": "integer"}},
            "data": {"type": "array", "items": {"type": "number"}},
        },
    }
    infer_response: Schema = {
        "type": "object",
        "required": ["model_name", "outputs"],
        "properties": {
            "model_name": {"const": model},
            "model_version": {"type": "string"},
            "id": {"type": "string"},
            "outputs": {"type": "array", "minItems": 1, "maxItems": 1, "items": output},
        },
    }
    openai_error: Schema = {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"type": "object", "required": ["message", "type"]}},
    }
    protocol_error: Schema = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
    metadata: Schema = {"type": "object", "required": ["name", "versions", "platform", "inputs", "outputs"]}
    name = {"name": "model", "in": "path", "required": True, "schema": {"const": model}}
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {"title": f"Steelyard: {model}", "version": version},
            "paths": {
                "/v1/embeddings": {"post": _operation("embeddings", embeddings, openai_error, takes=embedding_request)},
                "/v1/models": {"get": _operation("models", {"type": "object", "required": ["object", "data"]}, openai_error)},
                "/v2": {"get": _operation("server", {"type": "object", "required": ["name", "version", "extensions"]}, protocol_error)},
                "/v2/health/live": {"get": _operation("live", {"type": "object"}, protocol_error)},
                "/v2/health/ready": {"get": _operation("ready", {"type": "object"}, protocol_error)},
                "/v2/models/{model}": {"parameters": [name], "get": _operation("model", metadata, protocol_error)},
                "/v2/models/{model}/ready": {"parameters": [name], "get": _operation("modelReady", {"type": "object"}, protocol_error)},
                "/v2/models/{model}/infer": {
                    "parameters": [name],
                    "post": _operation("infer", infer_response, protocol_error, takes=infer_request),
                },
            },
        }
    )


def _vector(dimension: int) -> Schema:
    return {"type": "array", "minItems": dimension, "maxItems": dimension, "items": {"type": "number"}}


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
