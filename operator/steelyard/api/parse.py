"""From raw JSON to a model, or to errors that say where, what was seen, and what to do."""

import difflib
import re
from collections.abc import Mapping, Sized
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from steelyard.api.model import STORED
from steelyard.api.rule import BROKEN

R = TypeVar("R", bound=BaseModel)

UNKNOWN = "extra_forbidden"
"""The rule of a field that no model has."""
SEEN_MAX = 80
CLOSE = 0.8
"""How alike (0 to 1, by difflib) a name must be to be taken for a misspelt one: below, every guess was another field."""

_WHAT_TO_DO: dict[str, str] = {
    "missing": "must be given",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "enum": "must be one of {expected}",
    "literal_error": "must be one of {expected}",
    "int_type": "must be a whole number without quotes",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false without quotes",
    "string_type": "must be a string; quote it",
    "tuple_type": "must be a list",
    "dict_type": "must be a map",
    "model_type": "must be an object with fields",
    "model_attributes_type": "must be an object with fields",
    "timezone_aware": "must name its time zone, such as 2026-03-01T12:00:00Z",
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with an object."""

    field: str
    """Where, as in `spec.scaling.minReplicas`; empty for the whole object."""
    rule: str
    """Which rule, as one word of pydantic or `rule_broken`."""
    seen: str
    """The value that was found there, cut to a readable length; empty for a missing one."""
    do: str
    """What to do: a sentence that begins with "must"."""

    def __str__(self) -> str:
        """As a line for people."""
        where = self.field or "the object"
        return f"{where}: {self.do}" + (f" (found {self.seen})" if self.seen else "")


def parse(model: type[R], raw: Mapping[str, Any]) -> R | list[FieldError]:
    """Read one object as the API server returns it, or as a user wrote it.

    Never raises for a bad object. The errors are ordered by field, and every one that can be told at once is in the list; rules between
    fields are only judged where the fields themselves are right, as in the API server.
    """
    return _read(model, raw, stored=False)


def _read(model: type[R], raw: Mapping[str, Any], *, stored: bool) -> R | list[FieldError]:
    try:
        return model.model_validate(raw, context={STORED} if stored else None)
    except ValidationError as refused:
        return _ordered(model, refused)


def parse_served(model: type[R], raw: Mapping[str, Any]) -> tuple[R | list[FieldError], tuple[str, ...]]:
    """Read one object as the API server returns it, whose definition may be newer than this version: returns it, or what is wrong with it,
    and the fields that this version does not know and leaves out. What it knows has to be right all the same, but for rules that are younger
    than what may be stored (`Rule.spares_stored`)."""
    read = _read(model, raw, stored=True)
    unknown = tuple(error.field for error in read if error.rule == UNKNOWN) if isinstance(read, list) else ()
    if not unknown:
        return read, ()
    try:
        return model.model_validate(raw, extra="ignore", context={STORED}), unknown
    except ValidationError as refused:
        return _ordered(model, refused), unknown


def _ordered(model: type[BaseModel], refused: ValidationError) -> list[FieldError]:
    errors = [error for detail in refused.errors(include_url=False) for error in _errors(model, detail)]
    return sorted(errors, key=lambda error: (error.field, error.do))


def _errors(model: type[BaseModel], detail: ErrorDetails) -> list[FieldError]:
    context: dict[str, Any] = detail.get("ctx") or {}
    path = _path(detail["loc"])
    kind = detail["type"]
    seen = "" if kind in {"missing", BROKEN} and isinstance(detail["input"], Mapping | BaseModel) else _short(detail["input"])
    if kind == BROKEN:
        broken = context.get("broken")
        if broken is None:
            return [FieldError(path, kind, seen, context["sentence"])]
        return [FieldError(_joined(path, rule.field), kind, seen, rule.must) for rule in broken]
    if kind == UNKNOWN:
        return [FieldError(path, kind, seen, _unknown(model, detail["loc"]))]
    if kind == "too_short" and isinstance(detail["input"], Sized) and len(detail["input"]) >= context["min_length"]:
        return []  # Entries that are wrong were not counted, and have errors of their own.
    template = _WHAT_TO_DO.get(kind)
    return [FieldError(path, kind, seen, template.format(**context) if template else f"must be right: {detail['msg']}")]


def _unknown(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """The advice for a field that does not exist: what it may have been meant to be."""
    known, found = _fields_at(model, location[:-1]), str(location[-1])
    # serviceMs is more like devices, letter by letter, than like serviceMilliseconds: first those that begin with the same word.
    alike = [name for name in known if _first_word(name) == _first_word(found)]
    close = (
        alike
        if len(alike) == 1
        else difflib.get_close_matches(found, alike, n=1) or difflib.get_close_matches(found, known, n=1, cutoff=CLOSE)
    )
    if close:
        return f"must be removed or spelt {close[0]}: there is no such field"
    return "must be removed: there is no such field here" + (f", only {', '.join(known)}" if known else "")


def _first_word(name: str) -> str:
    """service of serviceMilliseconds."""
    return re.split(r"[A-Z_-]", name, maxsplit=1)[0]


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    found: type[BaseModel] | None = model
    for step in location:
        if isinstance(step, int) or found is None:
            continue
        field = next((field for field in found.model_fields.values() if field.alias == step), None)
        if field is not None:  # Else it is the key of a map, whose values are of the model that was found.
            found = _model_in(field.annotation)
    return [] if found is None else [field.alias or name for name, field in found.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part)) is not None), None)


def _path(location: tuple[int | str, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location).lstrip(".")


def _joined(path: str, field: str | None) -> str:
    return ".".join(part for part in (path, field) if part)


def _short(value: Any) -> str:
    if isinstance(value, BaseModel):
        return ""
    shown = repr(value)
    return shown if len(shown) <= SEEN_MAX else f"{shown[: SEEN_MAX - 3]}..."
