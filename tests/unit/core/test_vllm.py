"""vLLM among the candidates: what is compiled for it, which pools can have it, and what makes another replica of it."""

from __future__ import annotations

from dataclasses import replace

from steelyard.core.compiling.candidate import Candidate, candidates
from steelyard.core.compiling.vllm_words import compiled_words, served_words
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.memory import Memory
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import (
    CompileOptions,
    Model,
    Pool,
    Rebalancing,
    Scaling,
    Settings,
    Shape,
    Snapshot,
    Toolchain,
    VllmOptions,
    Workload,
)
from steelyard.core.vocabulary.reason import Reason

OPTIONS = VllmOptions(
    max_model_length=4096,
    max_sequences=32,
    memory_percent=85,
    arguments=(("block-size", "16"), ("enable-auto-tool-choice", None), ("tool-call-parser", "hermes")),
)


def toolchain(backend: str, target: str) -> Toolchain:
    return Toolchain(backend=backend, serve_image=f"{target}:1", compile_image="c:1", versions={"vllm": "0.32.0"}, target=target)


def pool(name: str, family: str, *backends: str) -> Pool:
    device = None if family == "cpu" else "example.com/device"
    shape = Shape(instance_type="i", resources=Resources(16.0, 64.0, 0.0 if device is None else 4.0), price=None)
    return Pool(name=name, family=family, resource_name=device, backends=backends, node_selector={}, shapes=(shape,))


def seen(workload: Workload, *pools: Pool, **toolchains: Toolchain) -> dict[str, Candidate]:
    known = {name.replace("_on_", "@"): each for name, each in toolchains.items()}
    snapshot = Snapshot(
        workload=workload,
        pools=pools,
        settings=Settings(toolchains=known, store_uri="s3://a"),
        artifacts={},
        placements=(),
        traffic={},
        memory=Memory(),
    )
    return {each.name: each for each in candidates(snapshot)}


def workload(server: str = "vllm", options: VllmOptions | None = OPTIONS, task: str = "") -> Workload:
    return Workload(
        key=WorkloadKey("n", "w"),
        uid="u",
        generation=1,
        model=Model(uri="s3://m/llama", digest="sha256:1", revision=None, task=task),
        compile=CompileOptions(),
        latency=(),
        scaling=Scaling(),
        rebalancing=Rebalancing(),
        server=server,
        vllm=options,
    )


def test_each_server_takes_the_pools_whose_back_end_is_its_own() -> None:
    pools = pool("both", "cpu", "openvino", "vllm"), pool("other", "cpu", "openvino")
    tools = {"vllm": toolchain("vllm", "cpu/x86-64"), "openvino": toolchain("openvino", "cpu/x86-64")}
    text, vectors = seen(workload(), *pools, **tools), seen(workload("steelyard", None), *pools, **tools)
    assert text["both"].inputs is not None
    assert vectors["both"].inputs is not None
    assert (text["both"].inputs.backend, vectors["both"].inputs.backend) == ("vllm", "openvino")
    refusal = text["other"].refusal
    assert refusal is not None
    assert refusal.reason is Reason.UNSUPPORTED_TARGET
    assert "spec.server.vllm" in refusal.message


def test_a_family_with_a_toolchain_of_its_own_takes_it_before_the_one_for_all() -> None:
    tools = {"vllm": toolchain("vllm", "sm_90"), "vllm_on_neuron-trn2": toolchain("vllm", "trn2")}
    found = seen(workload(), pool("gpu", "nvidia", "vllm"), pool("chip", "neuron-trn2", "vllm"), **tools)
    assert {name: each.inputs and each.inputs.target for name, each in found.items()} == {"gpu": "sm_90", "chip": "trn2"}


def test_settings_that_shape_graphs_make_another_key_and_the_others_another_replica_only() -> None:
    def of(options: VllmOptions) -> Candidate:
        return seen(workload(options=options), pool("gpu", "nvidia", "vllm"), vllm=toolchain("vllm", "sm_90"))["gpu"]

    before, longer, fuller = of(OPTIONS), of(replace(OPTIONS, max_model_length=8192)), of(replace(OPTIONS, memory_percent=80))
    assert before.inputs is not None
    assert longer.inputs is not None
    assert fuller.inputs is not None
    assert before.inputs.key != longer.inputs.key
    assert before.inputs.key == fuller.inputs.key, "the same weights and the same graphs: nothing is prepared again"
    assert len({before.asked, longer.asked, fuller.asked}) == 3


def test_words_are_sorted_and_each_is_in_one_of_the_two_lists() -> None:
    assert compiled_words(OPTIONS) == ("--block-size=16", "--enable-prefix-caching", "--max-model-len=4096", "--max-num-seqs=32")
    assert served_words(OPTIONS) == ("--enable-auto-tool-choice", "--gpu-memory-utilization=0.85", "--tool-call-parser=hermes")


def test_a_model_that_pools_is_prepared_for_its_task_and_vllm_decides_whether_it_keeps_prefixes() -> None:
    device = pool("gpu", "nvidia", "vllm")
    text, vectors = (
        seen(workload(task=t), device, vllm=toolchain("vllm", "sm_90"))["gpu"] for t in ("text-generation", "feature-extraction")
    )
    assert text.inputs is not None and vectors.inputs is not None
    assert vectors.inputs.task == "feature-extraction"
    assert set(text.inputs.flags) - set(vectors.inputs.flags) == {"--enable-prefix-caching"}
    assert "--no-enable-prefix-caching" in compiled_words(replace(OPTIONS, prefix_caching=False), "feature-extraction")


def test_a_model_without_a_task_generates_text_and_its_batches_are_vllms_own() -> None:
    (found,) = seen(workload(), pool("gpu", "nvidia", "vllm"), vllm=toolchain("vllm", "sm_90")).values()
    assert found.inputs is not None
    assert (found.inputs.task, found.inputs.batch_sizes, found.inputs.sequence_lengths) == ("text-generation", (1,), (1,))


def test_batches_and_lengths_which_vllm_does_not_read_replace_nothing() -> None:
    usual, others = (
        CompileOptions(batch_sizes=(1, 8), sequence_lengths=(128, 512)),
        CompileOptions(batch_sizes=(1, 16), sequence_lengths=(64,)),
    )
    plain, said = (
        seen(replace(workload(), compile=options), pool("gpu", "cpu", "vllm"), vllm=toolchain("vllm", "cpu/x86-64"))["gpu"]
        for options in (usual, others)
    )
    assert (plain.asked, plain.key) == (said.asked, said.key)
    assert plain.asked == "73f92f64", "as versions wrote it that had them in it, where none were said: a new operator restarts nobody"
    assert said.wants("09f06bc5") and said.wants("ae9915fa"), "and where some were"
    assert not plain.wants("09f06bc5")
