"""Wherever the operator dies, the move ends the same, and no request is lost."""

import pytest

from e2e.golden_move import CHEAP, DEAR, Moved
from e2e.reckoning import agrees

pytestmark = pytest.mark.nodes


def test_a_move_during_which_the_operator_is_killed_three_times_ends_like_any_other(moved: Moved) -> None:
    tenant, status = moved.tenant, moved.tenant.status()
    assert [moment.split("/")[0] for moment in moved.died] == ["compile", "Shift", "Drain"]
    assert [(h["from"], h["to"], h["outcome"]) for h in status["history"]] == [(moved.dear, moved.cheap, "Moved")]
    assert [c["verdict"] for c in status["claims"]] == ["Confirmed"], "it does a thirtieth of the work, and more"
    assert not status.get("quarantine")
    (deployment,) = tenant.listed("apis/apps/v1", "deployments")
    assert deployment["metadata"]["labels"]["steelyard.dev/pool"] == moved.cheap
    assert deployment["spec"]["replicas"] == len(tenant.ready())
    assert len(tenant.listed("apis/steelyard.dev/v1alpha1", "compiledmodels")) == 2
    assert len(tenant.listed("apis/batch/v1", "jobs")) == 2, "nothing was compiled twice"
    assert len(tenant.listed("api/v1", "services")) == 2, "the front, and one placement's"


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
