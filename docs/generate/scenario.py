"""docs/reference/scenario.md: the fields of a scenario, from its models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from generate.markdown import bullet, document, escaped, required, section
from steelyard.api.crdgen.description import composed
from steelyard.api.rebalancing import Rebalancing
from steelyard.api.scaling import Scaling
from steelyard.api.word import WORDS
from steelyard.simulate.event import TAKES
from steelyard.simulate.scenario import Scenario

Schema = Mapping[str, Any]

INTRODUCTION = """\
# Scenario

The file that `steelyard simulate` runs, as YAML. [Simulate](../how-to/simulate.md) shows how to use it; `examples/scenarios/` has some to begin with.

A length of time is a number of seconds, or a text such as `90s`, `15m`, `6h30m`, `2d`. Numbers are plain numbers, money too. An unknown field is an
error. What is true in the world and hidden from Steelyard stands in `truth` and `events`; everything else it reads as it would in a cluster.
"""
MANY = 8
"""Words of a vocabulary; more get a table of their own."""
_ELSEWHERE = {
    Scaling.__name__: "[spec.scaling](api.md#inferenceworkloadspecscaling)",
    Rebalancing.__name__: "[spec.rebalancing](api.md#inferenceworkloadspecrebalancing)",
}
_TAKES = {str(kind): fields for kind, fields in TAKES.items()}


def page() -> str:
    """The whole page."""
    schema = Scenario.model_json_schema(by_alias=True)
    return document(INTRODUCTION, *_section(schema, "", schema["$defs"]))


def _section(schema: Schema, path: str, known: Mapping[str, Schema]) -> Iterator[str]:
    fields: list[str] = []
    inner: list[tuple[str, Schema]] = []
    vocabularies: list[tuple[str, list[list[str]]]] = []
    for name, raw in schema["properties"].items():
        said, below, suffix = _resolved(raw, known)
        if len(said.get(WORDS, ())) > MANY:
            vocabularies.append((name, said[WORDS]))
            said = {**said, WORDS: []}
        fields.append(bullet(name, _type(said, below), escaped(composed(_plain(said))), required(name, schema)))
        if "properties" in below and below["title"] not in _ELSEWHERE:
            inner.append((f"{path}.{name}{suffix}".lstrip("."), below))
    yield from section(f"## {path or 'The file'}", schema, fields)
    for name, words in vocabularies:
        yield from (f"The values of `{name}`:", "", *(_event(*word) for word in words), "")
    for where, below in inner:
        yield from _section(below, where, known)


def _event(kind: str, meaning: str) -> str:
    needs, may_have = (", ".join(f"`{one}`" for one in group.split()) for group in _TAKES[kind])
    return f"- `{kind}`: {meaning}. Needs {needs or 'no field'}; may have {may_have or 'no other'}."


def _resolved(raw: Schema, known: Mapping[str, Schema]) -> tuple[Schema, Schema, str]:
    """(the field with what its type says, the type of the value or of what is in it, how the path to that goes on)."""
    kind = next((arm for arm in raw.get("anyOf", [raw]) if arm.get("type") != "null"), raw)
    kind = {**_known(kind, known), **kind}
    told = {key: value for key, value in raw.items() if key != "anyOf" and (key, value) != ("default", None)}
    field = {**{key: value for key, value in kind.items() if key != "properties"}, **told}
    if "items" in kind:
        return field, _known(kind["items"], known), "[]"
    for value in kind.get("patternProperties", {}).values():
        return field, _known(value, known), ".POOL"
    return field, kind, ""


def _known(raw: Schema, known: Mapping[str, Schema]) -> Schema:
    return known[raw["$ref"].rpartition("/")[2]] if "$ref" in raw else raw


def _plain(field: Schema) -> Schema:
    """Without defaults that say nothing, and whole numbers as such."""
    default = field.get("default")
    if isinstance(default, dict | list):
        return {k: v for k, v in field.items() if k != "default"}
    return {**field, "default": int(default)} if isinstance(default, float) and default.is_integer() else field


def _type(field: Schema, below: Schema) -> str:
    if below.get("title") in _ELSEWHERE:
        return _ELSEWHERE[below["title"]]
    kind = field.get("type", "object")
    if field.get("format") == "duration":
        return "length of time"
    if "enum" in field:
        return "word"
    if kind == "array":
        return "list"
    if kind in {"integer", "number"}:
        low = f"more than {field['exclusiveMinimum']}" if "exclusiveMinimum" in field else f"{field['minimum']}"
        return f"{kind}, {low} to {field['maximum']:,}".replace(".0", "")
    return {"date-time": "time"}.get(str(field.get("format")), str(kind))
