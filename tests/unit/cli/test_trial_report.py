"""The report of a trial: the verdict first, equal quality before cost, every doubt, and the words that make the same trial."""

import copy
import csv
import io
import json
import math
import re
import shlex
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from rich.console import Console

from steelyard.cli import reporting
from steelyard.cli.main import main
from steelyard.cli.page.style import STYLE
from steelyard.cli.parser import build
from steelyard.cli.problem import NotThere, Problem
from steelyard.cli.report_file import content
from steelyard.cli.text.accuracy import accuracies
from steelyard.cli.text.trial import show
from steelyard.cli.view.trial import trial_view
from steelyard.cli.view.trial_report import trial_report
from steelyard.core.replay.trial_record import trial_record
from unit.cli.fake_api import fake_api
from unit.cli.golden_text import trial_texts
from unit.cli.html_page import Page
from unit.cli.situations import balanced, condition
from unit.cli.trials import ANSWERS, G5, INF2, TRIALS, WORKLOAD, decided, failed, live, local, measuring, verdict
from unit.core.asked_trial import AskedTrial, half_of
from unit.core.test_asked_trial import world as asked_world

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


def test_several_promises_to_different_shares_of_the_requests_are_doubted_since_they_were_held_together():
    one = changed()
    promised = [{"metric": metric, "milliseconds": 80, "percent": percent} for metric, percent in (("ttft", "95"), ("itl", "99"))]
    one.workload["spec"]["objective"]["latency"] = promised
    assert sum("had to keep all of them at once" in doubt for doubt in trial_report(one).doubts) == 1
    for each in promised:
        each["percent"] = "95"
    assert not any("had to keep all of them at once" in doubt for doubt in trial_report(one).doubts)


