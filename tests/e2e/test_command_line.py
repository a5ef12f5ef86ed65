"""`steelyard` against the live cluster, as a person calls it."""

import json
from typing import Any

import pytest

from e2e.command_line import steelyard
from e2e.golden_move import Moved
from e2e.tenant import WORKLOAD

pytestmark = pytest.mark.nodes


def document(moved: Moved, *arguments: str) -> Any:
    return json.loads(steelyard(moved.tenant, *arguments, "-o", "json"))


def numbers(moved: Moved) -> dict[str, dict[str, str]]:
    """Unit costs as they stand in status, by pool."""
    return {p["pool"]: p["unitCost"] for p in moved.tenant.status()["placements"]}


def test_status_shows_where_the_workload_runs_and_what_a_good_request_costs_there(moved: Moved) -> None:
    text = steelyard(moved.tenant, "status")
    line = next(line for line in text.splitlines() if WORKLOAD in line)
    assert moved.cheap in line
    assert "±" in line or "[" in line, "the cost comes with its interval"


def test_explain_shows_both_pools_with_interval_n_and_verdict(moved: Moved) -> None:
    before = numbers(moved)
    text = steelyard(moved.tenant, "explain", WORKLOAD)
    after = numbers(moved)  # it may have been renewed meanwhile
    assert before.keys() == after.keys() == {moved.dear, moved.cheap}
    for pool in after:
        assert pool in text
        assert any(str(costs[pool]["good"]) in text.replace(",", "") for costs in (before, after))
    assert "refuted" in text.lower()


def test_top_once_shows_workloads_and_pools(moved: Moved) -> None:
    text = steelyard(moved.tenant, "top", "--once")
    assert WORKLOAD in text
    assert moved.cheap in text


def test_the_report_says_the_verdict_first_and_has_both_pools_in_money(moved: Moved) -> None:
    page = steelyard(moved.tenant, "report", WORKLOAD, "--to", "-")
    first = page.partition("<h1")[2].partition("</h1>")[0]
    assert first.endswith(": Refuted.")
    assert f"{moved.dear}: claimed" in first and "unit cost, measured" in first
    assert moved.cheap in page and moved.dear in page
    told = document(moved, "report", WORKLOAD)
    assert {row["pool"] for row in told["month"]["pools"]} >= {moved.cheap, moved.dear}


@pytest.mark.parametrize("command", [("status",), ("explain", WORKLOAD), ("top", "--once")], ids=lambda words: words[0])
def test_json_says_the_same_for_machines(moved: Moved, command: tuple[str, ...]) -> None:
    text = json.dumps(document(moved, *command))
    assert moved.cheap in text
    assert WORKLOAD in text
    if command[0] == "explain":
        assert moved.dear in text
        assert "refuted" in text.lower()
