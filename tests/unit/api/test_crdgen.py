"""The generator of definitions: converter, linter and descriptions."""

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema
import pytest
import yaml
from pydantic import BaseModel, Field, TypeAdapter

from steelyard.api.crdgen.definition import definition, object_schema
from steelyard.api.crdgen.kinds import KINDS
from steelyard.api.crdgen.lint import lint, lint_object
from steelyard.api.crdgen.manifest import crd_text
from steelyard.api.crdgen.structural import NotStructuralError, filled, structural
from steelyard.api.describe import says
from steelyard.api.kind import Kind
from steelyard.api.model import SpecModel
from unit.api.objects import nodes

ROOT = Path(__file__).parents[3]
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


# The definitions


@kinds
def test_every_schema_keeps_the_rules(kind: Kind):
    assert lint_object(object_schema(kind)) == ()


@kinds
def test_every_field_is_described_with_unit_default_and_example(kind: Kind):
    for part in ("spec", "status"):
        for path, node in nodes(object_schema(kind)["properties"][part], part):
            described = node.get("description", "")
            assert described, path
            inner = "properties" in node or (node.get("type") == "array" and "properties" in node["items"])
            if node.get("type") == "integer":
                assert "Unit: " in described, path
            if "default" in node and "properties" not in node:
                assert "Default: " in described, path
            if not inner and node.get("type") != "object":
                assert "Example: " in described or "enum" in node or node.get("type") == "array", path


@kinds
def test_descriptions_have_twenty_words_or_more_on_average(kind: Kind):
    lengths = [
        len(node["description"].split()) for part in ("spec", "status") for _, node in nodes(object_schema(kind)["properties"][part], part)
    ]
    assert sum(lengths) / len(lengths) >= 20


def test_there_are_twenty_rules_or_more_and_each_says_what_must_be_done():
    rules = [
        rule for kind in KINDS for _, node in nodes(object_schema(kind), kind.name) for rule in node.get("x-kubernetes-validations", [])
    ]
    between_fields = {rule["rule"] for rule in rules if ".matches(" not in rule["rule"]}
    assert len(between_fields) >= 20
    assert all(rule["message"].startswith("must ") for rule in rules)


@kinds
def test_no_definition_is_too_big(kind: Kind):
    # As the API server stores it, which is what etcd and a Helm release hold; YAML's indentation comes on top. The workload has some 260
    # fields, of which half are status: 300 bytes for each, as in the best described definitions elsewhere (ADR 0011).
    bound = 160_000 if kind.name == "InferenceWorkload" else 60_000
    assert len(json.dumps(definition(kind), separators=(",", ":"), ensure_ascii=False).encode()) < bound


@kinds
def test_a_kind_has_short_name_category_and_status_and_a_scale_target_alone_has_a_scale(kind: Kind):
    spec = definition(kind)["spec"]
    assert spec["names"]["categories"] == ["steelyard"]
    assert sorted(spec["versions"][0]["subresources"]) == (["scale", "status"] if kind.name == "ScaleTarget" else ["status"])
    assert "-" not in kind.short


@kinds
def test_there_is_no_float_anywhere(kind: Kind):
    assert not [path for path, node in nodes(object_schema(kind), kind.name) if node.get("type") == "number"]


@kinds
def test_times_are_whole_seconds_with_the_unit_in_their_name(kind: Kind):
    for path, node in nodes(object_schema(kind), kind.name):
        if node.get("type") == "integer" and "Unit: seconds." in node["description"]:
            assert re.search(r"(^|\.)seconds$|Seconds$", path), path


@kinds
def test_defaults_of_the_schema_are_those_of_the_models(kind: Kind):
    spec_model = kind.model.model_fields["spec"].annotation
    assert spec_model is not None
    for name, child in object_schema(kind)["properties"]["spec"]["properties"].items():
        if "default" in child:
            field = next(field for field in spec_model.model_fields.values() if field.alias == name)
            stored = filled(child)
            assert TypeAdapter(field.annotation).validate_python(stored) == field.default
            jsonschema.validate(stored, child)


