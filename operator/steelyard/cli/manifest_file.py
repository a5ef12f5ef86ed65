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
class Again:
    """A field that its map has already: of two the last one alone would count."""

    line: int
    field: str


@dataclass(frozen=True, slots=True)
class Found:
    """One object of a file, where it begins there, and what it says twice."""

    file: str
    line: int
    raw: Mapping[str, Any]
    again: tuple[Again, ...] = ()


class _Loader(yaml.SafeLoader):
    """As Kubernetes reads YAML: a date is text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML has it
        first: [(tag, form) for tag, form in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


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
    loader, line = _Loader(text), 1
    try:
        while loader.check_node():
            document = loader.get_node()
            assert document is not None
            for node in _each(document):
                line = node.start_mark.line + 1
                again = tuple(_again(node, set()))  # Before keys that are merged into it are copied there.
                raw = loader.construct_document(node)
                if not isinstance(raw, dict):
                    raise Problem(f"{file}, line {line}: there is no object", "give an object with apiVersion, kind, metadata and spec")
                yield Found(file, line, raw, again)
    except yaml.YAMLError as error:
        raise Problem(f"{file} is no YAML: {error}", "mend what the line names; a template has to be rendered first") from error
    except ValueError as error:
        raise Problem(f"{file}, the object at line {line}: {error}", "write the value as its field takes it, without a tag") from error
    except RecursionError as error:
        raise Problem(f"{file}, after line {line}: it is nested too deeply", "no manifest is: give the file that was meant") from error
    finally:
        loader.dispose()


def _each(document: yaml.Node) -> Sequence[yaml.Node]:
    """The nodes of its objects: those of a List, and none of a document that is empty, as a file may begin or end with `---`."""
    if document.tag == "tag:yaml.org,2002:null":
        return ()
    fields = {key.value: value for key, value in _fields(document)}
    kind, items = fields.get("kind"), fields.get("items")
    return items.value if kind is not None and kind.value == "List" and isinstance(items, yaml.SequenceNode) else (document,)


def _again(node: yaml.Node, met: set[int], path: str = "") -> Iterator[Again]:
    """met: nodes that were looked at before, which an anchor leads to once more."""
    if id(node) in met:
        return
    met.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for at, each in enumerate(node.value):
            yield from _again(each, met, f"{path}[{at}]")
    seen = set[str]()
    for key, value in _fields(node):
        field = f"{path}.{key.value}" if path else key.value
        if field in seen:
            yield Again(key.start_mark.line + 1, field)
        seen.add(field)
        yield from _again(value, met, field)


def _fields(node: yaml.Node) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    """Those of a map; none of what is none."""
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if isinstance(key, yaml.ScalarNode):
            yield key, value
