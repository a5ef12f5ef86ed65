"""Models: the right bytes, and no code in them."""

import hashlib
from pathlib import Path

import pytest

from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.models.digest import listing, model_digest
from steelyard_runtime.models.source import fetch, verified_digest
from steelyard_runtime.models.weights import refuse_pickle


def model(folder: Path) -> Path:
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "1_Pooling" / "config.json").write_text("{}")
    return folder


def test_the_digest_is_that_of_the_sorted_list_of_files(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    lines = sorted(
        [
            f"{hashlib.sha256(b'weights').hexdigest()}  7  model.safetensors\n",
            f"{hashlib.sha256(b'{}').hexdigest()}  2  1_Pooling/config.json\n",
        ]
    )
    assert listing(folder).decode() == "".join(lines)
    assert model_digest(folder) == "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()


def test_a_renamed_file_is_another_model(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    before = model_digest(folder)
    (folder / "model.safetensors").rename(folder / "other.safetensors")
    assert model_digest(folder) != before


def test_a_wrong_digest_is_the_users_and_says_the_right_one(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    with pytest.raises(Failure, match=model_digest(folder)) as refusal:
        verified_digest(folder, "sha256:" + "0" * 64)
    assert (refusal.value.kind, refusal.value.reason) == ("User", Reason.MODEL_DIGEST_MISMATCH)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "weights.PT", "sub/model.ckpt", "x.pkl"])
def test_a_pickle_is_refused_by_name(tmp_path: Path, name: str) -> None:
    folder = model(tmp_path / "m")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"\x80\x04.")
    with pytest.raises(Failure, match=name) as refusal:
        refuse_pickle(folder)
    assert refusal.value.reason is Reason.PICKLE_REFUSED


def test_a_model_without_safetensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(Failure, match="safetensors"):
        refuse_pickle(tmp_path)


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("file:///nowhere/at/all", Reason.MODEL_NOT_FOUND),
        ("hf://org/model", Reason.INVALID_SPEC),
        ("pvc://claim/../etc", Reason.INVALID_SPEC),
    ],
)
def test_an_address_that_leads_nowhere_says_so(tmp_path: Path, uri: str, reason: Reason) -> None:
    with pytest.raises(Failure) as refusal:
        fetch(uri, tmp_path)
    assert refusal.value.reason is reason
