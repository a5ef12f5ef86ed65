"""A model for a program that is not ours: its files as they were asked for, or nothing of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.main import main
from steelyard_runtime.models.digest import model_digest
from steelyard_runtime.models.fetching import HOPELESS, VARIABLE, fetch_model, run_fetch, wanted_model

OTHER = "sha256:" + "0" * 64


@pytest.fixture
def claim(tmp_path: Path) -> Path:
    """What lies on a claim: files in folders, a pickle among them, which is its program's business."""
    folder = tmp_path / "claim"
    (folder / "deep").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "deep" / "weights.bin").write_bytes(b"\x80\x04weights")
    return folder


def told(claim: Path, into: Path, digest: str | None, **more: Any) -> dict[str, str]:
    model = {"uri": f"file://{claim}", **({"digest": digest} if digest else {})}
    return {VARIABLE: json.dumps({"model": model, "into": str(into), "download": {}, **more})}


def files(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def test_its_files_are_copied_and_are_those_of_the_digest(claim: Path, tmp_path: Path) -> None:
    into = tmp_path / "model"
    fetch_model(wanted_model(told(claim, into, model_digest(claim))))
    assert files(into) == files(claim)
    (claim / "config.json").write_text("changed")
    assert (into / "config.json").read_text() == "{}", "what is on the claim later is nothing to who serves"


def test_what_an_earlier_try_left_is_gone(claim: Path, tmp_path: Path) -> None:
    into = tmp_path / "model"
    (into / "half").mkdir(parents=True)
    (into / "half" / "a").write_text("x")
    (into / "link").symlink_to(claim)
    fetch_model(wanted_model(told(claim, into, model_digest(claim))))
    assert files(into) == files(claim)
    assert (claim / "config.json").exists()


def test_of_other_files_nothing_is_handed_on(claim: Path, tmp_path: Path) -> None:
    into = tmp_path / "model"
    with pytest.raises(Failure) as refused:
        fetch_model(wanted_model(told(claim, into, OTHER)))
    assert refused.value.reason is Reason.MODEL_DIGEST_MISMATCH
    assert list(into.iterdir()) == []


def test_files_that_change_between_check_and_copy_are_found_out(claim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    into, wanted = tmp_path / "model", model_digest(claim)
    copy = shutil.copytree

    def later(*arguments: Any, **more: Any) -> Any:
        (claim / "config.json").write_text("swapped")
        return copy(*arguments, **more)

    monkeypatch.setattr(shutil, "copytree", later)
    with pytest.raises(Failure) as refused:
        fetch_model(wanted_model(told(claim, into, wanted)))
    assert refused.value.reason is Reason.MODEL_DIGEST_MISMATCH
    assert list(into.iterdir()) == []


def test_a_model_that_is_too_large_says_which_field_to_raise(claim: Path, tmp_path: Path) -> None:
    into = tmp_path / "model"
    with pytest.raises(Failure) as refused:
        fetch_model(wanted_model(told(claim, into, model_digest(claim), download={"maxBytes": 3})))
    assert refused.value.reason is Reason.MODEL_TOO_LARGE
    assert "raise spec.server.custom.disk" in refused.value.message


def test_the_command_tells_how_it_ended(claim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, into = tmp_path / "log", tmp_path / "model"
    for name, value in {**told(claim, into, model_digest(claim)), "STEELYARD_TERMINATION_LOG": str(log)}.items():
        monkeypatch.setenv(name, value)
    assert main(["fetch-model"]) == 0
    assert not log.exists()
    wrong = {**told(claim, into, OTHER), "STEELYARD_TERMINATION_LOG": str(log)}
    assert run_fetch(wrong) == HOPELESS, "no restart mends a digest"
    last = json.loads(log.read_text())
    assert (last["reason"], last["class"], model_digest(claim) in last["message"]) == ("ModelDigestMismatch", "User", True)


def test_what_may_pass_by_itself_is_tried_again(tmp_path: Path) -> None:
    into = tmp_path / "model"
    into.write_text("a file where a folder should be")
    assert run_fetch({**told(tmp_path, into, OTHER), "STEELYARD_TERMINATION_LOG": str(tmp_path / "log")}) == 1


@pytest.mark.parametrize(
    "model",
    [{"uri": "s3://a/b"}, {"uri": "hf://a/b"}, {"uri": "hf://a/b", "revision": "main"}, {"uri": "s3://a/b", "revision": "c" * 40}],
)
def test_without_a_digest_or_a_commit_of_the_hub_nothing_is_fetched(model: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(Failure) as refused:
        wanted_model({VARIABLE: json.dumps({"model": model, "into": str(tmp_path)})})
    assert refused.value.reason is Reason.INVALID_SPEC
