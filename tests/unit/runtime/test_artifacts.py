"""Artifacts: published once, verified on every load, never half visible."""

import errno
import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest

from steelyard_runtime.artifacts import cache as caches
from steelyard_runtime.artifacts.cache import BlobCache, cache_from_environment
from steelyard_runtime.artifacts.fetch import fetch_artifact
from steelyard_runtime.artifacts.file_store import FileStore
from steelyard_runtime.artifacts.manifest import decoded
from steelyard_runtime.artifacts.publish import Published, files_of, publish
from steelyard_runtime.artifacts.store import open_store
from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.sha256 import hex_of_file
from unit.runtime.tiny import KEY, build, publish_tiny


def blob(artifact: Published, path: str) -> Path:
    sha = next(file.sha256 for file in artifact.manifest.files if file.path == path)
    return Path(artifact.uri.removeprefix("file://")).parent / "blobs" / sha


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_what_was_published_is_what_is_fetched(artifact: Published, tmp_path: Path) -> None:
    manifest = fetch_artifact(artifact.uri, artifact.digest, tmp_path / "found")
    assert manifest == artifact.manifest
    assert {file.path: file.sha256 for file in files_of(tmp_path / "found")} == {file.path: file.sha256 for file in manifest.files}
    assert {"golden.npz", "tokenizer.json", "model.xml", "model.bin"} <= {file.path for file in manifest.files}


def test_a_manifest_reads_back_what_it_wrote(artifact: Published) -> None:
    assert decoded(artifact.manifest.encoded()) == artifact.manifest


@pytest.mark.parametrize("name", ["model.bin", "model.xml", "tokenizer.json", "golden.npz"])
def test_one_flipped_byte_is_refused_by_the_name_of_its_file_and_nothing_is_visible(tmp_path: Path, name: str) -> None:
    artifact = publish_tiny(tmp_path)
    flip_a_byte(blob(artifact, name))
    with pytest.raises(Failure, match=name) as refusal:
        fetch_artifact(artifact.uri, artifact.digest, tmp_path / "found")
    assert refusal.value.reason is Reason.ARTIFACT_CORRUPT
    assert [path.name for path in tmp_path.iterdir() if "found" in path.name or path.name.startswith(".artifact")] == []


def test_a_changed_manifest_is_refused(tmp_path: Path) -> None:
    artifact = publish_tiny(tmp_path)
    path = Path(artifact.uri.removeprefix("file://"))
    path.write_bytes(path.read_bytes().replace(b'"float32"', b'"bfloat16"'))
    with pytest.raises(Failure, match=r"manifest\.json: its digest"):
        fetch_artifact(artifact.uri, artifact.digest, tmp_path / "found")


def test_a_missing_file_is_corruption_and_a_missing_manifest_is_absence(tmp_path: Path) -> None:
    artifact = publish_tiny(tmp_path)
    blob(artifact, "model.bin").unlink()
    with pytest.raises(Failure, match=r"model\.bin") as refusal:
        fetch_artifact(artifact.uri, artifact.digest, tmp_path / "found")
    assert refusal.value.reason is Reason.ARTIFACT_CORRUPT
    with pytest.raises(Failure) as absence:
        fetch_artifact(f"file://{tmp_path}/store/{'b' * 64}/manifest.json", artifact.digest, tmp_path / "found")
    assert absence.value.reason is Reason.ARTIFACT_NOT_FOUND


def test_a_manifest_that_points_outside_of_its_folder_is_refused(tmp_path: Path) -> None:
    manifest = build(tmp_path / "build")
    outside = replace(manifest, files=(replace(manifest.files[0], path="../../etc/passwd"),))
    with pytest.raises(ValueError, match="leaves the artifact's folder"):
        decoded(outside.encoded())


