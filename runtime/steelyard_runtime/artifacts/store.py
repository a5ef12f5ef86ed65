"""Where artifacts live: what a store must be able to do, and how one is opened by its address."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from steelyard_runtime.failure import Reason, user_failure


class Missing(Exception):  # noqa: N818  an answer, not an error
    """There is nothing at that path."""


KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Stored:
    """Everything below one key."""

    key: str
    modified: datetime
    """Of the object that was written last."""
    size: int
    """In bytes."""


class Store(Protocol):
    """Objects by path. Every method raises `Failure` (StoreUnavailable) when the store does not answer."""

    @property
    def uri(self) -> str:
        """Address of the store's root, without a slash at its end."""

    def read(self, path: str, *, size: int | None = None, start: int = 0) -> Iterator[bytes]:
        """Yield an object in pieces, from the byte `start` on; raises `Missing`. `size` is the object's, where the caller knows it."""

    def put(self, path: str, source: Path) -> None:
        """Write an object from a file; whoever reads sees all of it or none."""

    def create(self, path: str, data: bytes) -> bool:
        """Write an object if there is none; of several writers exactly one hears True."""

    def stored(self) -> Iterator[Stored]:
        """List the keys, with or without a manifest; whatever else lies in the store is not ours, and left out."""

    def remove(self, key: str) -> None:
        """Remove a key, its manifest first: an artifact is whole or not there."""


def open_store(uri: str) -> Store:
    """Open `s3://bucket/prefix` or `file:///folder`."""
    from steelyard_runtime.artifacts.file_store import FileStore  # noqa: PLC0415  they import this module
    from steelyard_runtime.artifacts.s3_store import S3ArtifactStore  # noqa: PLC0415

    parts = urlsplit(uri)
    match parts.scheme:
        case "file":
            return FileStore(Path(unquote(parts.path)))
        case "s3":
            return S3ArtifactStore(uri)
        case _:
            raise user_failure(Reason.INVALID_SPEC, f"store {uri!r} has an unknown scheme; use s3:// or file://")


def read_all(store: Store, path: str, limit: int) -> bytes:
    """Read a small object; raises `Missing`, and `ValueError` above the limit."""
    data = b""
    for chunk in store.read(path):
        data += chunk
        if len(data) > limit:
            raise ValueError(f"{path} is larger than {limit} bytes")
    return data
