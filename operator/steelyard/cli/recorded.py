"""Reading decision records: a JSON file, JSON lines, or the log of an operator, plain or .gz, or standard input."""

from __future__ import annotations

import gzip
import json
import sys
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from steelyard.cli.problem import Problem
from steelyard.core.compiling.snapshot import CompileSnapshot
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.replay.codec import NotPlainError
from steelyard.core.replay.compile_record import read_compile
from steelyard.core.replay.record import RECORD_VERSION, Record, read
from steelyard.core.replay.trial_record import read_trial
from steelyard.core.trials.look import TrialSnapshot

_REMEDY = "give the JSON of a record, a line `decided`, `compile decided` or `trial decided` of the operator's log, or decisions.jsonl of `steelyard simulate --out`"
Recorded: TypeAlias = Record[Snapshot] | Record[CompileSnapshot] | Record[TrialSnapshot]
_FACTS: Mapping[str, Callable[[Mapping[str, Any]], Recorded]] = {"snapshot": read, "compile": read_compile, "trial": read_trial}
"""What the facts of a decision are called, and who reads them: about a workload, a CompiledModel and an AcceleratorTrial."""


@dataclass(frozen=True, slots=True)
class Found:
    """Of a file: (file and line, record) for each that this version reads, and (file and line, version) for each that another one wrote."""

    records: list[tuple[str, Recorded]]
    others: list[tuple[str, str]]


def records(path: Path) -> Found:
    """All that are there. Lines that hold none are passed over. Problem where none can be read, or one of this version is damaged."""
    found = Found([], [])
    for line, facts, written in _records(path):
        source, version = f"{path}:{line}", written.get("version")
        if version != RECORD_VERSION:
            found.others.append((source, repr(version)))
            continue
        try:
            found.records.append((source, _FACTS[facts](written)))
        except NotPlainError as wrong:
            raise Problem(f"{source}: the record cannot be read: {wrong}", _REMEDY) from wrong
    if not found.records:
        source, told = found.others[0]
        raise Problem(
            f"{source}: the record is of version {told}, and this steelyard reads version {RECORD_VERSION}",
            "use the steelyard that wrote it: `steelyard version` of the operator's image",
        )
    return found


def record_with(digest: str, path: Path) -> Mapping[str, Any]:
    """The last record with that digest, as it is written. Problem where there is none."""
    found = [written for _, _, written in _records(path) if written.get("digest") == digest]
    if not found:
        raise Problem(
            f"{path}: holds no record with the digest {digest}",
            "give the log of the replica that led then, perhaps of the container before: kubectl logs --previous",
        )
    return found[-1]


def _records(path: Path) -> list[tuple[int, str, dict[str, Any]]]:
    """(line, what its facts are called, record) for each that is there. Problem where there is none at all."""
    found = []
    for line, raw in _objects(path):
        written = raw.get("record", raw) if isinstance(raw, dict) else None
        facts = next((each for each in _FACTS if isinstance(written, dict) and each in written), None)
        if facts is not None and isinstance(written, dict):
            found.append((line, facts, written))
    if not found:
        raise Problem(f"{path}: holds no decision record", _REMEDY)
    return found


def _objects(path: Path) -> list[tuple[int, Any]]:
    """JSON values with the line where each begins: one value in the whole text, or one a line, other lines between them."""
    text = _text(path)
    try:
        whole = json.loads(text)
        return [(1, each) for each in whole] if isinstance(whole, list) else [(1, whole)]
    except ValueError:
        pass
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        begin = line.find("{")
        if begin < 0:
            continue
        try:
            found.append((number, json.loads(line[begin:])))
        except ValueError:
            if any(f'"{facts}"' in line for facts in _FACTS):
                raise Problem(f"{path}:{number}: the record is cut off or is no JSON", _REMEDY) from None
    return found


def _text(path: Path) -> str:
    try:
        if str(path) == "-":
            return sys.stdin.read()
        return gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise Problem(f"{path}: cannot be read: {error}", _REMEDY) from error
