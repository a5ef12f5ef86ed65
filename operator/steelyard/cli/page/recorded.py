"""The record that a page rests on."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from steelyard.cli.page.element import element


def recorded(digest: str) -> Element:
    """An item: where the decision's record is, by its digest, and how the same is decided again."""
    found = f"the decision's record has the digest {digest} in the operator's log; from it, "
    return element("li", found, element("code", "steelyard replay LOG"), " makes the same decision again")
