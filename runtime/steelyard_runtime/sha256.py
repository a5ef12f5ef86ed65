"""SHA-256 of files and bytes, as the text `sha256:<64 hex>`."""

import hashlib
from pathlib import Path

CHUNK = 1 << 20


def digest_of_bytes(data: bytes) -> str:
    """Return the digest of some bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def hex_of_file(path: Path) -> str:
    """Return the 64 hex digits of a file's digest, reading it in pieces."""
    state = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            state.update(chunk)
    return state.hexdigest()
