"""Frozen values as what JSON knows, and back: what was written down is rebuilt exactly, or refused by the name of the field at fault."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import cache, partial
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from steelyard.core.facts.window_table import WindowTable
from steelyard.core.vocabulary.reading import Fresh, Stale, Unknown

V = TypeVar("V")
_PLAIN = frozenset({type(None), bool, int, float, str})
"""What nearly all values of a record are, and JSON knows as they are."""


class NotPlainError(ValueError):
    """A plain value that is not one of the kind asked for. `where` is the path to it, `what` says what was found."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what


def plain(value: Any) -> Any:
    """A frozen value as JSON: what a decision can be replayed from."""
    kind: type = type(value)
    return value if kind in _PLAIN else _writing(kind)(value)


@cache
def _writing(kind: type) -> Callable[[Any], Any]:
    """How values of a type are written: found out once for each type, and not for each of the thousands of values of a record."""
    if kind in _READINGS:
        return _READINGS[kind]
    if issubclass(kind, Enum):
        return lambda value: value.value
    if issubclass(kind, datetime):
        return datetime.isoformat
    if issubclass(kind, Mapping):
        return lambda value: {"/".join(k) if isinstance(k, tuple) else str(k): plain(v) for k, v in sorted(value.items())}
    if issubclass(kind, tuple | list | WindowTable):
        named = getattr(kind, "_fields", None)
        return _listed if named is None else partial(_by_name, tuple(sorted(named)))
    if dataclasses.is_dataclass(kind):
        return partial(_by_name, tuple(f.name for f in dataclasses.fields(kind)))
    return lambda value: value


def _by_name(names: tuple[str, ...], value: Any) -> dict[str, Any]:
    return {name: found if type(found := getattr(value, name)) in _PLAIN else plain(found) for name in names}


def _listed(value: Iterable[Any]) -> list[Any]:
    return [each if type(each) in _PLAIN else plain(each) for each in value]


_READINGS: Mapping[type, Callable[[Any], Any]] = {
    Fresh: lambda read: {"fresh": plain(read.value), "at": plain(read.at)},
    Stale: lambda read: {"stale": plain(read.value), "at": plain(read.at), "why": read.why},
    Unknown: lambda read: {"unknown": read.why, "pending": True} if read.pending else {"unknown": read.why},
}


def rebuilt(kind: type[V], raw: Any, where: str) -> V:
    """The value of that kind whose plain form is `raw`; `where` names it in errors. NotPlainError where it is not one.

    A field that is missing takes its default, so that a field which is new since then does not make an old value unreadable; one
    without a default, and one that the kind does not have, are errors. Numbers stay as they are: 4 and 4.0 hash to different revisions.
    """
    return cast(V, _rebuilt(kind, raw, where))


