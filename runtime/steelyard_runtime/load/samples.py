"""Requests that a user gives: one JSON object a line."""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from steelyard_runtime.document import Document
from steelyard_runtime.failure import Reason, user_failure
from steelyard_runtime.load.asking import JSON
from steelyard_runtime.tasks.graph_task import LoadRequest

MOST = 10_000
FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})
"""Headers that say how a request is sent, which is the generator's."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Where they lie, and what people call that place."""

    path: Path
    source: str


def samples_of(item: Document) -> Samples:
    """Read `samples` of a specification."""
    return Samples(Path(item.text("path")), item.text("source"))


def read_samples(samples: Samples) -> list[LoadRequest]:
    """Read them in their order; raises `Failure` (InvalidSpec) with what to write instead."""
    try:
        lines = samples.path.read_text("utf-8").splitlines()
    except FileNotFoundError as error:
        raise user_failure(Reason.INVALID_SPEC, f"there is no {samples.source}: make it, with one request a line") from error
    except UnicodeDecodeError as error:
        raise user_failure(Reason.INVALID_SPEC, f"{samples.source} is no text in UTF-8") from error
    found = [_request(line, f"line {number} of {samples.source}") for number, line in enumerate(lines, 1) if line.strip()]
    if not 1 <= len(found) <= MOST:
        raise user_failure(Reason.INVALID_SPEC, f"{samples.source} has {len(found)} requests: give 1 to {MOST}, one a line")
    return found


def _request(line: str, where: str) -> LoadRequest:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise user_failure(Reason.INVALID_SPEC, f"{where} is no JSON ({error}): write a request as one line") from error
    if not isinstance(value, dict):
        raise user_failure(Reason.INVALID_SPEC, f'{where} must be an object, such as {{"path": "/v1/rank", "body": {{}}}}')
    item = Document({name: each for name, each in value.items() if name != "body"}, where)
    path, encoded, headers = item.text("path"), item.optional_text("base64"), item.child("headers", optional=True)
    item.finish()
    if not path.startswith("/") or not path.isprintable() or " " in path:
        raise item.invalid("path", 'a path from the root, such as "/v1/rank"', path)
    if ("body" in value) == (encoded is not None):
        raise item.invalid("body", "given, as JSON, or base64 in its place", value.get("body"))
    body = json.dumps(value["body"]).encode() if encoded is None else _decoded(encoded, item)
    return LoadRequest(path, body, {**JSON, **_headers(headers, value.get("headers") or {})})


def _headers(given: Document, names: Iterable[str]) -> dict[str, str]:
    found = {name.lower(): given.text(name) for name in names}
    for name, text in found.items():
        if name in FRAMING or not name.isascii() or not name or not (name + text).isprintable():
            raise given.invalid(name, "left out, or a header of the request in printable letters", text)
    return found


def _decoded(encoded: str, item: Document) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise item.invalid("base64", f"base64 ({error})", f"{encoded[:20]}...") from error
