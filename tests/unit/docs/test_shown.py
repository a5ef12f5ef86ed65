"""What README, documentation and examples show works when it is pasted, as far as that can be told without a cluster."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import subprocess
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.__main__ import NAMES as BENCHMARKS
from generate.chart_values import Values
from parts import LANES
from steelyard.api import AcceleratorPool, AcceleratorTrial, InferenceWorkload, parse
from steelyard.cli.claim_text import claims
from steelyard.cli.main import spelt
from steelyard.cli.parser import build
from steelyard.simulate.scenario_file import load
from steelyard_runtime.main import _parser as runtime_parser
from unit.docs.shown import ROOT, Document, commands, documents, is_ours, manifests, name, pages

MODELS = {each.__name__: each for each in (AcceleratorPool, AcceleratorTrial, InferenceWorkload)}
COMMANDS = [(name(page), words) for page in pages() for words in commands(page)]
DOCUMENTS = [(name(page), document) for page in pages() for document in documents(page)]
STEELYARD = {("steelyard",), (".venv/bin/steelyard",), ("kubectl", "steelyard")}
RUNTIME = {"steelyard-runtime", ".venv/bin/steelyard-runtime"}


def _of(*starts: str) -> list[Any]:
    """The commands that start with these words."""
    return [pytest.param(words, id=f"{where}: {' '.join(words)}"[:120]) for where, words in COMMANDS if words[: len(starts)] == [*starts]]


@pytest.mark.parametrize(
    "words",
    [w for start in sorted(STEELYARD) for w in _of(*start)],
)
def test_every_command_of_steelyard_is_understood(words: list[str]):
    arguments = words[words.index("steelyard") + 1 if "steelyard" in words else 1 :]
    told = build("steelyard").parse_args(spelt(arguments))
    claims(getattr(told, "claim", ()), getattr(told, "pools", ()))


@pytest.mark.parametrize("words", [w for start in sorted(RUNTIME) for w in _of(start)])
def test_every_command_of_the_runtime_is_understood(words: list[str]):
    runtime_parser().parse_args(words[1:])


@pytest.mark.parametrize("words", _of("make"))
def test_every_make_command_has_a_recipe(words: list[str]):
    done = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("words", [w for program in ("docker", "buildah") for w in _of(program, "build")])
def test_every_image_that_is_built_is_a_stage_of_the_dockerfile(words: list[str]):
    dockerfile = (ROOT / "Dockerfile").read_text()
    target = words[words.index("--target") + 1]
    stages = set(re.findall(r"^FROM .* AS (\S+)$", dockerfile, re.MULTILINE))
    # In a loop over images the variable stands for each of them: the next test looks at the list.
    assert target in stages or target == "$image"
    given = {word.partition("=")[0] for flag, word in pairwise(words) if flag == "--build-arg"}
    assert given <= set(re.findall(r"^ARG (\w+)", dockerfile, re.MULTILINE))


def test_the_images_of_a_loop_are_stages_of_the_dockerfile_and_those_that_the_chart_asks_for():
    lists = [set(words[3:]) - {"do"} for _, words in COMMANDS if words[:3] == ["for", "image", "in"]]
    assert lists
    values = yaml.safe_load((ROOT / "charts/steelyard/values.yaml").read_text())
    asked = [values["image"], values["runtime"]["serve"], values["runtime"]["compile"]]
    assert all(images == {image["repository"].rpartition("/")[2] for image in asked} for images in lists)
    assert all(f" AS {image}\n" in (ROOT / "Dockerfile").read_text() for images in lists for image in images)


@pytest.mark.parametrize("words", [w for program in (".venv/bin/python", "python", "python3") for w in _of(program)])
def test_every_module_that_is_run_is_there_and_so_are_the_tests_and_parts_that_it_gets(words: list[str]):
    if words[1] != "-m":
        assert all((ROOT / word).exists() for word in words[1:] if "/" in word)
        return
    module, arguments = words[2], words[3:]
    assert importlib.util.find_spec(module) is not None
    if module == "pytest":
        assert all((ROOT / word).exists() for word in arguments if word.startswith("tests"))
    if module == "parts":
        assert set(arguments) <= {part.name for lane in LANES for part in lane}
    if module == "bench":
        assert set(arguments) <= set(BENCHMARKS)


@pytest.mark.parametrize("words", _of("helm"))
def test_every_value_that_helm_is_given_is_one_of_the_chart(words: list[str]):
    values: Mapping[str, Any] = yaml.safe_load((ROOT / "charts/steelyard/values.yaml").read_text())
    assert all((ROOT / word).is_dir() for word in words if word.startswith("charts/"))
    for flag, word in pairwise(words):
        if flag in {"--set", "--set-file", "--set-string"}:
            at: Any = values
            for key in word.partition("=")[0].split("."):
                assert key in at, f"{word}: {key} is no value of the chart"
                at = at[key]


@pytest.mark.parametrize(("where", "document"), manifests(), ids=lambda value: value if isinstance(value, str) else value["kind"])
def test_every_object_is_good(where: str, document: Document):
    if is_ours(document):
        assert isinstance(parse(MODELS[document["kind"]], document), MODELS[document["kind"]])
    else:
        assert {"apiVersion", "kind", "metadata"} <= set(document)


@pytest.mark.parametrize(("where", "document"), DOCUMENTS, ids=lambda value: value if isinstance(value, str) else ",".join(value))
def test_everything_else_is_values_of_the_chart_or_a_scenario(where: str, document: Document, tmp_path: Path):
    if "kind" in document or set(document) in ({"spec"}, {"scrape_configs"}):
        return
    if "workloads" in document:
        (tmp_path / "scenario.yaml").write_text(yaml.safe_dump(document))
        (tmp_path / "week.csv").write_text("t_s,rate_rps\n0,1\n300,2\n")
        assert load(tmp_path / "scenario.yaml").scenario.workloads
        return
    Values.model_validate(_merged(yaml.safe_load((ROOT / "charts/steelyard/values.yaml").read_text()), document))


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """As Helm does."""
    both = {key: _merged(below[key], value) for key, value in above.items() if isinstance(value, dict) and isinstance(below.get(key), dict)}
    return {**below, **above, **both}


def test_no_digest_is_that_of_a_word():
    """Such a digest belongs to no model: whoever pastes it gets ModelDigestMismatch without knowing why."""
    words = {f"sha256:{hashlib.sha256(word.encode()).hexdigest()}" for word in ("", "test", "foo", "bar", "hello", "hello world", "abc")}
    digests = {
        (where, (document["spec"].get("model") or {}).get("digest"))
        for where, document in manifests()
        if document["kind"] == "InferenceWorkload"
    }
    assert [found for found in digests if found[1] in words] == []


def test_the_workload_of_the_readme_is_the_smallest_example():
    [shown] = [document for where, document in manifests() if where == "README.md"]
    assert shown == yaml.safe_load((ROOT / "examples/minimal.yaml").read_text())
