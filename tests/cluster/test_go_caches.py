"""What Go downloads and compiles on the way to a program stays until all programs are there, and no longer."""

from pathlib import Path

import pytest

from cluster import go_caches


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where they will be."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("GOCACHE", "GOMODCACHE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "steelyard/tools/go"


def compile_something() -> None:
    with go_caches.in_use() as variables:
        for folder in map(Path, variables.values()):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "something").write_text("compiled")


def test_they_are_shared_by_the_programs_that_are_built_together_and_gone_when_they_are_given_back(caches: Path) -> None:
    compile_something()
    assert (caches / "build/something").exists() and (caches / "modules/something").exists()
    go_caches.give_back()
    assert not caches.exists()
    go_caches.give_back()


def test_they_stay_while_another_process_builds_with_them(caches: Path) -> None:
    compile_something()
    with go_caches.in_use():
        go_caches.give_back()
        assert (caches / "build/something").exists()
    go_caches.give_back()
    assert not caches.exists()


def test_a_person_who_keeps_such_caches_keeps_them(caches: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOCACHE", str(tmp_path / "own"))
    compile_something()
    go_caches.give_back()
    assert (tmp_path / "own/something").exists() and not caches.exists()


def test_a_removal_that_is_killed_leaves_no_half_of_them(caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compile_something()
    with monkeypatch.context() as killed:
        killed.setattr(go_caches.shutil, "rmtree", lambda *_, **__: None)
        go_caches.give_back()
    assert not caches.exists(), "the next build begins anew"
    assert caches.with_name("go.leaving").exists()
    go_caches.give_back()
    assert not caches.with_name("go.leaving").exists()
