"""Elements of a page. The tree is written by the standard library, which escapes whatever a tenant wrote into a name or a message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias
from xml.etree.ElementTree import Element, tostring

SHORT = 18
"""Characters of a cell that is not broken."""

Content: TypeAlias = Element | str | None


def element(tag: str, *content: Content, **attributes: str) -> Element:
    """With its content in order; None is nothing. `class_` is the attribute class, and `aria_label` aria-label."""
    made = Element(tag, {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()})
    last: Element | None = None
    for part in content:
        if isinstance(part, str):
            if last is None:
                made.text = (made.text or "") + part
            else:
                last.tail = (last.tail or "") + part
        elif part is not None:
            made.append(part)
            last = part
    return made


def section(title: str, *content: Content) -> Element | None:
    """With a heading; None without any content."""
    kept = [part for part in content if part is not None]
    return element("section", element("h2", title), *kept) if kept else None


def listed(items: Iterable[str]) -> Element | None:
    """An unordered list; None where there is nothing."""
    made = [element("li", item) for item in items]
    return element("ul", *made) if made else None


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> Element | None:
    """The first cell of a row is its head; what begins with a letter stands left, and figures right. None without rows."""
    if not rows:
        return None
    head = element("tr", *(element("th", _whole(each), scope="col", **_side(row[at] for row in rows)) for at, each in enumerate(heads)))
    body = (
        element("tr", element("th", first, scope="row", **_name(first)), *(element("td", each, **_side([each])) for each in rest))
        for first, *rest in rows
    )
    made = element("table", element("caption", caption), element("thead", head), element("tbody", *body))
    return element("div", made, class_="wide", tabindex="0", role="region", aria_label=caption)


def _whole(head: str) -> str:
    """A share is not torn from its sign."""
    return head.replace(" %", "\u00a0%")


def _side(said: Iterable[str]) -> dict[str, str]:
    """Of a cell, or of the head over cells."""
    cells = list(said)
    if not all(each[:1].isalpha() for each in cells):
        return {}
    return {"class_": "text name" if len(cells) == 1 and _name(cells[0]) else "text"}


def _name(said: str) -> dict[str, str]:
    """What is short stays in one line: a browser would break it at its hyphens."""
    return {"class_": "name"} if len(said) <= SHORT else {}


def written(title: str, style: str, body: Element) -> str:
    """The whole document."""
    metas: Sequence[Mapping[str, str]] = (
        {"charset": "utf-8"},
        {"name": "viewport", "content": "width=device-width, initial-scale=1"},
        {"name": "color-scheme", "content": "light dark"},
    )
    head = element("head", *(element("meta", **meta) for meta in metas), element("title", title), element("style", style))
    return "<!DOCTYPE html>\n" + tostring(element("html", head, body, lang="en"), encoding="unicode", method="html") + "\n"
