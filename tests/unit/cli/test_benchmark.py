"""llm-d's Benchmark Reports of a trial: as the schema of the format has them, with its units, and without what is not known."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker

from steelyard.cli.main import main
from steelyard.cli.view.benchmark import VERSION, benchmarks
from steelyard.cli.view.trial_report import trial_report
from unit.cli.fake_api import fake_api
from unit.cli.situations import balanced
from unit.cli.trials import G5, INF2, TRIALS, WORKLOAD, decided, failed, live, pools, too_small
from unit.core.live_run import LiveRun, serving
from unit.core.world import Ground

Raw = dict[str, Any]
SCHEMA = json.loads((Path(__file__).parent / "llm_d" / "benchmark_report_0.2.1.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=FormatChecker())
UNITS = {"input_length": {"count"}, "output_length": {"count"}, "request_latency": {"ms", "s"}, "request_rate": {"queries/s"}}


def documents(seen: Any) -> list[Raw]:
    """As a reader of the files has them."""
    return [yaml.safe_load(yaml.safe_dump(each.document)) for each in benchmarks(trial_report(seen))]


def wrong(document: Raw) -> list[str]:
    """What the schema, and the units that the format's own code allows, object to."""
    objections = [error.message for error in VALIDATOR.iter_errors(document)]
    aggregate = document.get("results", {}).get("request_performance", {}).get("aggregate", {})
    for part in aggregate.values():
        for name, found in part.items():
            if isinstance(found, dict) and found.get("units") not in UNITS[name]:
                objections.append(f"{name} in {found.get('units')}")
    return objections


def changed(change: Callable[[Raw], Any]) -> Any:
    """The decided trial with another first pool."""
    seen = copy.deepcopy(decided())
    change(seen.trial["status"]["pools"][0])
    return seen


@pytest.mark.parametrize("name", TRIALS)
def test_every_document_of_every_situation_is_as_the_schema_has_it(name: str) -> None:
    found = documents(TRIALS[name]())
    assert [problem for each in found for problem in wrong(each)] == []
    assert SCHEMA["title"] == f"Benchmark Report v{VERSION}"


BREAKS: dict[str, tuple[Callable[[Raw], Any], str]] = {
    "no identity": (lambda d: d["run"].pop("uid"), "'uid' is a required property"),
    "a figure without its mean": (
        lambda d: d["results"]["request_performance"]["aggregate"]["latency"]["request_latency"].pop("mean"),
        "is not valid under any",
    ),
    "a unit that is none": (
        lambda d: d["results"]["request_performance"]["aggregate"]["throughput"]["request_rate"].update(units="requests/s"),
        "request_rate in requests/s",
    ),
    "a latency in another unit": (
        lambda d: d["results"]["request_performance"]["aggregate"]["latency"]["request_latency"].update(units="count"),
        "request_latency in count",
    ),
    "a field that the format has not": (lambda d: d["run"].update(verdict="Refuted"), "is not valid under any|unexpected"),
    "requests below none": (
        lambda d: d["results"]["request_performance"]["aggregate"]["requests"].update(total=-1),
        "is not valid under any|minimum",
    ),
    "a server without its image": (
        lambda d: d["scenario"]["stack"][0]["standardized"].pop("tool_version"),
        "is not valid under any|required",
    ),
}


@pytest.mark.parametrize("what", BREAKS)
def test_a_broken_field_is_seen(what: str) -> None:
    document = documents(decided())[0]
    change, said = BREAKS[what]
    change(document)
    assert any(re.search(said, each) for each in wrong(document))


def test_a_document_is_one_pool_at_one_load_and_all_of_a_trial_are_one_experiment() -> None:
    found = documents(decided())
    assert [(each["scenario"]["stack"][0]["metadata"]["label"], each["scenario"]["load"]["standardized"]["stage"]) for each in found] == [
        *((INF2, stage) for stage in (0, 1, 2)),
        *((G5, stage) for stage in (0, 1, 2)),
    ]
    assert len({each["run"]["uid"] for each in found}) == 6 and len({each["run"]["eid"] for each in found}) == 1
    assert documents(decided()) == found, "the same trial has the same identities each time"
    again = copy.deepcopy(decided())
    again.trial["metadata"]["uid"] = "t-2"
    assert {each["run"]["eid"] for each in documents(again)}.isdisjoint({found[0]["run"]["eid"]})


def test_figures_are_those_of_the_trial_in_the_formats_units() -> None:
    document = documents(decided())[1]
    assert document["results"]["request_performance"]["aggregate"] == {
        "requests": {"total": 9600, "failures": 3, "input_length": {"units": "count", "mean": 212.4}},
        "latency": {"request_latency": {"units": "ms", "mean": 14.9, "p50": 12.4, "p95": 31.8, "p99": 61.3}},
        "throughput": {"request_rate": {"units": "queries/s", "mean": 9597 / 240}},
    }
    (server,), load = document["scenario"]["stack"], document["scenario"]["load"]["standardized"]
    assert server["standardized"] == {
        "kind": "inference_engine",
        "tool": "inductor",
        "tool_version": "registry.example/steelyard/runtime-serve:0.1.0",
        "role": "replica",
        "replicas": 1,
        "model": {"name": WORKLOAD["spec"]["model"]["uri"]},
        "accelerator": {"model": "inferentia2", "count": 1, "parallelism": {"tp": 1}},
    }
    assert server["metadata"]["cfg_id"] == "3f9a01bc"
    assert (load["rate_qps"], load["input_seq_len"]) == (40, {"distribution": "other", "value": 212.4})
    assert document["run"]["time"] == {"start": "2026-03-01T11:45:00Z", "end": "2026-03-01T11:58:00Z"}


