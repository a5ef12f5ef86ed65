"""Where a compile runs: on general nodes, or on a pool that serves what it makes, if it takes the device."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from steelyard.core.compiling.candidate import compile_inputs
from steelyard.core.compiling.site import CompileSite, compile_site, pools_to_compile_on
from steelyard.core.facts.price import Price, PriceClass
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Exhaustion, Pool, Settings, Shape, Toolchain, Workload
from unit.core.world import World

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ON_CPUS = Toolchain(backend="openvino", serve_image="s", compile_image="c", versions={}, target="cpu/x86-64")
ON_DEVICES = Toolchain(backend="inductor", serve_image="s", compile_image="c", versions={}, target="sm_86", compile_needs_device=True)
SETTINGS = Settings(
    toolchains={"openvino": ON_CPUS, "inductor": ON_DEVICES},
    store_uri="s3://a",
    compile_node_selector={"kind": "build"},
    compile_resources=Resources(2.0, 4.0),
)


def pool(name: str, *, price: float | None = 1.0, memory: float = 16.0, **change: object) -> Pool:
    shape = Shape(
        instance_type=name, resources=Resources(4.0, memory, 1.0), price=None if price is None else Price(price, PriceClass.LIST, None)
    )
    made = Pool(
        name=name,
        family="nvidia",
        resource_name="nvidia.com/gpu",
        backends=("inductor",),
        node_selector={"pool": name},
        tolerations=({"key": "nvidia.com/gpu", "operator": "Exists"},),
        scheduler="bin-packer",
        runtime_class="nvidia",
        shapes=(shape,),
        nodes=1,
    )
    return replace(made, **change)  # type: ignore[arg-type]


WORKLOAD = World({}).workload
KEY = compile_inputs(WORKLOAD, ON_DEVICES, "nvidia").key


def to_compile_on(*pools: Pool, workload: Workload = WORKLOAD) -> tuple[Pool, ...]:
    return pools_to_compile_on(KEY, [(workload, pools)], SETTINGS, NOW)


def names(*pools: Pool) -> list[str]:
    return [p.name for p in to_compile_on(*pools)]


def site_of(*pools: Pool, attempt: int = 1, factor: int = 1) -> CompileSite | None:
    return compile_site(ON_DEVICES, SETTINGS, to_compile_on(*pools), attempt=attempt, factor=factor)


def test_a_compile_that_needs_no_device_runs_on_general_nodes_whatever_the_pools():
    found = compile_site(ON_CPUS, SETTINGS, (pool("a"),), attempt=3, factor=2)
    assert found == CompileSite(node_selector={"kind": "build", "kubernetes.io/arch": "amd64"}, resources=Resources(2.0, 8.0))


def test_a_compile_that_needs_a_device_takes_one_of_a_pool_as_its_serving_pods_do():
    assert site_of(pool("a"), factor=2) == CompileSite(
        node_selector={"pool": "a"},
        resources=Resources(2.0, 8.0, 1.0),
        pool="a",
        resource_name="nvidia.com/gpu",
        tolerations=({"key": "nvidia.com/gpu", "operator": "Exists"},),
        scheduler="bin-packer",
        runtime_class="nvidia",
    )


@pytest.mark.parametrize(
    "change",
    [
        {"selected": False},
        {"resource_name": None},
        {"backends": ("neuron",)},
        {"unsupported": "not released"},
        {"backends": ("vllm", "neuron")},
    ],
    ids=lambda change: next(iter(change)),
)
def test_only_a_pool_that_would_serve_it_is_taken(change):
    assert names(pool("a", **change)) == []
    assert site_of(pool("a", **change)) is None


def test_a_back_end_that_makes_for_processors_alone_is_passed_over_on_a_pool_of_devices():
    assert names(pool("a", backends=("openvino", "inductor"))) == ["a"]


def test_of_several_pools_with_one_key_the_one_with_nodes_then_the_cheapest_then_the_first_by_name():
    pools = [
        pool("dear", price=3.0),
        pool("cheap-b", price=1.0),
        pool("cheap-a", price=1.0),
        pool("empty", price=0.1, nodes=0),
        pool("down", price=0.2, nodes=2, unready_nodes=2),
        pool("priceless", price=None),
        pool("sold-out", price=0.3, exhaustion=Exhaustion(since=NOW, until=NOW + timedelta(seconds=1))),
        pool("on-demand", price=2.0, nodes=0, provisioned=True),
        pool("unmade", price=0.15, nodes=0, provisioned=True, max_nodes=0),
    ]
    wanted = ["cheap-a", "cheap-b", "on-demand", "dear", "priceless", "empty", "unmade", "down", "sold-out"]
    assert names(*pools) == wanted
    assert all(names(*order) == wanted for order in list(permutations(pools))[::977])


def test_a_pool_whose_family_is_compiled_otherwise_is_another_keys():
    workload = replace(WORKLOAD, compile_by_family={"nvidia-l4": replace(WORKLOAD.compile, dtype="float16")})
    assert [p.name for p in to_compile_on(pool("a", family="nvidia-l4"), pool("b"), workload=workload)] == ["b"]


def test_a_pool_counts_for_the_workload_that_asks_for_this_key_there_and_selects_it():
    other = replace(WORKLOAD, model=replace(WORKLOAD.model, revision="b" * 40))
    assert to_compile_on(pool("a"), workload=other) == ()
    users = [(other, (pool("a"),)), (WORKLOAD, (pool("a", selected=False), pool("b"))), (WORKLOAD, (pool("b"), pool("c", price=0.5)))]
    assert [p.name for p in pools_to_compile_on(KEY, users, SETTINGS, NOW)] == ["c", "b"]


def test_the_price_is_that_of_one_device():
    eight = Shape(instance_type="x8", resources=Resources(64.0, 256.0, 8.0), price=Price(4.0, PriceClass.LIST, None))
    assert names(pool("single", price=1.0), pool("eight", shapes=(eight,))) == ["eight", "single"]


def test_a_further_attempt_takes_the_next_pool_and_comes_round_again():
    pools = (pool("a"), pool("b"), pool("c"))
    taken = [site_of(*pools, attempt=attempt) for attempt in (1, 2, 3, 4)]
    assert [site.pool for site in taken if site] == ["a", "b", "c", "a"]


def test_a_pool_that_is_too_small_is_left_out_unless_all_are():
    small, large = pool("a-small", memory=8.0), pool("large", price=9.0, memory=64.0)
    assert [s.pool for attempt in (1, 2) if (s := site_of(small, large, attempt=attempt, factor=4))] == ["large", "large"]
    waits = site_of(small, factor=4)
    assert waits is not None
    assert (waits.pool, waits.resources.memory_gib) == ("a-small", 16.0), "its Job waits, and says for what"
