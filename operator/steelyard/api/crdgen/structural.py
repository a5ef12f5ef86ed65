"""From the JSON schema that pydantic writes to the structural schema that the API server takes.

The rules are in the Kubernetes documentation, "Extend the Kubernetes API with CustomResourceDefinitions", "Specifying a structural
schema". What cannot be said structurally is refused here, with the path and the way out, not dropped.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from pydantic import BaseModel

from steelyard.api.crdgen.description import composed
from steelyard.api.describe import BRIEF, EXAMPLE, LIST_TYPE, QUOTED, UNIT
from steelyard.api.int_or_string import INT_OR_STRING
from steelyard.api.rule import VALIDATIONS
from steelyard.api.word import WORDS

Schema = dict[str, Any]

PRESERVE = "x-kubernetes-preserve-unknown-fields"
INT32 = range(-(2**31), 2**31)
FORMATS = frozenset({"date", "date-time", "byte", "int32", "int64"})
"""Formats that the API server checks and that our models use. It ignores others, so they would only look like a check."""

ORDER = (
    "description", "type", "format", "enum", "default", "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf",
    "minLength", "maxLength", "pattern", INT_OR_STRING, PRESERVE, "minItems", "maxItems", LIST_TYPE,
    "x-kubernetes-list-map-keys", "items", "minProperties", "maxProperties", "additionalProperties", "required", "properties", VALIDATIONS,
)  # fmt: skip
"""The keywords of a structural schema in the order in which they are written, so that equal models give equal bytes."""


class NotStructuralError(ValueError):
    """A model says something that no structural schema can say."""

    def __init__(self, path: str, found: str, instead: str) -> None:
        super().__init__(f"{path}: {found} is not structural; {instead}")
        self.path = path


def structural(model: type[BaseModel], *, status: str | None = None) -> Schema:
    """The structural schema of a model.

    `status` names the field that only the operator writes. Below it defaults are left out, since an absent number must stay absent, and
    so are rules: their sentences are for users, while patterns and bounds remain. Elsewhere it is the patterns that are left out, where a rule
    says the same with a sentence.
    """
    whole = model.model_json_schema(by_alias=True, mode="validation")
    schema = _convert(whole, whole.get("$defs", {}), model.__name__, ())
    if status is not None and status in schema.get("properties", {}):
        schema["properties"][status] = _reported(schema["properties"][status])
    return _finished(_spoken(schema))


def _convert(node: Mapping[str, Any], defs: Mapping[str, Any], path: str, inside: tuple[str, ...]) -> Schema:
    node, inside = _inlined(node, defs, path, inside)
    if node.get("additionalProperties") is True and "properties" not in node:
        node[PRESERVE] = True
    if node.get("additionalProperties") in (True, False):
        # Pruning and kubectl's strict validation do the work of `false`, which a structural schema may not say.
        del node["additionalProperties"]
    if node.get("prefixItems") is not None:
        raise NotStructuralError(path, "a tuple with a type for each place", "use a list of one type, or a model with named fields")
    if "const" in node:
        node["enum"] = [node.pop("const")]
    if "enum" in node and "type" not in node:
        node["type"] = "string"
    if node.pop("uniqueItems", False):
        node.setdefault(LIST_TYPE, "set")
    _bounds(node)
    if node.get("format") is not None and node["format"] not in FORMATS:
        del node["format"]
    if "default" in node and node["default"] in (None, [], {}):
        del node["default"]
    for name, child in node.get("properties", {}).items():
        node["properties"][name] = _convert(child, defs, f"{path}.{name}", inside)
    for keyword in ("items", "additionalProperties"):
        if keyword in node:
            node[keyword] = _convert(node[keyword], defs, f"{path}[*]", inside)
    if "properties" in node and "default" in node:
        node["default"] = _shortest_default(node)
    return node


def _inlined(node: Mapping[str, Any], defs: Mapping[str, Any], path: str, inside: tuple[str, ...]) -> tuple[Schema, tuple[str, ...]]:
    """The node without references, without `allOf` of one and without the null of an optional field."""
    flat = dict(deepcopy(node))
    flat.pop("$defs", None)
    flat.pop("title", None)
    while True:
        if (reference := flat.pop("$ref", None)) is not None:
            name = reference.rsplit("/", 1)[-1]
            if name in inside:
                raise NotStructuralError(path, f"{name} inside itself", "bound the depth by a model for each level")
            inside = (*inside, name)
            flat = _merged(defs[name], flat)
        elif len(flat.get("allOf", ())) == 1:
            [only] = flat.pop("allOf")
            flat = _merged(only, flat)
        elif "anyOf" in flat:
            members = [member for member in flat.pop("anyOf") if member.get("type") != "null"]
            if len(members) != 1:
                raise NotStructuralError(path, "a union", "use one optional field for each member and a rule that exactly one is set")
            flat = _merged(members[0], flat)
        else:
            break
        flat.pop("title", None)
    for keyword in ("oneOf", "allOf", "not", "patternProperties", "dependentRequired", "propertyNames"):
        if keyword in flat:
            raise NotStructuralError(path, keyword, "say it as a Rule")
    return flat, inside


def _merged(inner: Mapping[str, Any], outer: Mapping[str, Any]) -> Schema:
    """`inner` as seen from the field that refers to it: the field's own words win, rules of both hold."""
    merged = {**deepcopy(dict(inner)), **{keyword: value for keyword, value in outer.items() if value != "" or keyword != "description"}}
    rules = [*inner.get(VALIDATIONS, []), *outer.get(VALIDATIONS, [])]
    if rules:
        merged[VALIDATIONS] = rules
    return merged


