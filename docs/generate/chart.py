"""The chart's schema of its values, and its copies of crds/ that it can install, upgrade and keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from generate.chart_values import Values

DEFINITIONS = "#/definitions/"
Schema = dict[str, Any]


def schema() -> Schema:
    """The JSON schema of the chart's values: closed, in draft 7, which every Helm since 3.0 reads."""
    whole = Values.model_json_schema(by_alias=True, ref_template=f"{DEFINITIONS}{{model}}")
    definitions = {name: _clean(node, kubernetes=is_kubernetes(name)) for name, node in whole.pop("$defs").items()}
    return {"$schema": "http://json-schema.org/draft-07/schema#", **_clean(whole, kubernetes=False), "definitions": definitions}


def is_kubernetes(definition: str) -> bool:
    """Whether a definition is Kubernetes' own."""
    return definition == "Spread" or definition.startswith("V1")


def _clean(node: Any, *, kubernetes: bool) -> Any:
    """Without titles, long words of others, nulls of Kubernetes' own fields and defaults that say nothing."""
    if isinstance(node, list):
        return [_clean(child, kubernetes=kubernetes) for child in node]
    if not isinstance(node, Mapping):
        return node
    kept = {
        keyword: _fields(child, kubernetes=kubernetes) if keyword == "properties" else _clean(child, kubernetes=kubernetes)
        for keyword, child in node.items()
        if keyword not in {"title", "default"} and not (kubernetes and keyword == "description")
    }
    if (default := _without_nulls(node.get("default"))) not in (None, {}):
        kept["default"] = default
    if "patternProperties" in kept:
        # Keys are told by their pattern: another one would pass unseen.
        kept["additionalProperties"] = False
    return _without_null(kept, kubernetes=kubernetes)


def _fields(fields: Mapping[str, Any], *, kubernetes: bool) -> Schema:
    return {name: _clean(field, kubernetes=kubernetes) for name, field in fields.items()}


def _without_null(node: Schema, *, kubernetes: bool) -> Schema:
    """`anyOf` of one type and null, said so that a refusal reads well: `got number, want string`."""
    members = [member for member in node.get("anyOf", ()) if member != {"type": "null"}]
    if len(members) != 1:
        return {**node, "anyOf": members} if members else node
    rest = {keyword: value for keyword, value in node.items() if keyword != "anyOf"}
    [only] = members
    if kubernetes or "type" not in only:
        return {**only, **rest}
    return {**only, **rest, "type": [only["type"], "null"]}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_nulls(child) for name, child in value.items() if child is not None}
    return value


def crd_template(text: str) -> str:
    """A definition as a template: gated by crds.install, kept by crds.keep, its words shielded from Helm."""
    body = text.split("\n", 1)[1] if text.startswith("#") else text
    shielded = body.replace("{{", "\0").replace("}}", '{{ "}}" }}').replace("\0", '{{ "{{" }}')
    before, name, after = shielded.partition("metadata:\n")
    if not name:
        raise ValueError("a definition without metadata")
    kept = "  {{- if .Values.crds.keep }}\n  annotations:\n    helm.sh/resource-policy: keep\n  {{- end }}\n"
    head = "{{- /* Generated from crds/ by `make generate`. Do not edit. */ -}}\n{{- if .Values.crds.install }}\n"
    return head + before + name + kept + after + "{{- end }}\n"
