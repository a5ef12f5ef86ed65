"""What the core sees of an InferenceWorkload."""

from __future__ import annotations

from typing import Any

from steelyard.api import InferenceWorkload, parse
from steelyard.control.gather.workload_facts import workload_of
from steelyard.core.facts.accuracy import Accuracy, Measure
from steelyard.core.facts.resources import CompileResources
from steelyard.core.facts.snapshot import CompileOptions, NumberFormat, Workload
from steelyard.core.facts.unit_cost import Unit
from unit.api.objects import changed, workload


def seen(compile_: dict[str, Any]) -> Workload:
    return read({"spec.compile": compile_})


def read(changes: dict[str, Any]) -> Workload:
    raw = changed(workload(), changes)
    parsed = parse(InferenceWorkload, raw)
    assert isinstance(parsed, InferenceWorkload), parsed
    return workload_of(parsed, raw)


def test_a_family_takes_over_whatever_it_does_not_give_itself() -> None:
    found = seen(
        {
            "dtype": "bfloat16",
            "batchSizes": [1, 8],
            "sequenceLengths": [128],
            "flags": ["--optlevel=3", "--dynamic-batch"],
            "families": [
                {"family": "neuron-inf2", "batchSizes": [4], "flags": ["--separate-weights"]},
                {"family": "cpu", "dtype": "float32", "flags": []},
            ],
        }
    )
    general = CompileOptions(
        dtype="bfloat16", quantization="None", batch_sizes=(1, 8), sequence_lengths=(128,), flags=("--dynamic-batch", "--optlevel=3")
    )
    assert found.compile_for("neuron-trn1") == general
    assert found.compile_for("neuron-inf2") == CompileOptions(
        dtype="bfloat16", quantization="None", batch_sizes=(4,), sequence_lengths=(128,), flags=("--separate-weights",)
    )
    assert (found.compile_for("cpu").dtype, found.compile_for("cpu").flags) == ("float32", ())


def test_number_formats_by_back_end_are_read_and_leave_open_what_they_do_not_say() -> None:
    found = seen(
        {
            "quantization": "Int8Dynamic",
            "backends": [{"name": "onnxruntime", "quantization": "None"}, {"name": "openvino", "dtype": "float32"}],
        }
    )
    assert found.format_by_backend == {"onnxruntime": NumberFormat(quantization="None"), "openvino": NumberFormat(dtype="float32")}
    assert found.compile_for("cpu", "onnxruntime").quantization == "None"
    assert found.compile_for("cpu", "openvino").quantization == "Int8Dynamic"


def test_what_a_compile_gets_and_how_near_its_answers_have_to_be_is_no_part_of_what_is_compiled() -> None:
    plain = seen({})
    found = read(
        {
            "spec.compile": {"resources": {"cpu": "8", "memory": "48Gi", "disk": "60Gi"}},
            "spec.objective.accuracy": [{"measure": "LeastCosine", "limit": "0.999"}],
        }
    )
    assert (plain.compile_resources, plain.accuracy) == (None, ())
    assert found.compile_resources == CompileResources(8.0, 48.0, disk_gib=60.0)
    assert found.accuracy == (Accuracy(Measure.LEAST_COSINE, 0.999),)
    assert found.compile == plain.compile


def test_the_order_in_which_flags_are_given_is_nothing() -> None:
    one, other = (seen({"flags": flags}) for flags in (["--optlevel=3", "--dynamic-batch"], ["--dynamic-batch", "--optlevel=3"]))
    assert one.compile == other.compile


def test_what_a_unit_should_cost_at_most_is_said_of_what_costs_are_counted_by() -> None:
    given = {"spec.objective.maxUnitCost": "0.05"}
    assert (read({}).max_unit_cost, read({}).unit) == (None, Unit.GOOD_REQUESTS)
    assert (read(given).max_unit_cost, read(given).unit) == (0.05, Unit.GOOD_REQUESTS)
    tokens = {"spec.objective.unit": "OutputTokens", "spec.server": {"vllm": {}}, "spec.model.task": "text-generation"}
    assert (read(given | tokens).max_unit_cost, read(given | tokens).unit) == (0.05, Unit.OUTPUT_TOKENS)
