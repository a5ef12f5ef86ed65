"""Published prices put the cheapest good request first, whatever nodes cost and do, and never say that a node costs less than it does."""

from __future__ import annotations

from datetime import timedelta
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.planning.measured_cost import MeasuredCost
from steelyard.core.planning.published import cheapest_groups, published_prices, ranked_groups
from steelyard.core.planning.relative_cost import relative_costs
from unit.core.test_published import NOW, measured, pool

NAMES = "abcde"
ROUNDED = 0.06
"""Two digits of a ratio, and four of a price."""
node = st.tuples(st.floats(0.05, 100.0), st.floats(0.1, 1000.0))
nodes = st.dictionaries(st.sampled_from(NAMES), node, min_size=2)


@effort(300)
@given(nodes=nodes)
def test_the_cheapest_request_is_bought_first_and_no_node_is_shown_below_its_price(nodes: dict[str, tuple[float, float]]) -> None:
    relative = relative_costs([[measured(name, price, rate) for name, (price, rate) in nodes.items()]], NOW)
    shown = {name: published_prices(pool(name, price), relative[name], NOW)[f"{name}.large"] for name, (price, _) in nodes.items()}
    cheapest = min(nodes, key=lambda name: (nodes[name][0] / nodes[name][1], name))
    for name, (price, rate) in nodes.items():
        assert shown[name] >= price * 0.999
        assert shown[cheapest] <= shown[name] * (1 + ROUNDED)
        per_request = (price / rate) / (nodes[cheapest][0] / nodes[cheapest][1])
        assert relative[name].cost == pytest.approx(per_request, rel=ROUNDED)
        if relative[name].replicas >= 1:
            assert shown[name] / shown[cheapest] == pytest.approx(per_request, rel=2 * ROUNDED), (
                "in proportion, where its price is not the bound"
            )


@effort(150)
@given(nodes=nodes, scale=st.lists(st.floats(0.1, 10.0), min_size=1, max_size=4))
def test_how_heavy_a_workloads_requests_are_makes_no_difference(nodes: dict[str, tuple[float, float]], scale: list[float]) -> None:
    alone = relative_costs([[measured(name, *each) for name, each in nodes.items()]], NOW)
    several = relative_costs([[measured(name, price, rate * times) for name, (price, rate) in nodes.items()] for times in scale], NOW)
    for name in nodes:
        assert several[name].cost == pytest.approx(alone[name].cost, rel=ROUNDED)
        assert several[name].replicas == pytest.approx(alone[name].replicas, rel=ROUNDED)


@effort(150)
@given(workloads=st.lists(nodes, max_size=4), ages=st.floats(0, 20))
def test_each_group_has_one_place_and_what_is_asked_for_is_answered_by_a_part_of_it(
    workloads: list[dict[str, tuple[float, float]]], ages: float
) -> None:
    by_workload: list[list[MeasuredCost]] = [[measured(name, *each, days_ago=ages) for name, each in nodes.items()] for nodes in workloads]
    relative = relative_costs(by_workload, NOW)
    assert (set(relative) == set().union(*workloads)) if ages <= 7 else relative == {}
    assert all(one.cost >= 1 for one in relative.values())
    ranked = ranked_groups([pool(name, 1.0, node_group=f"ng-{name}") for name in NAMES], relative)
    groups = [group for place in ranked for group in place]
    assert sorted(groups) == sorted(f"ng-{name}" for name in relative)
    asked = [f"ng-{name}" for name in NAMES]
    best = cheapest_groups(asked, ranked)
    assert best and set(best) <= set(asked)
    assert prod(relative[group.removeprefix("ng-")].cost for group in best if relative) <= prod(
        min((one.cost for one in relative.values()), default=1.0) for _ in best
    )
    assert relative_costs(by_workload, NOW + timedelta(days=8)) == {}
