"""Generated files say what their sources say, and the command that writes them shows and repairs what differs."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from generate import __main__ as command
from generate import chart, reasons
from generate.__main__ import CHART, generated, main
from generate.drift import differences
from generate.folded import folded
from steelyard.core.vocabulary.reason import Reason

ROOT = Path(__file__).parents[3]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository in which nothing is generated yet."""
    values = tmp_path / CHART / "values.yaml"
    values.parent.mkdir(parents=True)
    values.write_text((ROOT / CHART / "values.yaml").read_text())
    return tmp_path


def test_the_files_are_what_their_sources_make():
    assert differences(ROOT, generated(ROOT)) == "", "repair: make generate"


def test_the_same_sources_make_the_same_bytes_in_another_process():
    code = "import sys, pathlib; from generate.__main__ import generated; sys.stdout.write(repr(generated(pathlib.Path.cwd())))"
    made = {
        hashlib.sha256(
            subprocess.run(
                [sys.executable, "-c", code],
                cwd=ROOT,
                env={"PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("operator", "docs")), "PYTHONHASHSEED": seed},
                capture_output=True,
                check=True,
            ).stdout
        ).digest()
        for seed in ("1", "2")
    }
    assert len(made) == 1


def test_a_difference_is_shown_with_the_command_that_repairs_it(root: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["--root", str(root)]) == 0
    assert main(["--check", "--root", str(root)]) == 0
    changed = root / "crds" / "steelyard.dev_acceleratorpools.yaml"
    changed.write_text(changed.read_text().replace("shortNames", "shortnames"))
    (root / "docs/reference/cli.md").unlink()
    capsys.readouterr()
    assert main(["--check", "--root", str(root)]) == 1
    told = capsys.readouterr()
    assert "-    shortnames:" in told.out
    assert "+# The command `steelyard`" in told.out
    assert "Repair: make generate" in told.err
    assert not (root / "docs/reference/cli.md").exists(), "a check writes nothing"


@pytest.mark.parametrize("place", ["crds", CHART / "templates/crds"])
def test_the_definition_of_a_kind_that_is_no_more_differs_and_goes(root: Path, place: str, capsys: pytest.CaptureFixture[str]):
    main(["--root", str(root)])
    stray = root / place / "steelyard.dev_olds.yaml"
    stray.write_text("kind: Old\n")
    assert main(["--check", "--root", str(root)]) == 1
    assert "-kind: Old" in capsys.readouterr().out
    assert main(["--root", str(root)]) == 0
    assert not stray.exists()
    assert main(["--check", "--root", str(root)]) == 0


def test_a_wrong_place_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["--root", str(tmp_path)]) == 2
    assert "run this in the root of the repository" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_kind_that_breaks_the_rules_is_refused_and_nothing_is_written(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def refused(kind: object) -> str:
        raise ValueError("it breaks the rules of the API")

    monkeypatch.setattr(command, "crd_text", refused)
    assert main(["--root", str(root)]) == 2
    assert "breaks the rules" in capsys.readouterr().err
    assert not (root / "crds").exists()


def test_words_in_braces_survive_the_copy_into_the_chart():
    copy = chart.crd_template("# head\nmetadata:\n  name: a\n  text: '{{ x }} and }}'\n")
    assert 'text: \'{{ "{{" }} x {{ "}}" }} and {{ "}}" }}\'' in copy


def test_every_reason_has_its_line_with_its_sentence():
    page = reasons.page()
    assert [reason for reason in Reason if folded(f"- `{reason.value}`: {reason.meaning}") not in page] == []
