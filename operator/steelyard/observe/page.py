"""One page over HTTP/1.1: a connection for it alone, nothing followed, nothing unpacked, and no more bytes than are asked for.

By asyncio's streams: thousands of pages are read every few seconds, and of what a client's session does besides nothing is wanted here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote

from steelyard.observe.failure import Reason, RejectedError

HEAD = 64 * 1024
"""Bytes of the head of an answer."""
PIECES = 10_000
"""Chunks of one answer: each takes time, however small it is."""
TEXT = frozenset({"text/plain", "application/openmetrics-text"})
_REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: steelyard\r\nAccept: text/plain;version=0.0.4\r\n"
    "Accept-Encoding: identity\r\nConnection: close\r\n\r\n"
)
_STATUS = re.compile(r"HTTP/1\.[0-9] ([0-9]{3})(?: .*)?")
_DIGITS = {10: re.compile(r"[0-9]{1,18}"), 16: re.compile(r"[0-9a-fA-F]{1,15}")}


async def fetch(address: IPv4Address | IPv6Address, port: int, path: str, largest: int) -> bytes:
    """Its text, of at most `largest` bytes. RejectedError where it is refused, OSError or EOFError where it does not come, or not whole."""
    host = f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
    reader, writer = await asyncio.open_connection(str(address), port, limit=HEAD)
    try:
        writer.write(_REQUEST.format(path=quote(path), host=host).encode())
        return await answer(reader, largest)
    finally:
        # Not closed politely: for that a pod could keep us waiting.
        writer.transport.abort()


async def answer(reader: asyncio.StreamReader, largest: int) -> bytes:
    """The text of an answer; it ends where its head says, or with the connection."""
    try:
        fields = _fields((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
        kind, coding = fields.get("content-type", "").partition(";")[0].strip(), fields.get("content-encoding", "identity")
        if kind.lower() not in TEXT or coding.lower() != "identity":
            raise RejectedError(Reason.CONTENT_TYPE, "is not plain text in the Prometheus format")
        if "transfer-encoding" in fields:
            return await _chunks(reader, fields["transfer-encoding"], largest)
        if "content-length" in fields:
            return await reader.readexactly(_bound(_length(fields["content-length"], 10), largest))
        return await _rest(reader, largest)
    except asyncio.LimitOverrunError as error:
        raise RejectedError(Reason.TOO_LARGE, f"has more than {HEAD} bytes around its text") from error


def _fields(head: str) -> Mapping[str, str]:
    """What the head says, by names in small letters."""
    first, *lines = head.split("\r\n")
    status = _STATUS.fullmatch(first)
    if status is None:
        raise RejectedError(Reason.SYNTAX, "does not answer in HTTP/1.1")
    if status[1] != "200":
        raise RejectedError(Reason.STATUS, f"answered {status[1]} instead of 200")
    parts = (line.partition(":") for line in lines)
    return {name.lower(): value.strip(" \t") for name, _, value in parts}


async def _chunks(reader: asyncio.StreamReader, coding: str, largest: int) -> bytes:
    """Up to the empty one; what may follow it is read by nobody."""
    if coding.lower() != "chunked":
        raise RejectedError(Reason.SYNTAX, "is coded for its transfer in a way that was not asked for")
    body = bytearray()
    for _ in range(PIECES):
        line = (await reader.readuntil(b"\r\n")).decode("latin-1")
        size = _length(line.partition(";")[0].strip(), 16)
        if not size:
            return bytes(body)
        _bound(len(body) + size, largest)
        body += await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            raise RejectedError(Reason.SYNTAX, "has a chunk that is longer than it says")
    raise RejectedError(Reason.TOO_MANY, f"comes in more than {PIECES} chunks: let the server send fewer")


async def _rest(reader: asyncio.StreamReader, largest: int) -> bytes:
    body = bytearray()
    while piece := await reader.read(HEAD):
        _bound(len(body) + len(piece), largest)
        body += piece
    return bytes(body)


def _length(text: str, base: int) -> int:
    if not _DIGITS[base].fullmatch(text):
        raise RejectedError(Reason.SYNTAX, "has a length that is no number")
    return int(text, base)


def _bound(length: int, largest: int) -> int:
    if length > largest:
        raise RejectedError(Reason.TOO_LARGE, f"is larger than {largest} bytes: let the server expose fewer series")
    return length
