"""Whatever a pod writes on a connection: a text that is no longer than may be, a refusal, or no answer; in time in proportion to the bytes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property.hostile.effort import fuzz, is_linear, memory_of
from steelyard.observe.failure import RejectedError
from steelyard.observe.page import HEAD, answer
from steelyard.observe.scrape import LARGEST

KINDS = [f"Content-Type: text/{kind}" for kind in ("plain", "plain", "plain", "html")]
LENGTHS = [f"Content-Length: {length}" for length in ("4", "0", "-4", "1e9", "")]
CODINGS = ["Transfer-Encoding: chunked", "transfer-encoding:", "Content-Encoding: gzip"]
FIELDS = st.sampled_from([*KINDS, *LENGTHS, *CODINGS, ":", " x", "\0"])
HEADS = st.builds(
    lambda first, fields: "\r\n".join([first, *fields, "\r\n"]).encode(),
    st.sampled_from(["HTTP/1.1 200 OK", "HTTP/1.0 200 OK", "HTTP/1.1 302 Found", "HTTP/1.1 99 x", "HTTP/3 200 OK", ""]),
    st.lists(FIELDS, max_size=5),
)
TEXTS = st.lists(
    st.sampled_from([b"4\r\nup 1\r\n", b"0\r\n\r\n", b"FFFFFFFF\r\n", b"4;", b"\r\n", b"-1\r\n", b"up 1\n"]) | st.binary(max_size=9)
)
WIRES = st.binary(max_size=200) | st.builds(lambda head, texts: head + b"".join(texts), HEADS, TEXTS)


def read(wire: bytes, largest: int) -> bytes:
    """The answer of a pod that writes this and ends the connection."""

    async def told() -> bytes:
        reader = asyncio.StreamReader(limit=HEAD)
        reader.feed_data(wire)
        reader.feed_eof()
        return await answer(reader, largest)

    return asyncio.run(told())


@fuzz(300)
@given(WIRES, st.integers(0, 20))
def test_any_bytes_on_the_wire_are_a_text_within_bounds_a_refusal_or_none(wire: bytes, largest: int) -> None:
    with contextlib.suppress(RejectedError, EOFError):
        assert len(read(wire, largest)) <= largest


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
SHAPES: dict[str, Callable[[int], bytes]] = {
    "fields": lambda n: OK + b"a: b\r\n" * n + b"\r\n",
    "a field": lambda n: OK + b"a: " + b"b" * (8 * n) + b"\r\n\r\n",
    "lines without an end": lambda n: OK + b"\r" * (8 * n),
    "a text": lambda n: OK + b"\r\n" + b"a 1\n" * (2 * n),
    "chunks": lambda n: OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * n + b"0\r\n\r\n",
    "digits of a size": lambda n: OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * (8 * n) + b"\r\n",
    "digits of a length": lambda n: OK + b"Content-Length: " + b"9" * (8 * n) + b"\r\n\r\n",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_an_answer_is_read_in_time_and_memory_in_proportion_to_its_size(shape: str) -> None:
    wires = {n: SHAPES[shape](n) for n in (4_000, 32_000)}

    def attempt(n: int) -> None:
        with contextlib.suppress(RejectedError, EOFError):
            read(wires[n], LARGEST)

    is_linear(attempt, 4_000)
    memory_of(lambda: attempt(32_000), len(wires[32_000]))
