"""The report of a trial: the verdict first, equal quality before cost, every doubt, and the words that make the same trial."""

import copy
import csv
import io
import json
import re
import shlex

import pytest
from rich.console import Console

from steelyard.cli import reporting
from steelyard.cli.main import main
from steelyard.cli.parser import build
from steelyard.cli.problem import NotThere, Problem
from steelyard.cli.report_file import content
from steelyard.cli.text.trial import show
from steelyard.cli.view.figure_row import HEADS
from steelyard.cli.view.trial import trial_view
from steelyard.cli.view.trial_report import trial_report
from unit.cli.fake_api import fake_api
from unit.cli.html_page import Page
from unit.cli.situations import balanced, condition
from unit.cli.trials import ANSWERS, G5, INF2, TRIALS, WORKLOAD, decided, failed, measuring, verdict

FIRST = f"{INF2}: claimed 0.50 of {G5}'s unit cost, measured 0.83 [0.79, 0.88]: Refuted."


def page(seen):
    return Page(content(trial_report(seen), "html"))


def changed(**status):
    """The decided trial with these fields of its status."""
    one = copy.deepcopy(decided())
    one.trial["status"] |= status
    return one


@pytest.mark.parametrize("name", TRIALS)
def test_every_situation_is_one_file_that_needs_nothing_else_and_says_its_sentence_first(name):
    view = trial_report(TRIALS[name]())
    text = content(view, "html")
    told = Page(text)
    assert len(text.encode()) < 1_000_000
    assert told.standing_alone()
    body = [text for text in told.texts if text[0] != "title"]
    assert body[0] == ("h1", view.title)
    assert next(tag for tag in told.tags if re.fullmatch(r"h\d", tag)) == "h1"
    assert "\x1b" not in text


def test_the_verdict_is_the_title_and_behind_it_the_money_at_the_workloads_own_load():
    told = page(decided())
    texts = [text for text in told.texts if text[0] != "title"]
    assert texts[0] == ("h1", FIRST)
    # 120 requests/s for 730 hours; 4 replicas at 0.7582 an hour beside 3 at 1.006.
    assert texts[1] == ("p", "At your 315 M requests a month, with whole replicas, 2,214 against 2,203 USD, not 1,102.")


def test_where_the_load_or_a_price_is_not_known_there_is_no_money():
    one = changed()
    del one.trial["status"]["load"]
    assert trial_report(one).trial.month is None
    one = changed()
    del one.trial["status"]["pools"][1]["pricePerHour"]
    view = trial_report(one)
    assert [row.pool for row in view.trial.month.pools] == [INF2]
    assert view.verdicts[0].money is None
    assert f"{G5}: its price is not known" in view.doubts


def test_equal_quality_stands_before_cost_and_each_load_has_its_pools_side_by_side():
    told = page(decided())
    heads = [text for tag, text in told.texts if tag == "h2"]
    assert heads == [
        "Claimed and measured",
        "Quality",
        "Capacity and cost",
        "Cost at the workload's loads",
        "A month",
        "Where the claim would turn",
        "Claims and their sources",
        "How it was measured",
        "What is in doubt",
        "How to see it for yourself",
    ]
    quality = told.texts[told.texts.index(("h2", "Quality")) : told.texts.index(("h2", "Capacity and cost"))]
    assert ("p", "Objective: 99 % of requests within 80 ms (e2e).") in quality
    rows = [text for tag, text in quality if tag in {"th", "td"}][7:]
    assert [rows[at : at + 2] for at in range(0, len(rows), 7)] == [
        [load, pool] for load in ("half, 60.0/s", "all, 120/s", "twice, 240/s") for pool in (INF2, G5)
    ]
    assert rows[:7] == ["half, 60.0/s", INF2, "9,600", "99.6 %", "12.4 ms", "31.8 ms", "44.1 ms"]


def test_a_load_at_which_the_promise_is_not_kept_is_a_doubt_about_its_cost():
    one = changed()
    one.trial["status"]["pools"][0]["steps"][2]["goodPercent"] = "97.5"
    assert f"{INF2}: at 240 requests/s only 97.5 % were good, and 99 % are promised, so its cost there is not that of equal quality" in (
        trial_report(one).doubts
    )
    assert not [doubt for doubt in trial_report(decided()).doubts if "equal quality" in doubt]


def test_doubts_name_what_was_carried_disturbed_missing_or_lost():
    doubts = trial_report(failed()).doubts
    assert f"{INF2}: a replica carries at least 38.5 requests/s; how much more is not known" in doubts
    assert f"{INF2}: the step at twice of the load was disturbed: the node was under pressure" in doubts
    assert f"{INF2}: nothing was measured at twice of the load" in doubts
    assert f"{G5}: Failed, no node came within the deadline" in doubts
    assert any(doubt.startswith("Ended, Deadline: ") for doubt in doubts)
    assert any("is Inconclusive, only carried" in doubt for doubt in doubts)


def test_doubts_name_what_pools_share_and_that_they_were_measured_one_after_the_other():
    one = changed()
    assert one.pools is not None
    one.pools[0]["status"]["conditions"] = [condition("Overlapping", "True", "Overlapping", f"shares node n with pool {INF2}")]
    one.trial["status"]["pools"][1] |= {"from": "2026-03-01T12:10:00Z", "to": "2026-03-01T12:30:00Z"}
    doubts = trial_report(one).doubts
    assert f"{G5}: shares node n with pool {INF2}" in doubts
    assert f"{INF2} and {G5}: measured one after the other, 12 minutes apart" in doubts
    assert not [doubt for doubt in trial_report(decided()).doubts if "apart" in doubt or "shares" in doubt]


