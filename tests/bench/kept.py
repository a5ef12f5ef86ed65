"""Rows of a benchmark that takes hours, kept while it runs: who begins it again with the same code goes on where it was cut off."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.benchmark import Row
from cluster.cache_folder import cache_folder

ROOT = Path(__file__).parents[2]
CODE = ("operator/steelyard/core", "operator/steelyard/api", "operator/steelyard/simulate", "tests/bench", "locks")
"""What rows are made by: with anything else in it they are others."""


class Kept:
    """The rows by number, in a file of the user's cache. A line that was cut off while it was written is left out."""

    def __init__(self, name: str, folder: Path | None = None) -> None:
        self._file = (folder or cache_folder() / "bench") / f"{name}-{_digest()}.jsonl"

    def rows(self) -> Mapping[int, Row]:
        """Those that were made before."""
        if not self._file.exists():
            return {}
        lines = self._file.read_text().split("\n")[:-1]
        return dict(map(json.loads, lines))

    def add(self, number: int, row: Row) -> None:
        """One more."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a") as file:
            file.write(f"{json.dumps([number, row])}\n")


def _digest() -> str:
    digest = hashlib.sha256(sys.version.encode())
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*.*")):
            if path.suffix in {".py", ".txt", ".yaml", ".csv"} and path.is_file():
                digest.update(f"\0{path.relative_to(ROOT)}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
