"""Every Markdown file of the repository can be read as it is: no line is longer than 140 columns, whatever it is part of.

A paragraph or an item is filled; a row of a table, a heading or a line of code cannot be folded and has to be short: use a list in place of a
table with long cells, and a backslash in a long command. `steelyard.api.crdgen.folded` fills a page.
"""

import subprocess
from pathlib import Path

import pytest

from steelyard.api.crdgen.folded import WIDTH

ROOT = Path(__file__).parents[3]


def _pages() -> list[str]:
    """Tracked, or new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return sorted(page for page in set(listed.stdout.split("\n")) if page and (ROOT / page).exists())


@pytest.mark.parametrize("page", _pages())
def test_no_line_is_longer_than_140_columns(page: str):
    lines = (ROOT / page).read_text().split("\n")
    assert [(number, line) for number, line in enumerate(lines, 1) if len(line) > WIDTH] == []


def test_there_are_pages_and_the_generated_ones_are_among_them():
    assert {"README.md", "docs/reference/api.md", "docs/reference/values.md", "docs/reference/cli.md"} <= set(_pages())
