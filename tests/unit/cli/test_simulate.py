"""`steelyard simulate`: a table, files that are the same again, and sentences where it cannot be run. It asks no cluster."""

import csv
import json
import os
import re
import signal
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from steelyard.cli.main import main
from steelyard.cli.text.figure import money

ROOT = Path(__file__).parents[3]
SCENARIO = """
days: 0.05
pools:
  - {name: a, cpu: 4, memoryGiB: 16, nodes: 3, pricePerHour: 1, replica: {cpu: 4, memoryGiB: 16}, claims: [{timesTruth: 0.5, relativeTo: b}]}
  - {name: b, cpu: 4, memoryGiB: 16, maxNodes: 3, pricePerHour: 0.6, replica: {cpu: 4, memoryGiB: 16}}
workloads:
  - name: search
    load: {constant: 10}
    objective: {milliseconds: 500}
    truth: {a: {serviceMilliseconds: 50}, b: {serviceMilliseconds: 50}}
"""


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch, tmp_path):
    """Whoever asks for one fails."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "there-is-none"))
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture
def scenario(tmp_path) -> Path:
    file = tmp_path / "scenario.yaml"
    file.write_text(SCENARIO)
    return file


def failure(capsys, *arguments) -> str:
    assert main(list(map(str, arguments))) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert "\n  try: " in err
    return err


def test_it_prints_what_became_of_the_workload_beside_each_pool_alone(scenario, capsys):
    assert main(["simulate", str(scenario)]) == 0
    out = capsys.readouterr().out
    lines = [line.split()[:2] for line in out.splitlines()]
    assert ["as", "decided"] in lines[1:]
    assert ["only", "a"] in lines
    assert ["only", "b"] in lines
    assert "seed 1, days 0.05" in out
    assert "written" not in out


def test_the_figures_as_json_add_up(scenario, capsys):
    assert main(["simulate", str(scenario), "-o", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["kind"] == "Simulation"
    (search,) = found["workloads"]
    for run in (search["decided"], *search["alone"]):
        parts = sum(run[name] for name in ("good", "slow", "shed", "error", "cut", "unserved", "inFlight"))
        assert run["offered"] == parts > 0
        assert float(run["unitCost"]) == pytest.approx(1000 * float(run["cost"]) / run["good"])
    assert [run["pool"] for run in search["alone"]] == ["a", "b"]
    only_b = next(run for run in search["alone"] if run["pool"] == "b")
    assert {each["pool"] for each in only_b["replicaHours"]} == {"b"}


def test_a_comparison_may_be_left_out(scenario, capsys):
    assert main(["simulate", str(scenario), "-o", "json", "--no-comparison"]) == 0
    assert json.loads(capsys.readouterr().out)["workloads"][0]["alone"] == []


def test_the_same_seed_writes_the_same_files_and_another_one_others(scenario, capsys, tmp_path):
    for folder, more in (("one", []), ("two", []), ("three", ["--seed", "2"])):
        assert main(["simulate", str(scenario), "--no-comparison", "--out", str(tmp_path / folder), *more]) == 0
    names = sorted(file.name for file in (tmp_path / "one").iterdir())
    assert names == ["decisions.jsonl", "search.svg", "timeline.csv"]
    for name in names:
        one, two, three = ((tmp_path / folder / name).read_bytes() for folder in ("one", "two", "three"))
        assert one == two
        assert one != three
    capsys.readouterr()


def test_the_time_line_has_a_row_for_each_window_and_its_sums_are_the_table(scenario, capsys, tmp_path):
    assert (
        main(["simulate", str(scenario), "--no-comparison", "--no-plots", "--out", str(tmp_path / "out"), "-o", "json", "--days", "0.1"])
        == 0
    )
    decided = json.loads(capsys.readouterr().out)["workloads"][0]["decided"]
    with (tmp_path / "out/timeline.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["t_s"]) for row in rows] == [60.0 * n for n in range(1, 145)]
    for name in ("offered", "good", "slow", "unserved"):
        assert sum(int(row[name]) for row in rows) == decided[name]
    assert sum(float(row["cost"]) for row in rows) == pytest.approx(float(decided["cost"]))
    assert {"ready_a", "desired_a", "ready_b", "desired_b", "verdict", "reason", "move"} <= set(rows[0])


def test_what_is_wrong_with_a_scenario_is_said_by_field(scenario, capsys):
    scenario.write_text(SCENARIO.replace("constant: 10", "constant: many").replace("nodes: 3, pricePerHour: 1,", "pricePerHour: 1,"))
    err = failure(capsys, "simulate", scenario)
    assert f"{scenario}: pools[0]: must give nodes, maxNodes or both" in err
    assert f"{scenario}: workloads[0].load.constant: must be" in err
    assert "docs/reference/scenario.md" in err


def test_a_scenario_that_is_not_there_is_named(capsys, tmp_path):
    assert "none.yaml: cannot be read" in failure(capsys, "simulate", tmp_path / "none.yaml")


def test_without_matplotlib_pictures_name_the_extra_and_can_be_left_out(scenario, capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    err = failure(capsys, "simulate", scenario, "--out", tmp_path / "out")
    assert "pip install 'steelyard[simulate]' (in a checkout: pip install '.[simulate]')" in err
    assert "--no-plots" in err
    assert main(["simulate", str(scenario), "--no-comparison", "--no-plots", "--out", str(tmp_path / "out")]) == 0
    assert not list((tmp_path / "out").glob("*.svg"))
    capsys.readouterr()


def test_a_picture_has_the_alternatives_the_currency_and_how_moves_ended(capsys, tmp_path):
    assert main(["simulate", "--example", "claim-half-true", "--days", "0.05", "--out", str(tmp_path / "out")]) == 0
    drawn = re.findall(r"<!-- (.*?) -->", (tmp_path / "out/search.svg").read_text())
    for text in ("only praised", "only present", "as decided", "USD / h", "to present: Explored", "time (UTC)", "10"):
        assert any(text in one for one in drawn), text
    assert any("claim 0.6 of praised: Refuted" in one for one in drawn)
    assert not any("10^" in one or "mathdefault" in one for one in drawn)
    capsys.readouterr()


def test_pictures_may_be_png(scenario, capsys, tmp_path):
    assert main(["simulate", str(scenario), "--no-comparison", "--png", "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out/search.png").read_bytes().startswith(b"\x89PNG")
    assert f"written: {tmp_path / 'out/search.png'}" in capsys.readouterr().out


def test_a_run_shorter_than_a_window_is_drawn_too(scenario, capsys, tmp_path):
    assert main(["simulate", str(scenario), "--days", "0.0003", "--no-comparison", "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out/timeline.csv").read_text().count("\n") == 1
    capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--days", "0"], "must be a number of days, more than 0 and at most 366, such as 0.5; found '0'"),
        (["--days", "400"], "found '400'"),
        (["--days", "x"], "must be a number of days, more than 0 and at most 366, such as 0.5; found 'x'"),
        (["--days", "nan"], "found 'nan'"),
        (["--seed", "-1"], "found '-1'"),
        (["--seed", "x"], "must be a whole number from 0 to 2147483647; found 'x'"),
    ],
)
def test_wrong_arguments_are_refused_in_words(scenario, arguments, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["simulate", str(scenario), *arguments])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_the_first_line_is_the_answer_with_its_currency(scenario, capsys):
    scenario.write_text(SCENARIO + "currency: EUR\n")
    assert main(["simulate", str(scenario), "-o", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (search,) = found["workloads"]
    only_a, only_b = search["alone"]
    assert found["currency"] == "EUR"
    for other in (only_a, only_b):
        for saving, cost in (("savingPercent", "cost"), ("nodeSavingPercent", "nodeCost")):
            dearer = float(other[cost]) / float(search["decided"][cost])
            assert float(other[saving]) == pytest.approx(100 * (1 - 1 / dearer), abs=1e-6)
    assert search["decided"]["objectiveMet"] is (float(search["decided"]["missedPercent"]) <= 1)
    assert search["decided"]["savingPercent"] is None
    assert main(["simulate", str(scenario)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"search: as decided {money(Decimal(search['decided']['cost']))} EUR, on a alone ")
    assert lines[1].startswith("The objective was ")
    assert lines[2].startswith("Whole nodes, with what stood idle: as decided ")
    assert lines[3].startswith("It ended on ")


def test_the_bill_of_whole_nodes_is_the_sum_of_its_parts(scenario, capsys):
    assert main(["simulate", str(scenario), "-o", "json", "--no-comparison"]) == 0
    found = json.loads(capsys.readouterr().out)
    (search,) = found["workloads"]
    whole, share = float(found["nodeCost"]), float(search["decided"]["cost"])
    assert float(search["decided"]["nodeCost"]) == whole
    assert found["standingNodes"] == [{"pool": "a", "nodes": 3}]
    assert 0 < share < whole
    assert whole == pytest.approx(share + float(found["nodeStartingCost"]) + float(found["nodeEmptyCost"])), "one replica fills a node here"


def test_runs_on_one_pool_alone_are_the_same_in_a_process_of_their_own(scenario):
    from steelyard.cli.comparison import Comparison
    from steelyard.simulate.alone import alone, pairs
    from steelyard.simulate.scenario_file import load

    loaded = load(scenario)
    with Comparison(loaded, list(pairs(loaded.scenario))) as others:
        found = others.runs(lambda _: None)
    assert list(found) == [("search", "a"), ("search", "b")]
    assert found["search", "b"] == alone(loaded, "search", "b", lambda _: None)
    assert others.part(1.0) == 1.0


def test_a_comparison_whose_process_is_killed_says_so(scenario):
    from steelyard.cli.comparison import Comparison
    from steelyard.cli.problem import Problem
    from steelyard.simulate.scenario_file import load

    loaded = load(scenario)
    with pytest.raises(Problem, match="exit code -9"), Comparison(loaded, [("search", "a")]) as others:
        ((process, *_),) = others._workers
        os.kill(process.pid, signal.SIGKILL)
        others.runs(lambda _: None)


def test_an_interrupt_leaves_no_process_behind(scenario):
    from steelyard.cli.comparison import Comparison
    from steelyard.simulate.scenario_file import load

    with pytest.raises(KeyboardInterrupt), Comparison(load(scenario), [("search", "a"), ("search", "b")]) as others:
        raise KeyboardInterrupt
    assert [process.exitcode for process, *_ in others._workers] == [-signal.SIGTERM] * len(others._workers)


def test_examples_are_listed_each_with_a_sentence(capsys):
    assert main(["simulate", "--example"]) == 0
    listed = capsys.readouterr().out
    assert main(["simulate", "--example", "-o", "json"]) == 0
    examples = json.loads(capsys.readouterr().out)["examples"]
    assert {each["name"] for each in examples} == {file.stem for file in (ROOT / "examples/scenarios").glob("*.yaml")}
    for each in examples:
        assert each["name"] in listed
        assert each["about"].endswith(".")
        assert len(each["about"]) > 40


def test_an_example_that_is_not_there_is_answered_with_those_that_are(capsys):
    err = failure(capsys, "simulate", "--example", "claim-half-treu")
    assert "there is no example 'claim-half-treu'" in err
    assert "crossover Two pools whose prices cross every few hours" in " ".join(err.split())


def test_an_example_runs_as_the_file_does(capsys):
    more = ("--days", "0.01", "--no-comparison")
    assert main(["simulate", "--example", "claim-half-true", *more]) == 0
    by_name, err = capsys.readouterr()
    assert err.startswith("claim-half-true: A claim that is half true")
    assert main(["simulate", str(ROOT / "examples/scenarios/claim-half-true.yaml"), *more]) == 0
    assert capsys.readouterr().out == by_name


@pytest.mark.parametrize("arguments", [[], ["scenario.yaml", "--example", "crossover"]])
def test_a_file_or_an_example_is_given_and_not_both(arguments, capsys):
    assert "needs a scenario's file, or --example NAME, and not both" in failure(capsys, "simulate", *arguments)


@pytest.mark.parametrize("name", ["claim-half-true"])
def test_progress_is_told_while_it_runs(name, monkeypatch, capsys):
    monkeypatch.setattr("steelyard.cli.progress.PAUSE", 0.0)
    assert main(["simulate", "--example", name, "--days", "0.01", "--no-comparison"]) == 0
    assert "0.01 day(s), as decided: 100%" in capsys.readouterr().err


def test_a_list_price_in_another_currency_is_not_taken(tmp_path, capsys):
    (tmp_path / "own.yaml").write_text(CATALOGUE)
    (tmp_path / "scenario.yaml").write_text(OF_THE_CATALOGUE + "currency: EUR\n")
    err = failure(capsys, "simulate", tmp_path / "scenario.yaml", "--catalogue", tmp_path / "own.yaml")
    assert "pools[0].pricePerHour: must be given in EUR: the list has 2.5 USD an hour" in err
    assert "pools[1]" not in err


def test_its_records_are_replayed(scenario, capsys, tmp_path):
    assert main(["simulate", str(scenario), "--no-comparison", "--no-plots", "--out", str(tmp_path / "out")]) == 0
    capsys.readouterr()
    assert main(["replay", str(tmp_path / "out/decisions.jsonl")]) == 0
    assert "decision(s): identical" in capsys.readouterr().out


CATALOGUE = """
accelerators:
  - {name: chip, family: neuron-chip, resourceName: example.com/chip, memoryGiB: 16, source: a data sheet, date: 2026-01-01}
