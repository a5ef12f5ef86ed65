"""A trial of a model that generates text: two pools by a real vLLM over the same minutes, a claim in output tokens, and users who notice nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from e2e.client import Client
from e2e.ground import OWN
from e2e.tenant import WORKLOAD, Tenant
from text.ground import LIMITS, START_SECONDS, spec, text_tenant

pytestmark = [pytest.mark.nodes, pytest.mark.long]

RATE, STREAMS = 0.2, ("--generate", "32:64", *LIMITS)
"""Long answers, so that a replica is full before the generator that asks it is."""
PERCENT = "75"
"""Three servers have two processors, and both ramps go far above what one carries."""
PRICES = {"pool-a": "0.40", "pool-b": "0.20"}
CLAIMED = "0.02"
"""Of what a million output tokens cost on the other pool: a hundredth of the truth, so that the verdict is the same on any machine."""
BUDGET, DURATION, DEADLINE = "5.00", 240, 7200


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tenant, Client]]:
    """A replica that serves a client, and two pools that it may use."""
    with text_tenant(tmp_path_factory.mktemp("tenant"), PRICES) as tenant:
        tenant.apply_spec(spec(tenant, PERCENT, most=1))  # a node has room for one more, which is the trial's
        tenant.until_serving(seconds=2 * START_SECONDS)
        with tenant.client(RATE, *STREAMS) as client:
            yield tenant, client


def test_a_claim_in_output_tokens_is_refuted_by_a_trial_of_two_real_vllms_and_users_notice_nothing(serving: tuple[Tenant, Client]) -> None:
    tenant, client = serving
    dear, cheap = sorted(tenant.pools())
    path = f"{OWN}/namespaces/{tenant.namespace}/acceleratortrials/tokens"
    claim = {
        "name": "a-fiftieth", "pool": dear, "metric": "UnitCost", "ratio": CLAIMED, "relativeTo": cheap, "unit": "PerMillionTokens",
    }  # fmt: skip
    asked = {
        "workloadName": WORKLOAD, "pools": [dear, cheap], "budget": BUDGET, "durationSeconds": DURATION, "deadlineSeconds": DEADLINE,
        "claims": [claim],
    }  # fmt: skip
    made = {"apiVersion": "steelyard.dev/v1alpha1", "kind": "AcceleratorTrial", "metadata": {"name": "tokens"}, "spec": asked}
    status, told = tenant.cluster.api.request("POST", path.rsplit("/", 1)[0], made)
    assert status == 201, told

    def over() -> dict[str, Any] | None:
        found = (tenant.cluster.api.get(path) or {}).get("status") or {}
        return found if any(c["type"] == "Finished" and c["status"] == "True" for c in found.get("conditions", ())) else None

    found = tenant.until("the end of the trial", over, DEADLINE)
    (finished,) = [c for c in found["conditions"] if c["type"] == "Finished"]
    print(found)
    assert finished["reason"] == "Decided", found
    (verdict,) = found["claims"]
    assert verdict["verdict"] == "Refuted" and float(verdict["lower"]) > float(CLAIMED) and verdict["n"] > 0
    for row in found["pools"]:
        assert row["phase"] == "Measured" and float(row["capacityLower"]) <= float(row["capacityPerReplica"])
        # On a machine with much else to do the generator may be late with a steady load, which is then not told.
        assert float(row["startSeconds"]) > 0 and all(step["requests"] > 0 for step in row.get("steps", ()))
    assert 0 < float(found["spent"]) <= float(found["reserved"]) <= float(BUDGET)
    assert client.failed() == []
