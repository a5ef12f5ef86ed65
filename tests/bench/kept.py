"""Rows of a benchmark that takes hours, kept while it runs: who begins it again with the same code goes on where it was cut off."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

from bench.benchmark import Row, Say
from cluster.cache_folder import cache_folder

Case = TypeVar("Case")

ROOT = Path(__file__).parents[2]
CODE = ("operator/steelyard/core", "operator/steelyard/api", "operator/steelyard/simulate", "tests/bench", "locks")
"""What rows are made by: with anything else in it they are others."""


def resumed(
    name: str, play: Callable[[Case], Sequence[Row]], cases: Sequence[Case], say: Say, named: Callable[[Case], str] = str
) -> Iterator[Row]:
    """The rows of all cases in their order, by as many processes as there are processors; those that were made before are not made again."""
    kept = Kept(name)
    before = kept.rows()
    missing = [case for number, case in enumerate(cases) if number not in before]
    if before:
        say(f"{len(cases) - len(missing)} of {len(cases)} were made by a run of the same code that was cut off")
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        made = processes.map(play, missing)
        for number, case in enumerate(cases):
            rows = before.get(number)
            if rows is None:
                rows = next(made)
                kept.add(number, rows)
            say(f"{number + 1} of {len(cases)}: {named(case)}")
            yield from rows


class Kept:
    """The rows of each case by its number, in a file of the user's cache. A line that was cut off while it was written is left out."""

    def __init__(self, name: str, folder: Path | None = None) -> None:
        self._file = (folder or cache_folder() / "bench") / f"{name}-{_digest()}.jsonl"

    def rows(self) -> Mapping[int, Sequence[Row]]:
        """Those that were made before."""
        if not self._file.exists():
            return {}
        lines = self._file.read_text().split("\n")[:-1]
        return dict(map(json.loads, lines))

    def add(self, number: int, rows: Sequence[Row]) -> None:
        """Of one more case."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a") as file:
            file.write(f"{json.dumps([number, rows])}\n")


def _digest() -> str:
    digest = hashlib.sha256(sys.version.encode())
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*.*")):
            if path.suffix in {".py", ".txt", ".yaml", ".csv"} and path.is_file():
                digest.update(f"\0{path.relative_to(ROOT)}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
