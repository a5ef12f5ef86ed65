"""The parts of `make test`: those of a lane follow each other, the lanes go on at once, and one that fails stops no other."""

import re
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
    assert re.search(r"^part +seconds +idle +result$", said, re.MULTILINE)
    assert re.search(r"^light +\d+ +\d+% +passed$", said, re.MULTILINE), "a part of the processors' time, while it ran"
    assert re.search(r"^first +\d+ +\d+% +FAILED \(3\)$", said, re.MULTILINE)


def test_one_waits_for_a_part_of_another_lane_where_that_is_run_too_and_also_where_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, behind = Part("first", noted("first", tmp_path, 0.5, code=3)), Part("behind", noted("behind", tmp_path))
    late = Part("late", noted("late", tmp_path), after="first")
    monkeypatch.setattr(parts, "LANES", ((first, behind), (late,)))
    assert parts.main([]) == 1
    assert moment(tmp_path, "first.ended") <= moment(tmp_path, "late.begun")
    assert parts.main(["late"]) == 0


def test_every_part_that_another_waits_for_is_one_of_another_lane() -> None:
    for lane in parts.LANES:
        others = {part.name for other in parts.LANES if other is not lane for part in other}
        assert all(part.after in others for part in lane if part.after)


def test_one_that_is_chosen_runs_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Part("first", noted("first", tmp_path)), Part("second", noted("second", tmp_path))
    monkeypatch.setattr(parts, "LANES", ((first,), (second,)))
    began = time.time()
    assert parts.main(["second"]) == 0
    assert moment(tmp_path, "second.ended") >= began
    assert not (tmp_path / "first.begun").exists()
