"""Artifacts: published once, verified on every load, never half visible."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from steelyard_runtime.artifacts.cache import BlobCache
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


def test_a_cached_file_is_hashed_again_and_a_spoilt_one_replaced(tmp_path: Path) -> None:
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
