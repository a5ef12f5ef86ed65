"""Two number formats of one model on one pool, for real: both compiled, held against the reference, and compared by a trial over the same minutes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from e2e.tenant import Tenant
from e2e.test_trial import OBJECTIVE, RATE, Asked

pytestmark = [pytest.mark.nodes, pytest.mark.long]

INT8 = {"name": "int8", "quantization": "Int8Dynamic"}
NEAR = {**OBJECTIVE, "accuracy": [{"measure": "LeastCosine", "limit": "0.97"}]}


def test_a_trial_tells_what_eight_bits_cost_and_how_near_they_are_beside_the_model_as_it_is(a_tenant: Callable[[], Tenant]) -> None:
    with a_tenant() as tenant:
        tenant.ground.give_artifacts(tenant.namespace)
        compared = tenant.pool("on-a", "pool-a", "openvino", "0.40")
        serving = tenant.pool("on-b", "pool-b", "openvino", "0.20")
        tenant.start_operator()
        tenant.apply(replicas=1, most=2, mode="Observe", objective=NEAR, variants=[INT8])
        tenant.until_serving()
        assert (tenant.holds() or "").split(".")[0] == serving
        client = tenant.keep(tenant.client(RATE))
        asked = Asked(tenant, [compared, f"{compared}.int8"])
        asked.apply()
        assert tenant.until("the end of the trial", asked.look, 1500) == "Decided", asked.status()
        status = asked.status()
        plain, int8 = status["pools"]
        assert [plain["pool"], int8["pool"]] == [compared, f"{compared}.int8"]
        assert {plain["phase"], int8["phase"]} == {"Measured"}
        assert plain["pricePerHour"] == int8["pricePerHour"], "the same nodes"
        assert plain["revision"] != int8["revision"]
        near = [float(row["accuracy"]["value"]) for row in (plain, int8)]
        assert 0.97 <= near[1] < near[0] <= 1
        (verdict,) = status["claims"]
        assert verdict["verdict"] == "Refuted", "nothing is fifty times as cheap"
        made = tenant.listed("apis/steelyard.dev/v1alpha1", "compiledmodels")
        assert {model["spec"]["quantization"] for model in made} == {"None", "Int8Dynamic"}
        assert client.failed() == []