def test_a_trial_that_goes_on_says_so_and_does_not_complain_of_pools_that_are_on_their_way():
    doubts = trial_report(measuring()).doubts
    assert doubts[0] == "the trial goes on: all of this may still change"
    assert not [doubt for doubt in doubts if "without a reason" in doubt]


def test_the_capacity_of_a_server_that_was_never_full_is_a_lower_end_and_its_cost_an_upper_one():
    texts = [text for _, text in page(failed()).texts]
    assert "38.5 [36.1, 41.0] or more" in texts
    assert "0.00547 [0.00514, 0.00583] or less" in texts


def test_the_command_on_the_page_makes_the_same_trial():
    (command,) = [text for tag, text in page(decided()).texts if tag == "code" and " trial start " in text]
    told = build("steelyard").parse_args(shlex.split(command)[1:])
    assert (told.workload, told.pools, told.budget, told.deadline, told.namespace) == ("embedder", [INF2, G5], "2.00", 7200, "shop")
    assert told.claim == [f"unit cost 0.50 of {G5}", "throughput 60 RequestsPerSecond at saturation"]


def test_energy_is_shown_where_it_is_told():
    one = changed()
    one.trial["status"]["pools"][0]["steps"][1]["joulesPerRequest"] = "4.31"
    assert "4.31" in [text for _, text in page(one).texts]


def test_what_a_tenant_writes_stays_text():
    evil = '</p><script>alert("x")</script><p onclick="y">'
    one = changed(claims=[*ANSWERS, verdict({**ANSWERS[0], "ratio": "0.5"}, "Refuted", measured="0.9", message=evil) | {"name": evil}])
    one.trial["status"]["pools"][0]["message"] = evil
    assert page(one).standing_alone()
    assert any(evil in text for _, text in page(one).texts)


def test_figures_for_a_spreadsheet_are_rows_of_one_width_and_none_is_made_up():
    rows = list(csv.reader(io.StringIO(content(trial_report(failed()), "csv"))))
    assert tuple(rows[0]) == HEADS
    assert {len(row) for row in rows} == {len(HEADS)}
    assert [INF2, "capacity_per_replica", "38.5", "36.1", "41.0", "12000", "Carried"] in rows
    assert [INF2, "p99_milliseconds at 120", "61.3", "", "", "9600", ""] in rows
    assert [G5, "capacity_per_replica", "", "", "", "", ""] in rows, "what was not measured is empty"


def test_json_has_all_of_it():
    told = json.loads(content(trial_report(decided()), "json"))
    assert (told["kind"], told["title"]) == ("TrialReport", FIRST)
    assert told["trial"]["pools"][0]["steps"][1]["p99Milliseconds"] == "61.3"
    assert told["trial"]["claims"][0]["flips"].startswith("true from")


def test_a_workload_is_found_before_a_trial_of_its_name_unless_the_trial_is_asked_for(tmp_path, capsys):
    with fake_api(tmp_path) as (api, config):
        same = {"name": "minilm", "namespace": "shop"}
        api.put("inferenceworkloads", balanced().workloads[0] | {"metadata": same})
        api.put("inferenceworkloads", WORKLOAD)
        api.put("acceleratortrials", decided().trial | {"metadata": same})
        api.put("acceleratortrials", decided().trial)

        def kind(*words):
            assert main(["--kubeconfig", config, "report", *words, "-o", "json"]) == 0
            return json.loads(capsys.readouterr().out)["kind"]

        assert kind("minilm") == "Report"
        assert kind("minilm", "--trial") == "TrialReport"
        assert kind("embedder-half") == "TrialReport"
        assert main(["--kubeconfig", config, "report", "embedder-hal"]) == 2
        assert capsys.readouterr().err.splitlines() == [
            "error: there is neither an InferenceWorkload nor an AcceleratorTrial 'embedder-hal' in namespace 'shop'",
            "  try: of workloads: did you mean embedder?; of trials: did you mean embedder-half?",
        ]


def test_where_trials_are_not_known_or_may_not_be_read_a_workload_that_is_missing_is_what_is_told(monkeypatch):
    def nothing(*_):
        raise NotThere("there is no InferenceWorkload 'x'", "look elsewhere")

    def unknown(*_):
        raise Problem("the kind AcceleratorTrial is not installed", "install it")

    monkeypatch.setattr(reporting, "gather", nothing)
    monkeypatch.setattr(reporting, "gather_trial", unknown)
    with pytest.raises(NotThere, match="there is no InferenceWorkload 'x'"):
        reporting.reported(None, "shop", "x", trial=False)
    with pytest.raises(Problem, match="not installed"):
        reporting.reported(None, "shop", "x", trial=True)


def test_how_near_a_pool_is_to_the_model_stands_beside_its_cost_where_it_is_told():
    one = copy.deepcopy(decided())
    one.trial["status"]["pools"][0]["cosineMin"] = "0.998901"
    console = Console(file=io.StringIO(), width=200)
    show(console, trial_view(one))
    for text in (console.file.getvalue(), content(trial_report(one), "html")):
        assert "0.99890" in text
        assert "cosine" in text.lower()
    assert "cosine" not in content(trial_report(decided()), "html").lower()
