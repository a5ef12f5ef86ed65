"""What a claim is relative to: a pool, an instance type of a pool, or one that only the catalogue knows."""

from dataclasses import replace

import pytest

from steelyard.core.catalogue.advertised import advertised, references
from steelyard.core.catalogue.catalogue import Catalogue, parse
from steelyard.core.catalogue.estimate import Question, estimate
from steelyard.core.catalogue.relative import meant, resolved
from steelyard.core.facts.claim import Claim, ClaimMetric
from steelyard.core.facts.estimate import Estimate
from steelyard.core.facts.memory import VerdictWord
from steelyard.core.facts.snapshot import Pool, Reference
from unit.core.world import Ground, World, ratio_claim

SOURCED = {"source": "s", "date": "2026-01-02"}
LISTED = {"pricePerHour": "7.20", "currency": "USD", "region": "here", "priceSource": "list", "priceDate": "2026-01-02"}


def pools(*names: str, **changes: object) -> tuple[Pool, ...]:
    world = World({name: Ground() for name in names})
    return tuple(replace(world.pool(n, world.grounds[n]), **changes) for n in names)  # type: ignore[arg-type]


def catalogue() -> Catalogue:
    return parse(
        {
            "accelerators": [{"name": "x1", "family": "x", **SOURCED}],
            "instanceTypes": [{"name": "x.node", "accelerator": "x1", "devices": 2, "cpu": 4, "memoryGiB": 8, **LISTED, **SOURCED}],
            "claims": [
                {
                    "model": "model",
                    "task": "feature-extraction",
                    "accelerator": "x1",
                    "devices": 1,
                    "load": "Saturated",
                    "throughput": 50,
                    "unit": "RequestsPerSecond",
                    **SOURCED,
                }
            ],
        },
        "t",
    )


def ask(question: Question) -> Estimate | None:
    return estimate(catalogue(), question)


def test_a_name_is_a_pool_first_and_then_an_instance_type_of_another_pool() -> None:
    both = pools("a", "b")
    assert meant("b", both, "a") == "b"
    assert meant("b.large", both, "a") == "b"
    assert meant("a.large", both, "a") is None, "nothing is relative to itself"
    assert meant("c.large", both, "a") is None


def test_of_two_pools_with_the_type_the_one_on_demand_is_meant() -> None:
    first, second = pools("b", "c")
    shape = replace(first.shapes[0], instance_type="same")
    spot, demand = replace(first, shapes=(shape,), spot=True), replace(second, shapes=(shape,))
    assert meant("same", (spot, demand), "a") == "c"


def test_a_type_that_only_the_catalogue_knows_makes_a_value_of_the_ratio() -> None:
    known = {"x.node": Reference(throughput=100, unit_cost=0.02, spread=3.5)}
    cost = resolved(ratio_claim(0.5, "x.node"), "a", pools("a"), known)
    assert (cost.value, cost.ratio, cost.relative_to, cost.spread) == (0.01, None, None, 3.5)
    speed = replace(ratio_claim(3.0, "x.node"), metric=ClaimMetric.THROUGHPUT)
    assert resolved(speed, "a", pools("a"), known).value == 300
    power = replace(ratio_claim(3.0, "x.node"), metric=ClaimMetric.POWER)
    assert resolved(power, "a", pools("a"), known) == power
    unpriced = {"x.node": replace(known["x.node"], unit_cost=None)}
    assert resolved(ratio_claim(0.5, "x.node"), "a", pools("a"), unpriced) == ratio_claim(0.5, "x.node")
    assert resolved(ratio_claim(0.5, "nowhere"), "a", pools("a"), known) == ratio_claim(0.5, "nowhere")


def test_the_reference_of_a_type_is_its_claim_for_the_whole_node_at_its_list_price() -> None:
    claiming = pools("a", claims=(ratio_claim(0.5, "x.node"), ratio_claim(0.5, "nowhere", "other")))
    workload = World({}).workload
    found = references(workload, claiming, catalogue(), ask, "USD")
    assert set(found) == {"x.node"}
    assert found["x.node"].throughput == pytest.approx(100)
    assert found["x.node"].unit_cost == pytest.approx(7.2 / (3.6 * 100))
    assert references(workload, claiming, catalogue(), ask, "EUR")["x.node"].unit_cost is None


def test_only_what_claims_refer_to_and_no_pool_has_is_looked_up() -> None:
    claiming = pools("a", "b", claims=(ratio_claim(0.5, "b.large"), Claim(name="v", metric=ClaimMetric.THROUGHPUT, value=3.0)))
    assert references(World({}).workload, claiming[:1] + pools("b"), catalogue(), ask, "USD") == {}


def test_a_pool_of_devices_carries_what_is_advertised_of_one_replica() -> None:
    (devices,) = pools("a", accelerator="x1", resource_name="x/x1")
    (cpus,) = pools("b", accelerator="x1")
    first, second = advertised(World({}).workload, (devices, cpus), ask)
    assert first.advertised is not None
    assert first.advertised.throughput == pytest.approx(50)
    assert second.advertised is None


def verdicts(relative_to: str) -> list[tuple[VerdictWord, int]]:
    world = World({"a": Ground(speed=10, claims=(ratio_claim(0.5, relative_to),)), "b": Ground(speed=20)}, rate=24)
    world.tick(120)
    return [(v.verdict, v.n) for v in world.memory.claims]


def test_a_claim_relative_to_an_instance_type_of_a_pool_is_judged_as_one_relative_to_the_pool() -> None:
    assert verdicts("b.large") == verdicts("b")
    assert verdicts("b")[0][0] is VerdictWord.REFUTED
    assert verdicts("nowhere")[0] == (VerdictWord.INCONCLUSIVE, 0)
