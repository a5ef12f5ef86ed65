import copy
import dataclasses
import json
from datetime import timedelta

import pytest

from steelyard.cli.document import document
from steelyard.cli.facts.operator import OperatorState, found
from steelyard.cli.gathered import Gathered
from steelyard.cli.text.explain import objective
from steelyard.cli.text.status import slo
from steelyard.cli.view.explain import explain
from steelyard.cli.view.status import status
from steelyard.cli.view.top import top
from unit.cli.situations import (
    AMX,
    AVX,
    NOW,
    SITUATIONS,
    balanced,
    claimed,
    compiling,
    condition,
    conditions,
    exploring,
    held,
    moved,
    no_pool,
    placement,
    quarantined,
    unseen,
    workload,
)


def test_only_ready_and_unheld_workloads_are_healthy():
    healthy = {name for name, situation in SITUATIONS.items() if status(situation()).healthy}
    assert healthy == {
        "claimed",
        "balanced",
        "by-tokens",
        "exploring",
        "probing",
        "moved",
        "quarantined",
        "node-lost",
        "proven",
        "routed",
        "trialled",
        "unproven",
    }


def test_an_operator_that_is_down_is_not_healthy():
    down = found(({"metadata": {"namespace": "s", "name": "steelyard"}, "spec": {"replicas": 2}, "status": {}},))
    assert down.state is OperatorState.NOT_READY
    view = status(dataclasses.replace(balanced(), operator=down))
    assert not view.healthy
    assert view.hints[0].what == "the operator is not ready: s/steelyard 0/2 ready"


def test_nothing_to_run_is_healthy():
    assert status(dataclasses.replace(balanced(), workloads=())).healthy


def test_measured_cost_wins_over_the_figure_of_the_decision():
    seen = copy.deepcopy(balanced())
    (line,) = status(seen).workloads
    assert (str(line.unit_cost), line.n, line.basis) == ("0.00381", 50812, "Measured")
    del seen.workloads[0]["status"]["placements"][0]["unitCost"]
    seen.workloads[0]["status"]["lastDecision"]["options"][1].update(unitCost="0.0042", basis="Claimed", n=0)
    (line,) = status(seen).workloads
    assert (str(line.unit_cost), line.basis) == ("0.0042", "Claimed")


def test_unknown_cost_is_null_and_not_zero():
    (line,) = document("Status", NOW, status(claimed()))["workloads"]
    assert line["unitCost"] is None
    assert line["n"] is None or line["basis"] is None


def test_a_new_workload_is_given_a_minute_before_the_operator_is_suspected():
    fresh = unseen()
    fresh.workloads[0]["metadata"]["creationTimestamp"] = (NOW - timedelta(seconds=30)).isoformat()
    said = [hint.what for hint in status(fresh).hints]
    assert "no operator has looked at shop/minilm yet" not in said
    assert "no operator has looked at shop/minilm yet" in [hint.what for hint in status(unseen()).hints]


def test_what_carries_the_load_comes_first_then_what_is_cheapest():
    assert [row.pool for row in explain(balanced()).pools] == ["cpu-avx", "cpu-amx", "inf2"]
    assert [row.pool for row in explain(moved()).pools] == ["cpu-amx", "cpu-avx", "inf2"]


def test_every_pool_of_the_cluster_the_decision_and_the_placements_has_a_row():
    seen = dataclasses.replace(balanced(), pools=())
    rows = explain(seen).pools
    assert {row.pool: row.exists for row in rows} == {"cpu-avx": False, "cpu-amx": False, "inf2": False}
    assert {row.exists for row in explain(dataclasses.replace(balanced(), pools=None)).pools} == {None}


def test_what_would_change_names_gates_prices_and_moments_in_order():
    assert [(c.kind, c.reason or c.pool) for c in explain(quarantined()).would_change] == [
        ("Gate", "Quarantined"),
        ("Price", "cpu-avx"),
        ("Time", "PoolExhausted"),
        ("Time", "Quarantined"),
    ]
    assert [c.kind for c in explain(exploring()).would_change] == ["Price", "Time"]


def test_claims_are_listed_before_they_are_judged():
    (row,) = explain(compiling()).claims
    assert (row.name, row.verdict, str(row.claimed)) == ("half-the-cost", None, "0.5")


def test_a_reason_of_a_newer_operator_is_shown_without_a_meaning():
    seen = balanced()
    seen.workloads[0]["status"]["lastDecision"]["reason"] = "FromTheFuture"
    view = explain(seen)
    assert (view.reason, view.meaning) == ("FromTheFuture", None)


def test_held_is_said_first():
    assert explain(held()).why.startswith("Held, no voluntary action is taken: no request counter")
    assert explain(no_pool()).where == "minilm runs nowhere yet."


