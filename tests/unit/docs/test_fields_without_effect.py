"""A field whose description says that this version does not act on it is listed in Status, and what is listed there exists."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from steelyard.api.accelerator_pool import ACCELERATOR_POOL
from steelyard.api.crdgen.definition import object_schema
from steelyard.api.inference_workload import INFERENCE_WORKLOAD
from unit.docs.shown import ROOT

SAID = "this version"


def _fields(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """(path, description) of every field below."""
    for name, child in schema.get("properties", {}).items():
        here = f"{path}.{name}".lstrip(".")
        yield here, child.get("description", "")
        inner, suffix = (child["items"], "[]") if child.get("type") == "array" else (child, "")
        yield from _fields(inner, here + suffix)


FIELDS = {path: text for kind in (INFERENCE_WORKLOAD, ACCELERATOR_POOL) for path, text in _fields(object_schema(kind))}


def _listed() -> set[str]:
    section = (ROOT / "docs/status.md").read_text().partition("## In the API, and without effect in this version")[2].partition("\n## ")[0]
    items = [item.partition(":")[0] for item in re.split(r"\n- ", section)[1:]]
    return {path for item in items for path in re.findall(r"`((?:spec|status)\.[\w.\[\]]+)`", item)}


def test_every_field_that_is_listed_exists():
    assert _listed()
    assert sorted(_listed() - set(FIELDS)) == []


def test_every_field_that_says_so_is_listed():
    said = {path for path, text in FIELDS.items() if SAID in text.lower()}
    assert said
    # What is said of a list or of a status as a whole is said in its parts, too.
    unlisted = {path for path in said if path not in _listed() and not any(path.startswith(f"{listed}.") for listed in _listed())}
    assert sorted(unlisted) == []
