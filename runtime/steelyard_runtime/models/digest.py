"""The digest of a model: one hash over the sorted list of its files."""

import os
from pathlib import Path

from steelyard_runtime.sha256 import digest_of_bytes, hex_of_file


def listing(folder: Path) -> bytes:
    """Return the canonical list: a line `<sha256>  <size>  <path relative to the folder>` for each file, lines in byte order."""
    lines = []
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent) / name
            lines.append(f"{hex_of_file(path)}  {path.stat().st_size}  {path.relative_to(folder).as_posix()}\n".encode())
    return b"".join(sorted(lines))


def model_digest(folder: Path) -> str:
    """Return `sha256:<hex>` over `listing(folder)`: what `spec.model.digest` of a workload must be."""
    return digest_of_bytes(listing(folder))
