"""The words of `steelyard trial --local`: what they ask for, what is wrong with them, and the words that ask for it again."""

from __future__ import annotations

import argparse
import shlex
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from steelyard.cli import local_options, local_trial
from steelyard.cli.commands.trial_local import currency, lengths, objective, price, rate
from steelyard.cli.facts.trial import trial
from steelyard.cli.main import main, spelt
from steelyard.cli.parser import build
from steelyard.cli.problem import Problem
from steelyard.cli.text.trial import news
from steelyard.cli.view.trial import trial_view
from steelyard.local.machine import Machine

DIGEST = "sha256:" + "2" * 64
S3 = "s3://models/minilm"
MACHINE = Machine(name="a processor", servers=(1,), generators=(0,), threads=1, memory_gib=8.0)


def parsed(*more: str, model: str = S3, pools: str = "openvino,onnxruntime") -> argparse.Namespace:
    return build("steelyard").parse_args(["trial", "local", model, "--pools", pools, *more])


def asked(*more: str, **where: str) -> Any:
    return local_options.asked(parsed("--digest", DIGEST, *more, **where), [])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["trial", "--local", "m"], ["trial", "local", "m"]),
        (["-n", "shop", "trial", "--local", "m"], ["-n", "shop", "trial", "local", "m"]),
        (["trial", "local", "--local"], ["trial", "local", "--local"]),
        (["report", "--local"], ["report", "--local"]),
        ([], []),
    ],
)
def test_it_is_spelt_as_an_option_of_trial_too(words: list[str], told: list[str]) -> None:
    assert spelt(words) == told


def test_one_price_is_for_all_and_that_of_a_pool_wins() -> None:
    assert asked("--price", "0.34").prices == {"openvino": 0.34, "onnxruntime": 0.34}
    assert asked("--price", "openvino=0.2", "--price", "0.34").prices == {"openvino": 0.2, "onnxruntime": 0.34}
    assert asked("--price", "openvino=0.2").prices == {"openvino": 0.2}
    assert asked().prices == {}


def test_lengths_are_every_number_between_both_as_likely() -> None:
    assert asked("--lengths", "20:60").load.lengths.input == ((19.0, 0), (60.0, 1))
    assert asked("--lengths", "1:60").load.lengths.input == ((60.0, 1),)
    assert asked().load.lengths is None


def test_other_lengths_are_compiled_for_and_measured() -> None:
    none, usual, short = asked(), asked("--length-factors", "0.5,4"), asked("--lengths", "20:30", "--length-factors", "4")
    assert (none.length_factors, none.longest) == ((), None)
    assert (usual.length_factors, usual.longest) == ((0.5, 4.0), 242), "texts of 60 words, and what a tokenizer puts around them"
    assert short.longest == 122
    assert asked("--length-factors", "0.5").longest == 62, "the lengths as they are are measured as well"


def test_the_objective_is_that_of_the_workload() -> None:
    promised = asked("--objective", "e2e=1s:99.9").objective
    assert (promised.metric, promised.milliseconds, promised.percent) == ("e2e", 1000, 99.9)
    assert asked("--objective", "200ms").objective == asked("--objective", "e2e=200ms:99").objective == asked().objective


@pytest.mark.parametrize(
    ("read", "wrong"),
    [
        *((objective, text) for text in ("200", "ttft=200ms", "200ms:100", "200ms:0", "0ms", "1m")),
        *((price, text) for text in ("0", "-1", "free", "=0.3", "openvino=", "openvino=0")),
        *((lengths, text) for text in ("60:20", "0:20", "20", "a:b")),
        *((currency, text) for text in ("eur", "Euro", "")),
        *((rate, text) for text in ("0", "-3", "many")),
    ],
)
def test_what_cannot_be_meant_is_refused_with_an_example(read: Any, wrong: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="such as"):
        read(wrong)


@pytest.mark.parametrize(
    ("more", "where", "said"),
    [
        (("--price", "eager=1"), {}, "'eager' is not a pool of this trial"),
        (("--duration", "5s"), {}, "--duration 5s is too short"),
        (("--task", "text-generation"), {}, "serves no model for text-generation"),
        (
            (),
            {
                "pools": ",".join(
                    ["openvino", "eager", *(f"{b}/{d}" for b in ("openvino", "eager", "inductor") for d in ("float32", "Auto", "float16"))]
                )
            },
            "more than 8 variants",
        ),
        ((), {"pools": "openvino,tensorrt"}, "'tensorrt' is not BACKEND"),
        ((), {"model": "/nowhere/at/all"}, "is no folder of a model"),
        ((), {"model": "hf://org/name"}, "needs a revision"),
        (("--digest", "2" * 64), {}, "is none"),
    ],
)
def test_what_cannot_be_done_here_is_said_with_what_to_do(more: tuple[str, ...], where: dict[str, str], said: str) -> None:
    with pytest.raises(Problem) as problem:
        asked(*more, **where)
    assert said in problem.value.what
    assert problem.value.todo


