"""The view of `steelyard simulate --example`: the scenarios that come with Steelyard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from steelyard.simulate.example import sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleRow:
    """One scenario."""

    name: str
    about: str
    """What it is about, in a sentence."""
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamplesView:
    """All of them, by name."""

    examples: tuple[ExampleRow, ...]


def listed(files: Mapping[str, Path]) -> ExamplesView:
    """From their files."""
    return ExamplesView(examples=tuple(ExampleRow(name=name, about=sentence(file), file=str(file)) for name, file in files.items()))
