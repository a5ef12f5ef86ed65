"""What the core is told of a trial on this machine: a variant is a pool of one node, which is the machine, and costs what was said of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from steelyard.core.facts.snapshot import LatencyObjective, Model, Toolchain
from steelyard.core.facts.trial import AskedLoad
from steelyard.core.placing.analysis import Analysis, analysis
from steelyard.core.trials.lengths import lengths_asked
from steelyard.local.asked import Asked, settings_of
from steelyard.local.machine import Machine
from steelyard.local.toolchains import Installed
from steelyard.local.trial import compiled_for
from steelyard.local.variant import variant

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
MACHINE = Machine(name="a processor", servers=(1, 2, 3), generators=(0,), threads=3, memory_gib=23.4)
TOOLCHAINS = {
    name: Toolchain(backend=name, serve_image=name, compile_image=name, versions={name: "1.0"}, target="cpu/x86-64")
    for name in ("openvino", "onnxruntime")
}


def asked(*pools: str, **changes: object) -> Asked:
    made = Asked(
        name="minilm",
        model=Model(uri="file:///models/minilm", digest="sha256:" + "1" * 64, revision=None, task="feature-extraction"),
        variants=tuple(variant(pool) for pool in pools or ("openvino", "onnxruntime")),
        objective=LatencyObjective(metric="e2e", milliseconds=200, percent=99.0),
        load=AskedLoad(),
        seconds=120,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def seen(what: Asked) -> Analysis:
    return analysis(what.snapshot(settings_of(what, TOOLCHAINS, "file:///store"), MACHINE, {}, NOW), NOW)


def keys(*pools: str, **changes: object) -> list[str]:
    what = asked(*pools, **changes)
    return [intent.inputs.key for intent in compiled_for(what, settings_of(what, TOOLCHAINS, "file:///store"), MACHINE)]


def test_a_server_costs_what_was_said_of_the_machine_and_not_a_part_of_it() -> None:
    options = seen(asked(prices={"openvino": 0.34}))
    openvino, onnxruntime = options.option("openvino"), options.option("onnxruntime")
    assert openvino is not None and onnxruntime is not None
    assert openvino.listed == 0.34
    assert onnxruntime.listed is None, "nobody said what it costs, and that is not nothing"


def test_a_server_has_all_threads_of_the_machine() -> None:
    option = seen(asked()).option("openvino")
    assert option is not None and option.candidate.resources.cpu == 3


def test_each_back_end_and_format_is_compiled_and_the_same_twice_is_compiled_once() -> None:
    assert len(set(keys("openvino", "openvino/float32", "openvino/float32/Int8Dynamic", "onnxruntime"))) == 4
    assert len(keys("openvino", "openvino/Auto/None")) == 1


def test_what_is_compiled_for_longer_requests_is_another_artifact() -> None:
    assert keys("openvino", longest=62) == keys("openvino")
    assert keys("openvino", longest=300) != keys("openvino")
    assert asked(longest=300).lengths == (32, 64, 128, 256, 512)


def test_nothing_is_bought_for_it_and_it_has_time_for_all_of_its_compiles() -> None:
    trial = asked().trial(NOW)
    assert trial.budget is None
    assert trial.deadline_seconds > 2 * (3600 + 120)


def test_other_lengths_take_time_beside_the_load_on_each_variant_and_can_be_sent() -> None:
    without, longer = asked(), asked(length_factors=(0.5, 2.0), longest=122)
    assert longer.load_seconds >= 1.4 * without.load_seconds == 1.4 * 120
    assert longer.trial(NOW).deadline_seconds > without.trial(NOW).deadline_seconds
    option = seen(longer).option("openvino")
    assert option is not None
    assert [each.message for each in lengths_asked(longer.trial(NOW), seen(longer), option.candidate)] == ["", ""]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("openvino", ("openvino", "Auto", "None")),
        ("eager/float32", ("eager", "float32", "None")),
        ("openvino/FLOAT32/int8dynamic", ("openvino", "float32", "Int8Dynamic")),
    ],
)
def test_a_variant_is_a_back_end_with_its_format(text: str, told: tuple[str, ...]) -> None:
    found = variant(text)
    assert (found.name, found.backend, found.dtype, found.quantization) == (text, *told)


@pytest.mark.parametrize("text", ["", "tensorrt", "openvino/", "openvino/int8", "openvino/float32/half", "openvino/float32/None/more"])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not BACKEND|is none of"):
        variant(text)


def test_without_its_own_package_a_back_end_is_refused_and_without_the_others_only_its_compile_fails() -> None:
    lacks = Installed(toolchain=TOOLCHAINS["openvino"], loads="openvino", missing=("openvino", "torch"))
    assert lacks.refusal is not None and "pip install 'steelyard[local]'" in lacks.refusal
    assert replace(lacks, missing=("torch",)).refusal is None
