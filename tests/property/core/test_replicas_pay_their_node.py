"""What fills a node pays the node, and no replica pays less than the part of a node that it keeps from others."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st
from pytest import approx

from property.effort import effort
from steelyard.core.economics.node_reserve import for_replicas, pods_for_replicas
from steelyard.core.economics.replica_price import dominant_share, replica_price
from steelyard.core.facts.price import Price, PriceClass
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Pool, Shape

CORES = st.floats(0.1, 400.0)
GIB = st.floats(0.1, 4000.0)
shapes = st.builds(
    lambda at, cpu, memory, devices, price, pods: Shape(
        instance_type=f"x{at}",
        resources=Resources(cpu, memory, float(devices)),
        price=None if price is None else Price(price, PriceClass.STATIC, None),
        pods=pods,
    ),
    st.integers(0, 9),
    CORES,
    GIB,
    st.integers(0, 16),
    st.none() | st.floats(0.01, 100.0),
    st.none() | st.integers(1, 500),
)
priced = shapes.map(lambda shape: shape if shape.price is not None else replace(shape, price=Price(1.0, PriceClass.STATIC, None)))
requests = st.builds(lambda cpu, memory, devices: Resources(cpu, memory, float(devices)), CORES, GIB, st.integers(0, 16))


def pool(found: list[Shape], *, provisioned: bool, reserved: bool = False) -> Pool:
    return Pool(
        name="p",
        family="cpu",
        resource_name="x",
        backends=(),
        node_selector={},
        shapes=tuple(found),
        provisioned=provisioned,
        reserved=reserved,
    )


@effort(200)
@given(found=st.lists(shapes, min_size=1, max_size=5), asked=requests)
def test_the_replicas_that_fit_on_a_node_pay_the_node_and_each_no_less_than_it_keeps(found: list[Shape], asked: Resources) -> None:
    made = replica_price(pool(found, provisioned=True), asked)
    assume(made is not None)
    assert made is not None
    assert made.fitting * made.of(3.0) == approx(3.0, rel=1e-12)
    room = for_replicas(made.shape)
    assert made.part >= dominant_share(asked, room) * (1 - 1e-8)
    one_more = Resources(*(part * (made.fitting + 1) for part in (asked.cpu, asked.memory_gib, asked.devices)))
    assert not one_more.fits(room) or made.fitting == pods_for_replicas(made.shape)


@effort(200)
@given(found=st.lists(priced, min_size=1, max_size=5), asked=requests)
def test_nodes_that_stay_cost_no_more_than_nodes_that_are_made_and_reserved_ones_least(found: list[Shape], asked: Resources) -> None:
    made, stays, paid = (
        replica_price(pool(found, provisioned=each, reserved=sunk), asked) for each, sunk in ((True, False), (False, False), (True, True))
    )
    assume(made is not None)
    assert made is not None and stays is not None and paid is not None
    assert stays.shape.price is not None and made.shape.price is not None and paid.shape.price is not None
    assert stays.of(stays.shape.price.per_hour) <= made.of(made.shape.price.per_hour) * (1 + 1e-8)
    assert paid.of(paid.shape.price.per_hour) < made.of(made.shape.price.per_hour)


@effort(100)
@given(shape=shapes)
def test_the_reserve_leaves_at_least_half_of_a_node_and_never_all_of_it(shape: Shape) -> None:
    left, whole = for_replicas(shape), shape.resources
    assert whole.cpu / 2 * (1 - 1e-9) <= left.cpu < whole.cpu
    assert whole.memory_gib / 2 * (1 - 1e-9) <= left.memory_gib < whole.memory_gib
    assert left.devices == whole.devices