def test_of_two_publishers_one_wins_and_the_other_adopts_the_winners_artifact(tmp_path: Path) -> None:
    left, right = build(tmp_path / "left"), build(tmp_path / "right", wrong_golden=True)
    assert left.digest != right.digest
    store = open_store(f"file://{tmp_path}/store")
    for round_number in range(10):
        key = f"{round_number:064x}"
        results: list[Published] = []
        barrier = threading.Barrier(2)

        def race(manifest, folder: str, key=key, results=results, barrier=barrier) -> None:
            barrier.wait()
            results.append(publish(store, tmp_path / folder, replace(manifest, key=key)))

        threads = [threading.Thread(target=race, args=(left, "left")), threading.Thread(target=race, args=(right, "right"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(result.adopted for result in results) == [False, True]
        assert results[0].digest == results[1].digest
        fetch_artifact(results[0].uri, results[0].digest, tmp_path / f"found-{round_number}")


def test_a_cached_file_is_hashed_again_and_a_corrupt_one_replaced(tmp_path: Path) -> None:
    artifact = publish_tiny(tmp_path)
    cache = BlobCache(tmp_path / "cache", 1 << 30)
    fetch_artifact(artifact.uri, artifact.digest, tmp_path / "first", cache)
    sha = next(file.sha256 for file in artifact.manifest.files if file.path == "model.bin")
    flip_a_byte(cache.path(sha))
    fetch_artifact(artifact.uri, artifact.digest, tmp_path / "second", cache)
    assert hex_of_file(tmp_path / "second" / "model.bin") == sha
    assert hex_of_file(cache.path(sha)) == sha
    blob(artifact, "model.bin").unlink()
    fetch_artifact(artifact.uri, artifact.digest, tmp_path / "third", cache)


def fill(cache: BlobCache, sha: str, data: bytes, target: Path) -> None:
    with cache.arriving(sha) as arriving:
        arriving.write(data)
        cache.keep(sha, arriving, target)


def test_a_cache_stays_within_its_bound_and_what_it_gave_away_stays(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path / "cache", 250)
    for index in range(5):
        fill(cache, f"{index:064x}", bytes([index]) * 100, tmp_path / str(index))
        cache.shrink()
    assert sum(path.stat().st_size for path in cache.folder.iterdir()) <= 250
    assert cache.path(f"{4:064x}").is_file()
    assert [(tmp_path / str(index)).read_bytes() for index in range(5)] == [bytes([index]) * 100 for index in range(5)]


def test_a_download_that_was_cut_off_goes_on_where_it_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = publish_tiny(tmp_path, ballast=64)
    cache = BlobCache(tmp_path / "cache", 1 << 30)
    file = next(file for file in artifact.manifest.files if file.path == "model.bin")
    with cache.arriving(file.sha256) as left:
        left.write(blob(artifact, "model.bin").read_bytes()[: file.size // 2])
    asked: list[int] = []
    read = FileStore.read

    def watched(self: FileStore, path: str, *, size: int | None = None, start: int = 0) -> Iterator[bytes]:
        if path.endswith(file.sha256):
            asked.append(start)
        return read(self, path, size=size, start=start)

    monkeypatch.setattr(FileStore, "read", watched)
    told: list[tuple[int, int]] = []
    fetch_artifact(artifact.uri, artifact.digest, tmp_path / "found", cache, lambda done, all_of_it: told.append((done, all_of_it)))
    assert asked == [file.size // 2]
    assert hex_of_file(tmp_path / "found" / "model.bin") == file.sha256
    assert told == sorted(told)
    assert told[-1] == (artifact.manifest.size, artifact.manifest.size)


@pytest.mark.parametrize("left", [b"wrong", b"x" * 100_000])
def test_what_an_earlier_process_left_is_not_believed(tmp_path: Path, left: bytes) -> None:
    artifact = publish_tiny(tmp_path)
    cache = BlobCache(tmp_path / "cache", 1 << 30)
    sha = next(file.sha256 for file in artifact.manifest.files if file.path == "model.bin")
    with cache.arriving(sha) as arriving:
        arriving.write(left)
    fetch_artifact(artifact.uri, artifact.digest, tmp_path / "found", cache)
    assert hex_of_file(tmp_path / "found" / "model.bin") == sha


def test_two_that_fetch_the_same_do_not_write_into_each_others_file(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path / "cache", 1 << 30)
    with cache.arriving("a" * 64) as one, cache.arriving("a" * 64) as other:
        one.write(b"one")
        other.write(b"other")
        cache.keep("a" * 64, one, tmp_path / "target")
    assert cache.path("a" * 64).read_bytes() == b"one"
    assert [path.name for path in cache.folder.iterdir()] == ["a" * 64]


def leave(cache: BlobCache, sha: str, size: int, age: float) -> Path:
    """What a process that was killed leaves behind, so many seconds ago."""
    with cache.arriving(sha) as arriving:
        arriving.write(b"x" * size)
    left = cache.folder / f".{sha}.part"
    when = time.time() - age
    os.utime(left, (when, when))
    return left


def test_what_killed_processes_left_behind_counts_and_the_oldest_goes_first(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path / "cache", 250)
    old, new = (leave(cache, f"{index:064x}", 100, age) for index, age in ((1, 300), (2, 200)))
    fill(cache, f"{3:064x}", b"x" * 100, tmp_path / "3")
    cache.shrink()
    assert (old.exists(), new.exists(), cache.path(f"{3:064x}").exists()) == (False, True, True)
    fill(cache, f"{4:064x}", b"x" * 100, tmp_path / "4")
    cache.shrink()
    assert not new.exists()
    assert sum(path.stat().st_size for path in cache.folder.iterdir()) <= 250


def test_what_is_being_collected_now_counts_and_stays_however_old_it_looks(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path / "cache", 250)
    leave(cache, "a" * 64, 200, age=300)
    with cache.arriving("a" * 64) as one, cache.arriving("a" * 64) as other:
        os.utime(one.name, (0, 0))
        os.utime(other.name, (0, 0))
        fill(cache, "b" * 64, b"x" * 100, tmp_path / "b")
        cache.shrink()
        assert cache.path("b" * 64).exists()
        fill(cache, "c" * 64, b"x" * 250, tmp_path / "c")
        cache.shrink()
        one.write(b"one")
        cache.keep("a" * 64, one, tmp_path / "one")
        assert Path(other.name).exists()
    assert (tmp_path / "one").read_bytes() == b"x" * 200 + b"one"


def test_a_file_of_ones_own_that_a_killed_process_left_goes_at_once(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path / "cache", 1 << 30)
    left = leave(cache, "a" * 64, 10, age=0)
    orphan = cache.folder / f".{'a' * 64}.k2j3h4g5"
    orphan.write_bytes(b"x" * 100)
    cache.shrink()
    assert (left.exists(), orphan.exists()) == (True, False)


def test_what_another_process_writes_into_a_file_that_is_being_collected_is_not_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = publish_tiny(tmp_path)
    cache = BlobCache(tmp_path / "cache", 1 << 30)
    file = next(file for file in artifact.manifest.files if file.path == "model.bin")
    read = FileStore.read

    def disturbed(self: FileStore, path: str, *, size: int | None = None, start: int = 0) -> Iterator[bytes]:
        yield from read(self, path, size=size, start=start)
        for part in cache.folder.glob(f".{file.sha256}.part"):
            with part.open("ab") as stranger:
                stranger.write(b"planted")

    monkeypatch.setattr(FileStore, "read", disturbed)
    fetch_artifact(artifact.uri, artifact.digest, tmp_path / "found", cache)
    assert files_of(tmp_path / "found") == artifact.manifest.files
    assert all(hex_of_file(path) == path.name for path in cache.folder.iterdir())


class FullCache(BlobCache):
    """A cache whose disk is full from one step on."""

    full_at = "begin"

    @contextmanager
    def arriving(self, sha256: str) -> Iterator[BinaryIO]:
        if self.full_at == "begin":
            raise OSError(errno.ENOSPC, "No space left on device")
        with BlobCache.arriving(self, sha256) as arriving:
            if self.full_at == "write":
                arriving.write(b"some of it")
                raise OSError(errno.ENOSPC, "No space left on device")
            yield arriving

    def keep(self, sha256: str, arrived: BinaryIO, target: Path) -> None:
        target.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("step", ["begin", "write", "keep"])
def test_a_cache_whose_disk_is_full_is_shrunk_and_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    artifact = publish_tiny(tmp_path)
    monkeypatch.setattr(FullCache, "full_at", step)
    cache = FullCache(tmp_path / "cache", 250)
    cache.folder.mkdir()
    cache.path("b" * 64).write_bytes(b"x" * 300)
    fetch_artifact(artifact.uri, artifact.digest, tmp_path / "found", cache)
    assert files_of(tmp_path / "found") == artifact.manifest.files
    assert list(cache.folder.iterdir()) == [], "what was too much, and what was half there"


def test_what_was_left_behind_goes_where_locks_are_those_of_nfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", fcntl.lockf)  # as the NFS client takes it: exclusively only of what is open to write
    cache = BlobCache(tmp_path / "cache", 250)
    old = leave(cache, "a" * 64, 300, age=300)
    orphan = cache.folder / f".{'b' * 64}.k2j3h4g5"
    orphan.write_bytes(b"x")
    fill(cache, "c" * 64, b"x" * 100, tmp_path / "c")
    cache.shrink()
    assert (old.exists(), orphan.exists(), cache.path("c" * 64).exists()) == (False, False, True)


def test_processes_that_fetch_and_shrink_at_once_take_nothing_from_each_other(tmp_path: Path) -> None:
    artifact = publish_tiny(tmp_path, ballast=64)
    script = (
        "import sys, pathlib\n"
        "from steelyard_runtime.artifacts.cache import BlobCache\n"
        "from steelyard_runtime.artifacts.fetch import fetch_artifact\n"
        "cache = BlobCache(pathlib.Path(sys.argv[3]), 100)\n"
        "for n in range(20): fetch_artifact(sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[4]) / str(n), cache)\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", script, artifact.uri, artifact.digest, str(tmp_path / "cache"), str(tmp_path / f"p{k}")])
        for k in range(3)
    ]
    assert [process.wait() for process in started] == [0, 0, 0]
    for k in range(3):
        assert files_of(tmp_path / f"p{k}" / "19") == artifact.manifest.files


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_a_cache_less_and_no_pod_less(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert cache_from_environment({"STEELYARD_CACHE_DIR": str(tmp_path)}) is None


def test_where_a_file_is_in_the_way_of_the_cache_there_is_none_and_the_log_says_what_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("in the way")
    assert cache_from_environment({"STEELYARD_CACHE_DIR": str(tmp_path / "cache")}) is None
    assert "chown" in caplog.text
    assert cache_from_environment({"STEELYARD_CACHE_DIR": str(tmp_path / "other"), "STEELYARD_CACHE_BYTES": "7"}) == BlobCache(
        tmp_path / "other", 7
    )


def test_what_is_let_go_of_while_it_is_given_is_given_and_does_not_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = BlobCache(tmp_path, 1 << 30)
    cache.path("a" * 64).write_bytes(b"blob")
    link = caches._link

    def linked(source: Path, target: Path) -> None:
        link(source, target)
        source.unlink()

    monkeypatch.setattr(caches, "_link", linked)
    assert cache.give("a" * 64, tmp_path / "given")
    assert (tmp_path / "given").read_bytes() == b"blob"
    assert not cache.path("a" * 64).exists()


@pytest.mark.parametrize("limit", [1 << 30, 0])
def test_many_that_fetch_the_same_all_get_it_even_where_none_may_keep_it(tmp_path: Path, limit: int) -> None:
    artifact = publish_tiny(tmp_path, ballast=64)
    cache = BlobCache(tmp_path / "cache", limit)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: fetch_artifact(artifact.uri, artifact.digest, tmp_path / f"found-{n}", cache), range(24)))
    for number in range(24):
        assert files_of(tmp_path / f"found-{number}") == artifact.manifest.files
    kept = {path.name for path in cache.folder.iterdir() if not path.name.startswith(".")}
    assert kept == ({file.sha256 for file in artifact.manifest.files} if limit else set())


def test_without_a_cache_nothing_is_left_but_the_artifact(artifact: Published, tmp_path: Path) -> None:
    fetch_artifact(artifact.uri, artifact.digest, tmp_path / "found")
    assert [path.name for path in tmp_path.iterdir()] == ["found"]


def test_creating_a_file_never_replaces_one(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}")
    assert store.create(f"{KEY}/manifest.json", b"first")
    assert not store.create(f"{KEY}/manifest.json", b"second")
    assert b"".join(store.read(f"{KEY}/manifest.json")) == b"first"
    assert [path.name for path in (tmp_path / KEY).iterdir()] == ["manifest.json"]


def test_a_store_is_listed_though_a_file_of_it_goes_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = publish_tiny(tmp_path)
    staged, stat = Path(artifact.uri.removeprefix("file://")).parent / "blobs" / ".staged-1", Path.stat

    def looked_at(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        try:
            return stat(path, follow_symlinks=follow_symlinks)
        finally:
            staged.unlink(missing_ok=True)

    staged.touch()
    monkeypatch.setattr(Path, "stat", looked_at)
    assert [each.key for each in open_store(f"file://{tmp_path}/store").stored()] == [KEY]
