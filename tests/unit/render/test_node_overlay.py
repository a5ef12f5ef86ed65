"""A NodeOverlay says of one instance type on one kind of capacity what it costs, and belongs to its pool."""

from __future__ import annotations

import re

import pytest

from steelyard.render.node_overlay import node_overlay, offering
from unit.core.test_published import pool

KARPENTERS_PRICE = re.compile(r"^\d+(\.\d+)?$")


@pytest.mark.parametrize(
    ("instance_type", "spot", "name"),
    [
        ("inf2.xlarge", False, "steelyard-inf2.xlarge-on-demand"),
        ("inf2.xlarge", True, "steelyard-inf2.xlarge-spot"),
        ("Standard_NC24ads_A100_v4", False, "steelyard-standard-nc24ads-a100-v4-on-demand"),
    ],
)
def test_there_is_one_for_each_instance_type_and_kind_of_capacity(instance_type: str, spot: bool, name: str) -> None:
    of = offering(pool("a", 1.0, spot=spot), instance_type)
    made = node_overlay(pool("a", 1.0, spot=spot), "uid-a", of, 1.5)
    assert made["metadata"]["name"] == name
    assert made["spec"] == {
        "requirements": [
            {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": [instance_type]},
            {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot" if spot else "on-demand"]},
        ],
        "price": "1.5",
    }
    other = node_overlay(pool("b", 1.0, spot=spot), "uid-b", of, 1.5)
    assert other["metadata"]["name"] == name, "two pools make no two prices of it"


def test_it_goes_with_its_pool_and_does_not_hold_that_up() -> None:
    made = node_overlay(pool("a", 1.0), "uid-a", offering(pool("a", 1.0), "m5.large"), 1.0)
    owner = {"apiVersion": "steelyard.dev/v1alpha1", "kind": "AcceleratorPool", "name": "a", "uid": "uid-a", "controller": True}
    assert made["metadata"]["ownerReferences"] == [owner]


@pytest.mark.parametrize(("price", "text"), [(3.0, "3"), (0.00001234, "0.00001234"), (12345678.0, "12345678"), (0.7582, "0.7582")])
def test_a_price_is_written_as_karpenter_reads_it(price: float, text: str) -> None:
    made = node_overlay(pool("a", 1.0), "uid-a", offering(pool("a", 1.0), "m5.large"), price)["spec"]["price"]
    assert made == text and KARPENTERS_PRICE.match(made)
