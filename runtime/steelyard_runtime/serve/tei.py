"""Text Embeddings Inference's forms for classes and for ranking (huggingface/text-embeddings-inference, `router/src/http/types.rs`)."""

from collections.abc import Sequence

import orjson

from steelyard_runtime.serve.door import Schema
from steelyard_runtime.serve.fields import flag
from steelyard_runtime.serve.request import Inputs, Limits, Rejected, check_count, checked_texts
from steelyard_runtime.tokens import Text

ERROR: Schema = {
    "type": "object",
    "required": ["error", "error_type"],
    "properties": {"error": {"type": "string"}, "error_type": {"type": "string"}},
}


def error_response(status: int, message: str, _field: str | None = None, _code: str | None = None) -> bytes:
    """Return an error in its shape."""
    kind = "Overloaded" if status == 429 else "Unhealthy" if status == 503 else "Backend" if status >= 500 else "Validation"
    return orjson.dumps({"error": message, "error_type": kind})


def whole(document: dict[str, object]) -> bool:
    """Whether a text that is too long is refused: where `truncate` is false. Left out, it is cut, as at the other endpoints; TEI refuses it then."""
    return flag(document, "truncate") is False


def sequences(value: object, limits: Limits) -> tuple[Inputs, bool]:
    """Read `inputs` of /predict: a text, a pair of them, or a list of lists of one or two. Returns whether it is such a list, too."""
    if isinstance(value, str):
        return checked_texts([value], limits, "inputs"), False
    if isinstance(value, list) and value and isinstance(value[0], str):
        return Inputs(texts=(_sequence(value, limits, "inputs"),)), False
    if isinstance(value, list) and value:
        check_count(len(value), limits, "inputs")
        return Inputs(texts=tuple(_sequence(each, limits, f"inputs[{index}]") for index, each in enumerate(value))), True
    raise _no_sequence("inputs")


def _sequence(value: object, limits: Limits, field: str) -> Text:
    if not isinstance(value, list) or len(value) not in (1, 2) or not all(isinstance(each, str) for each in value):
        raise _no_sequence(field)
    texts: Sequence[str] = value
    checked_texts(texts, Limits(2, limits.max_chars), field)
    return texts[0] if len(texts) == 1 else (texts[0], texts[1])


def _no_sequence(field: str) -> Rejected:
    return Rejected(400, f"{field} must be a string, a pair of strings, or a list of lists of one or two strings", field="inputs")