def test_what_is_not_known_is_left_out_and_never_0() -> None:
    def older(pool: Raw) -> None:
        for field in ("backend", "image", "devices"):
            del pool[field]
        for step in pool["steps"]:
            for field in ("seconds", "failed", "meanMilliseconds", "inputTokens"):
                del step[field]

    document = documents(changed(older))[0]
    assert wrong(document) == []
    assert document["results"]["request_performance"]["aggregate"] == {"requests": {"total": 9600}}
    assert "scenario" not in document


@pytest.mark.parametrize(
    "change", [lambda pool: pool.update(devices="0.5"), lambda pool: pool.pop("devices")], ids=["half a device", "not known"]
)
def test_a_server_whose_devices_cannot_be_counted_is_a_generic_component(change: Callable[[Raw], Any]) -> None:
    document = documents(changed(change))[0]
    assert wrong(document) == []
    told = document["scenario"]["stack"][0]["standardized"]
    assert told["kind"] == "generic" and "accelerator" not in told


def test_a_pool_without_steady_loads_has_none() -> None:
    assert {each["run"]["description"].rpartition("/")[0] for each in documents(failed())} == {
        f"{WORKLOAD['spec']['model']['uri']} [shop/embedder-half {INF2} {load}" for load in (60, 120)
    }


def test_the_command_writes_a_file_for_each_or_a_stream(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with fake_api(tmp_path) as (api, config):
        api.put("inferenceworkloads", WORKLOAD)
        api.put("inferenceworkloads", balanced().workloads[0])
        api.put("acceleratortrials", decided().trial)
        for pool in pools():
            api.put("acceleratorpools", pool)

        def run(*words: str) -> tuple[int, list[str]]:
            code = main(["--kubeconfig", config, "report", *words, "-o", "llm-d"])
            told = capsys.readouterr()
            return code, (told.out if code == 0 else told.err).splitlines()

        code, told = run("embedder-half", "--to", str(tmp_path / "reports"))
        assert (code, told[-1]) == (0, f"written: 6 reports in {tmp_path / 'reports'}")
        files = sorted((tmp_path / "reports").iterdir())
        assert [each.name for each in files] == [f"{pool}-{stage}.yaml" for pool in (G5, INF2) for stage in (0, 1, 2)]
        written = [yaml.safe_load(each.read_text()) for each in files]
        assert [problem for each in written for problem in wrong(each)] == []
        code, told = run("embedder-half", "--to", "-")
        assert code == 0
        assert sorted(yaml.safe_load_all("\n".join(told)), key=str) == sorted(written, key=str)
        assert run("minilm")[1][0] == "error: a Benchmark Report is made of a trial, and this is a workload"
        api.put("acceleratortrials", too_small().trial)
        assert run("embedder-half")[1][0] == "error: the trial has measured no steady load"
        api.put("acceleratortrials", decided().trial)
        assert run("embedder-half", "--to", "/dev/null/no")[1][0] == "error: /dev/null/no cannot be written: Not a directory"


def of_operator(seconds: bool = True) -> Any:
    """A trial of live traffic as an operator writes it. seconds: servers tell how long answers take."""
    prices = {"home": 1.0, "other": 2.0}
    grounds = {pool: Ground(price=price, speed=100.0, tells_latencies=seconds, watts=(50.0, 250.0)) for pool, price in prices.items()}
    run = LiveRun(world=serving(grounds=grounds, tokens=(200, 100)))
    run.to_its_end()
    seen = copy.deepcopy(live())
    seen.trial["status"] = run.status
    return seen


def test_a_trial_of_live_traffic_has_latencies_by_the_status_that_the_operator_writes() -> None:
    found = documents(of_operator())
    assert len(found) == 2 and [problem for each in found for problem in wrong(each)] == []
    for document in found:
        (told,) = document["results"]["request_performance"]["aggregate"]["latency"].values()
        assert told["p50"] < told["mean"] < told["p99"]
    without = documents(of_operator(seconds=False))
    assert [problem for each in without for problem in wrong(each)] == []
    assert all("latency" not in each["results"]["request_performance"]["aggregate"] for each in without)


def test_the_situation_of_live_traffic_has_no_field_that_the_operator_leaves_out_of_it() -> None:
    written, invented = (seen.trial["status"]["pools"] for seen in (of_operator(), live()))
    fields = {field for pool in written for field in pool}
    steps = {field for pool in written for step in pool["steps"] for field in step}
    of_place = {"image", "backend", "compileSeconds", "startSeconds"}
    assert {field for pool in invented for field in pool} <= fields | of_place, "what is told of a place, whatever is sent there"
    assert {field for pool in invented for step in pool["steps"] for field in step} <= steps


def test_of_live_traffic_nothing_is_said_to_be_sent() -> None:
    assert all("load" in each["scenario"] for each in documents(decided()))
    assert not any("load" in each["scenario"] for each in documents(live()))