def test_a_graph_is_a_folder_with_its_file_and_a_model_one_with_its_configuration(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"x")
    words = ("--digest", DIGEST, "--task", "tensors")
    assert local_options.asked(parsed(*words, model=str(tmp_path)), []).model.uri == tmp_path.as_uri()
    with pytest.raises(Problem, match=r"no config\.json") as problem:
        local_options.asked(parsed("--digest", DIGEST, model=str(tmp_path)), [])
    assert "--task tensors" in problem.value.todo


def test_a_model_at_an_address_needs_its_digest() -> None:
    with pytest.raises(Problem, match="needs a digest"):
        local_options.asked(parsed(), [])


def test_a_claim_of_a_pool_that_is_not_there_is_refused_before_anything_starts(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(
        ["trial", "--local", S3, "--digest", DIGEST, "--pools", "openvino,onnxruntime", "--claim", "on eager: unit cost 0.5 of openvino"]
    )
    assert code == 2
    assert "'eager' is not a pool of this trial" in capsys.readouterr().err


def test_a_claim_relative_to_what_is_not_here_is_refused_too(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["trial", "--local", S3, "--digest", DIGEST, "--pools", "openvino,onnxruntime", "--claim"]
    assert main([*words, "unit cost 0.5 of g5.xlarge"]) == 2
    said = capsys.readouterr().err
    assert "a claim is relative to 'g5.xlarge', which is not a pool of this trial" in said
    assert "write one of --pools: openvino, onnxruntime" in said


@pytest.mark.parametrize("place", ["", "nowhere/verdict.html"])
def test_a_page_that_cannot_be_written_is_told_before_the_trial(place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["trial", "--local", S3, "--digest", DIGEST, "--pools", "openvino,onnxruntime", "--report", str(tmp_path / place)]
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert "cannot be written" in err and not out


def test_without_the_packages_it_says_which_and_how_to_install_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(local_trial, "find_spec", lambda name: None if name == "obstore" else object())
    assert main(["trial", "--local", S3, "--pools", "openvino"]) == 2
    said = capsys.readouterr().err
    assert "not installed: obstore" in said and "pip install '.[local]'" in said


def test_the_words_that_it_tells_ask_for_the_same_again() -> None:
    more = (
        "--claim",
        "unit cost 0.5 of onnxruntime",
        "--price",
        "openvino=12345678.25",
        "--price",
        "0.34",
        "--objective",
        "300ms:95",
        "--currency",
        "VND",
    )
    first = parsed("--digest", DIGEST, *more, "--lengths", "20:60", "--load", "1234.5678", "--duration", "90s", model="s3://models/a model")
    words = shlex.split(local_options.command(first))
    again = build("steelyard").parse_args(spelt(words[1:]))
    assert local_options.asked(again, []) == local_options.asked(first, [])
    assert again.claim == first.claim


def test_its_view_is_that_of_a_trial_with_what_to_doubt_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_trial, "busy", lambda: 2.5)
    about = local_trial._about(asked("--price", "openvino=0.2"), [], MACHINE, "steelyard trial --local m")
    view = trial_view(about)
    assert (view.local, view.command, view.pools[0].pool) == (True, "steelyard trial --local m", "openvino")
    assert view.objective[0].milliseconds == 200 and view.objective[0].percent == Decimal(99)
    assert local_trial.in_turns(view).load_until is None
    turns, work, unpriced = view.notes
    assert "in turns" in turns and "a processor" in turns
    assert "2.5 processors' worth of other work" in work
    assert "the price of onnxruntime is not known" in unpriced
    assert trial(about.trial).budget is None


def test_the_loads_of_all_pools_are_one_after_the_other() -> None:
    about = local_trial._about(asked("--duration", "1m"), [], MACHINE, "command")
    told = {"beginTime": "2026-01-05T08:00:00Z", "loadSeconds": 60, "pools": [{"pool": pool} for pool in ("openvino", "onnxruntime")]}
    view = local_trial.in_turns(trial_view(local_trial.replace(about, trial={**about.trial, "status": told})))
    assert view.load_until is not None and (view.load_until.minute, view.load_until.second) == (2, 0)


def test_lines_tell_of_each_pool_and_not_of_all_again() -> None:
    about = local_trial._about(asked(), [], MACHINE, "command")
    told = {
        "pools": [{"pool": "openvino", "phase": "Waiting", "message": "it compiles"}],
        "conditions": [_finished("pool openvino: it compiles")],
    }
    view = trial_view(local_trial.replace(about, trial={**about.trial, "status": told}))
    assert [line.partition(" ")[2] for line in news(None, view)] == ["openvino: Waiting, it compiles"]


def _finished(message: str) -> dict[str, str]:
    return {"type": "Finished", "status": "False", "reason": "Waiting", "message": message, "lastTransitionTime": "2026-01-05T08:00:00Z"}


def test_the_model_in_a_folder_is_known_by_the_digest_of_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setattr(local_options, "told_by", lambda *words: f"digest of {words}")
    found = local_options.asked(parsed(model=str(tmp_path)), [])
    assert found.model.uri == tmp_path.as_uri()
    assert found.model.digest == f"digest of {('digest', str(tmp_path))}"