instanceTypes:
  - {name: chip.big, accelerator: chip, devices: 2, cpu: 8, memoryGiB: 64, source: a list, date: 2026-01-01,
     pricePerHour: 2.5, currency: USD, region: us-east-1, priceSource: a list, priceDate: 2026-01-01}
"""
OF_THE_CATALOGUE = """
days: 0.05
pools:
  - {name: chips, instanceType: chip.big, priceClass: List, nodes: 4}
  - {name: own, instanceType: chip.big, cpu: 4, pricePerHour: 1, nodes: 4}
workloads:
  - name: search
    load: {constant: 10}
    objective: {milliseconds: 500}
    truth: {chips: {serviceMilliseconds: 50}, own: {serviceMilliseconds: 50}}
"""


def test_a_users_catalogue_tells_what_a_pool_that_names_an_instance_type_leaves_out(tmp_path):
    from steelyard.app.catalogue import from_file
    from steelyard.simulate.scenario_file import load

    (tmp_path / "own.yaml").write_text(CATALOGUE)
    (tmp_path / "scenario.yaml").write_text(OF_THE_CATALOGUE)
    chips, own = load(tmp_path / "scenario.yaml", from_file(tmp_path / "own.yaml")).scenario.pools
    assert (chips.cpu, chips.memory_gib, chips.devices, chips.family, chips.accelerator) == (8, 64, 2, "neuron-chip", "chip")
    assert chips.price_per_hour == 2.5
    assert (own.cpu, own.price_per_hour) == (4, 1), "what the scenario says itself stands"
    assert main(["simulate", str(tmp_path / "scenario.yaml"), "--catalogue", str(tmp_path / "own.yaml"), "--no-comparison"]) == 0


def test_without_that_catalogue_it_says_what_is_missing(tmp_path, capsys):
    (tmp_path / "scenario.yaml").write_text(OF_THE_CATALOGUE)
    assert "pools[0].cpu" in failure(capsys, "simulate", tmp_path / "scenario.yaml")
    (tmp_path / "own.yaml").write_text("instanceTypes: [{name: chip.big}]")
    said = failure(capsys, "simulate", tmp_path / "scenario.yaml", "--catalogue", tmp_path / "own.yaml")
    assert "docs/reference/catalogue.md" in said


def test_what_is_advertised_of_an_accelerator_is_known_to_the_simulated_operator():
    from property.simulate.strategies import scenario, workload
    from steelyard.app.catalogue import shipped
    from steelyard.simulate.world import World

    pool = {"name": "inf2", "cpu": 4, "memoryGiB": 16, "devices": 1, "accelerator": "inferentia2", "nodes": 2, "pricePerHour": 1}
    entry = workload("search", 1.0, {"inf2": {"serviceMilliseconds": 20}}, model="hf://bert-base-uncased")
    loaded = scenario(pools=[pool], workloads=[entry])
    (seen,) = World(loaded.scenario, {}, shipped()).snapshot("search").pools
    assert seen.advertised is not None
    (blank,) = World(loaded.scenario, {}).snapshot("search").pools
    assert blank.advertised is None
