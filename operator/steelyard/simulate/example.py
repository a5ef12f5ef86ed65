"""The scenarios that come with Steelyard, by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_FOLDERS = (Path(__file__).parent / "scenarios", Path(__file__).parents[3] / "examples/scenarios")
"""In an installed package, and in a checkout."""


def examples() -> Mapping[str, Path]:
    """Their files. Empty where an installation came without them."""
    folder = next((each for each in _FOLDERS if each.is_dir()), None)
    return {} if folder is None else {file.stem: file for file in sorted(folder.glob("*.yaml"))}


def sentence(file: Path) -> str:
    """What a scenario is about: the first sentence of the comment that it begins with."""
    comment = []
    for line in file.read_text().splitlines():
        if not line.startswith("#"):
            break
        comment.append(line.removeprefix("#").strip())
    return " ".join(comment).partition(". ")[0].removesuffix(".") + "."