def _rebuilt(hint: Any, raw: Any, where: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return _one_of(arguments, raw, where)
    if origin is tuple:
        return _sequence(arguments, raw, where)
    if origin is Sequence:
        return _sequence((*arguments, ...), raw, where)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        _expect(dict, raw, where, "an object")
        return {_key(arguments[0], key, where): _rebuilt(arguments[1], each, f"{where}.{key}") for key, each in raw.items()}
    if not isinstance(hint, type):
        raise TypeError(f"{where}: {hint} is no type that values are rebuilt as")
    if issubclass(hint, Enum):
        return _word(hint, raw, where)
    if issubclass(hint, datetime):
        return _moment(raw, where)
    if dataclasses.is_dataclass(hint) or hasattr(hint, "_fields"):
        return _whole(hint, raw, where)
    return _scalar(hint, raw, where)


def _one_of(arms: tuple[Any, ...], raw: Any, where: str) -> Any:
    """Something or nothing; or a reading, which is known by its word."""
    if raw is None and type(None) in arms:
        return None
    readings = {get_origin(arm) or arm: get_args(arm) for arm in arms}
    if Unknown in readings:
        _expect(dict, raw, where, "a reading")
        if "fresh" in raw:
            return Fresh(_rebuilt(readings[Fresh][0], raw["fresh"], f"{where}.fresh"), _moment(raw.get("at"), f"{where}.at"))
        if "stale" in raw:
            value, at = _rebuilt(readings[Stale][0], raw["stale"], f"{where}.stale"), _moment(raw.get("at"), f"{where}.at")
            return Stale(value, at, _scalar(str, raw.get("why"), f"{where}.why"))
        pending = _scalar(bool, raw.get("pending", False), f"{where}.pending")
        return Unknown(_scalar(str, raw.get("unknown"), f"{where}.unknown"), pending)
    rest = [arm for arm in arms if arm is not type(None)]
    if len(rest) > 1 and all(dataclasses.is_dataclass(arm) for arm in rest):
        # Told apart by their fields: of several it is the one that has all of those that are there.
        _expect(dict, raw, where, "an object")
        rest = [arm for arm in rest if set(raw) <= set(_fields(arm))][:1] or rest[:1]
    if len(rest) != 1:
        raise TypeError(f"{where}: a value that is one of {rest} cannot be told apart")
    return _rebuilt(rest[0], raw, where)


def _sequence(arguments: tuple[Any, ...], raw: Any, where: str) -> tuple[Any, ...]:
    _expect(list, raw, where, "a list")
    each = arguments[:1] * len(raw) if arguments[-1] is Ellipsis else arguments
    if len(each) != len(raw):
        raise NotPlainError(where, f"must have {len(each)} entries, found {len(raw)}")
    return tuple(_rebuilt(hint, item, f"{where}[{index}]") for index, (hint, item) in enumerate(zip(each, raw, strict=True)))


def _key(hint: Any, key: str, where: str) -> Any:
    fields = getattr(hint, "_fields", None)
    if hint in {int, float}:
        return _number(hint, key, where)
    if fields is None:
        return _rebuilt(hint, key, where)
    parts = key.split("/", len(fields) - 1)
    if len(parts) != len(fields):
        raise NotPlainError(where, f"the key {key!r} must be {'/'.join(fields)}")
    return hint(*parts)


def _number(kind: type[int] | type[float], key: str, where: str) -> int | float:
    """JSON knows texts as keys only."""
    try:
        return int(key) if kind is int or key.lstrip("-").isdigit() else float(key)
    except ValueError:
        raise NotPlainError(where, f"the key {key!r} must be a number") from None


@cache
def _fields(kind: type) -> Mapping[str, tuple[Any, bool]]:
    """(type, whether it must be given) by name."""
    hints = get_type_hints(kind)
    if dataclasses.is_dataclass(kind):
        absent = dataclasses.MISSING
        return {f.name: (hints[f.name], f.default is absent and f.default_factory is absent) for f in dataclasses.fields(kind)}
    names, defaults = cast(Any, kind)._fields, cast(Any, kind)._field_defaults
    return {name: (hints[name], name not in defaults) for name in names}


def _whole(kind: type, raw: Any, where: str) -> Any:
    _expect(dict, raw, where, "an object")
    fields = _fields(kind)
    unknown = sorted(set(raw) - set(fields))
    if unknown:
        raise NotPlainError(f"{where}.{unknown[0]}", f"there is no such field in {kind.__name__}")
    missing = sorted(name for name, (_, needed) in fields.items() if needed and name not in raw)
    if missing:
        raise NotPlainError(f"{where}.{missing[0]}", "is missing")
    values = {name: _rebuilt(fields[name][0], each, f"{where}.{name}") for name, each in raw.items()}
    try:
        return kind(**values)
    except (ArithmeticError, LookupError, ValueError) as error:
        raise NotPlainError(where, f"is no {kind.__name__}: {error}"[:200]) from error


def _word(kind: type[Enum], raw: Any, where: str) -> Enum:
    try:
        return kind(raw)
    except ValueError:
        raise NotPlainError(where, f"must be one of {', '.join(str(m.value) for m in kind)}, found {raw!r}") from None


def _moment(raw: Any, where: str) -> datetime:
    _expect(str, raw, where, "a time")
    try:
        at = datetime.fromisoformat(raw)
    except ValueError:
        raise NotPlainError(where, f"must be a time in ISO 8601, found {raw!r}") from None
    if at.tzinfo is None:
        raise NotPlainError(where, f"must name its time zone, found {raw!r}")
    return at


def _scalar(kind: type, raw: Any, where: str) -> Any:
    number = kind in {int, float} and isinstance(raw, int) and not isinstance(raw, bool)
    if number or (type(raw) is kind and kind in {str, bool, float}):
        return raw
    raise NotPlainError(where, f"must be of type {kind.__name__}, found {raw!r}"[:200])


def _expect(kind: type, raw: Any, where: str, called: str) -> None:
    if not isinstance(raw, kind):
        raise NotPlainError(where, f"must be {called}, found {raw!r}"[:200])
