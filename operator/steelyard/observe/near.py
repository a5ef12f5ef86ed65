"""A metric that is not on a page: which names there are near it, for whoever misspelt it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from difflib import get_close_matches
from functools import lru_cache

from steelyard.observe.profiles import profile_of
from steelyard.observe.sample import Sample

MOST = 500
"""Names that are compared: comparing takes time in proportion to them."""
SHOWN = 3
REMEMBERED = 256
"""Answers that are kept: a page that lacks a name lacks it at every read."""
PARTS = ("_bucket", "_count", "_sum", "_created")
_NAMES = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)[ \t{]", re.MULTILINE)


def names_on(body: bytes) -> frozenset[str]:
    """The metrics of a page, as far as its lines begin with a name."""
    return frozenset(_NAMES.findall(body.decode("utf-8", "replace")))


def with_near(sample: Sample, names: Collection[str]) -> Sample:
    """With a sentence on each name that was given and is not among these."""
    return replace(sample, doubts=(*sample.doubts, *(f"{name} is not on the page: {near(name, names)}" for name in sample.absent)))


def near(missing: str, names: Iterable[str]) -> str:
    """A part of a sentence on what is there instead, and what to do."""
    return _near(missing, tuple(sorted(names)[: 4 * MOST]))


@lru_cache(maxsize=REMEMBERED)
def _near(missing: str, names: tuple[str, ...]) -> str:
    if not names:
        return "the page has no metrics at all: look at port and path"
    # Of a histogram one name, which is the one that is given.
    there = sorted({_whole(name) for name in names})[:MOST]
    found = get_close_matches(missing, there, n=SHOWN, cutoff=0.6)
    profile = profile_of(frozenset(names))
    known = "" if profile is None else f"; the page is like that of profile {profile}"
    if found:
        return f"the page has {', '.join(found)}{known}: correct the name, or the profile"
    return f"the page has nothing near it{known}: look at port and path, and whether the server is one that counts it"


def _whole(name: str) -> str:
    return next((name.removesuffix(part) for part in PARTS if name.endswith(part)), name)
