"""Manifests as people keep them: YAML or JSON in files, in folders of them, or on standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from steelyard.cli.problem import Problem

STDIN = "-"
ENDINGS = frozenset({".yaml", ".yml", ".json"})
"""What a file of a folder must end with to be read."""


@dataclass(frozen=True, slots=True)
class Found:
    """One object of a file, and where it begins there."""

    file: str
    line: int
    raw: Mapping[str, Any]


def manifests(paths: Sequence[str]) -> Iterator[Found]:
    """The objects of all files, in their order; those of a List one by one. Problem where a file cannot be read, is no YAML, or holds something
    else than objects."""
    for path in paths:
        for file in _files(path):
            yield from _objects(file, _text(file))


def _files(path: str) -> Sequence[str]:
    folder = Path(path)
    if path == STDIN or not folder.is_dir():
        return [path]
    found = sorted(str(file) for file in folder.rglob("*") if file.suffix in ENDINGS and file.is_file())
    if not found:
        raise Problem(f"{path} holds no manifest", f"give files, or a folder with files that end with {', '.join(sorted(ENDINGS))}")
    return found


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == STDIN else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise Problem(
            f"{file} cannot be read: {getattr(error, 'strerror', None) or error}", "give files of YAML or JSON in UTF-8"
        ) from error


def _objects(file: str, text: str) -> Iterator[Found]:
    loader = yaml.SafeLoader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            assert node is not None
            line, told = node.start_mark.line + 1, loader.construct_document(node)
            for raw in _each(told):
                if not isinstance(raw, dict):
                    raise Problem(f"{file}, line {line}: there is no object", "give an object with apiVersion, kind, metadata and spec")
                yield Found(file, line, raw)
    except yaml.YAMLError as error:
        raise Problem(f"{file} is no YAML: {error}", "mend what the line names; a template has to be rendered first") from error
    finally:
        loader.dispose()


def _each(told: object) -> Sequence[object]:
    """Nothing of a document that is empty: a file may begin or end with `---`."""
    if told is None:
        return ()
    items = told.get("items") if isinstance(told, dict) and told.get("kind") == "List" else None
    return items if isinstance(items, list) else (told,)
