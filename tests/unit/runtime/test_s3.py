"""S3 by a real server (versitygw), where one has been built: `tests/cluster` builds it into the user's cache."""

import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
import pytest
from obstore.exceptions import GenericError, PreconditionError

from cluster import binaries
from cluster.waiting import wait_until
from free_port import free_port
from patience import PATIENCE
from steelyard_runtime.artifacts.collect import collect
from steelyard_runtime.artifacts.fetch import fetch_artifact
from steelyard_runtime.artifacts.publish import Published, blob_path, publish
from steelyard_runtime.artifacts.store import Missing, open_store, read_all
from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.models.digest import model_digest
from steelyard_runtime.models.source import fetch
from steelyard_runtime.s3_bucket import open_bucket
from steelyard_runtime.s3_object import read_object
from unit.runtime.server_process import ServerProcess, http
from unit.runtime.tiny import build


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A running server with one bucket, `artifacts`, whose objects are files in the folder returned."""
    if not binaries.is_there("versitygw"):
        pytest.skip("no versitygw here: python -m cluster build versitygw")
    program = binaries.programs(["versitygw"])["versitygw"]
    root, port = tmp_path_factory.mktemp("s3"), free_port()
    (root / "artifacts").mkdir()
    secrets = {"ROOT_ACCESS_KEY": "test", "ROOT_SECRET_KEY": "testtesttest"}
    command = [str(program), "--port", f"127.0.0.1:{port}", "--health", "/health", "posix", str(root)]
    with subprocess.Popen(command, env={**os.environ, **secrets}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        variables = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "testtesttest",
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }
        patch = pytest.MonkeyPatch()
        for name, value in variables.items():
            patch.setenv(name, value)
        try:
            answers = f"http://127.0.0.1:{port}/health"
            wait_until("versitygw", lambda: process.poll() is not None or http(answers)[0] == 200, seconds=PATIENCE)
            assert process.poll() is None
            yield root / "artifacts"
        finally:
            patch.undo()
            process.terminate()


def test_an_artifact_goes_to_s3_and_is_served_from_there(bucket: Path, tmp_path: Path) -> None:
    manifest = build(tmp_path / "build")
    published = publish(open_store("s3://artifacts/uid-1"), tmp_path / "build", manifest)
    assert published.uri == f"s3://artifacts/uid-1/{manifest.key}/manifest.json"
    with ServerProcess(tmp_path, published) as server:
        assert server.wait_until_ready().embed(input="good evening")[0] == 200
        server.stop()


def test_of_many_publishers_exactly_one_wins(bucket: Path, tmp_path: Path) -> None:
    manifests = [build(tmp_path / f"build-{index}", wrong_golden=index > 0) for index in range(2)]
    for round_number in range(5):
        key = f"{round_number:064x}"
        results: list[Published] = []

        def race(index: int, key: str = key, results: list[Published] = results) -> None:
            manifest = replace(manifests[index % 2], key=key)
            results.append(publish(open_store("s3://artifacts/race"), tmp_path / f"build-{index % 2}", manifest))

        threads = [threading.Thread(target=race, args=(index,)) for index in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(result.adopted for result in results) == [False, True, True, True]
        assert len({result.digest for result in results}) == 1
        fetch_artifact(results[0].uri, results[0].digest, tmp_path / f"found-{round_number}")


def test_a_flipped_byte_in_s3_is_refused(bucket: Path, tmp_path: Path) -> None:
    manifest = build(tmp_path / "build")
    published = publish(open_store("s3://artifacts/flip"), tmp_path / "build", manifest)
    sha = next(file.sha256 for file in manifest.files if file.path == "model.bin")
    path = bucket / "flip" / blob_path(manifest.key, sha)
    data = bytearray(path.read_bytes())
    data[7] ^= 1
    path.write_bytes(data)
    with pytest.raises(Failure, match=r"model\.bin") as refusal:
        fetch_artifact(published.uri, published.digest, tmp_path / "found")
    assert refusal.value.reason is Reason.ARTIFACT_CORRUPT


def test_a_large_object_comes_in_parts_and_in_order(bucket: Path) -> None:
    data = os.urandom(1_000_001)
    store, _ = open_bucket("s3://artifacts")
    obstore.put(store, "large", data)
    assert b"".join(read_object(store, "large", part=100_000)) == data
    assert b"".join(read_object(store, "large", part=100_000, start=123_457)) == data[123_457:]
    assert b"".join(read_object(store, "large", size=len(data), start=7)) == data[7:]
    assert b"".join(read_object(store, "large", size=len(data))) == data
    assert len(list(read_object(store, "large", part=100_000))) == 11
    (bucket / "empty").touch()
    assert b"".join(read_object(store, "empty")) == b""
    assert b"".join(read_object(store, "empty", size=0)) == b""


def test_of_an_object_that_is_larger_than_it_should_be_no_more_is_taken_than_shows_it(bucket: Path) -> None:
    (bucket / "swollen").write_bytes(b"x" * 1_000_000)
    store, _ = open_bucket("s3://artifacts")
    for start in (0, 40):
        parts = read_object(store, "swollen", size=100, start=start)
        assert len(next(parts)) == 101 - start
        with pytest.raises(PreconditionError, match="longer than 100 bytes"):
            next(parts)


def test_a_swollen_file_of_an_artifact_is_corrupt(bucket: Path, tmp_path: Path) -> None:
    manifest = build(tmp_path / "build")
    published = publish(open_store("s3://artifacts/swollen-artifact"), tmp_path / "build", manifest)
    sha = next(file.sha256 for file in manifest.files if file.path == "model.bin")
    with (bucket / "swollen-artifact" / blob_path(manifest.key, sha)).open("ab") as file:
        file.write(b"x" * 1_000_000)
    with pytest.raises(Failure, match=r"model\.bin: it is longer than") as refusal:
        fetch_artifact(published.uri, published.digest, tmp_path / "found")
    assert refusal.value.reason is Reason.ARTIFACT_CORRUPT


def test_an_object_that_is_replaced_while_it_is_read_is_never_a_mixture(bucket: Path) -> None:
    store, _ = open_bucket("s3://artifacts")
    obstore.put(store, "moving", b"a" * 2_000_000)
    parts = read_object(store, "moving", part=100_000)
    next(parts)
    obstore.put(store, "moving", b"b" * 2_000_000)
    with pytest.raises(PreconditionError):
        list(parts)


def test_a_part_that_fails_is_asked_for_again_by_itself(bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = os.urandom(500_000)
    (bucket / "flaky").write_bytes(data)
    store, _ = open_bucket("s3://artifacts")
    get, failing, pauses = obstore.get, {200_000: 2}, []

    def flaky(store, path, *, options=None):
        start = (options or {})["range"][0]
        if failing.get(start):
            failing[start] -= 1
            raise GenericError("the connection was reset")
        return get(store, path, options=options)

    monkeypatch.setattr(obstore, "get", flaky)
    assert b"".join(read_object(store, "flaky", part=100_000, pause=pauses.append)) == data
    assert pauses == [0.2, 0.4]


def test_a_key_that_nothing_refers_to_goes_from_s3(bucket: Path, tmp_path: Path) -> None:
    store = open_store("s3://artifacts/collected")
    manifest = build(tmp_path / "build")
    for key in ("a" * 64, "b" * 64):
        publish(store, tmp_path / "build", replace(manifest, key=key))
    store.put("backups/precious", tmp_path / "build" / "tokenizer.json")
    judged = list(collect(store, {"a" * 64}, datetime.now(UTC) + timedelta(minutes=1), remove=True))
    assert {(each.stored.key[0], each.kept) for each in judged} == {("a", "it is referred to"), ("b", None)}
    assert all(each.stored.size > manifest.size for each in judged), "the manifest counts too"
    assert {each.key for each in store.stored()} == {"a" * 64}
    assert b"".join(store.read("backups/precious")) == (tmp_path / "build" / "tokenizer.json").read_bytes()


def test_absence_is_told_from_a_store_that_does_not_answer(bucket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Missing):
        read_all(open_store("s3://artifacts/none"), "nothing", 10)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(Failure) as refusal:
        read_all(open_store("s3://artifacts/none"), "nothing", 10)
    assert refusal.value.reason is Reason.STORE_UNAVAILABLE


def test_a_model_is_downloaded_whole_with_its_digest(bucket: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    (model / "sub").mkdir(parents=True)
    (model / "model.safetensors").write_bytes(os.urandom(3 << 20))
    (model / "sub" / "config.json").write_text("{}")
    for path in model.rglob("*.*"):
        open_store("s3://artifacts/models/m").put(path.relative_to(model).as_posix(), path)
    open_store("s3://artifacts/models/m2").put("other.json", model / "sub" / "config.json")  # a longer name is another model
    assert model_digest(fetch("s3://artifacts/models/m", tmp_path / "found")) == model_digest(model)
    with pytest.raises(Failure, match="no objects"):
        fetch("s3://artifacts/models/none", tmp_path / "none")
