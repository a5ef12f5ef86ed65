"""One entry of a catalogue as somebody wrote it, read field by field. What is wrong is noted with what to do, and reading goes on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from math import isfinite
from typing import TypeVar

W = TypeVar("W", bound=StrEnum)
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._/+-]*[A-Za-z0-9])?")
LONGEST = 512
"""Characters of any text."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: in which entry, in which field, and what to write instead."""

    entry: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.entry}: {self.field}: {self.message}"


class CatalogueError(Exception):
    """A catalogue cannot be used. `where` says which one, `faults` all that is wrong with it."""

    def __init__(self, where: str, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join([f"{where} cannot be used as a catalogue:", *(f"  {fault}" for fault in faults)]))
        self.where = where
        self.faults = faults


class Entry:
    """A mapping of field names to figures and texts. Numbers may be texts too, as in a table; an empty text is a field left out.

    A required field that is missing or wrong gives a value that stands for nothing: whoever reads asks `faulty` before using it.
    """

    def __init__(self, called: str, raw: object, faults: list[Fault]) -> None:
        self._called = called
        self._faults = faults
        self._before = len(faults)
        self._read: list[str] = []
        self._raw: Mapping[object, object] = raw if isinstance(raw, Mapping) else {}
        self._readable = isinstance(raw, Mapping)
        if not self._readable:
            self._fault("(entry)", f"must be a mapping of fields to values, not {_shown(raw)}")

    @property
    def faulty(self) -> bool:
        """Whether anything was wrong so far."""
        return len(self._faults) > self._before

    def text(self, field: str, *, required: bool = True) -> str:
        """One line of at most LONGEST characters."""
        value = self._value(field, required)
        if value is None:
            return ""
        if not isinstance(value, str) or len(value) > LONGEST or not value.isprintable():
            self._fault(field, f"must be one line of at most {LONGEST} characters, not {_shown(value)}")
            return ""
        return value.strip()

    def name(self, field: str, *, required: bool = True) -> str:
        """A name without spaces."""
        value = self.text(field, required=required)
        if value and not NAME.fullmatch(value):
            self._fault(field, f"must be letters, digits and . _ / + - without spaces, not {_shown(value)}")
        return value

    def names(self, field: str) -> tuple[str, ...]:
        """Names as a list, or as one text with spaces between them."""
        value = self._value(field, required=False)
        found = value.split() if isinstance(value, str) else value
        if found is None:
            return ()
        if not isinstance(found, list) or not all(isinstance(n, str) and NAME.fullmatch(n) for n in found):
            self._fault(field, f"must be a list of names, or names with spaces between them, not {_shown(value)}")
            return ()
        return tuple(found)

    def word(self, field: str, words: type[W]) -> W:
        """One of a vocabulary."""
        value = self._value(field, required=True)
        if isinstance(value, str) and value in list(words):
            return words(value)
        if value is not None:
            self._fault(field, f"must be one of {', '.join(words)}, not {_shown(value)}")
        return next(iter(words))

    def number(self, field: str, low: float, high: float, *, required: bool = True) -> float | None:
        """A figure above `low` and at most `high`; nothing outside of that is plausible."""
        value = self._value(field, required)
        return None if value is None else self._bounded(field, value, low, high)

    def whole(self, field: str, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        value = self._value(field, required=True)
        if value is None:
            return low
        found = self._bounded(field, value, low - 1, high)
        if found is not None and found != int(found):
            self._fault(field, f"must be a whole number, not {_shown(value)}")
        return int(found or low)

    def numbers(self, field: str, keys: tuple[str, ...], low: float, high: float) -> Mapping[str, float]:
        """Figures by key; empty where the field is left out."""
        value = self._value(field, required=False)
        if value is None:
            return {}
        if not isinstance(value, Mapping) or not all(isinstance(key, str) and key in keys for key in value):
            self._fault(field, f"must be a mapping with figures for some of {', '.join(keys)}, not {_shown(value)}")
            return {}
        found = {}
        for key, figure in value.items():
            number = self._bounded(f"{field}.{key}", figure, low, high)
            if number is not None:
                found[key] = number
        return dict(sorted(found.items()))

    def money(self, field: str, high: int) -> Decimal | None:
        """A positive amount, at most `high`, with its digits as they were written."""
        value = self._value(field, required=False)
        if value is None or self._bounded(field, value, 0, high) is None:
            return None
        try:
            return Decimal(str(value))
        except InvalidOperation:
            self._fault(field, f"must be a decimal number, not {_shown(value)}")
            return None

    def day(self, field: str, *, required: bool = True) -> date | None:
        """A day, as YYYY-MM-DD."""
        value = self._value(field, required)
        if type(value) is date:
            return value
        if value is not None:
            try:
                if isinstance(value, str):
                    return date.fromisoformat(value)
            except ValueError:
                pass
            self._fault(field, f"must be a day as YYYY-MM-DD, not {_shown(value)}")
        return None

    def refuse(self, field: str, message: str) -> None:
        """Note something that only a view of several fields can see."""
        self._fault(field, message)

    def end(self) -> None:
        """All fields are read: whatever else stands there was meant to be one of them."""
        for field in self._raw:
            if field not in self._read:
                self._fault(_shown(field), f"is not known here; the fields are {', '.join(self._read)}")

    def _value(self, field: str, required: bool) -> object:
        self._read.append(field)
        value = self._raw.get(field)
        if value is None or (isinstance(value, str) and not value.strip()):
            if required and self._readable:
                self._fault(field, "is needed and missing")
            return None
        return value

    def _bounded(self, field: str, value: object, low: float, high: float) -> float | None:
        try:
            found = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else float("nan")
        except (ValueError, OverflowError):
            found = float("nan")
        if isfinite(found) and low < found <= high:
            return found
        self._fault(field, f"must be a number above {low:g} and at most {high:g}, not {_shown(value)}")
        return None

    def _fault(self, field: str, message: str) -> None:
        self._faults.append(Fault(self._called, field, message))


def _shown(value: object) -> str:
    """Short, whatever it is: YAML can hold what takes for ever to print."""
    if isinstance(value, (str, int, float, date)):
        text = str(value) if not isinstance(value, int) or abs(value) < 10**30 else "a very long number"
        return text if len(text) <= 60 and text.isprintable() else f"{text[:60]!r}..."
    return f"a {type(value).__name__}"
