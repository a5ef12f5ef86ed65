"""A pool whose devices cannot hold a model for vLLM is refused with figures and what to write; what is not known refuses nothing."""

from __future__ import annotations

from dataclasses import replace
from math import floor

import pytest

from steelyard.api.last_decision import OptionEntry
from steelyard.core.compiling.candidate import Candidate, candidates
from steelyard.core.compiling.default_request import CPU_POOL
from steelyard.core.compiling.memory_need import GIB, memory_need
from steelyard.core.compiling.revision import asked
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Memory
from steelyard.core.facts.model_memory import ModelMemory
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import (
    Artifact,
    ArtifactState,
    CompileOptions,
    Placement,
    Pool,
    PoolChoice,
    Settings,
    Shape,
    Snapshot,
    VllmOptions,
    Workload,
)
from steelyard.core.vocabulary.reason import Reason
from unit.core.test_vllm import toolchain, workload

LLAMA = ModelMemory(weights=15 * GIB, token=128 * 1024, positions=131_072)
"""As a Llama of 8 thousand million parameters in 16 bits: 32 layers, 8 heads of 128 for keys and values."""


def device_pool(memory: float | None, **change: object) -> Pool:
    shape = Shape(instance_type="i", resources=Resources(16.0, 64.0, 4.0), price=None)
    pool = Pool(
        name="gpu",
        family="nvidia",
        resource_name="nvidia.com/gpu",
        backends=("vllm",),
        node_selector={},
        shapes=(shape,),
        accelerator="a10g",
    )
    return replace(pool, device_memory=memory, **change)


def cpu_pool(node: Resources | None = None) -> Pool:
    shape = Shape(instance_type="i", resources=node or Resources(16.0, 64.0), price=None, for_replicas=node)
    return replace(device_pool(None), name="cpu", family="cpu", resource_name=None, shapes=(shape,))


def asking(options: CompileOptions | None = None, choice: PoolChoice | None = None, **vllm: object) -> Workload:
    given = workload(options=VllmOptions(**{"max_model_length": 8192, **vllm}))  # type: ignore[arg-type]
    return replace(given, compile=options or CompileOptions(), pools={"gpu": choice, "cpu": choice} if choice else {})


def seen(workload: Workload, pool: Pool, memory: ModelMemory | None = LLAMA, *, serves: bool = False) -> Candidate:
    tools = {"vllm": toolchain("vllm", "cpu/x86-64" if pool.family == "cpu" else "sm_86")}
    placement = Placement(key=PlacementKey(pool.name, "1"), desired=1, ready=1, pods=1)
    snapshot = Snapshot(
        workload=workload,
        pools=(pool,),
        settings=Settings(toolchains=tools, store_uri="s3://a"),
        artifacts={},
        placements=(placement,) if serves else (),
        traffic={},
        memory=Memory(),
    )
    (found,) = candidates(snapshot)
    assert found.key is not None
    made = Artifact(state=ArtifactState.READY, uri="s3://a/1", digest="sha256:1", size_bytes=1, memory=memory)
    (found,) = candidates(replace(snapshot, artifacts={found.key: made}))
    return found


def test_weights_with_their_margin_and_the_cache_of_one_request_have_to_fit_the_part_that_vllm_takes() -> None:
    need = memory_need(asking(memory_percent=80), device_pool(24.0), CompileOptions(), Artifact(state=ArtifactState.READY, memory=LLAMA))
    assert need is not None
    assert need.gib == pytest.approx((1.05 * 15 + 1.0) / 0.8), "8,192 tokens of 128 KiB are 1 GiB"
    assert seen(asking(memory_percent=80), device_pool(need.gib)).refusal is None
    refusal = seen(asking(memory_percent=80), device_pool(need.gib - 0.01)).refusal
    assert refusal is not None
    assert refusal.reason is Reason.DOES_NOT_FIT


def test_the_refusal_says_what_it_needs_what_there_is_and_what_to_write() -> None:
    refusal = seen(asking(max_model_length=131_072), device_pool(22.0)).refusal
    assert refusal is not None
    for word in (
        "needs 35.3 GiB or more",
        "1 x a10g of pool gpu has 22",
        "15.0 GiB of weights",
        "16.0 for 131072 tokens",
        "maxModelLength to 33177 or less or set devicesPerReplica and spec.compile.tensorParallel to 2",
    ):
        assert word in refusal.message
    assert seen(asking(max_model_length=33_177), device_pool(22.0)).refusal is None, "it fits as it was told to be written"
    two = asking(CompileOptions(tensor_parallel=2), PoolChoice(devices=2), max_model_length=131_072)
    assert seen(two, device_pool(22.0)).refusal is None


def test_a_refusal_is_whole_where_a_status_shows_it() -> None:
    (most,) = (each.max_length for each in OptionEntry.model_fields["message"].metadata if hasattr(each, "max_length"))
    long = replace(device_pool(1000.5), name="p" * 20, accelerator="a" * 20)
    huge = ModelMemory(weights=3000 * GIB, token=128 * 1024 * 100, positions=131_072)
    for options in (CompileOptions(dtype="float32"), CompileOptions()):
        refusal = seen(asking(options, max_model_length=10_000_000), long, huge).refusal
        assert refusal is not None
        assert len(refusal.message) <= most


def test_nothing_is_advised_that_would_not_be_enough() -> None:
    refusal = seen(asking(CompileOptions(dtype="float32")), device_pool(0.1)).refusal
    assert refusal is not None
    assert "use a pool with larger devices" in refusal.message
    assert "bfloat16" not in refusal.message


