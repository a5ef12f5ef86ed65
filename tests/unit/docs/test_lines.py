"""Every Markdown file of the repository can be read as it is: no line is longer than 140 columns, whatever it is part of.

A paragraph or an item is filled; a row of a table, a heading or a line of code cannot be folded and has to be short: use a list in place of a
table with long cells, and a backslash in a long command. `generate.folded` fills a page.
"""

from pathlib import Path

import pytest

from generate.folded import WIDTH

ROOT = Path(__file__).parents[3]
FOLDERS = ("charts", "docs", "examples", "operator", "runtime", "tests")


def _pages() -> list[str]:
    """Those of the repository: not of an environment, nor of caches."""
    found = [*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))]
    return sorted(str(page.relative_to(ROOT)) for page in found)


@pytest.mark.parametrize("page", _pages())
def test_no_line_is_longer_than_140_columns(page: str):
    lines = (ROOT / page).read_text().split("\n")
    assert [(number, line) for number, line in enumerate(lines, 1) if len(line) > WIDTH] == []


def test_there_are_pages_and_the_generated_ones_are_among_them():
    assert {"README.md", "docs/reference/api.md", "docs/reference/values.md", "docs/reference/cli.md"} <= set(_pages())
