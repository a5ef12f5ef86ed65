"""The shipped catalogue is sourced and plausible, and users' own is laid over it."""

import re
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

from steelyard.app.catalogue import TABLES, from_file, laid_over, shipped
from steelyard.app.config import ConfigError, load
from steelyard.core.catalogue.entry import CatalogueError
from steelyard.core.catalogue.estimate import Question, estimate
from steelyard.core.facts.estimate import Kind

TODAY = date(2026, 11, 25)
"""The day on which the catalogue was last put together; nothing in it is from later."""


def test_nothing_is_named_that_is_nowhere() -> None:
    whole = shipped()
    assert whole.faults() == ()
    names = {n: m.name for m in whole.models.values() for n in (m.name, *m.also)}
    assert len(names) == sum(1 + len(m.also) for m in whole.models.values()), "a name of two models would be a matter of order"
    for claim in whole.claims.values():
        assert claim.instance_type in whole.instance_types or not claim.instance_type
        if claim.instance_type:
            kind = whole.instance_types[claim.instance_type]
            assert kind.accelerator == claim.accelerator
            assert claim.devices <= kind.devices, "no more devices in use than the machine has"


def test_every_entry_has_a_source_that_can_be_found_again_and_a_day_that_has_been() -> None:
    whole = shipped()
    entries = [
        *whole.accelerators.values(),
        *whole.instance_types.values(),
        *whole.models.values(),
        *whole.claims.values(),
        *(t.price for t in whole.instance_types.values() if t.price),
    ]
    for entry in entries:
        assert date(2020, 1, 1) <= entry.date <= TODAY, entry
        assert "/" in entry.source or entry.source == "its name", entry


def test_every_source_has_its_licence_beside_the_data() -> None:
    whole = shipped()
    folder = files("steelyard.core.catalogue") / "data"
    readme = (folder / "README.md").read_text()
    quoted = [*whole.accelerators.values(), *whole.instance_types.values(), *whole.models.values(), *whole.claims.values()]
    for name in {found for e in quoted for found in re.findall(r"([\w.-]+/[\w.-]+)(?:@|: )", e.source)}:
        assert name in readme, name
    assert {p.name for p in folder.iterdir()} >= {"README.md", "accelerators.yaml", *TABLES.values()}


def test_facts_are_plausible_beside_each_other() -> None:
    whole = shipped()
    for found in whole.accelerators.values():
        wide, narrow = found.tflops.get("bf16", found.tflops.get("fp16")), found.tflops.get("fp8", found.tflops.get("int8"))
        if wide and narrow:
            assert 1 <= narrow / wide <= 4, f"{found.name}: half the width is at most a little more than twice as fast"
        if wide and found.bandwidth:
            assert 50 <= 1000 * wide / found.bandwidth <= 1500, f"{found.name}: operations a byte"
        if wide and found.power:
            assert 0.2 <= wide / found.power <= 5, f"{found.name}: TFLOPS a watt"
    for kind in whole.instance_types.values():
        if kind.price:
            assert 0.01 <= float(kind.price.per_hour) / max(kind.devices, kind.cpu / 16) <= 25, f"{kind.name}: money a device and hour"
        assert 1 <= kind.memory_gib / kind.cpu <= 32, f"{kind.name}: GiB a CPU"


def test_the_traps_of_the_sources_are_cleaned() -> None:
    whole = shipped()
    assert whole.accelerators["trainium2"].memory_gib == 96, "EC2's description says 512 GiB"
    for name in ("trn2.48xlarge", "trn2.3xlarge", "p5e.48xlarge"):
        assert whole.instance_types[name].price is None, "no list has one"
    assert "inferentia3" in whole.accelerators
    assert whole.unsupported("inferentia3")
    four_nodes = [c for c in whole.claims.values() if "x32" in c.source]
    assert {c.devices for c in four_nodes} == {32}
    assert {c.model for c in whole.claims.values() if c.outlier} == {"xlm-roberta-base"}
    assert {a.resource_name for a in whole.accelerators.values() if a.family.startswith("neuron-inf2")} == {"aws.amazon.com/neuron"}


def test_a_well_known_model_is_answered() -> None:
    asked = Question(model="hf://google-bert/bert-base-uncased", task="feature-extraction", accelerator="inferentia2")
    found = estimate(shipped(), asked)
    assert found is not None
    assert (found.kind, round(found.throughput, 4)) == (Kind.SAME, 2674.1896)


MINE = """
accelerators:
  - {name: mine, family: nvidia, memoryGiB: 10, source: us/here, date: 2026-01-02}
  - {name: l4, family: nvidia, powerWatts: 60, source: us/here, date: 2026-01-02}
"""


def test_a_users_file_is_laid_over_and_an_empty_one_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(MINE)
    whole = from_file(file)
    assert (whole.accelerators["mine"].memory_gib, whole.accelerators["l4"].power) == (10, 60)
    assert whole.accelerators["h100"] == shipped().accelerators["h100"]
    assert laid_over("", "t") == shipped()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "is not YAML"),
        ("a: 2026-02-30", "is not YAML"),
        ("- a", "must be a mapping with some of"),
        ("accelerators: {}", "must be a list of entries"),
        (
            "instanceTypes: [{name: n, accelerator: nowhere, devices: 1, cpu: 1, memoryGiB: 1, source: us/here, date: 2026-01-02}]",
            "nowhere is not",
        ),
    ],
)
def test_a_file_that_cannot_be_used_says_why(text: str, said: str) -> None:
    with pytest.raises(CatalogueError, match=r"my\.yaml") as refusal:
        laid_over(text, "my.yaml")
    assert said in str(refusal.value)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="cannot be read: No such file"):
        from_file(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff")
    with pytest.raises(CatalogueError, match="it is not UTF-8"):
        from_file(tmp_path / "latin.yaml")


def test_the_operator_refuses_to_start_with_a_catalogue_that_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("catalogue: |\n  accelerators:\n    - {name: x, family: f, source: s}\n")
    with pytest.raises(ConfigError, match=r"config\.yaml: catalogue cannot be used(?s:.*)accelerators 1 \(x\): date: is needed"):
        load(file)
    file.write_text("catalogue: |" + MINE.replace("\n", "\n  "))
    assert "mine" in load(file).catalogue