def test_equal_quality_stands_before_cost_and_each_load_has_its_pools_side_by_side():
    told = page(decided())
    heads = [text for tag, text in told.texts if tag == "h2"]
    assert heads == [
        "Claimed and measured",
        "Quality",
        "Capacity and cost",
        "Where the money is",
        "A month",
        "Prices",
        "What would change the answer",
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


def how(name):
    told = [text for _, text in page(TRIALS[name]()).texts]
    return told[told.index("How it was measured") + 1]


def test_how_it_was_measured_is_what_happened():
    assert how("decided").endswith(
        "until the objective broke and the server was full, then steady loads at half, all and twice of 120 requests/s."
    )
    assert how("too-small").startswith("No request was sent. Ended, BudgetTooSmall")
    assert how("compiling").startswith("No request was sent. Waiting")
    cut = how("failed")
    assert cut.startswith(f"One replica on {INF2}, which served nobody, got requests")
    assert f"(on {INF2} it broke at no load that was sent), then steady loads at half and all of 120 requests/s." in cut
    assert how("measuring").startswith(f"One replica on {INF2}, which served nobody, gets requests")
    assert "ever more until the objective breaks and the server is full" in how("measuring")


def test_a_load_is_not_missed_before_anything_is_measured():
    missed = "the load of the workload was not known, so nothing was measured at it"
    doubts = {name: trial_report(TRIALS[name]()).doubts for name in ("unseen", "compiling", "by-tokens")}
    assert [missed in doubts[name] for name in ("unseen", "compiling", "by-tokens")] == [False, False, True]


def test_an_hour_is_price_times_replicas_and_says_what_of_it_is_spare():
    told = page(decided())
    rows = [text for _, text in told.texts[told.texts.index(("h2", "Where the money is")) :]][9:]
    # Four replicas at 0.7582 carry 4 x 38.5 requests/s while the objective is kept, and 120 come.
    assert rows[14:21] == ["all, 120/s", INF2, "4", "3.03", "22 %", "0.00702", "-"]
    assert (
        f"{INF2}: a replica starts in 95s, which costs 0.0200 USD, its artifact compiled for 14m, once, the trial itself cost 0.310 USD there."
        in rows
    )
    carried = [text for _, text in page(failed()).texts]
    assert "22 %" in carried, "of a capacity that is a lower end at least that"


def test_prices_have_class_and_age_and_a_break_even_with_its_interval():
    told = page(decided())
    texts = [text for _, text in told.texts]
    at = texts.index("Prices")
    assert texts[at + 9] == "Source"
    assert texts[at + 10 : at + 18] == [INF2, "0.7582", "List", "0.7582 USD", "List", "2026-02-20", "9d", "the public list"]
    (found,) = trial_report(decided()).break_even
    assert float(found.equal_at) == pytest.approx(0.7582 / 0.83, rel=1e-5)
    assert [float(found.lower), float(found.upper)] == pytest.approx([0.7582 / 0.88, 0.7582 / 0.79], rel=1e-5)
    assert float(found.true_at) == pytest.approx(0.7582 * 0.50 / 0.83, rel=1e-5)
    assert (
        f"{INF2}: at 0.913 [0.862, 0.960] USD an hour for a replica, instead of 0.7582, it would cost as much as {G5}; the claim "
        "unit-cost-0-50-of-g5-xlarge would be true at 0.457 or less."
    ) in texts


def test_the_record_that_it_rests_on_is_named_by_its_digest_where_there_is_one():
    assert "the decision's record has the digest 5c0e7d11aa42f09b in the operator's log; from it," in [
        text for _, text in page(decided()).texts
    ]
    assert trial_report(decided()).trial.digest == "5c0e7d11aa42f09b"
    older = decided()
    del older.trial["status"]["digest"]
    for without in (older, local()):
        assert not any("digest" in text or "steelyard replay" in text for _, text in page(without).texts)


def test_the_record_is_written_beside_the_page_and_decides_the_same_again(tmp_path, capsys, monkeypatch):
    trial = AskedTrial(world=asked_world(), claims=(half_of("cheap", "dear", 0.3),))
    log = []
    while not trial.finished:
        snapshot, now = trial.snapshot(), trial.now
        log.append({"message": "trial decided", "record": trial_record(snapshot, trial.look(), now)})
    (tmp_path / "operator.log").write_text("".join(json.dumps(line) + "\n" for line in [{"message": "the watch began"}, *log]))
    one = decided()
    one.trial["status"]["digest"] = trial.decisions[-1].digest
    with fake_api(tmp_path) as (api, config):
        api.put("acceleratortrials", one.trial)
        asked = ["--kubeconfig", config, "report", "embedder-half", "-n", "shop", "--to", str(tmp_path / "page.html")]
        assert main([*asked, "--record", str(tmp_path / "operator.log")]) == 0
        record = tmp_path / "embedder-half-record.json"
        assert f"`steelyard replay {record}`" in capsys.readouterr().err
        assert json.loads(record.read_text())["reason"] == "Decided"
        assert main(["replay", str(record)]) == 0
        assert trial.decisions[-1].digest in capsys.readouterr().out
        (tmp_path / "rotated.log").write_text(json.dumps(log[0]))
        assert main([*asked, "--record", str(tmp_path / "rotated.log")]) == 2
        assert f"holds no record with the digest {trial.decisions[-1].digest}" in capsys.readouterr().err
        del one.trial["status"]["digest"]
        api.put("acceleratortrials", one.trial)
        assert main([*asked, "--record", str(tmp_path / "operator.log")]) == 2
        assert "does not name the record" in capsys.readouterr().err


def test_there_is_no_break_even_without_a_measurement_or_a_price():
    assert trial_report(failed()).break_even == ()
    one = changed()
    del one.trial["status"]["pools"][0]["pricePerHour"]
    assert trial_report(one).break_even == ()


def test_the_picture_has_the_claim_the_measurement_and_the_line_at_1_of_a_ratio():
    text = content(trial_report(decided()), "html")
    drawn = ElementTree.fromstring(re.search(r"<svg.*?</svg>", text, re.DOTALL).group())
    by_kind = {
        kind: [each for each in drawn if each.get("class") == kind] for kind in ("claimed", "one", "measured Refuted", "measured Confirmed")
    }
    ring, ring_of_value = (float(each.get("cx")) for each in by_kind["claimed"])
    one, one_of_value = (float(each.get("x1")) for each in by_kind["one"])
    bar, dot = by_kind["measured Refuted"]
    # At 0.50 of the other pool, measured 0.83 [0.79, 0.88], and the other pool itself at 1.
    assert ring < float(bar.get("x1")) < float(dot.get("cx")) < float(bar.get("x2")) < one
    assert (one - float(dot.get("cx"))) / (one - ring) == pytest.approx(math.log(0.83) / math.log(0.5), abs=0.002)
    assert ring_of_value == one_of_value == one, "a value stands as a multiple of what was claimed"
    assert float(by_kind["measured Confirmed"][1].get("cx")) < one


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


def test_one_of_the_users_own_requests_says_whose_they_were_and_what_they_do_not_show():
    view = trial_report(live())
    told = page(live())
    body = " ".join(text for _, text in told.texts)
    assert "Measured by your own requests" in body and "which served nobody" not in body
    assert "Job" not in body and "Cost as served" in body
    assert "at half, all and twice" not in body
    assert any("an equal share" in doubt for doubt in view.doubts)
    assert not any("made for the trial" in doubt or "nothing was measured at" in doubt for doubt in view.doubts)
    assert "--live" in view.trial.command and view.trial.month is None
    apart = live()
    apart.trial["status"]["pools"][1] |= {"from": "2026-03-01T13:00:00Z", "to": "2026-03-01T13:10:00Z"}
    assert any("measured one after the other" in doubt for doubt in trial_report(apart).doubts)


@pytest.mark.parametrize(
    ("traffic", "words"),
    [
        ({}, "an equal share for each replica"),
        ({"parentRefs": [{"name": "models"}]}, "by the weights of the route"),
        ({"parentRefs": [{"name": "models"}], "inferencePools": {"extent": "PerPool"}}, "by the weights of the route"),
        ({"parentRefs": [{"name": "models"}], "inferencePools": {"extent": "Shared"}}, "what the endpoint picker sent it"),
        (None, "of which it is not known what it went by"),
    ],
)
def test_the_share_of_the_users_requests_is_told_as_it_was_made(traffic, words):
    seen = live()
    assert seen.workload is not None
    spec = {**seen.workload["spec"], "traffic": traffic}
    seen = replace(seen, workload=None if traffic is None else {**seen.workload, "spec": spec})
    body = " ".join(text for _, text in page(seen).texts)
    assert body.count(words) == 3, "beside the cost, in the doubts, and in how it was measured"
    assert ("equal share" in body) == (traffic == {})
    assert trial_report(decided()).trial.spread_by is None


def test_one_on_this_machine_speaks_of_no_cluster_and_of_no_money_that_is_spent():
    one = local()
    told = page(one)
    body = " ".join(text for _, text in told.texts)
    for word in ("Job", "kubectl", "steelyard report", "reserved", "budget", "A node an hour", "workload", "Trial shop/"):
        assert word not in body, word
    assert "USD an hour, the machine" in body and "at the load that was asked for" in body
    assert "steelyard trial --local m --pools a,b" in body
    assert told.standing_alone()
    text = trial_texts(one)["trial"]
    assert "Ended 90s ago." in text and "Spent" not in text and "budget" not in text
    del one.trial["status"]["load"]
    assert "no load was asked for (--load), so nothing was measured at one" in trial_report(one).doubts


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


def sheet(seen):
    """Rows by head."""
    return list(csv.DictReader(io.StringIO(content(trial_report(seen), "csv")), strict=True))


def test_for_a_spreadsheet_there_is_a_row_a_pool_and_load_with_units_in_its_head():
    rows = sheet(decided())
    assert [(row["pool"], row["load (requests/s)"], row["replicas"]) for row in rows] == [
        *((INF2, "60", "2"), (INF2, "120", "4"), (INF2, "240", "7")),
        *((G5, "60", "2"), (G5, "120", "3"), (G5, "240", "6")),
    ]
    half, now, _ = rows[:3]
    assert (now["p50 (ms)"], now["p99 (ms)"], now["within the objective (%)"], now["requests sent"]) == ("12.4", "61.3", "99.4", "9600")
    assert now["cost at this load (USD for 1,000 good requests)"] == "0.00702"
    assert [float(now[f"cost at this load (USD/{time})"]) for time in ("hour", "month")] == pytest.approx([4 * 0.7582, 4 * 0.7582 * 730])
    assert now["of it spare (%)"] == "22.100"
    assert (half["capacity of a replica (good requests/s)"], half["capacity of a replica (good requests/s), lower"]) == ("38.5", "36.1")
    assert half["cost where the objective is just kept (USD for 1,000 good requests), upper"] == "0.00583"
    assert (half["price of a replica (USD/hour)"], half["class of the price"]) == ("0.7582", "List")
    assert (half["start (s)"], half["compile (s)"], half["spent by the trial (USD)"]) == ("95", "840", "0.31")


def test_what_is_not_known_is_an_empty_cell_and_a_pool_without_loads_has_a_row():
    *measured, lost = sheet(failed())
    assert [row["pool"] for row in measured] == [INF2, INF2]
    assert lost.pop("pool") == G5
    assert lost.pop("spent by the trial (USD)") == "0.1"
    assert set(lost.values()) == {""}
    assert measured[0]["basis of the capacity"] == "Carried"


@pytest.mark.parametrize("name", TRIALS)
def test_every_situation_has_the_same_columns_but_for_what_is_counted(name):
    view = trial_report(TRIALS[name]())
    heads, *rows = csv.reader(io.StringIO(content(view, "csv")))
    assert len(heads) == len(set(heads)) == 29 + 4 * len(view.trial.other_units)
    assert rows and {len(row) for row in rows} == {len(heads)}
    assert ("1M output tokens" in " ".join(heads)) == (name == "by-tokens")


def test_of_a_token_server_the_cost_stands_in_both_units_each_with_its_n():
    money = "the same money is 0.214 [0.208, 0.221] for 1M output tokens (n 710,000)"
    seen = decided()
    first, *_ = seen.trial["status"]["pools"] = copy.deepcopy(seen.trial["status"]["pools"])
    first["unitCost"]["outputTokens"] = {"value": "0.214", "lower": "0.208", "upper": "0.221", "tokens": 710000}
    assert f"{INF2}: {money}" in trial_texts(seen)["trial"]
    assert f"{INF2}: {money}." in [text for _, text in page(seen).texts]
    row, *_, other = sheet(seen)
    assert row["cost where the objective is just kept (USD for 1M output tokens), lower"] == "0.208"
    assert row["output tokens behind this cost"] == "710000"
    assert other["output tokens behind this cost"] == "", "its server does not tell them"
    by_output = TRIALS["by-tokens"]()
    said = "the same money is 0.00547 [0.00514, 0.00583] for 1,000 good requests (n 12,000)"
    assert f"{INF2}: {said}" in trial_texts(by_output)["trial"]
    assert sheet(by_output)[0]["good requests behind this cost"] == "12000"


def test_where_there_is_room_the_terminal_says_how_long_the_compiles_took():
    lines = trial_texts(decided(), 140)["trial"].splitlines()
    heads = next(line for line in lines if "SATURATION" in line)
    row = next(line for line in lines if line.split()[:2] == [INF2, "Measured"])
    assert heads.split()[:4] == ["POOL", "PHASE", "COMPILE", "START"]
    assert row.split()[2:4] == ["14m", "95s"]


def test_the_page_tells_how_long_requests_and_answers_were_where_the_server_tells():
    seen = decided()
    first, *_ = seen.trial["status"]["pools"] = copy.deepcopy(seen.trial["status"]["pools"])
    first["steps"][1] |= {"inputTokens": "412.4", "outputTokens": "128"}
    body = " ".join(text for _, text in page(seen).texts)
    assert body.count("good requests of 412 input tokens and 128 output tokens in the mean") == 1
    assert body.count("good requests of 212 input tokens in the mean") == 1, "the other pool's server tells no answers' lengths"
    for each in seen.trial["status"]["pools"]:
        each["steps"] = [{key: value for key, value in step.items() if "Tokens" not in key} for step in each["steps"]]
    assert "in the mean" not in " ".join(text for _, text in page(seen).texts)


@pytest.mark.parametrize("name", ["minilm", "embedder-half"])
def test_who_signed_it_off_stands_on_the_page_and_else_a_line_for_paper_alone(name, tmp_path, capsys):
    with fake_api(tmp_path) as (api, config):
        api.put("inferenceworkloads", balanced().workloads[0])
        api.put("acceleratortrials", decided().trial)

        def told(*words):
            assert main(["--kubeconfig", config, "-n", "shop", "report", name, "--to", "-", *words]) == 0
            return Page(capsys.readouterr().out)

        signed, open_ = told("--signed-by", "A. <b>Person</b>"), told()
    said = signed.texts[-1][1]
    assert re.fullmatch(r"Signed off by A\. <b>Person</b> on \d{4}-\d\d-\d\d\.", said), said
    assert "b" not in signed.tags, "a name is no markup"
    assert main(["--kubeconfig", config, "report", name, "--csv", "--signed-by", "A"]) == 2
    assert "--signed-by is for the page" in capsys.readouterr().err
    assert ("p", "class", "paper") not in signed.attributes
    assert ("p", "class", "paper") in open_.attributes and open_.texts[-1][1].startswith("Signed off by: ___")
    before, printed = STYLE.rsplit("@media print", 1)
    assert ".paper { display: none; }" in before and ".paper { display: block;" in printed


def test_json_has_all_of_it():
    told = json.loads(content(trial_report(decided()), "json"))
    assert (told["kind"], told["title"]) == ("TrialReport", FIRST)
    assert told["trial"]["pools"][0]["steps"][1]["p99Milliseconds"] == "61.3"
    assert told["trial"]["claims"][0]["flips"].startswith("true from")


@pytest.mark.parametrize("form", ["json", "csv"])
def test_figures_have_an_option_of_their_own_which_says_the_same_as_the_long_one_and_not_two_things_at_once(form, tmp_path, capsys):
    with fake_api(tmp_path) as (api, config):
        api.put("inferenceworkloads", balanced().workloads[0])
        api.put("acceleratortrials", decided().trial)
        for name in ("minilm", "embedder-half"):
            told = []
            for words in (["-o", form], [f"--{form}"]):
                assert main(["--kubeconfig", config, "-n", "shop", "report", name, *words]) == 0
                told.append(re.sub('"time": "[^"]*"', "", capsys.readouterr().out))
            assert told[0] == told[1] != ""
    with pytest.raises(SystemExit) as ended:
        main(["report", "x", "-o", "llm-d", f"--{form}"])
    assert ended.value.code == 2
    assert "not allowed with argument" in capsys.readouterr().err
    assert main(["completion", "fish"]) == 0
    assert f"__fish_seen_subcommand_from report' -l {form}\n" in capsys.readouterr().out


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


def test_how_near_each_artifact_is_to_the_reference_stands_beside_quality_in_text_and_on_the_page():
    seen = copy.deepcopy(decided())
    for row, accuracy in zip(
        seen.trial["status"]["pools"],
        ({"measure": "LeastCosine", "value": "0.99987"}, {"measure": "WorstLogprob", "value": "0.012"}),
        strict=True,
    ):
        row["accuracy"] = accuracy
    said = [
        "inf2-xlarge: least cosine to the reference 0.99987 on golden samples, where it was compiled",
        "g5-xlarge: at most 0.012 nats from the reference on golden samples, where it was compiled",
    ]
    assert accuracies(trial_view(seen).pools) == said
    screen = Console(file=io.StringIO(), width=200)
    show(screen, trial_view(seen))
    written = content(trial_report(seen), "html")
    for each in said:
        assert each in screen.file.getvalue() and each in written
    assert accuracies(trial_view(copy.deepcopy(decided())).pools) == []
