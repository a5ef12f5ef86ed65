"""Answers as they come over the wire, byte for byte."""

import asyncio
from ipaddress import ip_address
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patience import PATIENCE
from steelyard.observe.failure import Reason, RejectedError
from steelyard.observe.page import HEAD, PIECES, answer, fetch

LARGEST = 1000
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def chunk(text: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(text), text)


def read(wire: bytes, *, ended: bool = True, largest: int = LARGEST) -> bytes:
    """The text, of a connection that then ends, or stays silent for ever."""

    async def told() -> bytes:
        reader = asyncio.StreamReader(limit=HEAD)
        reader.feed_data(wire)
        if ended:
            reader.feed_eof()
        async with asyncio.timeout(0):
            return await answer(reader, largest)

    return asyncio.run(told())


def refusal(wire: bytes, largest: int = LARGEST) -> Reason:
    with pytest.raises(RejectedError) as caught:
        read(wire, largest=largest)
    return caught.value.reason


@pytest.mark.parametrize("text", [b"", b"up 1\n", b"\r\n\r\n", b"x" * LARGEST])
def test_a_text_ends_where_the_answer_says_or_with_the_connection(text):
    assert read(OK + b"Content-Length: %d\r\n\r\n" % len(text) + text + b"more", ended=False) == text
    assert read(OK + b"\r\n" + text) == text
    assert read(OK.replace(b"1.1", b"1.0") + b"\r\n" + text) == text
    assert read(CHUNKED + (chunk(text) if text else b"") + b"0\r\nTrailer: 1\r\n\r\n", ended=False) == text


@given(st.lists(st.binary(min_size=1, max_size=90), max_size=8))
def test_chunks_are_put_together(texts):
    assert read(CHUNKED + b"".join(map(chunk, [*texts, b""])), ended=False) == b"".join(texts)


def test_names_of_fields_are_read_in_any_case_and_chunks_with_what_they_say_beside_their_size():
    wire = b'HTTP/1.1 200\r\ncontent-TYPE:TEXT/plain\r\nTRANSFER-encoding: Chunked \r\n\r\n4;a="b"\r\nup 1\r\n00\r\n\r\n'
    assert read(wire) == b"up 1"


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (b"hello\r\n\r\n", Reason.SYNTAX),
        (b"HTTP/2 200 OK\r\n\r\n", Reason.SYNTAX),
        (b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n", Reason.STATUS),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, Reason.STATUS),
        (b"HTTP/1.1 200 OK\r\n\r\nup 1", Reason.CONTENT_TYPE),
        (OK.replace(b"plain", b"html") + b"\r\nup 1", Reason.CONTENT_TYPE),
        (OK + b"Content-Encoding: gzip\r\n\r\nup 1", Reason.CONTENT_TYPE),
        (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\nup 1", Reason.SYNTAX),
        (OK + b"Content-Length: -1\r\n\r\nup 1", Reason.SYNTAX),
        (OK + b"Content-Length: 1_0\r\n\r\nup 1", Reason.SYNTAX),
        (OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nup 1", Reason.SYNTAX),
        (OK + b"Content-Length: %d\r\n\r\n" % (LARGEST + 1), Reason.TOO_LARGE),
        (OK + b"\r\n" + b"x" * (LARGEST + 1), Reason.TOO_LARGE),
        (CHUNKED + b"%x\r\n" % (LARGEST + 1), Reason.TOO_LARGE),
        (CHUNKED + 2 * chunk(b"x" * (LARGEST // 2 + 1)), Reason.TOO_LARGE),
        (CHUNKED + b"0x4\r\nup 1\r\n0\r\n\r\n", Reason.SYNTAX),
        (CHUNKED + b"\r\nup 1\r\n0\r\n\r\n", Reason.SYNTAX),
        (CHUNKED + b"3\r\nup 1\r\n0\r\n\r\n", Reason.SYNTAX),
        (OK + b"X: " + b"x" * 2 * HEAD + b"\r\n\r\n", Reason.TOO_LARGE),
        (CHUNKED + b"1;" + b"x" * 2 * HEAD + b"\r\nu\r\n", Reason.TOO_LARGE),
    ],
)
def test_any_other_answer_is_refused_by_reason(wire, reason):
    assert refusal(wire) is reason


def test_an_answer_of_very_many_chunks_is_refused():
    assert len(read(CHUNKED + (PIECES - 1) * chunk(b"x") + chunk(b""), largest=PIECES)) == PIECES - 1
    assert refusal(CHUNKED + PIECES * chunk(b"x") + chunk(b""), largest=PIECES) is Reason.TOO_MANY


@pytest.mark.parametrize(
    "wire", [b"", b"HTTP/1.1 200 OK\r\n", OK + b"Content-Length: 9\r\n\r\nup 1", CHUNKED + b"9\r\nup 1", CHUNKED + chunk(b"up 1")]
)
def test_an_answer_that_ends_too_early_is_none(wire):
    with pytest.raises(EOFError):
        read(wire)


async def test_what_is_asked_names_the_pod_and_wants_plain_text_that_ends():
    asked = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set_result((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(OK + b"\r\nup 1")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        assert await fetch(ip_address("127.0.0.1"), port, "/met rics", LARGEST) == b"up 1"
    lines = (await asked).split("\r\n")
    assert lines[:2] == ["GET /met%20rics HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    assert {"Accept-Encoding: identity", "Connection: close"} <= set(lines)


@pytest.mark.parametrize("endless", [b"x: y\r\n", b"\r\n" + 500 * b"up 1\n"], ids=["a head without end", "a text without end"])
def test_a_pod_that_goes_on_for_ever_is_refused_and_hung_up_on(endless):
    async def told() -> bool:
        hung_up = asyncio.Event()

        async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(OK)
            try:
                while True:
                    writer.write(endless)
                    await writer.drain()
                    await asyncio.sleep(0)
            except OSError:
                hung_up.set()

        async with asyncio.timeout(PATIENCE), await asyncio.start_server(talk, "127.0.0.1", 0) as server:
            with pytest.raises(RejectedError) as caught:
                await fetch(ip_address("127.0.0.1"), server.sockets[0].getsockname()[1], "/metrics", LARGEST)
            assert caught.value.reason is Reason.TOO_LARGE
            await hung_up.wait()
        return True

    assert asyncio.run(told())


def test_an_address_of_ipv6_stands_in_brackets(monkeypatch):
    """Not every machine has one to connect to."""
    sent = bytearray()

    async def connected(host: str, port: int, limit: int) -> tuple[asyncio.StreamReader, SimpleNamespace]:
        reader = asyncio.StreamReader(limit=limit)
        reader.feed_data(OK + b"Content-Length: 0\r\n\r\n")
        return reader, SimpleNamespace(write=sent.extend, transport=SimpleNamespace(abort=lambda: None))

    monkeypatch.setattr(asyncio, "open_connection", connected)
    assert asyncio.run(fetch(ip_address("fd00::7"), 9090, "/metrics", LARGEST)) == b""
    assert b"\r\nHost: [fd00::7]:9090\r\n" in sent
