"""A recorded load: when each request came, and how long it and its answer were. CSV with a header, plain or gzip.

Column names are those of this project or of the Azure LLM inference traces (TIMESTAMP, ContextTokens, GeneratedTokens).
"""

import csv
import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

TIME = ("time", "timestamp")
WORDS = ("words", "input_tokens", "contexttokens")
TOKENS = ("tokens", "output_tokens", "generatedtokens")
MOST_WORDS = 10_000
MOST = 5_000_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request. offset: seconds after the first one, at the chosen speed; words, tokens: of it and of its answer, None where not told."""

    offset: float
    words: int | None
    tokens: int | None


def read(path: Path, speed: float) -> list[Recorded]:
    """Read a trace, `speed` times as fast as it was recorded; raises `ValueError` saying in which line what is wrong."""
    try:
        with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as file:
            found = list(_rows(csv.reader(file), speed))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read as CSV: {error}") from error
    if not found:
        raise ValueError(f"{path} has no request: it needs a header and a row for each")
    for number, (before, after) in enumerate(pairwise(found), 3):
        if after.offset < before.offset:
            raise ValueError(f"{path}, line {number}: times must not go back; sort the trace")
    return found


def _rows(lines: Iterator[list[str]], speed: float) -> Iterator[Recorded]:
    header = [name.strip().lower() for name in next(lines, [])]
    time, words, tokens = (next((header.index(name) for name in names if name in header), None) for names in (TIME, WORDS, TOKENS))
    if time is None:
        raise ValueError(f"the header {','.join(header)!r} has no column {' or '.join(TIME)}")
    first: float | None = None
    for number, line in enumerate(lines, 2):
        if not line:
            continue
        if number > MOST:
            raise ValueError(f"more than {MOST} requests: cut the trace")
        try:
            at = _seconds(line[time])
            first = at if first is None else first
            yield Recorded((at - first) / speed, _count(line, words), _count(line, tokens))
        except (ValueError, IndexError) as error:
            raise ValueError(f"line {number}: {error}") from error


def _seconds(text: str) -> float:
    """Of seconds, or of a date with a time, in UTC where it names no zone: local hours would go back once a year."""
    try:
        return float(text)
    except ValueError:
        # Traces write seven digits of a second and more, and fromisoformat takes six.
        at = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.strip()))
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()


def _count(line: list[str], column: int | None) -> int | None:
    if column is None or not line[column].strip():
        return None
    found = int(float(line[column]))
    if found < 0:
        raise ValueError(f"{line[column]!r} is no length")
    return max(1, min(MOST_WORDS, found))
