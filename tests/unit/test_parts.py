"""The parts of `make test`: those of a lane follow each other, the lanes go on at once, and one that fails stops no other."""

import re
import sys
import time
from pathlib import Path

import pytest

import parts
from parts import Part


def noted(name: str, folder: Path, seconds: float = 0.0, code: int = 0) -> tuple[str, ...]:
    """A command that writes down when it began and when it ended, and how nice it is."""
    said = f"date +%s.%N > {folder / name}.begun; nice > {folder / name}.nice; sleep {seconds}; date +%s.%N > {folder / name}.ended"
    return ("bash", "-c", f"echo {name} says so; {said}; exit {code}")


def moment(folder: Path, what: str) -> float:
    return float((folder / what).read_text())


def test_each_part_follows_the_one_before_it_in_its_lane_and_a_failure_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    first, last = Part("first", noted("first", tmp_path, 0.2, code=3)), Part("last", noted("last", tmp_path))
    light, lighter = Part("light", noted("light", tmp_path, 1.0), yields=True), Part("lighter", noted("lighter", tmp_path))
    monkeypatch.setattr(parts, "LANES", ((first, last), (light, lighter)))
    assert parts.main([]) == 1
    assert moment(tmp_path, "first.ended") <= moment(tmp_path, "last.begun") < moment(tmp_path, "light.ended")
    assert moment(tmp_path, "light.ended") <= moment(tmp_path, "lighter.begun")
    assert moment(tmp_path, "light.nice") > moment(tmp_path, "first.nice"), "one that yields"
    said = capfd.readouterr().out
    assert "3 passed, 1 failed" in said
    assert all(f"{name} says so" in said for name in ("light", "lighter", "first", "last"))
    assert re.search(r"^part +seconds +worked +idle +result$", said, re.MULTILINE)
    assert re.search(r"^light +\d+ +\d+ +\d+% +passed$", said, re.MULTILINE), (
        "what it used, and the part of the processors' time that nobody did"
    )
    assert re.search(r"^first +\d+ +\d+ +\d+% +FAILED \(3\)$", said, re.MULTILINE)


def test_the_table_says_what_a_part_used_of_a_processor(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    works = (sys.executable, "-S", "-c", "import time\nwhile time.process_time() < 1.6: pass")
    monkeypatch.setattr(parts, "LANES", ((Part("works", works),), (Part("waits", ("sleep", "0.1")),)))
    assert parts.main([]) == 0
    said = capfd.readouterr().out
    (worked,), (waited,) = (re.findall(rf"^{name} +\d+ +(\d+) ", said, re.MULTILINE) for name in ("works", "waits"))
    assert int(worked) >= 1 > int(waited)


def test_one_that_is_chosen_runs_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Part("first", noted("first", tmp_path)), Part("second", noted("second", tmp_path))
    monkeypatch.setattr(parts, "LANES", ((first,), (second,)))
    began = time.time()
    assert parts.main(["second"]) == 0
    assert moment(tmp_path, "second.ended") >= began
    assert not (tmp_path / "first.begun").exists()
