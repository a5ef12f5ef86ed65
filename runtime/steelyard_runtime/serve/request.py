"""What both protocols make of a request body: inputs, or a refusal that says what to change."""

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from typing import Any

import orjson

from steelyard_runtime.serve.json_values import more_values_than
from steelyard_runtime.tokens import TextTokenizer

OTHER_VALUES = 10_000
"""In a body besides its inputs: names, options, and fields that are not ours."""


class Rejected(Exception):  # noqa: N818  the client's error is no error of ours
    """Answered with a 4xx; `message` says what to change."""

    def __init__(self, status: int, message: str, *, field: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.field = field
        self.code = code


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request."""

    max_inputs: int
    max_chars: int
    texts: bool = True
    """Whether inputs are texts; tensors and images are as large as sense allows."""

    @property
    def body(self) -> int:
        """Bytes of the largest body: six for a character (an escape in JSON), within sense."""
        if not self.texts:
            return 64 << 20
        return min(self.max_inputs * self.max_chars * 6 + (1 << 16), 64 << 20)


@dataclass(frozen=True, slots=True)
class Inputs:
    """Either what is still to be encoded (texts or pairs of them, or the bytes of images), or rows. `whole`: refused where one is too long for the
    model, and not cut."""

    texts: tuple[Any, ...] = ()
    rows: tuple[Sized, ...] = ()
    whole: bool = False

    @property
    def count(self) -> int:
        """How many."""
        return len(self.texts) or len(self.rows)


def json_object(body: bytes, values: int) -> dict[str, object]:
    """Read the body, whatever its Content-Type says: Triton's client sends none. `values`: the most that inputs can have."""
    if more_values_than(values + OTHER_VALUES, body):
        raise Rejected(
            400, f"the body has more than {values + OTHER_VALUES} JSON values, which no inputs within the limits need; send fewer"
        )
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Rejected(400, f"the body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise Rejected(400, "the body must be a JSON object")
    return document


def checked_texts(texts: Sequence[str], limits: Limits, field: str) -> Inputs:
    """Hold texts against the limits."""
    check_count(len(texts), limits, field)
    for index, text in enumerate(texts):
        if not text:
            raise Rejected(400, f"{field}[{index}] is empty; send at least one character", field=field)
        if len(text) > limits.max_chars:
            raise Rejected(400, f"{field}[{index}] has {len(text)} characters, at most {limits.max_chars} are taken", field=field)
    return Inputs(texts=tuple(texts))


def checked_rows(rows: Sequence[Sequence[int]], limits: Limits, tokenizer: TextTokenizer, field: str) -> Inputs:
    """Hold token ids against the limits and the vocabulary; they are used as they are, special tokens included."""
    check_count(len(rows), limits, field)
    for index, row in enumerate(rows):
        check_length(len(row), index, tokenizer, field)
        if min(row) < 0 or max(row) >= tokenizer.vocabulary:
            raise Rejected(400, f"{field}[{index}] has a token outside of the vocabulary (0 to {tokenizer.vocabulary - 1})", field=field)
    return Inputs(rows=tuple(rows))


def check_length(length: int, index: int, tokenizer: TextTokenizer, field: str) -> None:
    """Refuse a row of too many token ids, or of none."""
    if not 1 <= length <= tokenizer.longest:
        raise Rejected(400, f"{field}[{index}] has {length} tokens; 1 to {tokenizer.longest} are taken", field=field)


def check_count(count: int, limits: Limits, field: str) -> None:
    """Refuse too many inputs, or none."""
    if not 1 <= count <= limits.max_inputs:
        raise Rejected(400, f"{field} has {count} inputs; 1 to {limits.max_inputs} are taken", field=field)
