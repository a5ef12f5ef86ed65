"""`steelyard replay`: identical, different, or unreadable with a sentence that says why. It asks no cluster."""

import gzip
import io
import json
import logging
import sys
from dataclasses import replace

import pytest

from steelyard.cli.main import main
from steelyard.control.log import JsonFormatter
from steelyard.control.telemetry.decision_log import DecisionLog
from steelyard.control.telemetry.metrics import Metrics
from steelyard.core.decide import decide
from steelyard.core.decide_compile import decide_compile
from steelyard.core.replay.compile_record import compile_record
from steelyard.core.replay.record import record
from steelyard.core.replay.trial_record import trial_record
from unit.control.test_decision_log import MANIFEST, Silence
from unit.core.asked_trial import AskedTrial, half_of
from unit.core.compiles import NOW, compile_snapshot, running
from unit.core.test_asked_trial import world as asked_world
from unit.core.world import Ground, World, ratio_claim


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "there-is-none"))
    monkeypatch.setenv("COLUMNS", "160")


def world(windows: int = 12) -> World:
    made = World({"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20)}, rate=24)
    made.tick(windows)
    return made


def raw(seen: World) -> dict:
    snapshot = seen.snapshot()
    return json.loads(json.dumps(record(snapshot, decide(snapshot, seen.now), seen.now)))


def log_of(seen: World) -> str:
    """What an operator writes: other lines, and the decision."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("steelyard.control.telemetry.decision_log")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        logger.info("the watch began")
        snapshot = seen.snapshot()
        snapshot = replace(snapshot, memory=replace(snapshot.memory, last=None))  # What status has already is not told again.
        DecisionLog(Silence(), Metrics()).record(MANIFEST, snapshot, decide(snapshot, seen.now), seen.now)  # type: ignore[arg-type]
    finally:
        logger.removeHandler(handler)
    return stream.getvalue()


def test_a_record_in_a_file_is_identical(tmp_path, capsys):
    (tmp_path / "record.json").write_text(json.dumps(raw(world()), indent=2))
    assert main(["replay", str(tmp_path / "record.json")]) == 0
    out = capsys.readouterr().out
    assert "ns/embed" in out
    assert "1 decision(s): identical" in out


def test_the_log_of_an_operator_is_taken_as_it_is(tmp_path, capsys):
    text = "".join(log_of(world(windows)) for windows in (3, 12))
    (tmp_path / "operator.log").write_text("2026-01-05T08:00:00Z stdout F not JSON\n" + text)
    (tmp_path / "operator.log.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("operator.log", "operator.log.gz"):
        assert main(["replay", str(tmp_path / name)]) == 0
        assert "2 decision(s): identical" in capsys.readouterr().out


def test_a_log_that_spans_an_upgrade_is_decided_again_as_far_as_this_version_reads_it(tmp_path, capsys):
    older = {**raw(world()), "version": 5}
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, (older, raw(world()), raw(world())))))
    assert main(["replay", str(tmp_path / "log.jsonl")]) == 2
    out = capsys.readouterr().out
    assert "2 decision(s): identical" in out
    assert "1 record(s) of another version, from" in out
    (tmp_path / "log.jsonl").write_text(json.dumps(older))
    assert main(["replay", str(tmp_path / "log.jsonl")]) == 2
    assert "the record is of version 5" in capsys.readouterr().err


def test_a_log_that_was_cut_or_damaged_cannot_be_read(tmp_path, capsys):
    whole = gzip.compress(log_of(world()).encode())
    for found in (whole[: len(whole) // 2], whole[:10] + b"\xff" * 40 + whole[50:]):
        (tmp_path / "operator.log.gz").write_bytes(found)
        assert main(["replay", str(tmp_path / "operator.log.gz")]) == 2
        assert "operator.log.gz: cannot be read" in capsys.readouterr().err


def test_a_trial_is_decided_again_and_what_differs_is_shown(tmp_path, capsys):
    trial = AskedTrial(world=asked_world(), claims=(half_of("cheap", "dear", 0.3),))
    snapshot, now = trial.snapshot(), trial.now
    written = json.loads(json.dumps(trial_record(snapshot, trial.look(), now)))
    (tmp_path / "log").write_text(json.dumps({"message": "trial decided", "record": written}) + "\n")
    assert main(["replay", str(tmp_path / "log")]) == 0
    out = capsys.readouterr().out
    assert "ns/asked" in out and "1 decision(s): identical" in out
    assert written["digest"] == trial.decisions[-1].digest and written["digest"] in out
    written["memory"]["reserved"] *= 1 + 1e-6
    (tmp_path / "log").write_text(json.dumps(written) + "\n")
    assert main(["replay", str(tmp_path / "log"), "-o", "json"]) == 1
    (told,) = json.loads(capsys.readouterr().out)["decisions"]
    assert (told["kind"], [each["where"] for each in told["differences"]]) == ("AcceleratorTrial", ["memory.reserved"])
    del written["trial"]["trial"]["pools"]
    (tmp_path / "log").write_text(json.dumps(written) + "\n")
    assert main(["replay", str(tmp_path / "log")]) == 2
    assert "trial.trial.pools: is missing" in capsys.readouterr().err


def test_lines_with_something_before_the_json_are_read_too(tmp_path, capsys):
    """As `kubectl logs --prefix` and container runtimes write them."""
    (tmp_path / "log").write_text(f"[pod/operator-0/operator] {json.dumps({'record': raw(world())})}\n")
    assert main(["replay", str(tmp_path / "log")]) == 0
    capsys.readouterr()


def test_standard_input_is_read(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(raw(world()))))
    assert main(["replay", "-"]) == 0
    capsys.readouterr()


def test_another_outcome_is_different_and_it_is_said_where(tmp_path, capsys):
    first, second = raw(world(3)), raw(world())
    second["verdict"] = "Hold"
    second["load"]["now"] *= 1 + 1e-6
    second["desired"] = {key: count + 1 for key, count in second["desired"].items()}
    (tmp_path / "records.jsonl").write_text("".join(json.dumps(each) + "\n" for each in (first, second)))
    assert main(["replay", str(tmp_path / "records.jsonl")]) == 1
    out = capsys.readouterr().out
    assert "2 decision(s): 1 different" in out
    assert f"records.jsonl:2: {2 + len(second['desired'])} difference(s)" in out
    for where in ("verdict", "load.now", "desired."):
        assert any(line.startswith(where) for line in out.splitlines())


def test_a_difference_in_the_tenth_digit_is_none(tmp_path, capsys):
    written = raw(world())
    written["load"]["mean"] *= 1 + 1e-10
    (tmp_path / "r.json").write_text(json.dumps(written))
    assert main(["replay", str(tmp_path / "r.json")]) == 0
    capsys.readouterr()


def test_json_tells_all_of_it(tmp_path, capsys):
    written = raw(world())
    written["reason"] = "Frozen"
    (tmp_path / "r.json").write_text(json.dumps(written))
    assert main(["replay", str(tmp_path / "r.json"), "-o", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["different"]) == ("Replay", 1)
    (decision,) = found["decisions"]
    assert decision["identical"] is False
    (difference,) = decision["differences"]
    assert (difference["where"], difference["was"]) == ("reason", '"Frozen"')


def compiled() -> dict:
    snapshot = compile_snapshot(queue=running(2))
    return json.loads(json.dumps(compile_record(snapshot, decide_compile(snapshot, NOW), NOW)))


def test_decisions_on_workloads_and_on_compiled_models_are_replayed_from_one_log(tmp_path, capsys):
    changed = compiled() | {"verdict": "Start"}
    lines = [raw(world(3)), {"message": "compile decided", "record": compiled()}, {"record": changed}]
    (tmp_path / "operator.log").write_text("".join(json.dumps(each) + "\n" for each in lines))
    assert main(["replay", str(tmp_path / "operator.log"), "-o", "json"]) == 1
    first, second, third = json.loads(capsys.readouterr().out)["decisions"]
    assert [(each["kind"], each["workload"], each["identical"]) for each in (first, second, third)] == [
        ("InferenceWorkload", "ns/embed", True),
        ("CompiledModel", "ns/openvino-0", True),
        ("CompiledModel", "ns/openvino-0", False),
    ]
    assert (second["verdict"], second["reason"]) == ("Wait", "Compiling")
    (difference,) = third["differences"]
    assert (difference["where"], difference["was"], difference["found"]) == ("verdict", '"Start"', '"Wait"')


def without(key: str) -> str:
    return json.dumps({name: value for name, value in raw(world(3)).items() if name != key})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no decision record"),
        ('{"some": "json"}', "holds no decision record"),
        (without("now"), "now: is missing: it was written before records held their time"),
        (without("version"), "the record is of version None, and this steelyard reads version 6"),
        (without("now")[:-40], "the record is cut off or is no JSON"),
        (json.dumps({"record": {**raw(world(3)), "snapshot": {}}}), "snapshot.artifacts: is missing"),
        (json.dumps({"record": {**compiled(), "compile": {}}}), "compile.attempts: is missing"),
        (json.dumps({**compiled(), "version": 7}), "the record is of version 7, and this steelyard reads version 6"),
        (json.dumps(compiled())[:-40], "the record is cut off or is no JSON"),
    ],
)
def test_what_cannot_be_read_says_why_and_ends_with_2(tmp_path, capsys, text, said):
    (tmp_path / "r.json").write_text(text)
    assert main(["replay", str(tmp_path / "r.json")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "  try: " in err


def test_a_file_that_is_not_there_is_named(tmp_path, capsys):
    assert main(["replay", str(tmp_path / "none.json")]) == 2
    assert f"{tmp_path / 'none.json'}: cannot be read" in capsys.readouterr().err


def leaves(part: object, path: tuple = ()) -> list[tuple]:
    """Paths of all that is no object and no list, and of all lists."""
    pairs = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    below = [leaf for key, each in pairs for leaf in leaves(each, (*path, key))]
    return below if isinstance(part, dict) else [*below, path]


def with_instead(part: object, path: tuple, value: object) -> object:
    if not path:
        return value
    if isinstance(part, dict):
        return {**part, path[0]: with_instead(part[path[0]], path[1:], value)}
    assert isinstance(part, list)
    return [with_instead(each, path[1:], value) if at == path[0] else each for at, each in enumerate(part)]


@pytest.mark.parametrize("value", [-1, 2**70, [], None])
def test_a_record_with_any_other_value_ends_with_a_sentence_or_a_decision(tmp_path, capsys, value):
    written = raw(world(3))
    by_name = {tuple(key for key in path if isinstance(key, str)): path for path in leaves(written["snapshot"])}
    assert len(by_name) > 100
    for path in by_name.values():
        changed = {**written, "snapshot": with_instead(written["snapshot"], path, value)}
        (tmp_path / "r.json").write_text(json.dumps(changed))
        code = main(["replay", str(tmp_path / "r.json")])
        err = capsys.readouterr().err
        assert code in {0, 1} or ("  try: " in err and "the record cannot be" in err), path
