"""The documentation leads where it says: links resolve, make targets exist, and what is quoted agrees with the code."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

from steelyard.app.config import Config, ToolchainConfig
from steelyard.control.telemetry.metrics import HISTOGRAMS, counter_families, gauge_families
from steelyard.core.economics.attribution import share
from steelyard.core.facts.resources import Resources
from steelyard.core.rebalancing.chain import COST_MOVE
from unit.docs.shown import ROOT, name, pages

PAGES = [*(ROOT / f"{top}.md" for top in ("CHANGELOG", "SECURITY")), *pages(generated=True)]


def _prose(page: Path) -> str:
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def _anchors(page: Path) -> set[str]:
    """A heading that was there already is numbered from 1 on."""
    headings = re.findall(r"^#+ (.+)$", _prose(page), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    before = [plain[:place].count(anchor) for place, anchor in enumerate(plain)]
    return {f"{anchor}-{times}" if times else anchor for anchor, times in zip(plain, before, strict=True)}


def _page(path: str) -> str:
    return (ROOT / "docs" / path).read_text()


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_resolves(page: Path):
    for target in re.findall(r"\]\(([^)\s]+)\)", _prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / unquote(path)) if path else page
        assert found.exists(), f"{target} leads nowhere"
        if anchor and found.suffix == ".md":
            assert anchor in _anchors(found), f"{target}: there is no such heading"


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        named = re.findall(r"(?:^|`)make ([a-z][a-z-]*)", page.read_text(), re.MULTILINE)
        assert set(named) <= targets, f"{name(page)} names {sorted(set(named) - targets)}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_that_is_named_in_code_exists(page: Path):
    named = re.findall(r"`((?:operator|runtime|tests|charts|docs|locks|crds|examples)/[\w./-]+)`", _prose(page))
    named += [
        f"operator/steelyard/{path}" for path in re.findall(r"`((?:api|core|render|observe|control|app|cli)/[\w./-]+)`", _prose(page))
    ]
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_list_of_gates_is_the_chain():
    shown = re.findall(r"^- `([a-z_]+)` \(", _page("explanation/how-a-decision-is-made.md"), re.MULTILINE)
    assert shown == [gate.__name__ for gate in COST_MOVE]


def test_every_metric_of_the_operator_has_its_line():
    page = _page("reference/metrics.md")
    names = [f"{family.name}_total" for family in counter_families("CUR")]
    names += [family.name for family in (*gauge_families("CUR"), *HISTOGRAMS)]
    assert [name for name in names if f"\n- `{name}`" not in page] == []


def test_a_metric_is_said_to_have_a_value_if_and_only_if_the_code_gives_it_one():
    code = "".join(path.read_text() for path in (ROOT / "operator/steelyard").rglob("*.py"))
    of_the_operator = _page("reference/metrics.md").partition("\n## Of the model server")[0]
    lines = re.findall(r"^- `(steelyard_\w+)`(.*(?:\n  .*)*)", of_the_operator, re.MULTILINE)
    assert len(lines) > 30
    # Its own line in the table of families is one mention; whoever gives a value is another.
    given = {
        name: len(re.findall(name.removesuffix("_total").removesuffix("_CUR") + r"\b|" + name.split("_CUR")[0] + r"_\{", code)) > 1
        for name, _ in lines
    }
    assert [name for name, said in lines if given[name] != ("**No value in this version.**" not in " ".join(said.split()))] == []


def test_every_key_of_the_configuration_has_its_line():
    page = _page("reference/configuration.md")
    keys = {field.alias for field in (*Config.model_fields.values(), *ToolchainConfig.model_fields.values())}
    assert [key for key in sorted(keys) if f"`{key}" not in page] == []


def test_the_example_of_the_unit_cost_is_what_the_code_says():
    page, node, replica = _page("explanation/unit-cost.md"), Resources(4, 16), Resources(1, 2)
    hourly = 0.20 * share(replica, node)
    for figure in (f"{share(replica, node):.6f}", f"{hourly:.7f}", f"{3 * hourly:.6f}", f"{3 * hourly * 1000 / 90_000:.8f}"):
        assert figure in page
    assert f"{share(Resources(1, 4, 1), Resources(4, 16, 1)):.6f}" in page


def test_the_index_of_records_has_their_titles():
    titles = {path.name: path.read_text().partition("\n")[0].removeprefix("# ") for path in (ROOT / "docs/adr").glob("0*.md")}
    listed = re.findall(r"^- \[(.+)\]\((.+)\)$", _page("adr/README.md"), re.MULTILINE)
    assert {name: title for title, name in listed} == titles
    assert all(title.startswith(f"{name[:4]}: ") for name, title in titles.items())


def test_every_page_that_the_code_names_exists():
    named = [
        (str(source.relative_to(ROOT)), page)
        for folder in ("operator", "runtime", "charts", "examples", "tests")
        for source in (ROOT / folder).rglob("*")
        if source.suffix in {".py", ".yaml", ".txt"} and "/data/" not in str(source) and source.is_file()
        for page in re.findall(r"(?<![\w/])docs/[\w./-]+\.md", source.read_text())
    ]
    assert len(named) > 10
    assert [(source, page) for source, page in named if not (ROOT / page).exists()] == []


def test_the_page_of_the_cuda_image_names_the_versions_of_its_lock():
    block = re.search(r"```yaml\n(.*?)```", _page("how-to/cuda-image.md"), re.DOTALL)
    assert block
    said = yaml.safe_load(block[1])["config"]["toolchains"]
    toolchains = {name: ToolchainConfig.model_validate(each) for name, each in said.items()}
    locked = dict(re.findall(r"^([a-z-]+)==([^\s\\]+)", (ROOT / "locks/runtime-cuda.txt").read_text(), re.MULTILINE))
    assert toolchains["inductor"].versions == {package: locked[package] for package in ("torch", "transformers", "triton")}
    assert toolchains["onnxruntime@nvidia"].versions == {"onnxruntime-gpu": locked["onnxruntime-gpu"]}