def drained(step: str, left: int) -> Gathered:
    """A move whose target carries the load; so many replicas are left at its source."""
    seen = copy.deepcopy(exploring())
    told = seen.workloads[0]["status"]
    told["move"].update(kind="Rebalance", step=step)
    told["placements"] = [placement(ready=left, desired=left, **AVX), placement("cpu-amx", "77b0de41", 2, 2, **AMX)]
    return seen


@pytest.mark.parametrize(("step", "words"), [("Drain", "is leaving"), ("Back", "is going back to")])
def test_what_carries_the_load_is_what_is_shown(step: str, words: str):
    (line,) = status(drained(step, 0)).workloads
    assert (line.pool, line.ready_replicas, str(line.unit_cost), str(line.good_percent)) == ("cpu-amx", 2, "0.00347", "99.6")
    view = explain(drained(step, 0))
    assert view.where == f"minilm runs on pool cpu-amx with 2 of 2 replicas ready, and {words} pool cpu-avx (0 ready there, step {step})."
    assert "99.6 % within, p99 23 ms on cpu-amx; met" in objective(view)
    assert [row.pool for row in view.pools if row.carries] == ["cpu-amx"]
    (line,) = status(drained(step, 2)).workloads
    assert line.pool == "cpu-avx", "as long as no less is there"


def test_a_share_of_before_is_not_shown_as_that_of_now_where_the_promise_is_missed():
    seen = copy.deepcopy(balanced())
    missed = condition("SLOMet", "False", "ViolatesSLO", "more requests miss the objective than it allows")
    seen.workloads[0]["status"]["conditions"] = conditions(SLOMet=missed)
    (line,) = status(seen).workloads
    assert slo(line).plain == "missed"
    assert objective(explain(seen)).endswith(
        "Now: MISSED, ViolatesSLO: more requests miss the objective than it allows. Measured before: 99.4 % within, p99 41 ms on cpu-avx."
    )


def test_a_pool_that_is_the_cheapest_at_its_price_of_now_is_not_said_to_become_it():
    seen = copy.deepcopy(balanced())
    (price,) = (c for c in explain(seen).would_change if c.kind == "Price")
    assert str(price.price_below) == "0.17"
    seen.pools[1]["status"]["price"]["value"] = "0.17"
    assert not [c for c in explain(seen).would_change if c.kind == "Price"]


def test_top_shows_the_unwell_first():
    seen = dataclasses.replace(balanced(), workloads=(*balanced().workloads, *held().workloads))
    assert [one.held for one in top(seen).workloads] == ["True", "False"]


@pytest.mark.parametrize("name", SITUATIONS)
def test_json_has_every_field_always(name):
    def shape(view):
        return sorted(document("X", NOW, view))

    assert shape(explain(SITUATIONS[name]())) == shape(explain(balanced()))
    whole = document("Status", NOW, status(SITUATIONS[name]()))
    assert json.loads(json.dumps(whole))["apiVersion"] == "cli.steelyard.dev/v1"
    assert "now" not in whole


@pytest.mark.parametrize(
    "broken", [{}, {"status": []}, {"status": {"conditions": [3], "placements": "x", "move": 1, "lastDecision": {"options": {}}}}]
)
def test_a_malformed_object_is_shown_as_unknown_and_breaks_nothing(broken):
    seen = dataclasses.replace(balanced(), workloads=({**workload(None), **broken},), pools=({},), models=({},))
    assert explain(seen).verdict is None
    assert status(seen).workloads[0].ready == "Unknown"


def test_pools_that_share_nodes_are_a_hint():
    seen = copy.deepcopy(balanced())
    shared = {
        "type": "Overlapping",
        "status": "True",
        "reason": "Overlapping",
        "message": "shares node n with pool cpu-avx, which is older",
    }
    assert seen.pools is not None
    seen.pools[0]["status"]["conditions"] = [shared]
    said = [hint.what for hint in status(seen).hints]
    assert "cpu-amx have nodes in common: pool cpu-amx shares node n with pool cpu-avx, which is older" in said


def test_of_several_pools_that_hold_the_load_each_is_told_and_the_one_with_the_most_replicas_first():
    seen = copy.deepcopy(balanced())
    told = seen.workloads[0]["status"]
    told["placements"] = [placement(ready=1, desired=2, **AVX), placement("cpu-amx", "77b0de41", 3, 3, **AMX)]
    assert explain(seen).where == "minilm runs on pool cpu-amx with 3 of 3 replicas ready, on pool cpu-avx with 1 of 2."
    rows = explain(seen).pools
    assert [(row.pool, row.used, row.carries) for row in rows] == [
        ("cpu-amx", True, True),
        ("cpu-avx", True, False),
        ("inf2", False, False),
    ]
    (line,) = status(seen).workloads
    assert (line.pool, line.ready_replicas) == ("cpu-amx", 3)
