"""Lines of a bill from files: FOCUS exports as CSV, compressed or not, and as Parquet."""

from __future__ import annotations

import csv
import gzip
import json
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from steelyard.app.extra import remedy
from steelyard.cli.problem import Problem
from steelyard.core.economics.bill import COLUMNS, MORE_COLUMNS, BillLine, bill_line

TOLD_EVERY = 200_000
"""Lines between two signs of progress."""
EXPORT = "export the bill in the format FOCUS, version 1.0 or later, with resource ids"


def bill_lines(paths: Sequence[str]) -> Iterator[BillLine]:
    """All lines of all files, read as they are asked for. Problem where a file or a line cannot be used."""
    count = 0
    for path in paths:
        try:
            for number, row in enumerate(_rows(Path(path)), 1):
                try:
                    yield bill_line({**row, "Tags": _tags(row.get("Tags"))})
                except ValueError as error:
                    raise Problem(f"the bill {path}, row {number}: {error}", EXPORT) from error
                count += 1
                if count % TOLD_EVERY == 0 and sys.stderr.isatty():
                    print(f"\r{count:,} lines of the bill", end="", file=sys.stderr, flush=True)
        except (OSError, EOFError, UnicodeError, csv.Error, zlib.error) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise Problem(f"the bill {path} cannot be read: {why}", "give .csv, .csv.gz or .parquet files") from error
    if count >= TOLD_EVERY and sys.stderr.isatty():
        print(file=sys.stderr)


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    if path.suffix == ".parquet":
        yield from _parquet(path)
        return
    with (
        gzip.open(path, "rt", encoding="utf-8-sig", newline="") if path.suffix == ".gz" else path.open(encoding="utf-8-sig", newline="")
    ) as file:
        reader = csv.DictReader(file)
        _check(path, reader.fieldnames or ())
        yield from reader


def _parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        pyarrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise Problem(
            f"the bill {path} is Parquet, and pyarrow is not installed", f"{remedy('pyarrow')}, or export the bill as CSV"
        ) from error
    try:
        file = parquet.ParquetFile(path)
        names = file.schema_arrow.names
        _check(path, names)
        for batch in file.iter_batches(columns=[name for name in names if name in {*COLUMNS, *MORE_COLUMNS}]):
            yield from batch.to_pylist()
    except pyarrow.ArrowInvalid as error:
        raise Problem(f"the bill {path} is not a Parquet file: {error}", EXPORT) from error


def _check(path: Path, names: Sequence[str]) -> None:
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        raise Problem(f"the bill {path} has no column {', '.join(missing)}", EXPORT)


def _tags(cell: Any) -> Mapping[str, str]:
    """A JSON object in CSV; a map, a list of pairs, in Parquet."""
    if not cell:
        return {}
    try:
        pairs = dict(json.loads(cell) if isinstance(cell, str) else cell)
    except (TypeError, ValueError):
        raise ValueError(f"Tags {str(cell)[:60]!r} is not a JSON object") from None
    return {str(key): str(value) for key, value in pairs.items()}
