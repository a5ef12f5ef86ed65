"""docs/reference/api.md: every field of every kind, with its type, bounds and description."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from generate.markdown import bullet, document, escaped, required, rules, section, table
from steelyard.api.crdgen.definition import object_schema
from steelyard.api.describe import LIST_KEYS, LIST_TYPE
from steelyard.api.int_or_string import INT_OR_STRING
from steelyard.api.kind import API_VERSION, Kind
from steelyard.api.rule import VALIDATIONS

Schema = Mapping[str, Any]

HEAD = f"""# API reference

Group and version: `{API_VERSION}`. `kubectl explain` shows the same text: `kubectl explain inferenceworkload.spec.rebalancing`.

Units stand in the name or in the description. Money and shares are quoted decimals (`"0.05"`), never floats: the API server answers
`must be of type string: "number"` to one without quotes. Times are RFC 3339. A field with a default may be left out; the API server then
stores the default. Rules are checked when an object is applied.
"""


def page(kinds: Iterable[Kind]) -> str:
    """Every field of every kind."""
    return document(HEAD, *(line for kind in kinds for line in _kind(kind)))


def _kind(kind: Kind) -> Iterator[str]:
    schema = object_schema(kind)
    yield f"## {kind.name}"
    yield ""
    yield f"{schema['description']} Plural `{kind.plural}`, short name `{kind.short}`, {kind.scope.lower()}."
    yield ""
    yield from rules(schema)
    yield from table(("column", "shows"), ((f"`{one.name}`{' (wide)' if one.wide else ''}", one.what) for one in kind.columns))
    yield ""
    if kind.selectable:
        yield "Field selectors: " + ", ".join(f"`{path.lstrip('.')}`" for path in kind.selectable) + "."
        yield ""
    for name in ("spec", "status"):
        yield from _section(schema["properties"][name], f"{kind.name}.{name}")


def _section(schema: Schema, path: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    yield from section(f"### {path}", schema, [_field(name, child, schema) for name, child in properties.items()])
    for name, child in properties.items():
        if _has_section(child):
            yield from _section(child, f"{path}.{name}")
        elif child.get("type") == "array" and _has_section(child["items"]):
            yield from _section({**child["items"], "description": child["description"]}, f"{path}.{name}[]")


def _field(name: str, child: Schema, parent: Schema) -> str:
    told = "".join(f" It {rule['message']}." for rule in child.get(VALIDATIONS, []) if not _has_section(child))
    return bullet(name, escaped(_type(child)), escaped(child["description"] + told), required(name, parent))


def _has_section(schema: Schema) -> bool:
    return "properties" in schema


def _type(schema: Schema) -> str:
    if schema.get(INT_OR_STRING):
        return "integer or string"
    match schema["type"]:
        case "array":
            keys = f" by {', '.join(schema[LIST_KEYS])}" if LIST_KEYS in schema else ""
            return f"{schema[LIST_TYPE]} of {_type(schema['items'])}{keys}, {_span(schema, 'minItems', 'maxItems')}"
        case "object" if "additionalProperties" in schema:
            return f"map to {_type(schema['additionalProperties'])}, {_span(schema, 'minProperties', 'maxProperties')}"
        case "integer":
            return f"integer, {schema['minimum']} to {schema['maximum']}"
        case "string" if "enum" in schema:
            return " | ".join(f"`{value}`" for value in schema["enum"])
        case "string" if "format" in schema:
            return str(schema["format"])
        case "string":
            return f"string, {_span(schema, 'minLength', 'maxLength')}"
        case other:
            return str(other)


def _span(schema: Schema, low: str, high: str) -> str:
    return f"{schema.get(low, 0)} to {schema[high]}"
