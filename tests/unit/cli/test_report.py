"""One page for who decides: the verdict is the first text, figures are those of status, and whatever a tenant wrote stays text."""

import copy
import csv
import io
import json
import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from steelyard.cli.main import main
from steelyard.cli.page.element import table
from steelyard.cli.page.style import STYLE
from steelyard.cli.problem import Problem
from steelyard.cli.report_file import content, put
from steelyard.cli.view.report import report
from unit.cli.html_page import Page
from unit.cli.situations import NOW, SITUATIONS, balanced, moved, no_pool, proven, unproven

AMX, AVX = "cpu-amx", "cpu-avx"


def page(seen):
    return Page(content(report(seen), "html"))


def claims(seen, *verdicts):
    """With these verdicts instead."""
    seen = copy.deepcopy(seen)
    seen.workloads[0]["status"]["claims"] = list(verdicts)
    return seen


def verdict(word, name="half-the-cost", **more):
    return {"pool": AMX, "name": name, "verdict": word, "n": 100, "claimed": "0.5", "message": "a reason", **more}


@pytest.mark.parametrize("name", SITUATIONS)
def test_every_situation_is_one_file_that_needs_nothing_else(name):
    text = content(report(SITUATIONS[name]()), "html")
    told = Page(text)
    assert len(text.encode()) < 1_000_000
    assert told.standing_alone()
    assert "url(" not in STYLE and "@import" not in STYLE


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_verdict_is_the_first_text_and_headings_follow_in_order(name):
    view = report(SITUATIONS[name]())
    told = Page(content(view, "html"))
    body = [text for text in told.texts if text[0] != "title"]
    assert body[0] == ("h1", view.title)
    levels = [tag for tag in told.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == "h1" and set(levels[1:]) <= {"h2"}
    assert ("html", "lang", "en") in told.attributes


def test_it_says_what_was_claimed_what_was_measured_and_what_that_is_in_money():
    view = report(moved())
    assert view.title == f"{AMX}: claimed 0.5 of {AVX}'s unit cost, measured 0.79 [0.76, 0.82]: Refuted."
    assert view.month is not None
    by_pool = {row.pool: row.money for row in view.month.pools}
    assert view.verdicts[0].money == (
        f"At your 66.8 M good requests a month {by_pool[AMX]:,.0f} against {by_pool[AVX]:,.0f} EUR, not {by_pool[AVX] / 2:,.0f}."
    )


def test_a_month_is_730_hours_at_the_pace_and_the_unit_cost_that_were_measured():
    seen = moved()
    (cost,) = [p["unitCost"] for p in seen.workloads[0]["status"]["placements"] if p["pool"] == AMX]
    hours = (datetime.fromisoformat(cost["to"]) - datetime.fromisoformat(cost["from"])) / timedelta(hours=1)
    month = report(seen).month
    assert month is not None
    assert float(month.units) == pytest.approx(cost["good"] / hours * 730, rel=1e-6)
    (row,) = [r for r in month.pools if r.pool == AMX]
    assert float(row.money) == pytest.approx(float(month.units) / 1000 * 0.00301, abs=0.01)


def test_requests_that_a_new_revision_gets_are_not_counted_twice():
    seen = balanced()
    (workload,) = copy.deepcopy(seen.workloads)
    old = workload["status"]["placements"][0]
    cost = {**old["unitCost"], "from": "2026-03-01T11:50:00Z", "to": "2026-03-01T11:58:00Z", "good": 2400, "n": 2400}
    new = {**old, "revision": "aaaa1111", "readyReplicas": 1, "desiredReplicas": 1, "unitCost": cost}
    workload["status"]["placements"].insert(1, new)
    ends = {"from": old["pool"], "to": old["pool"], "fromRevision": old["revision"], "toRevision": "aaaa1111"}
    times = dict.fromkeys(("startedTime", "stepTime", "deadlineTime"), "2026-03-01T11:50:00Z")
    workload["status"]["move"] = {"id": "m", "kind": "Revision", **ends, "step": "Bake", "targetReplicas": 1, "targetGoal": 2, **times}
    assert report(replace(seen, workloads=(workload,))).month == report(seen).month


def test_where_the_money_is_adds_up_and_leads_to_the_bill():
    seen = copy.deepcopy(moved())
    seen.workloads[0]["status"]["costs"] = [{"pool": AMX, "allocated": "0.170", "fullyLoaded": "0.254", "avoidable": "0.2"}]
    texts = [text for _, text in page(seen).texts]
    at = texts.index("Where the money is")
    assert (
        texts[at + 1]
        == "EUR an hour, as things stand now. Without the workload the bill would be less by the last column, which is what decides"
    )
    assert texts[at + 7 : at + 12] == [AMX, "0.170", "0.0840", "0.254", "0.200"]
    assert "steelyard bill LEDGER BILL" in texts


def test_it_says_what_is_served_when_it_was_measured_and_by_how_many_requests():
    seen = copy.deepcopy(moved())
    seen.workloads[0]["spec"]["model"] |= {"revision": "c9a7" * 10}
    seen.workloads[0]["status"]["placements"][0]["inputTokensPerRequest"] = {"mean": "212.4"}
    texts = [text for _, text in page(seen).texts]
    assert any("all-MiniLM-L6-v2 at c9a7c9a7c9a7c9a7c9a, 2026-03-01" in text for text in texts)
    assert (
        f"{AMX}: 2026-03-01 11:00:00 to 2026-03-01 11:58:00 UTC, revision 77b0de41, 88,410 good requests of its users, 212 input tokens in the mean"
    ) in texts


def test_it_says_whether_the_workload_could_leave_its_accelerator_family():
    def told(seen):
        return [text for tag, text in page(seen).texts if tag == "p" and text.startswith("Exit: ")]

    (line,) = told(proven())
    assert line == "Exit: could leave cpu for neuron-inf2 within 9m at 21 % [18, 33] more, proven on 2026-02-26 (3d ago)."
    (line,) = told(unproven())
    assert line.startswith("Exit: no proof that it could leave cpu: ")
    assert not told(balanced())


def test_where_a_part_of_the_load_is_not_measured_there_is_no_month():
    seen = copy.deepcopy(balanced())
    for place in seen.workloads[0]["status"]["placements"]:
        place.pop("unitCost", None)
    view = report(seen)
    assert view.month is None
    assert view.verdicts[0].money is None
    assert ("h2", "A month") not in page(seen).texts


def test_what_is_refuted_comes_first_and_costs_before_other_figures():
    view = report(
        claims(balanced(), verdict("Inconclusive", "a"), verdict("Confirmed", "b", measured="0.5"), verdict("Refuted", "c", measured="0.9"))
    )
    assert [one.claim.name for one in view.verdicts] == ["c", "b", "a"]
    assert view.verdicts[-1].said == f"{AMX}: claimed a figure (a) of 0.5: Inconclusive, a reason."
    assert any("the claim a is Inconclusive" in doubt for doubt in view.doubts)


def test_without_a_verdict_the_page_says_where_the_workload_runs():
    assert report(no_pool()).title == "minilm runs nowhere yet."


def test_what_a_tenant_writes_stays_text():
    evil = '</p><script>alert("x")</script><p onclick="y">'
    seen = claims(balanced(), verdict("Refuted", evil, measured="0.9", message=evil))
    seen.workloads[0]["spec"]["model"]["uri"] = f"hf://{evil}"
    told = page(seen)
    assert "script" not in told.tags
    assert not [each for each in told.attributes if each[1] == "onclick"]
    assert any(evil in text for _, text in told.texts)


def test_doubts_tell_short_measurements_old_prices_and_claims_that_stand_for_figures():
    seen = replace(balanced(), now=NOW + timedelta(days=90))
    doubts = "\n".join(report(seen).doubts)
    assert "measured over 1.0 hours" in doubts
    assert re.search(r"its price is of 2026-\d\d-\d\d", doubts)


def test_where_a_price_can_be_looked_up_stands_beside_it_and_never_beside_another_price():
    seen = copy.deepcopy(balanced())
    (avx,) = [pool for pool in seen.pools if pool["metadata"]["name"] == AVX]
    avx["spec"]["shapes"][0]["priceSource"] = "https://prices.example/avx"
    assert "0.20 (Static, 9d), https://prices.example/avx" in [text for _, text in page(seen).texts]
    assert "https://prices.example/avx" in content(report(seen), "csv")
    (told,) = [row for row in json.loads(content(report(seen), "json"))["explanation"]["pools"] if row["pool"] == AVX]
    assert told["price"]["source"] == "https://prices.example/avx"
    avx["spec"]["shapes"][0]["pricePerHour"] = "0.40"
    assert "0.20 (Static, 9d)" in [text for _, text in page(seen).texts], "the status still has the price of the spec before"


def test_half_of_the_requests_and_95_and_99_of_100_stand_side_by_side_on_each_pool():
    texts = [text for tag, text in page(balanced()).texts if tag in {"th", "td"}]
    at = texts.index("50th percentile")
    assert texts[at : at + 3] == ["50th percentile", "95th percentile", "99th percentile"]
    assert texts[at + 3 : at + 10] == [AVX, "yes", "50,812", "99.4 %", "10 ms", "20 ms", "41 ms"]
    assert texts[at + 10] == AMX


def test_for_a_spreadsheet_there_is_a_row_a_pool_with_units_in_its_head_and_no_formula():
    seen = copy.deepcopy(moved())
    seen.workloads[0]["status"]["lastDecision"]["options"].append({"pool": "=1+1", "feasible": False})
    rows = {row["pool"]: row for row in csv.DictReader(io.StringIO(content(report(seen), "csv")), strict=True)}
    assert set(rows) == {AMX, AVX, "inf2", "'=1+1"}
    avx, lost = rows[AVX], rows["'=1+1"]
    cost = "cost (EUR for 1,000 good requests)"
    assert (avx[cost], avx[f"{cost}, lower"], avx[f"{cost}, upper"]) == ("0.00381", "0.00369", "0.00394")
    assert (avx["in use"], avx["basis of the cost"], avx["good requests behind it"]) == ("no", "Measured", "50812")
    assert (avx["p50 (ms)"], avx["p95 (ms)"]) == ("10", "20")
    assert (avx["p99 (ms)"], avx["node price (EUR/hour)"], avx["class of the price"]) == ("41", "0.20", "Static")
    assert avx["price of"].startswith("2026-02-20T")
    month = next(row for row in report(seen).month.pools if row.pool == AVX)
    assert avx["a month (EUR)"] == f"{month.money}"
    assert (lost.pop("pool"), lost.pop("in use"), set(lost.values())) == ("'=1+1", "no", {""}), "what is not known is empty"


def test_the_head_of_a_column_stands_where_its_cells_stand():
    made = table(("Load", "Pool", "n"), [("all", "g5", "1"), ("all", "a pool with a long name", "-")], "a caption")
    assert made is not None
    assert [(each.text, each.get("class")) for each in made.iter() if each.tag in {"th", "td"}] == [
        ("Load", "text"),
        ("Pool", "text"),
        ("n", None),
        ("all", "name"),
        ("g5", "text name"),
        ("1", None),
        ("all", "name"),
        ("a pool with a long name", "text"),
        ("-", None),
    ]


def test_json_has_all_of_it():
    told = json.loads(content(report(balanced()), "json"))
    assert (told["kind"], told["verdicts"][0]["claim"]["verdict"]) == ("Report", "Refuted")
    avx = next(row for row in told["explanation"]["pools"] if row["pool"] == AVX)
    assert [avx[f"p{each}Milliseconds"] for each in (50, 95, 99)] == ["10", "20", "41"]


def test_a_file_is_written_and_said_and_one_that_cannot_be_is_an_error_with_a_way_out(tmp_path, capsys):
    view = report(balanced())
    to = tmp_path / "page.html"
    put(content(view, "html"), str(to), view.title)
    assert to.read_text().startswith("<!DOCTYPE html>")
    assert capsys.readouterr().out.splitlines() == [view.title, f"written: {to}"]
    put("text\n", "-", view.title)
    assert capsys.readouterr().out == "text\n"
    with pytest.raises(Problem, match="cannot be written"):
        put("text", str(tmp_path / "no" / "page.html"), view.title)


def test_its_help_says_what_it_writes(capsys):
    with pytest.raises(SystemExit):
        main(["report", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert "html for people (default), json for programs, csv for spreadsheets" in told


@pytest.mark.parametrize("scheme", range(3), ids=["light", "dark", "print"])
def test_text_can_be_read_on_its_ground(scheme):
    """WCAG 2.2, contrast (enhanced): 7 to 1."""
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", re.findall(r":root \{([^}]*)\}", STYLE)[scheme]))
    for name in ("ink", "soft", "good", "bad", "open"):
        light, dark = sorted((luminance(colours[name]), luminance(colours["ground"])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 7, name


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_how_near_the_answers_are_stands_in_the_row_of_what_they_cost():
    seen = copy.deepcopy(SITUATIONS["balanced"]())
    (workload,) = (each for each in seen.workloads if each["metadata"]["name"] == "minilm")
    (pool,) = (each for each in workload["status"]["lastDecision"]["options"] if each["pool"] == "cpu-avx")
    pool["accuracy"] = {"measure": "LeastCosine", "value": "0.99987"}
    texts = [text for _, text in page(seen).texts]
    assert "Accuracy to the reference" in texts
    at = texts.index("0.99987 (cosine)")
    assert texts[at - 2 : at] == ["cpu-avx", "0.00381 [0.00369, 0.00394]"]
    assert "Accuracy to the reference" not in [text for _, text in page(SITUATIONS["balanced"]()).texts]
