"""A server's folder for its artifact: what ended processes left goes, what runs keeps its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from patience import PATIENCE
from steelyard_runtime.artifacts.own_folder import PREFIX, own_folder
from steelyard_runtime.artifacts.publish import Published
from unit.runtime.server_process import ServerProcess, environment

HOLD = "import sys; from steelyard_runtime.artifacts.own_folder import own_folder; print(own_folder(), flush=True); sys.stdin.read()"


class Holder:
    """A process that has a folder of its own until it is killed."""

    def __init__(self, tmp: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD],
            env=environment(tmp, "holder", TMPDIR=str(tmp)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def folder(self) -> Path:
        assert self.process.stdout is not None
        return Path(self.process.stdout.readline().strip())

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def test_what_a_killed_process_left_goes_when_the_next_begins_and_what_runs_keeps_its_own(tmp_path: Path) -> None:
    killed, runs = Holder(tmp_path), Holder(tmp_path)
    try:
        left, kept = killed.folder(), runs.folder()
        for folder in (left, kept):
            (folder / ".artifact-half").mkdir()
            (folder / ".artifact-half" / "model.bin").write_bytes(b"x")
        killed.kill()
        following = Holder(tmp_path)
        found = following.folder()
        following.kill()
        assert (left.exists(), (kept / ".artifact-half" / "model.bin").exists()) == (False, True)
        assert (found.is_dir(), list(found.iterdir())) == (True, [])
    finally:
        runs.kill()


def test_many_that_begin_at_once_leave_each_other_their_folders(tmp_path: Path) -> None:
    begun = [Holder(tmp_path) for _ in range(6)]
    try:
        assert sorted({each.folder() for each in begun}) == sorted(tmp_path.glob(f"{PREFIX}*"))
        assert len(list(tmp_path.glob(f"{PREFIX}*"))) == 6
    finally:
        for each in begun:
            each.kill()


def test_only_folders_of_that_name_are_touched_and_no_link_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "precious")
    (tmp_path / f"{PREFIX}file").touch()
    own_folder()
    assert (tmp_path / "precious" / "file").exists()


def test_a_container_that_is_restarted_holds_its_artifact_once(
    artifact: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for _ in range(2):
        with ServerProcess(tmp_path, artifact) as server:
            server.wait_until_ready()
            server.process.kill()
    assert len(list(tmp_path.rglob("model.bin"))) == 1


def test_a_text_server_that_ends_over_and_over_leaves_one_artifact(
    artifact: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for _ in range(3):
        with ServerProcess(tmp_path, artifact, task="text-generation", backend="vllm") as server:
            assert server.process.wait(PATIENCE) == 1
            assert "the artifact's backend is openvino" in server.termination.read_text()
    assert len(list(tmp_path.rglob("model.bin"))) == 1
