"""Markdown in lines of at most 140 columns, so that it can be read as it is and compared line by line.

Paragraphs and items of lists are filled anew. Code, tables, headings and comments stay as they are: a row of a table cannot be folded, so a
page with long rows has a list in its place.
"""

import re
import textwrap
from collections.abc import Iterator

WIDTH = 140
_MARKER = re.compile(r"^( *(?:[-*+]|\d+\.) +)")
_KEPT = re.compile(r"^ *(?:\||#|<!--|!\[)")
_STARTS = re.compile(r" (?=(?:[-*+>#|]|\d+\.)(?: |$))")
"""A blank before what would begin an item, a quotation, a heading or a table if a line began with it."""
_WHOLE = re.compile(r"`[^`]*`|\[[^\]]*\]\([^)]*\)")
"""Code and links are not divided."""
_GLUE = "\0"


def folded(page: str) -> str:
    """The same page, filled."""
    return "\n".join(_lines(page.split("\n")))


def _lines(lines: list[str]) -> Iterator[str]:
    block: list[str] = []
    code = False
    for line in lines:
        fence = line.lstrip().startswith("```")
        if code or fence or not line.strip() or _KEPT.match(line):
            yield from _filled(block)
            block = []
            yield line
            code ^= fence
        elif _MARKER.match(line):
            yield from _filled(block)
            block = [line]
        else:
            block.append(line)
    yield from _filled(block)


def _filled(block: list[str]) -> list[str]:
    """One paragraph or item."""
    if not block:
        return []
    marker = _MARKER.match(block[0])
    first = marker[1] if marker else re.match(" *", block[0])[0]  # type: ignore[index]
    text = " ".join(line.strip() for line in block).removeprefix(first.strip()).strip()
    text = _WHOLE.sub(lambda whole: whole[0].replace(" ", _GLUE), text)
    filled = textwrap.wrap(
        _STARTS.sub(_GLUE, text),
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_GLUE, " ") for line in filled]
