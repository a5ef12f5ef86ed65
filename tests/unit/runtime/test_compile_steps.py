"""The steps of a compile hold what they need, and the last believes nothing of what the one before it has made."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.artifacts.publish import files_of
from steelyard_runtime.artifacts.store import open_store
from steelyard_runtime.compile.progress import Progress
from steelyard_runtime.compile.separate_weights import shared_key
from steelyard_runtime.compile.spec import CompileSpec, compile_spec
from steelyard_runtime.compile.steps import deliver_step, fetch_step, make_step
from steelyard_runtime.compile.workplace import Fetched, Workplace, describe
from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.logs import LogTail
from unit.runtime.test_spec import COMPILE
from unit.runtime.tiny import build, publish_tiny

MODEL = "sha256:" + "5" * 64


def asked(root: Path, **change: object) -> CompileSpec:
    document = {**COMPILE, "model": {"uri": f"file://{root}/model", "digest": MODEL, "task": "embeddings"}, **change}
    return compile_spec({"STEELYARD_COMPILE_SPEC": json.dumps({**document, "store": {"uri": f"file://{root}/store"}})})


def made(root: Path) -> tuple[Workplace, Manifest]:
    """A workplace as the compiling container leaves it."""
    place = Workplace(root / "work" / "fetched", root / "work" / "made")
    place.fetched.mkdir(parents=True)
    place.note(Fetched(datetime.now(UTC), root / "model", None))
    manifest = replace(build(place.artifact), key=asked(root).key, model_digest=MODEL)
    describe(place.artifact, manifest)
    return place, manifest


def deliver(root: Path, place: Workplace) -> None:
    deliver_step(asked(root), Progress(LogTail()), place, None, None, root / "scratch")


def stored(root: Path) -> list[str]:
    return [each.key for each in open_store(f"file://{root}/store").stored()]


def link(place: Workplace, secret: Path) -> None:
    """One of the files is a link to a key of the container that publishes; its manifest agrees."""
    (place.artifact / "model.bin").unlink()
    (place.artifact / "model.bin").symlink_to(secret)


def folder_link(place: Workplace, secret: Path) -> None:
    (place.artifact / "more").symlink_to(secret.parent)


def pipe(place: Workplace, _: Path) -> None:
    os.mkfifo(place.artifact / "endless")


def linked_manifest(place: Workplace, secret: Path) -> None:
    place.artifact.with_name("artifact.json").unlink()
    place.artifact.with_name("artifact.json").symlink_to(secret)


@pytest.mark.parametrize("harm", [link, folder_link, pipe, linked_manifest])
def test_nothing_is_published_that_is_no_plain_file(tmp_path: Path, harm: Callable[[Workplace, Path], None]) -> None:
    place, manifest = made(tmp_path)
    (tmp_path / "keys").mkdir()
    secret = tmp_path / "keys" / "private.pem"
    secret.write_text("the signing key")
    harm(place, secret)
    if harm is link:
        describe(place.artifact, replace(manifest, files=files_of(place.artifact)))
    with pytest.raises(Failure, match="is a link, or no file") as refusal:
        deliver(tmp_path, place)
    assert refusal.value.reason is Reason.COMPILE_FAILED
    assert stored(tmp_path) == []


@pytest.mark.parametrize(
    "change", [{"key": "f" * 64}, {"model_digest": "sha256:" + "6" * 64}, {"files": ()}], ids=["key", "model", "files"]
)
def test_nothing_is_published_under_another_key_of_another_model_or_with_other_files(tmp_path: Path, change: dict[str, object]) -> None:
    place, manifest = made(tmp_path)
    describe(place.artifact, replace(manifest, **change))
    with pytest.raises(Failure, match="is not published"):
        deliver(tmp_path, place)
    assert stored(tmp_path) == []


@pytest.mark.parametrize("junk", [b"", b"[" * 100_000, b"x" * (2 << 20), b"{}"], ids=["empty", "deep", "long", "another"])
def test_a_manifest_that_is_none_ends_the_step(tmp_path: Path, junk: bytes) -> None:
    place, _ = made(tmp_path)
    place.artifact.with_name("artifact.json").write_bytes(junk)
    with pytest.raises(Failure, match="is not published"):
        deliver(tmp_path, place)


def test_what_was_made_is_published_and_so_are_graphs_under_a_key_that_no_artifact_has(tmp_path: Path) -> None:
    place, manifest = made(tmp_path)
    victim = "e" * 64
    describe(place.graphs, replace(build(place.graphs), key=victim))
    deliver(tmp_path, place)
    assert set(stored(tmp_path)) == {manifest.key, shared_key(victim)}
    assert victim not in stored(tmp_path)


def test_what_the_store_has_is_found_by_the_first_step_and_the_others_have_nothing_to_do(tmp_path: Path) -> None:
    artifact = publish_tiny(tmp_path)
    spec = asked(tmp_path, key=artifact.manifest.key)
    place = Workplace(tmp_path / "fetched", tmp_path / "made")
    place.fetched.mkdir()
    fetch_step(spec, Progress(LogTail()), place, None)
    make_step(spec, Progress(LogTail()), place)
    assert not place.made.exists()
    published, cached = deliver_step(spec, Progress(LogTail()), place, None, None, tmp_path / "scratch")
    assert (published.uri, published.digest, published.size, cached) == (artifact.uri, artifact.digest, artifact.size, True)


def test_where_artifacts_are_signed_nothing_is_taken_that_cannot_be_verified(tmp_path: Path) -> None:
    artifact = publish_tiny(tmp_path)
    spec = asked(tmp_path, key=artifact.manifest.key, signed=True, backend="none")
    place = Workplace(tmp_path / "fetched", tmp_path / "made")
    place.fetched.mkdir()
    with pytest.raises(Failure) as refusal:
        fetch_step(spec, Progress(LogTail()), place, None)
    assert refusal.value.reason is Reason.UNSUPPORTED_TARGET, "it went on to compile"


def test_a_step_whose_predecessor_has_handed_nothing_on_says_so(tmp_path: Path) -> None:
    place = Workplace(tmp_path, tmp_path)
    for step in (lambda: make_step(asked(tmp_path), Progress(LogTail()), place), lambda: deliver(tmp_path, place)):
        with pytest.raises(Failure, match="has handed nothing on"):
            step()