def test_what_users_write_is_refused_with_a_sentence_and_what_the_operator_writes_by_its_pattern():
    for kind in KINDS:
        properties = object_schema(kind)["properties"]
        assert not [path for path, node in nodes(properties["spec"], "spec") if "pattern" in node]
        assert [path for path, node in nodes(properties["status"], "status") if "pattern" in node]


def test_a_decimal_says_that_it_stands_in_quotes():
    shapes = object_schema(KINDS[[kind.name for kind in KINDS].index("AcceleratorPool")])["properties"]["spec"]["properties"]["shapes"]
    fields = shapes["items"]["properties"]
    assert 'Write it in quotes. Example: "0.7582".' in fields["pricePerHour"]["description"]
    assert 'Write a fraction in quotes. Example: "4".' in fields["cpu"]["description"]


def test_status_has_no_defaults_because_an_absent_number_must_stay_absent():
    for kind in KINDS:
        assert not [path for path, node in nodes(object_schema(kind)["properties"]["status"], "status") if "default" in node]


def test_the_columns_of_a_workload_answer_at_a_glance():
    names = [column.name.upper() for column in KINDS[0].columns if not column.wide]
    assert names == ["MODEL", "READY", "POOL", "COST", "SLO", "REASON", "AGE"]


def test_yaml_is_read_back_as_it_was_made():
    for kind in KINDS:
        assert yaml.safe_load(crd_text(kind)) == definition(kind)


# The converter


def made(annotation: Any, default: Any = ...) -> dict[str, Any]:
    model = type(
        "Sample",
        (SpecModel,),
        {"__annotations__": {"some": annotation}, "__module__": __name__, **({} if default is ... else {"some": default})},
    )
    schema: dict[str, Any] = structural(model)["properties"]["some"]
    return schema


def test_an_optional_field_is_its_type_without_null():
    assert made(Annotated[int, says("A.", low=0, high=9)] | None, None) == {
        "description": "A.",
        "type": "integer",
        "format": "int32",
        "minimum": 0,
        "maximum": 9,
    }


def test_a_literal_of_one_is_an_enum_of_one():
    assert made(Annotated[Literal["a"], says("A.")])["enum"] == ["a"]


def test_an_exclusive_bound_of_an_integer_becomes_the_next_one():
    schema = made(Annotated[int, Field(gt=0, lt=10, description="A.")])
    assert (schema["minimum"], schema["maximum"]) == (1, 9)


def test_a_set_is_a_list_of_type_set():
    schema = made(Annotated[frozenset[Annotated[str, says("B.", most=3)]], says("A.", most=3)])
    assert schema["x-kubernetes-list-type"] == "set"
    assert "uniqueItems" not in schema


def test_big_integers_are_int64():
    assert made(Annotated[int, says("A.", low=0, high=2**40)])["format"] == "int64"


def test_bytes_that_pydantic_adds_are_gone():
    assert "title" not in json.dumps(made(Annotated[dict[str, Annotated[str, says("B.", most=3)]], says("A.", most=3)]))


def test_a_description_ends_with_unit_default_and_example():
    assert (
        made(Annotated[int, says("How long.", unit="seconds", example=30, low=0, high=99)], 60)["description"]
        == "How long. Unit: seconds. Default: 60. Example: 30."
    )


class Node(BaseModel):
    child: "Node | None" = None


@pytest.mark.parametrize(
    ("annotation", "found"),
    [
        (int | str, "a union"),
        (tuple[int, str], "a tuple"),
        (Node, "Node inside itself"),
    ],
)
def test_what_cannot_be_said_structurally_is_refused_with_the_way_out(annotation: Any, found: str):
    with pytest.raises(NotStructuralError, match=found) as refusal:
        made(annotation)
    assert "use " in str(refusal.value) or "bound " in str(refusal.value)


# The linter


GOOD_STRING = {"description": "A.", "type": "string", "maxLength": 3}
GOOD_INTEGER = {"description": "A.", "type": "integer", "format": "int32", "minimum": 0, "maximum": 3}


