"""What nothing refers to is removed, and nothing else."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from steelyard_runtime.artifacts.collect import collect
from steelyard_runtime.artifacts.fetch import fetch_artifact
from steelyard_runtime.artifacts.store import open_store
from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.main import main
from unit.runtime.tiny import publish_tiny

OLD, YOUNG, USED = "a" * 64, "b" * 64, "c" * 64
NOW = datetime.now(UTC)


def aged(folder: Path, days: float) -> None:
    moment = (NOW - timedelta(days=days)).timestamp()
    for path in folder.rglob("*"):
        os.utime(path, (moment, moment))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Three artifacts: an old one, a young one, and an old one that is used; and somebody else's folder."""
    for key, days in ((OLD, 60), (YOUNG, 2), (USED, 60)):
        publish_tiny(tmp_path, key=key)
        aged(tmp_path / "store" / key, days)
    (tmp_path / "store" / "backups").mkdir()
    (tmp_path / "store" / "backups" / "precious").write_text("not ours")
    aged(tmp_path / "store" / "backups", 600)
    return tmp_path / "store"


def run(store: Path, keep: str, *more: str) -> int:
    (store.parent / "keep").write_text(keep)
    return main(["collect", "--store", f"file://{store}", "--keep", str(store.parent / "keep"), *more])


def there(store: Path) -> set[str]:
    return {path.name for path in store.iterdir()}


def test_what_is_old_and_not_referred_to_goes_and_nothing_else(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(store, USED, "--remove") == 0
    assert there(store) == {YOUNG, USED, "backups"}
    assert (store / "backups" / "precious").read_text() == "not ours"
    told = capsys.readouterr().out.splitlines()
    assert [line.rpartition("  ")[2] for line in told[:-1]] == ["removed", "it is referred to", "it is too young"]
    assert told[-1].startswith("1 of these removed, ")
    fetch_artifact(f"file://{store}/{USED}/manifest.json", None, store.parent / "found")


def test_without_being_asked_to_it_only_tells(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(store, USED) == 0
    assert there(store) == {OLD, YOUNG, USED, "backups"}
    assert "would be removed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("keep", "more"),
    [("", ()), ("\n", ()), ("something else", ()), (f"{USED}\n{OLD[:40]}", ()), (USED, ("--days", "0")), (USED, ("--days", "-1"))],
)
def test_what_may_be_a_mistake_removes_nothing(store: Path, keep: str, more: tuple[str, ...]) -> None:
    assert run(store, keep, "--remove", *more) == 2
    assert there(store) == {OLD, YOUNG, USED, "backups"}


def test_a_list_that_is_not_there_removes_nothing(store: Path) -> None:
    assert main(["collect", "--store", f"file://{store}", "--keep", "/nowhere", "--remove"]) == 2
    assert there(store) == {OLD, YOUNG, USED, "backups"}


def test_the_manifest_goes_first(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(*_: object) -> None:
        raise OSError("the power is gone")

    monkeypatch.setattr("shutil.rmtree", no_more)
    with pytest.raises(Failure):
        list(collect(open_store(f"file://{store}"), {USED}, NOW, remove=True))
    with pytest.raises(Failure) as absence:
        fetch_artifact(f"file://{store}/{OLD}/manifest.json", None, store.parent / "found")
    assert absence.value.reason is Reason.ARTIFACT_NOT_FOUND, "half of an artifact is none"
