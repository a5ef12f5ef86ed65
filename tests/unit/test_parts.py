"""The parts of `make test`: those of a turn run together, one may wait for another of its turn, and one that fails stops no other."""

import re
import time
from pathlib import Path

import pytest

import parts
from parts import Part


def noted(name: str, folder: Path, seconds: float = 0.0, code: int = 0) -> tuple[str, ...]:
    """A command that writes down when it began and when it ended."""
    return ("bash", "-c", f"date +%s.%N > {folder / name}.begun; sleep {seconds}; date +%s.%N > {folder / name}.ended; exit {code}")


def moment(folder: Path, what: str) -> float:
    return float((folder / what).read_text())


def test_a_part_waits_for_the_one_that_it_names_and_a_failure_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        parts,
        "PARTS",
        (
            Part("long", noted("long", tmp_path, 2.0), turn="light"),
            Part("first", noted("first", tmp_path, 0.2, code=3), turn="light"),
            Part("second", noted("second", tmp_path), turn="light", after="first"),
            Part("last", noted("last", tmp_path)),
        ),
    )
    assert parts.main([]) == 1
    assert (
        moment(tmp_path, "first.ended")
        <= moment(tmp_path, "second.begun")
        < moment(tmp_path, "long.ended")
        <= moment(tmp_path, "last.begun")
    )
    said = capfd.readouterr().out
    assert "3 passed, 1 failed" in said
    assert re.search(r"^part +seconds +idle +result$", said, re.MULTILINE)
    assert re.search(r"^long +\d+ +\d+% +passed$", said, re.MULTILINE), "a part of the processors' time, while it ran"
    assert re.search(r"^first +\d+ +\d+% +FAILED \(3\)$", said, re.MULTILINE)


def test_one_that_is_chosen_alone_waits_for_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Part("second", noted("second", tmp_path), turn="light", after="first")
    monkeypatch.setattr(parts, "PARTS", (Part("first", noted("first", tmp_path), turn="light"), made))
    began = time.time()
    assert parts.main(["second"]) == 0
    assert moment(tmp_path, "second.ended") >= began
    assert not (tmp_path / "first.begun").exists()
