"""Models of the hub: at a commit, without pickles, every file with the hash that the commit names."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.main import main
from steelyard_runtime.models.digest import model_digest
from steelyard_runtime.models.policy import DownloadPolicy
from steelyard_runtime.models.source import fetch, lists_files, verified_digest
from steelyard_runtime.models.weights import refuse_pickle
from unit.runtime.hub import COMMIT, Hub, serving

URI = "hf://org/model"
FILES = {
    "config.json": b'{"model_type": "bert"}',
    "model.safetensors": b"weights" * 1000,
    "tokenizer.json": b"{}",
    "1_Pooling/config.json": b"{}",
    "pytorch_model.bin": b"\x80\x04.",
    "onnx/model.onnx": b"graph",
    "README.md": b"# a model",
    "modeling_custom.py": b"raise SystemExit",
}
WANTED = {"config.json", "model.safetensors", "tokenizer.json", "1_Pooling/config.json"}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with serving(dict(FILES)) as found:
        monkeypatch.setenv("HF_ENDPOINT", found.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield found


def found_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("hub")
def test_a_commit_is_fetched_without_pickles_code_and_other_frameworks(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    folder = fetch(URI, tmp_path / "m", lambda here, in_all: told.append((here, in_all)), revision=COMMIT)
    assert found_in(folder) == WANTED
    assert all((folder / name).read_bytes() == FILES[name] for name in WANTED)
    assert told[-1] == (sum(len(FILES[name]) for name in WANTED),) * 2
    refuse_pickle(folder)
    assert verified_digest(folder, None) == verified_digest(folder, verified_digest(folder, None))


@pytest.mark.usefixtures("hub")
def test_what_a_mirror_serves_under_a_commit_is_held_against_the_digest_that_the_user_gives(tmp_path: Path) -> None:
    folder = fetch(URI, tmp_path / "m", revision=COMMIT)
    assert lists_files(URI)
    with pytest.raises(Failure, match="the model's digest is") as refusal:
        verified_digest(folder, "sha256:" + "0" * 64)
    assert refusal.value.reason is Reason.MODEL_DIGEST_MISMATCH


def test_the_digest_to_give_can_be_had_from_a_clone_with_all_that_is_not_downloaded(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, data in hub.files.items():
        (tmp_path / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "clone" / name).write_bytes(data)
    downloaded = model_digest(fetch(URI, tmp_path / "m", revision=COMMIT))
    assert main(["digest", "--hub", str(tmp_path / "clone")]) == 0
    assert capsys.readouterr().out.strip() == downloaded


def test_of_a_graph_its_file_its_weights_and_its_samples_are_fetched_and_nothing_else(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = {"model.onnx": b"graph", "model.onnx.data": b"weights", "weights.data": b"more", "test_data_set_0/input_0.pb": b"x"}
    hub.files.update({**graph, "onnx/model_quantized.onnx": b"another", "test_data_set_0/output_0.pb": b"y"})
    folder = fetch(URI, tmp_path / "m", revision=COMMIT, task="tensors")
    assert found_in(folder) == set(graph)
    for name, data in hub.files.items():
        (tmp_path / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "clone" / name).write_bytes(data)
    assert main(["digest", "--hub", "--task", "tensors", str(tmp_path / "clone")]) == 0
    assert capsys.readouterr().out.strip() == model_digest(folder)
    for task, warned in (("tensors", False), ("embeddings", True)):
        assert main(["digest", "--task", task, str(folder)]) == 0
        assert ("warning: a compile would refuse this model" in capsys.readouterr().err) is warned
    assert found_in(fetch(URI, tmp_path / "i", revision=COMMIT, task="image-classification")) == WANTED


@pytest.mark.usefixtures("hub")
def test_a_repository_without_the_graph_at_its_top_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="put the graph at its top"):
        fetch(URI, tmp_path / "m", revision=COMMIT, task="tensors")


def test_a_repository_that_is_larger_than_the_pods_disk_is_refused_before_anything_is_downloaded(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(Failure) as refusal:
        fetch(URI, tmp_path / "m", revision=COMMIT, policy=DownloadPolicy(max_bytes=100))
    assert (refusal.value.kind, refusal.value.reason) == ("User", Reason.MODEL_TOO_LARGE)
    assert not any("/resolve/" in asked for asked in hub.asked)


def test_everything_comes_from_the_mirror(hub: Hub, tmp_path: Path) -> None:
    fetch(URI, tmp_path / "m", revision=COMMIT)
    assert {name.rpartition(f"/resolve/{COMMIT}/")[2] for name in hub.asked if name.startswith("GET /org")} == WANTED


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_file_that_is_not_the_one_its_commit_names_is_refused(hub: Hub, tmp_path: Path, name: str) -> None:
    hub.listed[name] = FILES[name][:-1] + b"#"
    with pytest.raises(Failure, match=f"{name} has the hash") as refusal:
        fetch(URI, tmp_path / "m", revision=COMMIT)
    assert refusal.value.reason is Reason.MODEL_DIGEST_MISMATCH


def test_a_gated_model_says_where_the_token_goes_and_is_fetched_with_it(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.token = "hf_secret"
    with pytest.raises(Failure, match="HF_TOKEN") as refusal:
        fetch(URI, tmp_path / "m", revision=COMMIT)
    assert (refusal.value.kind, refusal.value.reason) == ("User", Reason.MODEL_NOT_FOUND)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert found_in(fetch(URI, tmp_path / "again", revision=COMMIT)) == WANTED


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(("uri", "revision"), [(URI, "d" * 40), ("hf://org/other", COMMIT)])
def test_a_model_or_commit_that_is_not_there_is_the_users(tmp_path: Path, uri: str, revision: str) -> None:
    with pytest.raises(Failure) as refusal:
        fetch(uri, tmp_path / "m", revision=revision)
    assert (refusal.value.kind, refusal.value.reason) == ("User", Reason.MODEL_NOT_FOUND)


def test_a_hub_that_does_not_answer_is_tried_again_later(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.broken = 403
    with pytest.raises(Failure, match="HF_ENDPOINT") as refusal:
        fetch(URI, tmp_path / "m", revision=COMMIT)
    assert refusal.value.kind == "Infrastructure"
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(Failure) as unreachable:
        fetch(URI, tmp_path / "m", revision=COMMIT)
    assert unreachable.value.kind == "Infrastructure"


@pytest.mark.parametrize("status", [429, 503])
def test_a_file_that_the_hub_cannot_send_now_is_tried_again_later(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    hub.stuck = status
    monkeypatch.setattr(time, "sleep", lambda _: None)  # the client's own tries take half a minute
    with pytest.raises(Failure, match="HF_ENDPOINT") as refusal:
        fetch(URI, tmp_path / "m", revision=COMMIT)
    assert (refusal.value.kind, refusal.value.reason) == ("Infrastructure", Reason.STORE_UNAVAILABLE)


def test_a_file_that_is_gone_from_its_commit_is_the_users(hub: Hub, tmp_path: Path) -> None:
    hub.stuck = 404
    with pytest.raises(Failure) as refusal:
        fetch(URI, tmp_path / "m", revision=COMMIT)
    assert (refusal.value.kind, refusal.value.reason) == ("User", Reason.MODEL_NOT_FOUND)


def test_a_commit_without_safetensors_says_so(hub: Hub, tmp_path: Path) -> None:
    hub.files = {"pytorch_model.bin": b"\x80"}
    with pytest.raises(Failure, match="safetensors"):
        fetch(URI, tmp_path / "m", revision=COMMIT)
