"""Nothing drifts: defaults, schema, definitions, versions."""

import json
import re

import jsonschema
import pytest
import yaml

from chart.helm import CHART, ROOT, default_values, of_kind, rendered
from generate.chart_values import Values
from steelyard.app.config import Config


def test_the_definitions_in_the_chart_are_those_in_crds():
    source = [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "crds").glob("*.yaml"))]
    assert source
    kept = of_kind(rendered(), "CustomResourceDefinition")
    for definition in kept:
        assert definition["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
    assert sorted(kept, key=lambda d: d["metadata"]["name"]) == source
    loose = of_kind(rendered({"crds": {"keep": False}}), "CustomResourceDefinition")
    assert sorted(loose, key=lambda d: d["metadata"]["name"]) == source
    assert of_kind(rendered({"crds": {"install": False}}), "CustomResourceDefinition") == []


def test_the_defaults_are_those_of_the_models():
    values = default_values()
    config = values.pop("config")
    model = Values.model_validate({"config": config, **values})
    for name, field in Values.model_fields.items():
        if field.is_required() or name == "affinity":
            continue
        assert getattr(model, name) == field.default, f"{name} in values.yaml"
    del config["toolchains"]
    assert Config.model_validate(config) == Config()
    spelled = set(config)
    assert spelled == {field.alias for name, field in Config.model_fields.items() if name != "toolchains"}, "every default is spelled out"


def test_the_defaults_keep_the_schema_and_every_value_is_described():
    schema = json.loads((CHART / "values.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(default_values(), schema)
    text = (ROOT / "docs/reference/values.md").read_text()
    assert not re.search(r"\|\s*\|$", text, re.MULTILINE), "a value without a meaning"
    for name in default_values():
        assert f"`{name}" in text


def _objects(node):
    if isinstance(node, dict):
        if node.get("type") == "object" or "properties" in node:
            yield node
        for child in node.values():
            yield from _objects(child)
    elif isinstance(node, list):
        for child in node:
            yield from _objects(child)


def test_the_schema_is_closed_everywhere_but_in_extra_objects():
    schema = json.loads((CHART / "values.schema.json").read_text())
    schema["definitions"].pop("ExtraObject")
    assert schema["properties"].pop("global")["additionalProperties"] is True
    for node in _objects(schema):
        closed = node.get("additionalProperties")
        assert closed is False or isinstance(closed, dict), node


def _locked(lock):
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^\s\\]+)", (ROOT / "locks" / lock).read_text(), re.MULTILINE))


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_the_versions_of_a_toolchain_are_those_in_the_images(backend):
    versions = default_values()["config"]["toolchains"][backend]["versions"]
    compile_image, serve_image = _locked("runtime-compile.txt"), _locked("runtime-serve.txt")
    assert versions == {package: compile_image[package] for package in versions}
    assert versions[backend] == serve_image[backend]


def test_a_toolchain_names_what_the_runtime_asks_for():
    from steelyard_runtime.compile.onnxruntime import OnnxRuntime
    from steelyard_runtime.compile.openvino import OpenVino

    toolchains = default_values()["config"]["toolchains"]
    assert set(toolchains) == {"openvino", "onnxruntime"}
    for backend in (OpenVino, OnnxRuntime):
        assert set(toolchains[backend.name]["versions"]) == set(backend.packages)


def test_chart_and_package_have_one_version():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert project
    assert chart["version"] == chart["appVersion"] == project[1]