def _bounds(node: Schema) -> None:
    """OpenAPI 3.0 wants a boolean beside the bound; for integers the next one says the same more simply."""
    for keyword, inclusive, step in (("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1)):
        bound = node.get(keyword)
        if bound is None or isinstance(bound, bool):
            continue
        if node.get("type") == "integer":
            del node[keyword]
            node[inclusive] = bound + step
        else:
            node[keyword] = True
            node[inclusive] = bound
    if node.get("type") == "integer" and "format" not in node:
        small = node.get("minimum", INT32.start) in INT32 and node.get("maximum", 2**62) in INT32
        node["format"] = "int32" if small else "int64"


def _shortest_default(node: Schema) -> Any:
    """`{}` where the defaults of the fields make the rest, so that each default stands in one place.

    Written out in full where the object has rules: the API server judges the bare default before it fills in those of the fields.
    """
    written = _bare(node["default"], node)
    made = {name: filled(child) for name, child in node["properties"].items() if "default" in child}
    return {} if written == made and VALIDATIONS not in node else written


def _bare(value: Any, node: Schema) -> Any:
    """The value without what is the same as being left out: null, empty lists, empty maps. An empty object is a choice and stays."""
    if "properties" not in node:
        return value
    kept = {name: child for name, child in value.items() if child is not None}
    fields = node["properties"]
    return {name: _bare(child, fields[name]) for name, child in kept.items() if child not in ([], {}) or "properties" in fields[name]}


def filled(schema: Mapping[str, Any]) -> Any:
    """The value that the API server stores for a field that is left out and has a default."""
    default = schema["default"]
    if "properties" not in schema:
        return default
    added = {name: filled(child) for name, child in schema["properties"].items() if "default" in child and name not in default}
    return {**default, **added}


def _reported(node: Schema) -> Schema:
    bare = {keyword: value for keyword, value in node.items() if keyword not in {"default", VALIDATIONS}}
    if "properties" in bare:
        bare["properties"] = {name: _reported(child) for name, child in bare["properties"].items()}
    for keyword in ("items", "additionalProperties"):
        if keyword in bare:
            bare[keyword] = _reported(bare[keyword])
    return bare


def _spoken(node: Schema) -> Schema:
    """Without the patterns that a rule beside them says, with words: the API server would answer with both, the bare expression first."""
    kept = {**node}
    if any(f".matches('{node.get('pattern')}')" in rule["rule"] for rule in node.get(VALIDATIONS, [])):
        del kept["pattern"]
    if "properties" in kept:
        kept["properties"] = {name: _spoken(child) for name, child in kept["properties"].items()}
    for keyword in ("items", "additionalProperties"):
        if keyword in kept:
            kept[keyword] = _spoken(kept[keyword])
    return kept


def _finished(node: Schema) -> Schema:
    """Descriptions completed, helpers gone, keywords in their order."""
    node = {**node}
    if described := composed(node):
        node["description"] = described
    for helper in (BRIEF, QUOTED, UNIT, EXAMPLE, WORDS):
        node.pop(helper, None)
    if "properties" in node:
        node["properties"] = {name: _finished(child) for name, child in node["properties"].items()}
    if node.get("properties") == {}:
        del node["properties"]  # as the API server stores an object without fields
    for keyword in ("items", "additionalProperties"):
        if keyword in node:
            node[keyword] = _finished(node[keyword])
    return dict(sorted(node.items(), key=lambda item: (ORDER.index(item[0]) if item[0] in ORDER else len(ORDER), item[0])))
