"""A model in S3 as people put it there: with the empty objects that consoles make for folders, and with what goes wrong meanwhile."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.models.policy import DownloadPolicy
from steelyard_runtime.models.s3 import credentials
from steelyard_runtime.models.source import fetch
from unit.runtime.bucket import Bucket, serving

FILES = {"config.json": b"{}", "model.safetensors": b"weights" * 1000, "1_Pooling/config.json": b"{}", "added_tokens.txt": b""}


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    with serving({f"m/7/{name}": data for name, data in FILES.items()}) as found:
        monkeypatch.setenv("AWS_ENDPOINT_URL", found.url)
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield found


def found_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("made", [("m/7/",), ("m/7/1_Pooling/",), ("m/", "m/7/", "m/7/1_Pooling/"), ("m/7/empty/",)], ids=str)
def test_a_folder_that_a_console_made_is_no_file_of_the_model(bucket: Bucket, tmp_path: Path, made: tuple[str, ...]) -> None:
    bucket.objects.update(dict.fromkeys(made, b""))
    told: list[tuple[int, int]] = []
    assert found_in(fetch("s3://models/m/7", tmp_path / "m", lambda here, in_all: told.append((here, in_all)))) == FILES
    assert told[-1] == (sum(map(len, FILES.values())),) * 2


def test_such_a_folder_above_the_model_is_none_either(bucket: Bucket, tmp_path: Path) -> None:
    bucket.objects["m/7/"] = b""
    assert found_in(fetch("s3://models/m", tmp_path / "m")) == {f"7/{name}": data for name, data in FILES.items()}


def test_nothing_but_such_folders_is_no_model(bucket: Bucket, tmp_path: Path) -> None:
    bucket.objects = {"m/7/": b""}
    with pytest.raises(Failure, match="no objects below") as refusal:
        fetch("s3://models/m/7", tmp_path / "m")
    assert (refusal.value.kind, refusal.value.reason) == ("User", Reason.MODEL_NOT_FOUND)


def test_an_object_that_is_removed_while_the_model_is_downloaded_is_tried_again(bucket: Bucket, tmp_path: Path) -> None:
    bucket.listed["m/7/other.safetensors"] = 7
    with pytest.raises(Failure, match=r"m/7/other\.safetensors was removed") as refusal:
        fetch("s3://models/m/7", tmp_path / "m")
    assert (refusal.value.kind, refusal.value.reason) == ("Infrastructure", Reason.STORE_UNAVAILABLE)


def test_a_model_that_is_larger_than_the_pods_disk_is_refused_before_anything_is_downloaded(bucket: Bucket, tmp_path: Path) -> None:
    with pytest.raises(Failure) as refusal:
        fetch("s3://models/m/7", tmp_path / "m", policy=DownloadPolicy(max_bytes=100))
    assert (refusal.value.kind, refusal.value.reason) == ("User", Reason.MODEL_TOO_LARGE)
    assert not (tmp_path / "m").exists()


def test_the_models_own_credentials_are_used_for_it_and_the_stores_are_not_mixed_in() -> None:
    store = {"AWS_ACCESS_KEY_ID": "store", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t", "AWS_REGION": "r"}
    own = {"MODEL_AWS_ACCESS_KEY_ID": "model", "MODEL_AWS_SECRET_ACCESS_KEY": "m"}
    assert credentials(store) == store
    assert credentials({**store, **own}) == {
        "AWS_ACCESS_KEY_ID": "model",
        "AWS_SECRET_ACCESS_KEY": "m",
        "AWS_REGION": "r",
        **own,
    }
