"""An exit drill on real nodes with a real server: first why there is no proof, then one, by a trial whose pods serve nobody.

The other family's nodes say that they have a device, and none stands behind it. A replica takes as long for a request on either pool, so that the way to
a proof is shown, and nothing of another accelerator.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from math import ceil
from typing import Any

import pytest

from cluster.node_spec import pool_node
from e2e.command_line import steelyard
from e2e.tenant import WORKLOAD, Device, Tenant
from patience import PATIENCE
from servers import scorer
from servers.asker import Asker
from servers.ground import Servers
from servers.scorer import LEAST, TAKES

pytestmark = [pytest.mark.servers, pytest.mark.nodes]

DEVICE = Device(family="stand-in", resource="example.com/stand-in")
OTHER = replace(pool_node("pool-other", "pool-other", "stand-in.large"), capacity={DEVICE.resource: "2"})
HERE, THERE = "0.20", "0.40"
"""Of a node an hour."""
RATE = 2.0
TOO_LITTLE = "0.000001"
SPARE = 1.02
"""Times what is said to be needed at least."""


@pytest.fixture(scope="module")
def served(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tenant, Asker]]:
    """A replica that serves a client on the only pool."""
    ground = servers.ground
    ground.cluster.nodes.add(OTHER, images=(ground.serve, servers.mlserver))
    try:
        with scorer.tenant(servers, tmp_path_factory.mktemp("tenant")) as tenant:
            tenant.pool("here", "pool-b", "onnxruntime", HERE)
            ask(servers, tenant, TOO_LITTLE)
            tenant.until_serving(1, PATIENCE)
            with scorer.asker(servers, tenant, RATE) as asker:
                yield tenant, asker
    finally:
        ground.cluster.nodes.remove(OTHER.name)


def ask(servers: Servers, tenant: Tenant, budget: str) -> None:
    """For a drill that may cost so much."""
    tenant.apply_spec(
        {
            **scorer.spec(servers, DEVICE.family),
            "scaling": {"minReplicas": 1, "maxReplicas": 2},
            "placement": {"exitDrill": {"everySeconds": 3600, "budget": budget}},
            "rebalancing": {"mode": "Recommend", "windowSeconds": 5, "minGoodRequests": LEAST},
        }
    )


def told(tenant: Tenant) -> dict[str, Any]:
    return tenant.status().get("exitDrill") or {}


def exit_line(tenant: Tenant) -> str:
    """Of `steelyard explain`."""
    (line,) = [each for each in steelyard(tenant, "explain", WORKLOAD).splitlines() if each.startswith("Exit:")]
    return line


def test_a_drill_says_why_not_and_then_proves_the_way_out_and_explain_says_either_in_one_line(
    servers: Servers, served: tuple[Tenant, Asker]
) -> None:
    tenant, asker = served
    tenant.until("why not", lambda: told(tenant).get("reason") == "NoOtherFamily", PATIENCE)
    assert re.fullmatch(r"Exit: no proof that it could leave cpu: .*create a pool of another family.*", exit_line(tenant))

    there = tenant.pool("there", OTHER.name, "onnxruntime", THERE, device=DEVICE)
    tenant.until("why not", lambda: told(tenant).get("reason") == "BudgetTooSmall", PATIENCE)
    line = exit_line(tenant)
    found = re.search(r"reserves ([0-9.e-]+) at least, and spec.placement.exitDrill.budget is 1e-06: give it more", line)
    assert found, line
    ask(servers, tenant, f"{SPARE * float(found[1]):.6f}")
    behind = set[str]()

    def proof() -> dict[str, Any] | None:
        for each in tenant.listed("apis/discovery.k8s.io/v1", "endpointslices"):
            behind.update((end.get("targetRef") or {}).get("name", "") for end in each.get("endpoints") or ())
        status = told(tenant)
        assert (status.get("last") or {}).get("reason") in {None, "ExitProven"}, status
        return next(iter(status.get("proofs") or ()), None)

    proven = tenant.until("a proof", proof, PATIENCE)
    (trial,) = tenant.listed("apis/steelyard.dev/v1alpha1", "acceleratortrials")
    rows = {row["pool"]: row for row in trial["status"]["pools"]}
    here = proven["fromPool"]
    assert (proven["from"], proven["to"], proven["toPool"]) == ("cpu", DEVICE.family, there)
    assert proven["trialName"] == trial["metadata"]["name"] == told(tenant)["last"]["name"]
    assert {pool: row["phase"] for pool, row in rows.items()} == {here: "Measured", there: "Measured"}
    assert all(0 < float(row["capacityPerReplica"]) <= 1000 / TAKES for row in rows.values()), rows
    assert proven["withinSeconds"] == ceil(float(rows[there]["startSeconds"])) > 0
    assert proven["replicas"] == 1
    assert float(proven["costPercent"]) == pytest.approx(
        100 * (float(rows[there]["pricePerHour"]) / float(rows[here]["pricePerHour"]) - 1), rel=0.01
    )
    assert 0 < float(told(tenant)["last"]["spent"]) <= float(trial["spec"]["budget"])
    line = exit_line(tenant)
    print(line)
    assert re.fullmatch(
        rf"Exit: could leave cpu for {DEVICE.family} within \S+ at [0-9.]+ %.* more, proven on \d{{4}}-\d\d-\d\d \(.+ ago\)\.", line
    ), line

    pods = {p["metadata"]["name"] for p in tenant.listed("api/v1", "pods") if "steelyard.dev/trial" in p["metadata"].get("labels", {})}
    assert len(pods) == len(rows) and not pods & behind, "they serve nobody"
    assert tenant.holds() == here and not tenant.status().get("move")
    assert asker.failed() == []
