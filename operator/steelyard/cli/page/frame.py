"""What every report has: the verdict first, then claimed beside measured, and at its end what is in doubt and how to see it for oneself."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol
from xml.etree.ElementTree import Element

from steelyard.cli.page.element import element, listed, section, written
from steelyard.cli.page.picture import picture
from steelyard.cli.page.style import STYLE
from steelyard.cli.view.verdict import Sentence

REVISION = 19
"""Characters of a model's revision that are shown: of a digest its kind and twelve more."""


def model(uri: str | None, revision: str | None) -> str:
    """What is served, with its revision in short."""
    return f"{uri or 'model unknown'}{f' at {revision[:REVISION]}' if revision else ''}"


class Report(Protocol):
    """A view of what was claimed and what was measured."""

    @property
    def now(self) -> datetime:
        """The API server's clock at the reading."""

    @property
    def title(self) -> str:
        """Its first sentence."""

    @property
    def verdicts(self) -> tuple[Sentence, ...]:
        """What weighs most first."""

    @property
    def doubts(self) -> tuple[str, ...]:
        """What is not sure, as sentences."""


def _signed(view: Report, by: str | None) -> Element:
    """On a screen a line to sign on is of no use: it is for paper alone."""
    if by is not None:
        return element("p", f"Signed off by {by} on {view.now:%Y-%m-%d}.", class_="lead")
    return element("p", "Signed off by: ", "_" * 32, " on: ", "_" * 14, class_="paper")


def framed(view: Report, name: str, about: str, sections: Iterable[Element | None], again: Element, signed_by: str | None) -> str:
    """The whole file. `name`: of what it is about; `about`: the same in a line. signed_by: who answers for it, None: to be signed on paper."""
    first = view.verdicts[0].claim.verdict if view.verdicts else None
    body = element(
        "body",
        element(
            "main",
            element("h1", view.title, **({"class_": first} if first else {})),
            *(element("p", one.money, class_="lead") for one in view.verdicts[:1] if one.money),
            element("p", f"{about}, {view.now:%Y-%m-%d %H:%M} UTC.", class_="soft"),
            section(
                "Claimed and measured", picture(view.verdicts), listed(f"{one.said} {one.money or ''}".strip() for one in view.verdicts[1:])
            ),
            *sections,
            section("What is in doubt", listed(view.doubts)),
            section("How to see it for yourself", again),
            _signed(view, signed_by),
        ),
    )
    return written(f"{name}: {first or 'report'}", STYLE, body)