def test_no_more_devices_are_advised_than_a_node_of_the_pool_has() -> None:
    for memory, advised in ((5.0, True), (4.0, False)):
        refusal = seen(asking(), device_pool(memory)).refusal
        assert refusal is not None
        assert ("devicesPerReplica" in refusal.message) is advised, "4 of 5 GiB hold it, and no node has 8 of 4"
        assert ("use a pool with larger devices" in refusal.message) is not advised


def test_a_shorter_request_is_not_advised_where_the_least_cache_of_a_cpu_has_no_place() -> None:
    for memory, advised in ((21.0, False), (22.0, True)):
        said = seen(asking(choice=PoolChoice(resources=Resources(4.0, memory)), max_model_length=131_072), cpu_pool()).refusal
        assert said is not None
        assert ("maxModelLength" in said.message) is advised


def test_devices_that_the_model_is_not_split_over_do_not_count() -> None:
    assert seen(asking(CompileOptions(tensor_parallel=1), PoolChoice(devices=2)), device_pool(12.0)).refusal is not None
    assert seen(asking(CompileOptions(tensor_parallel=2), PoolChoice(devices=2)), device_pool(12.0)).refusal is None


@pytest.mark.parametrize(
    ("pool", "memory"),
    [(device_pool(None), LLAMA), (device_pool(1.0), None), (device_pool(17.6), replace(LLAMA, token=None)), (cpu_pool(), None)],
)
def test_what_is_not_known_refuses_nothing(pool: Pool, memory: ModelMemory | None) -> None:
    assert seen(asking(), pool, memory).refusal is None


def test_what_serves_is_not_refused_by_an_estimate() -> None:
    assert seen(asking(), device_pool(1.0)).refusal is not None
    assert seen(asking(), device_pool(1.0), serves=True).refusal is None


def test_before_the_model_was_prepared_its_parameters_count_in_the_format_that_is_asked_for() -> None:
    known = asking()
    known = replace(known, model=replace(known.model, parameters=8000.0))
    for dtype, gib in (("float32", 4 * 8e9 / GIB), ("bfloat16", 2 * 8e9 / GIB), ("Auto", 2 * 8e9 / GIB)):
        options = CompileOptions(dtype=dtype)
        need = memory_need(replace(known, compile=options), device_pool(80.0), options, None)
        assert need is not None
        assert need.weights == pytest.approx(gib)
        assert "by the catalogue" in str(need)
    wide = replace(known, compile=CompileOptions(dtype="float32"))
    refusal = seen(wide, device_pool(24.0), None).refusal
    assert refusal is not None
    assert "set spec.compile.dtype to bfloat16 or set devicesPerReplica" in refusal.message
    assert "by the catalogue" in refusal.message
    encoder = replace(workload("steelyard", None), model=known.model)
    assert memory_need(encoder, device_pool(1.0), CompileOptions(), None) is None


def test_plugins_that_are_told_no_part_of_the_memory_have_all_of_it_and_vectors_have_no_cache() -> None:
    artifact = Artifact(state=ArtifactState.READY, memory=LLAMA)
    chip = memory_need(asking(), device_pool(32.0, family="neuron-trn1"), CompileOptions(), artifact)
    vectors = asking()
    vectors = replace(vectors, model=replace(vectors.model, task="feature-extraction"))
    pooled = memory_need(vectors, device_pool(32.0), CompileOptions(), artifact)
    assert chip is not None and pooled is not None
    assert (chip.share, pooled.cache) == (1.0, 0.0)


def test_on_a_cpu_pool_a_replica_asks_for_what_its_model_needs_with_the_same_part_of_the_cpus() -> None:
    found = seen(asking(memory_percent=90), cpu_pool(Resources(16.0, 64.0)))
    needed = (1.05 * 15 + 2.5 + 1.0) / 0.9
    assert found.refusal is None
    assert found.resources == Resources(5.3, 21.5)
    assert 0 <= found.resources.memory_gib - needed < 0.25
    assert seen(asking(), cpu_pool(), None).resources == CPU_POOL
    tiny = seen(asking(), cpu_pool(Resources(2.0, 64.0)), replace(LLAMA, weights=GIB))
    assert tiny.resources.cpu == 1.0
    refusal = seen(asking(), cpu_pool(Resources(4.0, 16.0))).refusal
    assert refusal is not None
    assert "21.5 GiB" in refusal.message
    said = seen(asking(choice=PoolChoice(resources=Resources(4.0, 8.0))), cpu_pool()).refusal
    assert said is not None
    assert "resources.memory" in said.message


def test_on_a_cpu_the_cache_has_whole_gib_as_vllm_takes_them() -> None:
    small = ModelMemory(weights=GIB, token=112 * 1024, positions=40_960)  # 4.375 GiB of cache, as a Qwen3 of 0.6 thousand million.
    asked_for = asking(max_model_length=None, memory_percent=90)
    memory = seen(asked_for, cpu_pool(), small).resources.memory_gib
    assert floor(0.9 * memory - 2.5 - 1.0) >= 4.375, "so many GiB is the server told (launch.py of the runtime)"
    told = asking(choice=PoolChoice(resources=Resources(4.0, memory - 0.5)), max_model_length=None, memory_percent=90)
    refusal = seen(told, cpu_pool(), small).refusal
    assert refusal is not None
    assert "maxModelLength to 37449 or less" in refusal.message, "4 GiB, and no part of a fifth"


def test_what_stands_is_not_replaced_because_its_model_was_counted_meanwhile() -> None:
    before, after = seen(asking(), cpu_pool(), None), seen(asking(), cpu_pool())
    assert before.asked == after.asked
    assert before.revision != after.revision
    earlier = asked(asking(), CPU_POOL, cpu_pool(), "vllm")
    assert after.wants(earlier), "as versions wrote it that knew one size"
