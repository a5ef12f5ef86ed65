"""The checker of a trial agrees where everything is told as it was, and objects wherever something is told otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from demo.trial_checker import SEEN, check, opened
from steelyard.cli.gathered import GatheredTrial
from steelyard.cli.report_file import content
from steelyard.cli.view.trial_report import trial_report

Raw = dict[str, Any]
SLOW, FAST = 10.0, 20.0
"""Requests per second at which the objective is just kept, on the pool that is praised and on the other."""


def step(rate: float, carries: float) -> Raw:
    good = 1000 if rate <= carries else 900
    return {"rate": rate, "seconds": 1000 / rate, "good": good, "slow": 1000 - good, "error": 0, "shed": 0}


def pod(pool: str, carries: float) -> Raw:
    word = {
        "result": "Probed",
        "began": 1000.0,
        "steps": [step(rate, carries) for rate in (carries / 2, 0.99 * carries, 1.01 * carries, 2 * carries)],
        "steady": [{**step(5.0, carries), "load": load} for load in (5.0, 10.0, 20.0)],
    }
    state = {"terminated": {"message": json.dumps(word)}}
    server = {"restartPolicy": "Always", "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}
    labels = {"steelyard.dev/pool": pool}
    return {
        "metadata": {"name": f"trial-{pool}", "labels": labels},
        "spec": {"initContainers": [server]},
        "status": {"containerStatuses": [{"state": state}]},
    }


def row(pool: str, carries: float) -> Raw:
    steps = [
        {"requests": 1000, "goodPercent": "100", "load": f"{load}", "ofPresent": f"{load / 10}", "replicas": 1}
        for load in (5.0, 10.0, 20.0)
    ]
    figures = {"capacityPerReplica": f"{carries}", "capacityLower": f"{0.97 * carries}", "capacityUpper": f"{1.03 * carries}"}
    return {
        "pool": pool,
        "phase": "Measured",
        "pricePerHour": "0.1",
        **figures,
        "unitCost": {"value": f"{0.1 / 3.6 / carries}"},
        "steps": steps,
    }


def evidence() -> Raw:
    """As a run leaves it: the praised pool costs twice what the other does, and a half was claimed."""
    shape = {"cpu": "2", "memory": "8Gi", "pricePerHour": "0.4"}
    verdict = {"pool": "a", "name": "half", "relativeTo": "b", "verdict": "Refuted", "claimed": "0.5"}
    verdict |= {"measured": "2", "lower": "1.9", "upper": "2.1"}
    ended = [{"type": "Finished", "status": "True", "reason": "Decided", "message": "1 claims have their verdict"}]
    status = {"conditions": ended, "pools": [row("a", SLOW), row("b", FAST)], "claims": [verdict], "reserved": "0.055", "spent": "0.02"}
    claim = {"name": "half", "pool": "a", "metric": "UnitCost", "relativeTo": "b", "ratio": "0.5"}
    job = {"spec": {"activeDeadlineSeconds": 990}}
    trial = {"spec": {"workloadName": "w", "pools": ["a", "b"], "budget": "1.00", "claims": [claim]}, "status": status}
    pools = [{"metadata": {"name": name}, "spec": {"shapes": [shape]}} for name in ("a", "b")]
    view = trial_report(GatheredTrial(now=datetime(2026, 3, 1, tzinfo=UTC), trial=trial, workload=None, pools=tuple(pools)))
    return {
        "trial.json": trial,
        "trial_pods.json": [pod("a", SLOW), pod("b", FAST)],
        "trial_jobs.json": [{**job, "metadata": {"labels": {"steelyard.dev/pool": name}}} for name in ("a", "b")],
        "pools.json": pools,
        "workload.json": {"spec": {"objective": {"latency": [{"percent": "98"}]}}},
        "behind_services.json": ["serving-1"],
        "report.json": json.loads(content(view, "json")),
        "report.html": content(view, "html"),
        "client.jsonl": '{"i": 1, "outcome": "good"}\n{"i": 2, "outcome": "slow"}\n',
    }


def judged(found: Raw, folder: Path) -> list[str]:
    """The objections."""
    for name, each in found.items():
        (folder / name).write_text(each if isinstance(each, str) else json.dumps(each))
    return [sentence for passed, sentence in check(folder) if not passed]


def in_a_browser(found: Raw, folder: Path) -> Raw:
    """The same, with what a browser would have shown of the page."""
    judged(found, folder)
    page = opened(folder)
    tables = {section: [[cell.text for cell in row] for row in rows] for section, rows in page.tables.items()}
    seen = {"browser": "Chrome/1", "asked": ["file:///tmp/run/report.html"], "spoken": page.first, "first": page.first, "tables": tables}
    return {**found, SEEN: seen}


def test_it_agrees_where_everything_is_told_as_it_was(tmp_path: Path) -> None:
    assert judged(evidence(), tmp_path) == []
    assert judged(in_a_browser(evidence(), tmp_path), tmp_path) == []


def _status(found: Raw) -> Raw:
    status: Raw = found["trial.json"]["status"]
    return status


WRONG: dict[str, tuple[Callable[[Raw], Any], str]] = {
    "a trial that decided nothing": (lambda e: _status(e)["conditions"][0].update(reason="SLOAtRisk"), "the trial ended SLOAtRisk"),
    "a pool that was not measured": (lambda e: _status(e)["pools"][1].update(phase="Failed"), "the trial ended"),
    "a capacity that no step showed": (
        lambda e: _status(e)["pools"][0].update(capacityLower="30", capacityUpper="40"),
        "the objective held at",
    ),
    "a price of another node": (lambda e: e["pools.json"][1]["spec"]["shapes"][0].update(pricePerHour="0.9"), "a replica costs"),
    "a cost that is not price over capacity": (
        lambda e: _status(e)["pools"][1]["unitCost"].update(value="0.9"),
        "1,000 good requests cost",
    ),
    "requests that were not sent": (lambda e: _status(e)["pools"][0]["steps"][1].update(requests=900), "requests at"),
    "a part of good ones that was another": (lambda e: _status(e)["pools"][0]["steps"][1].update(goodPercent="97"), "requests at"),
    "more spent than reserved": (lambda e: _status(e).update(spent="0.06"), "spent of"),
    "more reserved than the budget": (lambda e: e["trial.json"]["spec"].update(budget="0.01"), "spent of"),
    "less reserved than the Jobs can cost": (lambda e: _status(e).update(reserved="0.03"), "was reserved"),
    "another verdict": (lambda e: _status(e)["claims"][0].update(verdict="Confirmed"), "by both generators"),
    "bounds that the steps are out of": (lambda e: _status(e)["claims"][0].update(lower="3", upper="4"), "by both generators"),
    "a report with other figures": (lambda e: e["report.json"]["trial"]["pools"][0].update(capacity="11"), "capacities"),
    "a page that begins with something else": (lambda e: e.update({"report.html": "<html></html>"}), "the report begins"),
    "a page whose first sentence has another measurement": (
        lambda e: _on_page(e, "measured 2 [1.9, 2.1]", "measured 0.51 [0.5, 0.52]"),
        "first sentence has",
    ),
    "a page with another capacity": (lambda e: _on_page(e, "20.0 [19.4, 20.6]", "30.0 [29.4, 30.6]"), "b: the page has [30.0"),
    "a page with another cost": (lambda e: _on_page(e, ">0.00139<", ">0.00239<"), "b: the page has [0.00239] for 1,000 good requests"),
    "a page with other requests": (lambda e: _on_page(e, ">1,000<", ">900<"), "100 % of 900, not 1000 of 1000"),
    "a page with another part of good ones": (lambda e: _on_page(e, ">100 %<", ">99 %<"), "99 % of 1000, not 1000 of 1000"),
    "a page without a load": (lambda e: _on_page(e, "all, 10.0/s", "all, 11.0/s"), "10 requests/s is not there"),
    "a page with another bill": (lambda e: _on_page(e, ">0.100<", ">0.300<"), "1 replicas for 0.3 an hour"),
    "a page that does not know what an hour costs": (
        lambda e: _on_page(e, ">0.100<", ">-<"),
        "at 5 requests/s 1,000 and 100 % and 1 and -",
    ),
    "a page with a script": (lambda e: e.update({"report.html": e["report.html"] + "<script>"}), "asks for nothing from elsewhere"),
    "a pod of the trial behind a Service": (lambda e: e["behind_services.json"].append("trial-a"), "behind a Service"),
    "a user's request that failed": (lambda e: e.update({"client.jsonl": '{"i": 1, "outcome": "error"}\n'}), "failed"),
    "nobody's requests": (lambda e: e.update({"client.jsonl": ""}), "users sent"),
    "one pool measured after the other": (lambda e: _later(e["trial_pods.json"][1]), "both began"),
}


def _on_page(found: Raw, says: str, instead: str) -> None:
    assert says in found["report.html"], says
    found["report.html"] = found["report.html"].replace(says, instead)


def _later(pod: Raw) -> None:
    state = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    state["message"] = json.dumps({**json.loads(state["message"]), "began": 1100.0})


@pytest.mark.parametrize("what", WRONG)
def test_it_objects(what: str, tmp_path: Path) -> None:
    found = evidence()
    change, objection = WRONG[what]
    change(found)
    assert any(objection in sentence for sentence in judged(found, tmp_path))


SEEN_WRONG: dict[str, tuple[Callable[[Raw], Any], str]] = {
    "a picture from elsewhere": (lambda seen: seen["asked"].append("https://example.com/a.png"), "to show it, 1 of them not the file"),
    "a style sheet beside the page": (lambda seen: seen["asked"].append("file:///tmp/run/style.css"), "to show it, 1 of them not the file"),
    "another word before the verdict": (
        lambda seen: seen.update(spoken="Skip to the content"),
        "a screen reader begins: Skip to the content",
    ),
    "another heading than the file has": (lambda seen: seen.update(first="All is well"), "the report begins"),
    "a figure that only the file has": (
        lambda seen: seen["tables"]["Capacity and cost"][1].__setitem__(1, "30.0 [29.4, 30.6]"),
        "b: the page has [30.0",
    ),
}


@pytest.mark.parametrize("what", SEEN_WRONG)
def test_it_objects_to_what_the_browser_showed_whatever_the_file_has(what: str, tmp_path: Path) -> None:
    found = in_a_browser(evidence(), tmp_path)
    change, objection = SEEN_WRONG[what]
    change(found[SEEN])
    assert any(objection in sentence for sentence in judged(found, tmp_path))
