"""Models: the right bytes, and no code in them."""

import hashlib
import json
import struct
from pathlib import Path

import pytest

from steelyard_runtime.compile.memory import limit, require_memory
from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.models.digest import listing, model_digest
from steelyard_runtime.models.source import fetch, verified_digest
from steelyard_runtime.models.weights import parameters_of, refuse_pickle


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


def safetensors(path: Path, shapes: dict[str, list[int]]) -> Path:
    header = json.dumps(
        {"__metadata__": {"format": "pt"}, **{n: {"dtype": "F16", "shape": s, "data_offsets": [0, 0]} for n, s in shapes.items()}}
    )
    path.write_bytes(struct.pack("<Q", len(header)) + header.encode())
    return path


def test_parameters_are_counted_by_the_headers_of_all_files(tmp_path: Path) -> None:
    safetensors(tmp_path / "model-1.safetensors", {"a": [3, 4], "scalar": []})
    safetensors(tmp_path / "model-2.safetensors", {"b": [2, 5]})
    assert parameters_of(tmp_path) == 23


@pytest.mark.parametrize("data", [b"", b"\xff" * 20, struct.pack("<Q", 2) + b"[]", struct.pack("<Q", 9) + b'{"a": {}}'])
def test_what_only_has_the_name_of_safetensors_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(data)
    with pytest.raises(Failure, match="no safetensors file") as refusal:
        parameters_of(tmp_path)
    assert refusal.value.reason is Reason.MODEL_UNREADABLE


def test_a_model_that_cannot_fit_is_refused_before_the_kernel_kills_the_compile(tmp_path: Path) -> None:
    require_memory(100_000_000, None)
    require_memory(100_000_000, 800_000_000)
    with pytest.raises(Failure, match=r"7,000,000,000 parameters take 52\.2 GiB at least") as refusal:
        require_memory(7_000_000_000, 16 << 30)
    assert refusal.value.kind == "OutOfMemory", "so that the operator tries again with more at once"


@pytest.mark.parametrize(("text", "expected"), [("4294967296\n", 4 << 30), ("max\n", None), ("9223372036854771712\n", None)])
def test_the_limit_is_that_of_the_control_group(tmp_path: Path, text: str, expected: int | None) -> None:
    (tmp_path / "limit").write_text(text)
    assert limit((tmp_path / "absent", tmp_path / "limit")) == expected
