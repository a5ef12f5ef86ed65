"""docs/reference/values.md: every value of the chart, with the default of values.yaml."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from generate.chart import DEFINITIONS, Schema, is_kubernetes, schema
from generate.markdown import bullet, document

INTRODUCTION = """\
# Values of the chart

The same stands in `helm show values charts/steelyard`. Every value is checked by `values.schema.json` before anything is sent: an unknown
name, a wrong type or a number out of bounds is refused with its path. What stands under `config` is the operator's configuration file,
`/etc/steelyard/config.yaml`; a change of it restarts the operator's pods one after the other, and nothing that serves.
"""
LONGEST_DEFAULT = 100
"""Characters of a default that the page shows; code is not divided over lines."""


def page(defaults: Mapping[str, Any]) -> str:
    """The whole page. defaults: the content of values.yaml."""
    return document(INTRODUCTION, *_values(schema(), defaults))


def _values(node: Schema, defaults: Any, path: str = "", whole: Schema | None = None) -> Iterator[str]:
    root = whole if whole is not None else node
    for name, field in node["properties"].items():
        here = f"{path}.{name}" if path else name
        default = defaults.get(name) if isinstance(defaults, Mapping) else None
        target = _target(field, root)
        text = field.get("description") or target.get("description", "")
        entries = _target(_entries(target), root)
        if "properties" in target and not is_kubernetes(_name(field)):
            yield from _values(target, default, here, root)
        elif "properties" in entries:
            yield bullet(here, "map" + _default(sorted(default or {})), text)
            yield from _values(entries, {}, f"{here}.NAME", root)
        else:
            yield bullet(here, _type(field, root) + _default(field.get("default") if default is None else default), text)


def _entries(target: Schema) -> Schema:
    """What the entries of a map must be; empty when anything may stand there."""
    entries = next(iter(target.get("patternProperties", {}).values()), target.get("additionalProperties"))
    return dict(entries) if isinstance(entries, Mapping) else {}


def _name(field: Schema) -> str:
    return str(field.get("$ref", "")).removeprefix(DEFINITIONS)


def _target(field: Schema, root: Schema) -> Schema:
    return root["definitions"][_name(field)] if "$ref" in field else field


def _type(field: Schema, root: Schema) -> str:
    if is_kubernetes(_name(field)):
        return f"Kubernetes {_name(field).removeprefix('V1').replace('Spread', 'TopologySpreadConstraint')}"
    target = _target(field, root)
    if "anyOf" in target:
        return " or ".join(dict.fromkeys(_type(member, root) for member in target["anyOf"]))
    kind = target.get("type", "any")
    kinds = [word for word in ([kind] if isinstance(kind, str) else kind) if word != "null"]
    if kinds == ["array"]:
        return f"list of {_type(target['items'], root)}"
    if kinds == ["object"]:
        return f"map of {_type(_entries(target), root)}" if _entries(target) else "object"
    bounds = [f"{word} {target[keyword]}" for keyword, word in (("minimum", "from"), ("maximum", "to")) if keyword in target]
    return " ".join([*kinds, *bounds])


def _default(value: Any) -> str:
    if value in (None, "", {}, []):
        return ""
    text = json.dumps(value, separators=(", ", ": ")) if not isinstance(value, str) else value
    return f", default `{text}`" if len(text) <= LONGEST_DEFAULT else ", default as in values.yaml"
