"""Models: the right bytes, and no code in them."""

import hashlib
import json
import os
import struct
from pathlib import Path

import pytest

from steelyard_runtime.compile.memory import limit, require_memory
from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.main import main
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


def test_a_folder_that_is_a_link_is_refused_since_loaders_would_go_into_it(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    (folder / "1_Pooling").rename(tmp_path / "elsewhere")
    (folder / "1_Pooling").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Failure, match="'1_Pooling' is a link to a folder") as refusal:
        model_digest(folder)
    assert (refusal.value.kind, refusal.value.reason) == ("User", Reason.MODEL_UNREADABLE)


def test_a_folder_of_the_model_is_not_there_twice_by_a_link(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    (folder / "again").symlink_to("1_Pooling")
    with pytest.raises(Failure, match="'again' is a link to a folder"):
        model_digest(folder)


@pytest.mark.parametrize("to", ["../secret", "/etc/passwd", "/proc/self/environ", "../m-2/config.json", "absent", "notes.txt", "/dev/null"])
def test_a_link_that_leads_out_or_nowhere_is_refused(tmp_path: Path, to: str) -> None:
    folder = model(tmp_path / "m")
    for name in ("secret", "m-2/config.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("not the model's")
    (folder / "notes.txt").symlink_to(to)
    with pytest.raises(Failure, match=r"'notes\.txt' is a link that leads out") as refusal:
        model_digest(folder)
    assert (refusal.value.kind, refusal.value.reason) == ("User", Reason.MODEL_UNREADABLE)


def test_a_link_to_a_file_of_the_model_counts_as_that_file(tmp_path: Path) -> None:
    linked, copied = model(tmp_path / "a"), model(tmp_path / "b")
    (linked / "pooling.json").symlink_to("1_Pooling/config.json")
    (copied / "pooling.json").write_text("{}")
    (tmp_path / "by-a-link").symlink_to(linked)
    assert model_digest(linked) == model_digest(copied) == model_digest(tmp_path / "by-a-link")


def test_a_model_in_a_cache_of_the_hub_has_the_digest_of_its_files(tmp_path: Path) -> None:
    plain = model(tmp_path / "plain")
    snapshot = tmp_path / "models--org--model" / "snapshots" / ("c" * 40)
    blobs = tmp_path / "models--org--model" / "blobs"
    blobs.mkdir(parents=True)
    for number, path in enumerate(path for path in plain.rglob("*") if path.is_file()):
        here = snapshot / path.relative_to(plain)
        here.parent.mkdir(parents=True, exist_ok=True)
        (blobs / str(number)).write_bytes(path.read_bytes())
        here.symlink_to(os.path.relpath(blobs / str(number), here.parent))
    assert model_digest(snapshot) == model_digest(plain)
    (tmp_path / "models--org--model" / "refs").mkdir()
    (tmp_path / "models--org--model" / "refs" / "main").write_text("c" * 40)
    (snapshot / "README.md").symlink_to("../../refs/main")
    with pytest.raises(Failure, match=r"'README\.md' is a link that leads out"):
        model_digest(snapshot)


def test_what_only_has_blobs_above_it_is_no_cache_of_the_hub(tmp_path: Path) -> None:
    folder = model(tmp_path / "models" / "m")
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "secret").write_text("not the model's")
    (folder / "notes.txt").symlink_to("../../blobs/secret")
    with pytest.raises(Failure, match="leads out"):
        model_digest(folder)


@pytest.mark.parametrize(
    "name", [b"a\n0000  2  b", b"a\rb", b"a\x1b[2Jb", b"a\x7f", "a\x85b".encode(), b"folder\n/config.json", b"\xff.json"], ids=ascii
)
def test_a_name_that_could_be_taken_for_lines_is_refused(tmp_path: Path, name: bytes) -> None:
    folder = model(tmp_path / "m")
    path = Path(os.fsdecode(bytes(folder) + b"/" + name))
    path.parent.mkdir(exist_ok=True)
    path.write_text("{}")
    with pytest.raises(Failure, match="has a control character in its name") as refusal:
        model_digest(folder)
    assert (refusal.value.kind, refusal.value.reason) == ("User", Reason.MODEL_UNREADABLE)
    assert refusal.value.message.isprintable(), "it is read in a terminal"


def test_a_name_in_any_language_is_none_of_them(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    (folder / "modèle \u00a0\u200d模型.json").write_text("{}")
    assert "modèle \u00a0\u200d模型.json".encode() in listing(folder)


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
    require_memory(800_000_000, "weights", None)
    require_memory(800_000_000, "weights", 800_000_000)
    with pytest.raises(Failure, match=r"the model takes 52\.2 GiB at least \(weights\), and this container may use 16\.0 GiB") as refusal:
        require_memory(56_000_000_000, "weights", 16 << 30)
    assert refusal.value.kind == "OutOfMemory", "so that the operator tries again with more at once"


@pytest.mark.parametrize(("text", "expected"), [("4294967296\n", 4 << 30), ("max\n", None), ("9223372036854771712\n", None)])
def test_the_limit_is_that_of_the_control_group(tmp_path: Path, text: str, expected: int | None) -> None:
    (tmp_path / "limit").write_text(text)
    assert limit((tmp_path / "absent", tmp_path / "limit")) == expected


def test_a_model_without_a_digest_ends_the_command_with_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = model(tmp_path / "m")
    (folder / "2_Dense").symlink_to(tmp_path)
    assert main(["digest", str(folder)]) == 1
    told = capsys.readouterr()
    assert "'2_Dense' is a link to a folder" in told.err and not told.out
