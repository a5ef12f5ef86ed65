"""Wherever the operator dies, the move ends the same, and no request is lost."""

from collections import Counter

import pytest

from e2e.deaths import CHAPTERS
from e2e.golden_move import AMONG, CHEAP, CLAIMED, DEAR, Moved
from e2e.reckoning import agrees

pytestmark = pytest.mark.nodes


def test_a_move_whose_operator_dies_at_three_writes_ends_like_any_other(moved: Moved) -> None:
    tenant, status = moved.tenant, moved.tenant.status()
    print(moved.deaths.died, moved.deaths.written)
    assert [death.chapter for death in moved.deaths.died] == list(CHAPTERS)
    assert all(len(moved.deaths.written[chapter]) >= among for chapter, among in zip(CHAPTERS, AMONG, strict=True)), (
        "any of these could be it"
    )
    assert [(h["from"], h["to"], h["outcome"]) for h in status["history"]] == [(moved.dear, moved.cheap, "Moved")]
    assert not status.get("quarantine")
    (deployment,) = tenant.listed("apis/apps/v1", "deployments")
    assert deployment["metadata"]["labels"]["steelyard.dev/pool"] == moved.cheap
    assert deployment["spec"]["replicas"] == len(tenant.ready())
    assert len(tenant.listed("apis/steelyard.dev/v1alpha1", "compiledmodels")) == 2
    assert len(tenant.listed("apis/batch/v1", "jobs")) == 2, "nothing was compiled twice"
    assert len(tenant.listed("api/v1", "services")) == 2, "the front, and one placement's"


def test_on_its_way_it_did_nothing_twice_and_never_turned_back(moved: Moved) -> None:
    written = [e for e in moved.audit.writes(moved.tenant.user) if e.code < 300]
    deeds = Counter((e.verb, e.resource) for e in written if e.verb in {"create", "delete"} and e.resource != "events")
    assert deeds == {
        ("create", "compiledmodels"): 2,
        ("create", "jobs"): 2,
        ("create", "deployments"): 2,
        ("create", "services"): 3,
        ("create", "poddisruptionbudgets"): 1,
        ("delete", "deployments"): 1,
        ("delete", "services"): 1,
    }
    told = [e.request["status"].get("move") or {} for e in written if e.resource == "inferenceworkloads/status"]
    assert "Drain" in {move.get("step") for move in told}
    assert "Back" not in {move.get("step") for move in told}


def test_the_claim_that_led_it_to_the_dear_pool_is_refuted_by_what_was_measured(moved: Moved) -> None:
    (verdict,) = moved.tenant.status()["claims"]
    assert (verdict["pool"], verdict["verdict"]) == (moved.dear, "Refuted")
    assert float(verdict["lower"]) > float(verdict["claimed"]) == float(CLAIMED)
    assert verdict["n"] >= 60


def test_no_request_of_the_client_failed_during_it(moved: Moved) -> None:
    assert moved.client.sent() > 150
    assert moved.client.failed() == []
    pools = {p["name"]: p["pool"] for p in moved.tenant.lifetimes.pods(moved.tenant.instance_types())}
    assert {pools[pod] for pod in moved.client.by_pod()} == {moved.dear, moved.cheap}, "both pools have answered"


def test_the_cost_in_status_is_that_of_the_lifetimes_which_were_recorded(moved: Moved) -> None:
    for pool in (moved.dear, moved.cheap):
        agrees(moved.tenant, pool, moved.client, gaps=True)
    prices = {name: pool["spec"]["shapes"][0]["pricePerHour"] for name, pool in moved.tenant.pools().items()}
    assert prices == {moved.dear: DEAR, moved.cheap: CHEAP}
