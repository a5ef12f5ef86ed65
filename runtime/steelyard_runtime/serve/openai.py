"""OpenAI's embeddings API: bodies in, bodies out, errors in its shape."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from steelyard_runtime.serve.door import Schema
from steelyard_runtime.serve.request import Inputs, Limits, Rejected, check_count, check_length, checked_rows, checked_texts, json_object
from steelyard_runtime.tokens import TextTokenizer

ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "object", "required": ["message", "type"]}},
}


@dataclass(frozen=True, slots=True)
class EmbeddingsRequest:
    """A request that made sense."""

    inputs: Inputs
    base64: bool


def embeddings_request(body: bytes, model: str, dimension: int, limits: Limits, tokenizer: TextTokenizer) -> EmbeddingsRequest:
    """Read a body; raises `Rejected`."""
    document = json_object(body, limits.max_inputs * (tokenizer.longest + 1))
    require_model(document, model)
    encoding = document.get("encoding_format")
    if encoding not in (None, "float", "base64"):
        raise Rejected(400, f"encoding_format must be float or base64, not {encoding!r}", field="encoding_format")
    if document.get("dimensions") not in (None, dimension):
        raise Rejected(400, f"dimensions must be {dimension}: this model does not shorten its embeddings", field="dimensions")
    return EmbeddingsRequest(_inputs(document.get("input"), limits, tokenizer), encoding == "base64")


def require_model(document: dict[str, object], model: str) -> None:
    """Refuse a request for another model, or for none."""
    wanted = document.get("model")
    if not isinstance(wanted, str):
        raise Rejected(400, f"model must be a string; this server has {model!r}", field="model")
    if wanted != model:
        raise Rejected(404, f"there is no model {wanted!r} here; this server has {model!r}", field="model", code="model_not_found")


def _inputs(value: object, limits: Limits, tokenizer: TextTokenizer) -> Inputs:
    if isinstance(value, str):
        return checked_texts([value], limits, "input")
    if isinstance(value, list) and value:
        # How many there are is asked before what each of them is.
        if isinstance(value[0], str):
            check_count(len(value), limits, "input")
            if all(isinstance(item, str) for item in value):
                return checked_texts(value, limits, "input")
        elif isinstance(value[0], list):
            check_count(len(value), limits, "input")
            if all(isinstance(item, list) and _are_tokens(item[: tokenizer.longest]) for item in value):
                for index, item in enumerate(value):
                    check_length(len(item), index, tokenizer, "input")
                return checked_rows([_tokens(item) for item in value], limits, tokenizer, "input")
        elif _are_tokens(value[: tokenizer.longest]):
            check_length(len(value), 0, tokenizer, "input")
            return checked_rows([_tokens(value)], limits, tokenizer, "input")
    raise Rejected(
        400, "input must be a string, a list of strings, a list of token ids, or a list of such lists, and not empty", field="input"
    )


def _are_tokens(value: list[object]) -> bool:
    """Whether all are whole numbers. 7.0 is one: JSON has no other kind, and JSON Schema calls it an integer."""
    return all((isinstance(item, int) and not isinstance(item, bool)) or (isinstance(item, float) and item.is_integer()) for item in value)


def _tokens(value: list[Any]) -> list[int]:
    return [int(item) for item in value]


def embeddings_response(model: str, embeddings: Sequence[NDArray[np.float32]], tokens: int, *, as_base64: bool) -> bytes:
    """Return the body of an answer; base64 is of little-endian float32."""

    def encoded(embedding: NDArray[np.float32]) -> object:
        return base64.b64encode(embedding.astype("<f4").tobytes()).decode() if as_base64 else embedding

    data = [{"object": "embedding", "index": index, "embedding": encoded(embedding)} for index, embedding in enumerate(embeddings)]
    document = {"object": "list", "data": data, "model": model, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def models_response(model: str, created: int) -> bytes:
    """Return the body of GET /v1/models."""
    return orjson.dumps({"object": "list", "data": [{"id": model, "object": "model", "created": created, "owned_by": "steelyard"}]})


def error_response(status: int, message: str, field: str | None = None, code: str | None = None) -> bytes:
    """Return an error in OpenAI's shape."""
    kind = "rate_limit_error" if status == 429 else "server_error" if status >= 500 else "invalid_request_error"
    return orjson.dumps({"error": {"message": message, "type": kind, "param": field, "code": code}})
