"""How a sentence encoder makes one vector of a text is read of its own files, and files that are not there or broken are its owner's to mend."""

import json
from pathlib import Path
from typing import Any

import pytest

from steelyard_runtime.compile.encoder import Pooling, pooling_of
from steelyard_runtime.failure import Failure, Reason

KINDS = [{"type": f"sentence_transformers.models.{kind}", "path": path} for kind, path in (("Transformer", ""), ("Pooling", "1_Pooling"))]


def model(folder: Path, modules: str | None, pooling: Any = None) -> Path:
    if modules is not None:
        (folder / "modules.json").write_text(modules)
    if pooling is not None:
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    return folder


def test_what_the_files_say_is_done_and_without_them_the_mean_is_taken(tmp_path: Path) -> None:
    assert pooling_of(tmp_path) == Pooling("mean", normalize=True)
    assert pooling_of(model(tmp_path, json.dumps(KINDS), {"pooling_mode_cls_token": True})) == Pooling("cls", normalize=False)


@pytest.mark.parametrize(
    ("modules", "pooling", "words"),
    [
        (json.dumps(KINDS), None, "1_Pooling/config.json cannot be read"),
        (json.dumps(KINDS), ["mean"], "1_Pooling/config.json is no object"),
        ("<html>", None, "modules.json cannot be read"),
        ('{"type": "Pooling"}', None, "modules.json cannot be read"),
        ("{}", None, "modules.json names no part"),
        ("[[]]", None, "modules.json cannot be read"),
    ],
    ids=["its folder is missing", "its file is a list", "no JSON", "no list", "nothing", "parts that are none"],
)
def test_files_that_are_missing_or_broken_are_told_to_whoever_made_the_model(
    modules: str, pooling: Any, words: str, tmp_path: Path
) -> None:
    with pytest.raises(Failure, match=words) as refusal:
        pooling_of(model(tmp_path, modules, pooling))
    assert (refusal.value.kind, refusal.value.reason) == ("User", Reason.MODEL_UNREADABLE)
