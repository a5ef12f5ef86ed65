"""Artifacts: published once, verified on every load, never half visible."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from steelyard_runtime.artifacts.cache import BlobCache
from steelyard_runtime.artifacts.fetch import fetch_artifact
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


def test_a_cache_stays_within_its_bound(tmp_path: Path) -> None:
    cache = BlobCache(tmp_path / "cache", 250)
    for index in range(5):
        source = tmp_path / "source"
        source.write_bytes(bytes([index]) * 100)
        cache.adopt(f"{index:064x}", source)
    assert sum(path.stat().st_size for path in cache.folder.iterdir()) <= 250
    assert cache.path(f"{4:064x}").is_file()


def test_creating_a_file_never_replaces_one(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}")
    assert store.create(f"{KEY}/manifest.json", b"first")
    assert not store.create(f"{KEY}/manifest.json", b"second")
    assert b"".join(store.read(f"{KEY}/manifest.json")) == b"first"
    assert [path.name for path in (tmp_path / KEY).iterdir()] == ["manifest.json"]
