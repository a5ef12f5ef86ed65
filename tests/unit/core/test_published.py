"""What good requests were measured to cost, made into prices and an order for whoever buys nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from steelyard.core.facts.price import Price, PriceClass
from steelyard.core.facts.snapshot import Pool, Shape
from steelyard.core.planning.measured_cost import MeasuredCost, measured_costs
from steelyard.core.planning.published import cheapest_groups, published_prices, ranked_groups
from steelyard.core.planning.relative_cost import RelativeCost, relative_costs
from unit.core.world import NODE, START, Ground, World

NOW = START
PER_HOUR = 3.6


def measured(pool: str, price: float, rate: float, days_ago: float = 0.0) -> MeasuredCost:
    """A node holds one replica."""
    return MeasuredCost(pool=pool, cost=price / (PER_HOUR * rate), rate=rate, measured=NOW - timedelta(days=days_ago))


def pool(name: str, price: float | None, **more: object) -> Pool:
    made = Shape(instance_type=f"{name}.large", resources=NODE, price=None if price is None else Price(price, PriceClass.STATIC, None))
    return replace(World({name: Ground()}).pool(name, Ground()), shapes=(made,), **more)  # type: ignore[arg-type]


def told(relative: Mapping[str, RelativeCost]) -> dict[str, tuple[float, float, int]]:
    return {name: (one.cost, one.replicas, one.workloads) for name, one in relative.items()}


def test_a_pool_is_compared_with_the_cheapest_that_the_same_workload_was_measured_on() -> None:
    by_workload = [[measured("gpu", 10.0, 100.0), measured("cpu", 1.0, 8.0)]]
    assert told(relative_costs(by_workload, NOW)) == {"gpu": (1.0, 1.0, 1), "cpu": (1.3, 13.0, 1)}


def test_of_several_workloads_the_geometric_mean_counts() -> None:
    one = [measured("a", 1.0, 10.0), measured("b", 1.0, 5.0)]
    other = [measured("a", 1.0, 5.0), measured("b", 1.0, 10.0)]
    assert told(relative_costs([one, other], NOW)) == {"a": (1.4, 1.4, 2), "b": (1.4, 1.4, 2)}


def test_what_was_measured_on_one_pool_alone_or_more_than_a_week_ago_compares_nothing() -> None:
    assert relative_costs([[measured("a", 1.0, 10.0)], []], NOW) == {}
    old = [measured("a", 1.0, 10.0), measured("b", 1.0, 5.0, days_ago=7.1)]
    assert relative_costs([old], NOW) == {}
    assert set(relative_costs([old], NOW - timedelta(days=1))) == {"a", "b"}


def test_a_slow_node_is_published_at_what_as_many_good_requests_cost_and_none_below_its_price() -> None:
    relative = relative_costs([[measured("gpu", 10.0, 100.0), measured("cpu", 1.0, 8.0)]], NOW)
    assert published_prices(pool("gpu", 10.0), relative["gpu"], NOW) == {"gpu.large": 10.0}
    assert published_prices(pool("cpu", 1.0), relative["cpu"], NOW) == {"cpu.large": 13.0}, (
        "so that the GPU is bought, which is dear an hour"
    )
    relative = relative_costs([[measured("gpu", 10.0, 50.0), measured("cpu", 1.0, 8.0)]], NOW)
    assert relative["gpu"].replicas == 0.16
    assert published_prices(pool("gpu", 10.0), relative["gpu"], NOW) == {"gpu.large": 10.0}, "others' pods would go to it for 1.6"


def test_a_type_without_a_price_that_can_be_used_is_not_published() -> None:
    relative = RelativeCost(cost=1.0, replicas=1.0, workloads=1)
    assert published_prices(pool("a", None), relative, NOW) == {}
    assert published_prices(pool("a", 0.0), relative, NOW) == {}
    old = Shape(instance_type="a", resources=NODE, price=Price(1.0, PriceClass.LIST, NOW - timedelta(days=300)))
    new = replace(old, instance_type="b", price=Price(1.0, PriceClass.LIST, NOW))
    assert published_prices(replace(pool("a", 1.0), shapes=(old, new)), relative, NOW) == {"b": 1.0}


def test_node_groups_stand_in_the_order_of_their_cost_and_alike_ones_together() -> None:
    relative = {name: RelativeCost(cost=cost, replicas=1.0, workloads=1) for name, cost in (("a", 1.4), ("b", 1.0), ("c", 1.4), ("d", 1.2))}
    pools = [pool(name, 1.0, node_group=group) for name, group in (("a", "ng-a"), ("b", "ng-b"), ("c", "ng-c"), ("d", None), ("e", "ng-e"))]
    assert ranked_groups(pools, relative) == [["ng-b"], ["ng-a", "ng-c"]]
    assert ranked_groups([*pools, pool("a", 1.0, node_group="ng-b")], relative) == [["ng-a", "ng-b", "ng-c"]], (
        "of several pools the dearest"
    )


@pytest.mark.parametrize(
    ("asked", "best"),
    [
        (["ng-a", "ng-b", "ng-x"], ["ng-b"]),
        (["ng-x", "ng-c", "ng-a"], ["ng-c", "ng-a"]),
        (["ng-x", "ng-y"], ["ng-x", "ng-y"]),
        ([], []),
    ],
)
def test_of_the_groups_that_are_asked_for_the_cheapest_known_are_chosen_and_all_where_none_is_known(
    asked: list[str], best: list[str]
) -> None:
    assert list(cheapest_groups(asked, [["ng-b"], ["ng-a", "ng-c"]])) == best


def measured_on_two() -> World:
    """A workload that a dear pool served, and then a cheap one, both measured."""
    world = World({"dear": Ground(price=1.0), "cheap": Ground(price=0.5, selected=False)}, rate=20.0)
    assert measured_costs(world.tick().options) == ()
    world.grounds["cheap"].selected = True
    world.until(lambda: len(measured_costs(world.tick().options)) == 2)
    return world


def test_of_options_what_was_measured_is_told_and_nothing_of_what_was_only_claimed_or_carried() -> None:
    world = measured_on_two()
    found = {one.pool: one for one in measured_costs(world.tick().options)}
    for name, price in (("dear", 1.0), ("cheap", 0.5)):
        assert found[name].cost == pytest.approx(price / (PER_HOUR * found[name].rate))
        assert world.now - found[name].measured < timedelta(days=1)
    world.grounds["dear"].priced = False
    assert [one.pool for one in measured_costs(world.tick().options)] == ["cheap"]
