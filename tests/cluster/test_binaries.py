"""What Go downloads and compiles on the way to a program stays until all programs are there, and no longer."""

from pathlib import Path

import pytest

from cluster import binaries


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where they will be."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("GOCACHE", "GOMODCACHE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "steelyard/tools/go"


def compile_something() -> None:
    with binaries._go_caches() as variables:
        for folder in map(Path, variables.values()):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "something").write_text("compiled")


def test_they_are_shared_by_the_programs_that_are_built_together_and_gone_when_the_last_is_there(caches: Path) -> None:
    with binaries._go_caches():
        compile_something()
        assert (caches / "build/something").exists() and (caches / "modules/something").exists()
    assert not caches.exists()


def test_a_build_that_fails_leaves_them_to_the_next_one(caches: Path) -> None:
    with pytest.raises(RuntimeError), binaries._go_caches():
        compile_something()
        raise RuntimeError("no space")
    assert (caches / "build/something").exists()
    compile_something()
    assert not caches.exists()


def test_a_person_who_keeps_such_caches_keeps_them(caches: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOCACHE", str(tmp_path / "own"))
    compile_something()
    assert (tmp_path / "own/something").exists() and not caches.exists()
