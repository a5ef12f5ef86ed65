"""The page of faults names tests that are there, and has all cases and invariants."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from unit.docs.shown import ROOT

PAGE = (ROOT / "docs/explanation/faults.md").read_text()
NAMED = sorted(set(re.findall(r"^- `(\S+\.py)::(\S+)`$", PAGE, re.MULTILINE)))


@cache
def _tests(path: str) -> tuple[str, ...]:
    """The names of the tests of a file, those of classes included."""
    tree = ast.parse((ROOT / "tests" / path).read_text())
    found = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return tuple(node.name for node in found if node.name.startswith("test_"))


@pytest.mark.parametrize(("path", "beginning"), NAMED)
def test_a_test_that_is_named_exists_and_is_one(path: str, beginning: str):
    assert (ROOT / "tests" / path).exists(), path
    found = [name for name in _tests(path) if name.startswith(beginning)]
    assert len(found) == 1, found


def test_every_item_of_a_list_is_a_test():
    assert len(re.findall(r"^- ", PAGE, re.MULTILINE)) == len(re.findall(r"^- `\S+\.py::\S+`$", PAGE, re.MULTILINE))


def test_there_are_twenty_five_cases_and_thirteen_invariants_each_with_a_test():
    parts = re.split(r"^\*\*(I?\d+)\. ", PAGE, flags=re.MULTILINE)[1:]
    said = dict(zip(parts[::2], parts[1::2], strict=True))
    assert [*said] == [*map(str, range(1, 26)), *(f"I{number}" for number in range(1, 14))]
    without = [number for number, text in said.items() if "- `" not in text]
    assert not without
