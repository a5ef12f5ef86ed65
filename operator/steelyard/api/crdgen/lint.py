"""What a schema of ours must keep to, beyond what the API server insists on.

Structural rules: Kubernetes documentation, "Specifying a structural schema". Bounds, formats, list types and descriptions: Kubernetes API
conventions, so that every rule in CEL has a bounded cost, every list merges as it should, and `kubectl explain` teaches.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from steelyard.api.crdgen.structural import FORMATS, INT32, ORDER, PRESERVE
from steelyard.api.describe import LIST_KEYS, LIST_TYPE
from steelyard.api.int_or_string import INT_OR_STRING
from steelyard.api.rule import VALIDATIONS
from steelyard.api.status_values import EXACT_MAX

Schema = Mapping[str, Any]

TYPES = frozenset({"object", "array", "string", "integer", "boolean"})
YES_OR_NO = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false"})
SCALARS = frozenset({"string", "integer", "boolean"})


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One place that breaks a rule, and the way out."""

    path: str
    do: str

    def __str__(self) -> str:
        """As a line for people."""
        return f"{self.path}: {self.do}"


def lint(schema: Schema, path: str = "", *, told: bool = False) -> tuple[Finding, ...]:
    """Everything wrong with a schema, in the order of its fields. With `told`, a pattern must be a rule with a sentence."""
    return tuple(_node(schema, path, told))


def lint_object(schema: Schema) -> tuple[Finding, ...]:
    """Everything wrong with the schema of a whole kind: users write its spec, so there patterns are rules with sentences."""
    properties = schema.get("properties", {})
    inner = (finding for name in ("spec", "status") for finding in _node(properties.get(name, {}), name, name == "spec"))
    return (*_rules(schema, ""), *inner)


def _node(node: Schema, path: str, told: bool) -> Iterator[Finding]:
    for keyword in sorted(set(node) - set(ORDER)):
        yield Finding(path, f"remove {keyword}: it is not allowed in a structural schema")
    if not node.get("description"):
        yield Finding(path, "describe it: what it is, its unit, its default, an example")
    yield from _type(node, path)
    yield from _string(node, path, told)
    yield from _integer(node, path)
    yield from _list(node, path)
    yield from _object(node, path)
    yield from _rules(node, path)
    yield from _default(node, path)
    for name, child in node.get("properties", {}).items():
        yield from _node(child, f"{path}.{name}" if path else name, told)
    for keyword in ("items", "additionalProperties"):
        if isinstance(node.get(keyword), Mapping):
            yield from _node(node[keyword], f"{path}[*]", told)


def _type(node: Schema, path: str) -> Iterator[Finding]:
    if node.get(INT_OR_STRING):
        if "type" in node:
            yield Finding(path, "write int-or-string without a type: it is one")
        if not _matched(node) or "maxLength" not in node:
            yield Finding(path, "give a rule and maxLength to an int-or-string")
        return
    if node.get("type") not in TYPES:
        wrong = node.get("type")
        yield Finding(path, f"give one of the types {', '.join(sorted(TYPES))}, not {wrong}; a fraction is a decimal string")
    if "enum" in node and (not node["enum"] or len(set(node["enum"])) != len(node["enum"])):
        yield Finding(path, "list each allowed value once, and at least one")
    if "format" in node and node["format"] not in FORMATS:
        yield Finding(path, f"remove the format {node['format']}: the API server does not check it")


def _string(node: Schema, path: str, told: bool) -> Iterator[Finding]:
    if node.get("type") == "string" and "enum" not in node and node.get("format") not in {"date", "date-time"} and "maxLength" not in node:
        yield Finding(path, "give maxLength: without it every rule over this string is estimated at the size of a whole request")
    if told and "pattern" in node:
        yield Finding(path, "say the pattern as a Pattern with a sentence: the API server quotes a failed one as the bare expression")


def _matched(node: Schema) -> bool:
    return any(".matches(" in rule["rule"] for rule in node.get(VALIDATIONS, []))


