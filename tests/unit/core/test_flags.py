"""Flags of the compiler, for all families and for one: what they change, and what they leave as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steelyard.core.compiling.candidate import compile_inputs
from steelyard.core.compiling.revision import asked, revision
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import (
    CompileOptions,
    LatencyObjective,
    Model,
    NumberFormat,
    Pool,
    Rebalancing,
    Scaling,
    Toolchain,
    Workload,
)
from steelyard.core.vocabulary.task import GRAPHS

PLAIN = CompileOptions(dtype="Auto", quantization="None", batch_sizes=(8, 1), sequence_lengths=(128,))
WORKLOAD = Workload(
    key=WorkloadKey("ns", "embed"),
    uid="u",
    generation=1,
    model=Model(uri="hf://org/model", digest=None, revision="a" * 40, task="feature-extraction"),
    compile=PLAIN,
    latency=(LatencyObjective(metric="e2e", milliseconds=100, percent=99.0),),
    scaling=Scaling(),
    rebalancing=Rebalancing(),
)
NEURON = Toolchain(
    backend="neuron",
    serve_image="s:1",
    compile_image="c:1",
    versions={"neuronx-cc": "2.27.5334.0", "torch-neuronx": "2.9.0.2.15.32035"},
    target="inf2",
)
ONE = Resources(1.0, 4.0, 1.0)
INF2 = Pool(name="inf2", family="neuron-inf2", resource_name="aws.amazon.com/neuron", backends=("neuron",), node_selector={})
CPU = Pool(name="cpu", family="cpu", resource_name=None, backends=("openvino",), node_selector={})
FAST = replace(PLAIN, flags=("--optlevel=1",))


def test_who_gives_no_flags_keeps_key_and_hashes_of_versions_that_knew_none() -> None:
    """Written down from such a version: another value here would compile everything anew, or restart everybody."""
    assert compile_inputs(WORKLOAD, NEURON, "neuron-inf2").key == "5e273a7702adc9d70ea8b57e9d601c41c41acb447180fbfa11fc4ec62e10b8ef"
    assert asked(WORKLOAD, ONE, INF2) == "0c9346f4"
    assert revision(WORKLOAD, ONE, NEURON, "sha256:" + "0" * 64, INF2) == "39d0c73e"


@pytest.mark.parametrize("task", sorted(GRAPHS))
def test_lengths_of_texts_are_no_inputs_of_a_graphs_compile_and_batches_are(task: str) -> None:
    graph = replace(WORKLOAD, model=replace(WORKLOAD.model, task=task))
    inputs = compile_inputs(graph, NEURON, "cpu")
    assert (inputs.task, inputs.batch_sizes, inputs.sequence_lengths) == (task, (8, 1), (1,))
    longer = replace(graph, compile=replace(PLAIN, sequence_lengths=(64, 512)))
    assert compile_inputs(longer, NEURON, "cpu").key == inputs.key
    assert compile_inputs(replace(graph, compile=replace(PLAIN, batch_sizes=(4,))), NEURON, "cpu").key != inputs.key


def test_flags_are_another_artifact_and_another_thing_to_ask_for() -> None:
    flagged = replace(WORKLOAD, compile=FAST)
    assert compile_inputs(flagged, NEURON, "neuron-inf2").flags == FAST.flags
    assert compile_inputs(flagged, NEURON, "neuron-inf2").key != compile_inputs(WORKLOAD, NEURON, "neuron-inf2").key
    assert asked(flagged, ONE, INF2) != asked(WORKLOAD, ONE, INF2)


def test_what_one_family_gives_itself_is_nothing_to_the_others() -> None:
    flagged = replace(WORKLOAD, compile_by_family={"neuron-inf2": replace(FAST, batch_sizes=(4,))})
    there, elsewhere = (compile_inputs(flagged, NEURON, family) for family in ("neuron-inf2", "cpu"))
    assert (there.flags, there.batch_sizes) == (FAST.flags, (4,))
    assert elsewhere.key == compile_inputs(WORKLOAD, NEURON, "cpu").key
    assert asked(flagged, ONE, CPU) == asked(WORKLOAD, ONE, CPU)
    assert asked(flagged, ONE, INF2) != asked(WORKLOAD, ONE, INF2)


def test_a_number_format_of_one_back_end_is_nothing_to_the_others_and_wins_over_that_of_the_family() -> None:
    family = {"neuron-inf2": replace(PLAIN, dtype="bfloat16", quantization="Fp8")}
    formed = replace(WORKLOAD, compile_by_family=family, format_by_backend={"neuron": NumberFormat(quantization="Int8Dynamic")})
    inputs = compile_inputs(formed, NEURON, "neuron-inf2")
    assert (inputs.dtype, inputs.quantization) == ("bfloat16", "Int8Dynamic"), "what the back end does not say, the family says"
    assert asked(formed, ONE, INF2, "neuron") != asked(formed, ONE, INF2, "optimum-neuron")
    other = replace(NEURON, backend="optimum-neuron")
    assert compile_inputs(formed, other, "neuron-inf2").quantization == "Fp8"


@pytest.mark.parametrize(
    ("backend", "target", "flags", "cores"),
    [
        ("neuron", "inf2", (), 1),
        ("neuron", "trn2", (), 2),
        ("neuron", "neuron/trn3", (), 2),
        ("optimum-neuron", "trn2", (), 2),
        ("neuron", "trn2", ("--logical-nc-config=1",), 1),
        ("openvino", "cpu/x86-64", (), None),
    ],
)
def test_how_cores_are_joined_follows_from_the_target_and_the_flags(backend: str, target: str, flags: tuple[str, ...], cores: int) -> None:
    workload = replace(WORKLOAD, compile=replace(PLAIN, flags=flags))
    assert compile_inputs(workload, replace(NEURON, backend=backend, target=target), "x").logical_cores == cores
