"""What the bill changes by with one replica, on nodes that come and go, that stay, and that are paid for in any case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steelyard.core.economics.attribution import share
from steelyard.core.economics.node_reserve import for_replicas
from steelyard.core.economics.replica_price import IDLE, ReplicaPrice, replica_price
from steelyard.core.economics.when_empty import CostBasis
from steelyard.core.facts.price import Price, PriceClass
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Pool, Shape

SMALL = Resources(1.0, 4.0, 1.0)
"""A replica that hardly asks for anything beside its device."""
P4D = Resources(96.0, 1152.0, 8.0)


def shape(name: str, resources: Resources, price: float | None) -> Shape:
    return Shape(instance_type=name, resources=resources, price=None if price is None else Price(price, PriceClass.LIST, None))


def pool(*shapes: Shape, provisioned: bool = True, reserved: bool = False) -> Pool:
    return Pool(
        name="p",
        family="nvidia",
        resource_name="nvidia.com/gpu",
        backends=("onnxruntime",),
        node_selector={"pool": "p"},
        shapes=shapes,
        provisioned=provisioned,
        reserved=reserved,
    )


def of(found: Pool, resources: Resources = SMALL) -> ReplicaPrice:
    price = replica_price(found, resources)
    assert price is not None
    return price


@pytest.mark.parametrize(
    ("node", "hourly", "replicas"),
    [
        (Resources(4.0, 16.0, 1.0), 0.8048, 1),
        (Resources(48.0, 192.0, 4.0), 4.6016, 4),
        (P4D, 21.96, 8),
        (Resources(96.0, 384.0, 6.0), 6.49063, 6),
    ],
)
def test_replicas_that_fill_a_node_which_an_autoscaler_made_pay_the_node_whatever_else_they_ask_for(node, hourly, replicas):
    price = of(pool(shape("x", node, hourly)))
    assert price.fitting == replicas
    assert price.fitting * price.of(hourly) == pytest.approx(hourly)
    assert price.basis is CostBasis.NODES


def test_by_weight_eight_replicas_that_fill_a_node_would_pay_a_half_of_it():
    assert 8 * share(SMALL, P4D) == pytest.approx(0.51, abs=0.01)


def test_whichever_runs_out_first_says_how_many_fit():
    node = shape("x", P4D, 20.0)
    assert of(pool(node), Resources(1.0, 4.0, 3.0)).fitting == 2
    assert of(pool(node), Resources(30.0, 4.0, 1.0)).fitting == 3
    assert of(pool(node), Resources(1.0, 300.0, 1.0)).fitting == 3
    assert of(pool(replace(node, pods=13)), Resources(0.1, 0.1, 1.0)).fitting == 3


def test_what_the_system_keeps_of_a_node_holds_no_replica():
    node = shape("x", Resources(4.0, 16.0), 1.0)
    left = for_replicas(node)
    assert (left.cpu, left.memory_gib) == (pytest.approx(3.52), pytest.approx(13.4))
    assert of(pool(node), Resources(1.0, 2.0)).fitting == 3
    assert of(pool(replace(node, for_replicas=node.resources)), Resources(1.0, 2.0)).fitting == 4


def test_a_replica_of_the_whole_shape_is_not_refused_for_a_reserve_that_is_an_estimate():
    whole = Resources(4.0, 16.0)
    assert of(pool(shape("x", whole, 1.0)), whole).fitting == 1
    assert of(pool(shape("x", whole, 1.0), provisioned=False), whole).part == 1.0


def test_on_nodes_that_stay_a_replica_pays_what_it_keeps_from_others():
    node = replace(shape("x", Resources(10.0, 100.0, 4.0), 1.0), for_replicas=Resources(10.0, 100.0, 4.0))
    stays = pool(node, provisioned=False)
    assert of(stays, Resources(1.0, 5.0, 3.0)).part == 0.75
    assert of(stays, Resources(9.0, 5.0, 1.0)).part == 0.9
    assert of(stays, Resources(1.0, 60.0, 1.0)).part == 0.6
    assert of(stays).basis is CostBasis.SHARE


def test_a_replica_on_nodes_that_are_paid_for_in_any_case_adds_nothing_and_fewer_are_better():
    price = of(pool(shape("x", P4D, 20.0), reserved=True))
    assert price.of(20.0) == pytest.approx(IDLE * 2.5)
    assert price.listed(20.0) == pytest.approx(2.5)
    assert price.basis is CostBasis.COMMITTED


def test_of_several_shapes_that_counts_on_which_a_replica_costs_least():
    small, large = shape("small", Resources(4.0, 16.0, 1.0), 0.8), shape("large", Resources(48.0, 192.0, 4.0), 3.0)
    assert of(pool(small, large)).shape is large
    assert of(pool(small, large), Resources(1.0, 4.0, 3.0)).shape is large
    assert of(pool(small, shape("large", Resources(48.0, 192.0, 4.0), 4.0))).shape is small


def test_a_shape_without_a_price_counts_only_where_no_other_fits():
    dear, unpriced = shape("dear", Resources(4.0, 16.0, 1.0), 9.0), shape("unpriced", P4D, None)
    assert of(pool(unpriced, dear)).shape is dear
    assert of(pool(unpriced, dear), Resources(1.0, 4.0, 2.0)).shape is unpriced
    assert replica_price(pool(unpriced, dear), Resources(1.0, 4.0, 9.0)) is None
