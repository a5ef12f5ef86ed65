"""A model by its names and its size: what makes two models similar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from steelyard.core.catalogue.entry import Entry, Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSize:
    """parameters: millions, each used once for one pass. None where a model has two such figures: a mixture of experts holds more than it
    uses, a model that shares layers uses more than it holds, and neither figure is in proportion to speed.

    Names are the last part of a model's URI, in lower case. also: others by which the same weights, or weights of the same shape, are called.
    """

    name: str
    also: tuple[str, ...]
    parameters: float | None
    source: str
    date: date


def model_size(called: str, raw: object, faults: list[Fault]) -> ModelSize | None:
    """The entry; None with faults noted."""
    entry = Entry(called, raw, faults)
    day = entry.day("date")
    found = ModelSize(
        name=entry.name("name").lower(),
        also=tuple(name.lower() for name in entry.names("also")),
        parameters=entry.number("parametersMillions", 0, 100_000_000, required=False),
        source=entry.text("source"),
        date=day or date.min,
    )
    entry.end()
    return None if entry.faulty else found