def _integer(node: Schema, path: str) -> Iterator[Finding]:
    if node.get("type") != "integer":
        return
    low, high = node.get("minimum"), node.get("maximum")
    if low is None or high is None:
        yield Finding(path, "give minimum and maximum")
    elif low < -EXACT_MAX or high > EXACT_MAX:
        yield Finding(path, f"keep bounds within {EXACT_MAX}: the API server holds them as floats, and then compares with another number")
    elif low > high:
        yield Finding(path, "give a minimum that is not above the maximum")
    if node.get("format") not in {"int32", "int64"}:
        yield Finding(path, "give the format int32 or int64, or clients guess")
    elif node["format"] == "int32" and not ((low or 0) in INT32 and (high or 0) in INT32):
        yield Finding(path, "use int64: the bounds do not fit int32")


def _list(node: Schema, path: str) -> Iterator[Finding]:
    if node.get("type") != "array":
        return
    items = node.get("items")
    if not isinstance(items, Mapping):
        yield Finding(path, "describe the items")
        return
    if "maxItems" not in node:
        yield Finding(path, "give maxItems: every rule over the items costs that many times as much")
    match node.get(LIST_TYPE):
        case "map":
            yield from _keyed_list(node, items, path)
        case "set":
            if items.get("type") not in SCALARS:
                yield Finding(path, "use a set of plain values only; give a list of objects keys")
        case "atomic":
            pass
        case _:
            yield Finding(path, f"give {LIST_TYPE} map, set or atomic, or server-side apply replaces the whole list without saying so")


def _keyed_list(node: Schema, items: Schema, path: str) -> Iterator[Finding]:
    keys = node.get(LIST_KEYS, [])
    if not keys or items.get("type") != "object":
        yield Finding(path, f"give {LIST_KEYS} and items that are objects")
    for key in keys:
        key_schema = items.get("properties", {}).get(key)
        if key_schema is None or key_schema.get("type") not in SCALARS:
            yield Finding(path, f"make the key {key} a plain field of the items")
        elif key not in items.get("required", []) and "default" not in key_schema:
            yield Finding(path, f"make the key {key} required, or give it a default")


def _object(node: Schema, path: str) -> Iterator[Finding]:
    if node.get("type") != "object":
        return
    if "properties" in node and "additionalProperties" in node:
        yield Finding(path, "give either properties or additionalProperties")
    if isinstance(node.get("additionalProperties"), bool):
        yield Finding(path, "give additionalProperties a schema, or leave it out")
    if isinstance(node.get("additionalProperties"), Mapping) and "maxProperties" not in node:
        yield Finding(path, "give maxProperties")
    if node.get(PRESERVE):
        yield Finding(path, "give the fields a schema: what is preserved unseen is checked by nobody")
    for name in node.get("required", []):
        if name not in node.get("properties", {}):
            yield Finding(path, f"describe the required field {name}")
        if name in YES_OR_NO:
            yield Finding(path, f"rename the required field {name}: without quotes it is a boolean to YAML 1.1, and so to kubectl")


def _rules(node: Schema, path: str) -> Iterator[Finding]:
    for rule in node.get(VALIDATIONS, []):
        message = rule.get("message", "")
        if not message.startswith("must") or "\n" in message:
            yield Finding(path, f'let the message of the rule {rule["rule"]} be one line that starts with "must" and says what to do')
        if (field := rule.get("fieldPath")) is not None:
            at: Any = node
            for step in field.lstrip(".").split("."):
                at = (at or {}).get("properties", {}).get(step)
            if at is None:
                yield Finding(path, f"let fieldPath {field} name a field of this object")


def _default(node: Schema, path: str) -> Iterator[Finding]:
    if "default" not in node:
        return
    default = node["default"]
    if default is None:
        yield Finding(path, "remove the default null: leave the field out instead")
    if "enum" in node and default not in node["enum"]:
        yield Finding(path, "let the default be one of the allowed values")
    if node.get("type") == "integer" and not node.get("minimum", default) <= default <= node.get("maximum", default):
        yield Finding(path, "let the default be within its own bounds")
    if "properties" in node:
        missing = [name for name in node.get("required", []) if name not in default and "default" not in node["properties"][name]]
        if missing:
            yield Finding(path, f"let the default give the required {', '.join(missing)}, or remove it")
