"""The object that Contour serves, unchanged, behind Envoy Gateway: accepted, and served as its weights say."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import sqrt
from pathlib import Path

import pytest

from e2e.golden_move import CHEAP, MOST
from e2e.ground import Ground
from e2e.tenant import Tenant, at_least
from integrations.envoy_gateway import definitions, start
from integrations.gateway import TRAFFIC, Gateway
from integrations.look import look, of_pool, part_at

pytestmark = pytest.mark.integrations

PROGRAMS, ENVIRONMENTS = ("envoy-gateway",), {"envoy": "gateway-envoy.txt"}
RATE = 12.0
SECONDS = 120
SETTLED = 2.0
"""Seconds after a change of weights from which on what is served is held against them."""
SIGMAS = 2.576
"""Of a binomial count: in 99 of 100 cases it is within them."""


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with Ground.laid("second-gateway", operator=False) as laid:
        definitions(laid.cluster)
        yield laid


@pytest.fixture(scope="module")
def gateway(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Gateway:
    return start(ground.cluster, tmp_path_factory.mktemp("envoy-gateway"), ground.serve.reference)


def test_the_same_workload_is_accepted_and_served_as_its_weights_say(ground: Ground, gateway: Gateway, tmp_path: Path) -> None:
    with Tenant(ground, tmp_path) as tenant:
        gateway.accept(tenant.namespace)
        most, least = tenant.pool("most", "pool-a", "openvino", CHEAP), tenant.pool("least", "pool-b", "openvino", CHEAP)
        tenant.start_operator()
        tenant.apply(most=MOST, traffic=TRAFFIC, placement=at_least({most: 2, least: 1}), mode="Observe")
        tenant.until_serving(3)
        tenant.until("the route to be accepted", lambda: tenant.condition("Held").get("status") != "True", 120)
        client = tenant.keep(tenant.client(RATE, url=gateway.url))
        looks = [look(tenant, (most, least))]
        while looks[-1].at < looks[0].at + SECONDS:
            looks.append(look(tenant, (most, least)))
        client.stop()
        assert client.failed() == []
        changed = [one.at for before, one in pairwise(looks) if one.parts != before.parts]
        settled = [
            each
            for each in client.entries()
            if looks[0].at <= each["sent"] <= looks[-1].at and not any(at - 1 <= each["sent"] <= at + SETTLED for at in changed)
        ]
        parts = [part_at(looks, most, each["sent"]) for each in settled]
        served = sum(of_pool(each["pod"], most) for each in settled)
        expected, spread = sum(parts), sqrt(sum(part * (1 - part) for part in parts))
        print(f"parts {looks[-1].parts}; {served} of {len(settled)} there, {abs(served - expected) / spread:.2f} standard deviations off")
        assert len(settled) > RATE * SECONDS / 2
        assert abs(served - expected) <= SIGMAS * spread
