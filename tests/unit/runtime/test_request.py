"""Bodies are refused for how much they hold before anything in them is looked at, in the words of the limit."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NoReturn

import orjson
import pytest

from steelyard_runtime.serve import inference_protocol, openai
from steelyard_runtime.serve.inference_protocol import infer_request
from steelyard_runtime.serve.openai import embeddings_request
from steelyard_runtime.serve.request import OTHER_VALUES, Limits, Rejected
from steelyard_runtime.tasks.embeddings import EmbeddingTensors
from unit.runtime.played import DIMENSION, PlayedTokenizer

LIMITS = Limits(max_inputs=4, max_chars=100)
LONGEST = PlayedTokenizer.longest


class Unread(list[Any]):
    """A list that is longer than it may be, so nobody should go through it."""

    def __iter__(self) -> NoReturn:
        raise AssertionError("every element was looked at")


def embeddings(body: bytes) -> openai.EmbeddingsRequest:
    return embeddings_request(body, "tiny", DIMENSION, LIMITS, PlayedTokenizer())


def infer(body: bytes, header: str | None = None) -> inference_protocol.InferRequest:
    return infer_request(body, header, LIMITS, EmbeddingTensors(LIMITS, DIMENSION))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Unread(["a"] * 5), "input has 5 inputs; 1 to 4 are taken"),
        (Unread([[1]] * 5), "input has 5 inputs; 1 to 4 are taken"),
        (Unread([1] * 17), "input[0] has 17 tokens; 1 to 16 are taken"),
        ([[1], Unread([1] * 17)], "input[1] has 17 tokens; 1 to 16 are taken"),
    ],
)
def test_too_many_inputs_or_tokens_are_refused_without_a_look_at_each(
    monkeypatch: pytest.MonkeyPatch, value: list[Any], words: str
) -> None:
    monkeypatch.setattr(openai, "json_object", lambda *_: {"model": "tiny", "input": value})
    with pytest.raises(Rejected) as refused:
        embeddings(b"")
    assert (refused.value.status, refused.value.message, refused.value.field) == (400, words, "input")


@pytest.mark.parametrize("data", [Unread(["a"] * 5), Unread([["a"]] * 5)])
def test_too_many_elements_of_a_tensor_are_refused_without_a_look_at_each(monkeypatch: pytest.MonkeyPatch, data: list[Any]) -> None:
    tensor = {"name": "text", "datatype": "BYTES", "shape": [5], "data": data}
    monkeypatch.setattr(inference_protocol, "json_object", lambda *_: {"inputs": [tensor]})
    with pytest.raises(Rejected, match="text has 5 inputs; 1 to 4 are taken"):
        infer(b"")


def test_binary_elements_are_not_decoded_beyond_the_limit() -> None:
    binary = b"".join(struct.pack("<I", 1) + text for text in (b"a", b"b", b"c", b"d", b"\xff"))
    tensor = {"name": "text", "datatype": "BYTES", "shape": [5], "parameters": {"binary_data_size": len(binary)}}
    head = orjson.dumps({"inputs": [tensor]})
    with pytest.raises(Rejected, match="text has more than 4 inputs; 1 to 4 are taken"):
        infer(head + binary, str(len(head)))


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (embeddings, b'{"model":"tiny","input":[%s]}'),
        (embeddings, b'{"model":"tiny","input":"a","more":[%s]}'),
        (infer, b'{"inputs":[{"name":"text","datatype":"BYTES","shape":[1],"data":[%s]}]}'),
    ],
)
@pytest.mark.parametrize("value", [b"7", b"[]", b'""', b"{}"])
def test_a_body_of_more_values_than_any_request_needs_is_never_read(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[bytes], object], body: bytes, value: bytes
) -> None:
    def unread(_: bytes) -> NoReturn:
        raise AssertionError("the body was read")

    monkeypatch.setattr(orjson, "loads", unread)
    with pytest.raises(Rejected, match="JSON values") as refused:
        read(body % b",".join([value] * (OTHER_VALUES + 100)))
    assert refused.value.status == 400


def test_the_largest_request_within_the_limits_is_read_with_fields_that_are_not_ours_and_commas_in_its_texts() -> None:
    rows = [[1] * LONGEST] * LIMITS.max_inputs
    more = orjson.dumps([1] * (OTHER_VALUES - 10))
    assert embeddings(b'{"more":%s,"model":"tiny","input":%s}' % (more, orjson.dumps(rows))).inputs.rows == tuple(rows)
    limits = Limits(4, 2 * OTHER_VALUES)
    text = '",[{' * (OTHER_VALUES // 2)
    body = orjson.dumps({"model": "tiny", "input": [text] * 4})
    assert embeddings_request(body, "tiny", DIMENSION, limits, PlayedTokenizer()).inputs.texts == (text,) * 4
    tensor = {"name": "text", "datatype": "BYTES", "shape": [4, 1], "data": [["a"]] * 4}
    assert infer(b'{"more":%s,"inputs":%s}' % (more, orjson.dumps([tensor]))).inputs.texts == ("a",) * 4