@pytest.mark.parametrize(
    ("schema", "do"),
    [
        ({"type": "object", "description": "It.", "properties": {"n": GOOD_STRING}, "required": ["n"]}, "rename the required field n"),
        ({**GOOD_STRING, "title": "A"}, "remove title"),
        ({**GOOD_STRING, "$ref": "#"}, "remove \\$ref"),
        ({**GOOD_STRING, "nullable": True}, "remove nullable"),
        ({**GOOD_STRING, "description": ""}, "describe it"),
        ({"description": "A.", "type": "string"}, "give maxLength"),
        ({"description": "A.", "type": "number"}, "a fraction is a decimal string"),
        ({"description": "A."}, "give one of the types"),
        ({**GOOD_STRING, "anyOf": [{"type": "string"}]}, "remove anyOf"),
        ({**GOOD_STRING, "format": "ipv4"}, "remove the format ipv4"),
        ({**GOOD_STRING, "enum": ["a", "a"]}, "each allowed value once"),
        ({**GOOD_STRING, "enum": ["a"], "default": "b"}, "one of the allowed values"),
        ({**GOOD_STRING, "pattern": "^a$"}, "say the pattern as a Pattern with a sentence"),
        ({**GOOD_STRING, "default": None}, "remove the default null"),
        ({**GOOD_INTEGER, "minimum": 4}, "not above the maximum"),
        ({**GOOD_INTEGER, "format": "int64", "maximum": 2**63 - 1}, "holds them as floats"),
        ({**GOOD_INTEGER, "default": 4}, "within its own bounds"),
        ({**GOOD_INTEGER, "maximum": 2**40}, "use int64"),
        ({"description": "A.", "type": "integer", "format": "int32"}, "give minimum and maximum"),
        ({"description": "A.", "type": "integer", "minimum": 0, "maximum": 1}, "give the format int32 or int64"),
        ({"description": "A.", "type": "array", "maxItems": 1, "x-kubernetes-list-type": "atomic"}, "describe the items"),
        ({"description": "A.", "type": "array", "items": GOOD_STRING, "x-kubernetes-list-type": "atomic"}, "give maxItems"),
        ({"description": "A.", "type": "array", "items": GOOD_STRING, "maxItems": 1}, "map, set or atomic"),
        ({"description": "A.", "type": "array", "items": GOOD_STRING, "maxItems": 1, "x-kubernetes-list-type": "map"}, "items that are objects"),
        (
            {
                "description": "A.", "type": "array", "maxItems": 1, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a"],
                "items": {"description": "A.", "type": "object", "properties": {"a": GOOD_STRING}},
            },
            "make the key a required",
        ),
        (
            {"description": "A.", "type": "array", "maxItems": 1, "x-kubernetes-list-type": "set", "items": {"description": "A.", "type": "object"}},
            "a set of plain values only",
        ),
        ({"description": "A.", "type": "object", "additionalProperties": GOOD_STRING}, "give maxProperties"),
        ({"description": "A.", "type": "object", "additionalProperties": False}, "give additionalProperties a schema"),
        ({"description": "A.", "type": "object", "x-kubernetes-preserve-unknown-fields": True}, "give the fields a schema"),
        ({"description": "A.", "type": "object", "required": ["a"]}, "describe the required field a"),
        ({"description": "A.", "type": "object", "properties": {"a": GOOD_STRING}, "required": ["a"], "default": {}}, "let the default give"),
        ({**GOOD_STRING, "x-kubernetes-validations": [{"rule": "true", "message": "bad"}]}, 'starts with "must"'),
        ({**GOOD_STRING, "x-kubernetes-validations": [{"rule": "true", "message": "must", "fieldPath": ".x"}]}, "name a field"),
        ({"description": "A.", "x-kubernetes-int-or-string": True, "type": "string"}, "without a type"),
    ],
)  # fmt: skip
def test_the_linter_says_what_to_do_about(schema: dict[str, Any], do: str):
    assert any(re.search(do, finding.do) for finding in lint(schema, "a", told=True))


@pytest.mark.parametrize("schema", [GOOD_STRING, GOOD_INTEGER])
def test_the_linter_is_quiet_about_good_ones(schema: dict[str, Any]):
    assert lint(schema, "a", told=True) == ()


def test_a_field_named_n_is_not_a_boolean_for_kubectl():
    assert re.search(r"^ +n:", crd_text(KINDS[0]), re.MULTILINE) is None
    assert re.search(r'^ +"n":', crd_text(KINDS[0]), re.MULTILINE)
