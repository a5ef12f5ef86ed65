"""Scenes of others' programs say what they need, and those whose programs are not built can be left out without building anything."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from cluster import binaries
from integrations.conftest import lacking

SCENES = [
    importlib.import_module(f"integrations.{path.stem}") for path in sorted((Path(__file__).parents[2] / "integrations").glob("test_*.py"))
]


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which nothing is built."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(binaries, "_already_there", lambda name: None)
    monkeypatch.setattr(binaries, "go_setting", lambda name: "go1.26.8")


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_a_scene_lacks_its_programs_until_they_are_built(scene: ModuleType, fresh: None) -> None:
    needed = {*scene.PROGRAMS, *getattr(scene, "ENVIRONMENTS", {})}
    assert set(lacking(scene)) == needed
    for name in scene.PROGRAMS:
        binaries.built_folder(binaries.TOOLS[name]).mkdir(parents=True)
    assert set(lacking(scene)) == needed - set(scene.PROGRAMS)


def test_one_that_does_not_say_what_it_needs_is_left_out() -> None:
    assert lacking(ModuleType("scene"))
