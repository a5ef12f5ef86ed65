"""What `parse` makes of good and of bad objects, without any API server."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from steelyard.api import AcceleratorPool, AcceleratorTrial, CompiledModel, FieldError, InferenceWorkload, ScaleTarget, parse
from steelyard.api.crdgen.definition import object_schema
from steelyard.api.crdgen.kinds import KINDS
from steelyard.api.kind import Resource
from steelyard.api.parse import parse_served
from steelyard.api.placement_status import PlacementStatus
from unit.api.objects import BAD, CUSTOM, GOOD, VLLM, Bad, changed, nodes, pool, trial, workload

PAST = {"from": "a", "to": "b", "toRevision": "0" * 8, "time": "2026-03-01T12:00:00Z", "outcome": "Moved"}
ROOT = Path(__file__).parents[3]
MODELS: dict[str, type[Resource]] = {
    m.__name__: m for m in (InferenceWorkload, AcceleratorPool, CompiledModel, AcceleratorTrial, ScaleTarget)
}


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.sentence)
def test_a_bad_object_is_refused_with_the_field_and_what_to_do(bad: Bad):
    answer = parse(MODELS[bad.kind], bad.object)
    assert isinstance(answer, list)
    fitting = [error for error in answer if bad.parse_answer in error.do and error.field == bad.field]
    assert fitting, answer
    assert all(error.do.startswith("must ") for error in answer), answer


def test_what_is_stored_and_breaks_a_younger_rule_is_read_and_refused_when_it_is_written():
    near = {"spec.objective.accuracy": [{"measure": "WorstLogprob", "limit": "0.01"}]}
    assert isinstance(parse(InferenceWorkload, changed(workload(), near)), list)
    read, unknown = parse_served(InferenceWorkload, changed(workload(), near))
    assert isinstance(read, InferenceWorkload) and not unknown
    read, unknown = parse_served(InferenceWorkload, changed(workload(), {**near, "spec.novelty": 1}))
    assert isinstance(read, InferenceWorkload) and unknown == ("spec.novelty",), "whatever else it has"
    for had in ({"spec.model.task": "fill-mask"}, {"spec.server": VLLM, "spec.compile": {"batchSizes": [1, 16]}}):
        read, _ = parse_served(InferenceWorkload, changed(workload(), had))
        assert isinstance(read, InferenceWorkload), had
    read, _ = parse_served(InferenceWorkload, changed(workload(), {"spec.scaling": {"minReplicas": 3, "maxReplicas": 2}}))
    assert isinstance(read, list), "not what nobody could act on"


def test_the_table_is_as_long_as_promised_and_says_each_thing_once():
    assert len(BAD) >= 40
    assert len({bad.sentence + bad.kind for bad in BAD}) == len(BAD)


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_object_is_read_and_written_back_the_same(kind: str):
    read = parse(MODELS[kind], GOOD[kind]())
    assert not isinstance(read, list), read
    again = parse(MODELS[kind], read.to_raw())
    assert again == read


def test_a_claim_may_be_a_ratio_of_costs_by_tokens():
    claim = {"name": "vendor", "metric": "UnitCost", "ratio": "0.5", "relativeTo": "g5-xlarge", "source": "a talk", "date": "2026-02-26"}
    for unit in ("PerMillionTokens", "PerMillionInputTokens", "PerThousandRequests"):
        read = parse(AcceleratorPool, changed(pool(), {"spec.claims": [{**claim, "unit": unit}]}))
        assert not isinstance(read, list), read
    (error,) = parse(AcceleratorPool, changed(pool(), {"spec.claims": [{**claim, "unit": "TokensPerSecond"}]}))
    assert error.field == "spec.claims[0].unit"


def test_a_trial_of_one_pool_may_ask_for_a_value_or_for_nothing():
    value = {"name": "rate", "pool": "inf2-xlarge", "metric": "Throughput", "value": "120", "unit": "RequestsPerSecond"}
    for claims in ([value], []):
        read = parse(AcceleratorTrial, changed(trial(), {"spec.pools": ["inf2-xlarge"], "spec.claims": claims}))
        assert not isinstance(read, list), read


@pytest.mark.parametrize("server", [VLLM, CUSTOM], ids=["vllm", "custom"])
def test_other_servers_need_no_task(server: dict[str, object]):
    raw = changed(workload(), {"spec.server": server})
    del raw["spec"]["model"]["task"]
    assert not isinstance(parse(InferenceWorkload, raw), list)


@pytest.mark.parametrize("path", sorted(ROOT.glob("examples/*.yaml")), ids=lambda path: path.name)
def test_every_example_is_good(path: Path):
    for document in yaml.safe_load_all(path.read_text()):
        read = parse(MODELS[document["kind"]], document)
        assert not isinstance(read, list), read


def test_all_errors_come_at_once_in_the_order_of_the_fields():
    raw = changed(workload(), {"spec.model.uri": "x", "spec.scaling": {"minReplicas": -1, "maxReplicas": 99_999}})
    errors = parse(InferenceWorkload, raw)
    assert isinstance(errors, list)
    assert [error.field for error in errors] == ["spec.model.uri", "spec.scaling.maxReplicas", "spec.scaling.minReplicas"]


def test_an_error_reads_as_one_line_with_the_value_that_was_seen():
    [error] = parse(InferenceWorkload, changed(workload(), {"spec.scaling": {"minReplicas": -1}}))  # type: ignore[misc]
    assert isinstance(error, FieldError)
    assert str(error) == "spec.scaling.minReplicas: must be at least 0 (found -1)"
    assert error.rule == "greater_than_equal"


def test_a_long_value_is_cut_in_an_error():
    [error] = parse(InferenceWorkload, changed(workload(), {"spec.model.task": "X" * 64}))  # type: ignore[misc]
    assert len(error.seen) <= 80  # type: ignore[union-attr]


def test_an_unknown_field_without_likeness_lists_the_known_ones():
    [error] = parse(InferenceWorkload, changed(workload(), {"spec.scaling": {"zzz": 1}}))  # type: ignore[misc]
    assert "minReplicas, maxReplicas" in error.do  # type: ignore[union-attr]


def test_a_status_of_a_newer_operator_is_read_without_what_is_unknown():
    raw = {
        **workload(),
        "status": {"observedGeneration": 2, "novelty": {"a": 1}, "placements": [{"pool": "a", "revision": "0" * 8, "x": 1}]},
    }
    read = parse(InferenceWorkload, raw)
    assert isinstance(read, InferenceWorkload)
    assert read.status.observed_generation == 2
    assert read.status.placements[0].pool == "a"


def with_novelties(value: object, path: str) -> tuple[object, list[str]]:
    """The spec of a later version: each of its objects has one field more. Labels and the like are maps, whose keys are the user's."""
    if isinstance(value, list):
        made = [with_novelties(each, f"{path}[{n}]") for n, each in enumerate(value)]
        return [each for each, _ in made], [field for _, fields in made for field in fields]
    if not isinstance(value, dict) or path.rpartition(".")[2] in {"toolchain", "selector", "matchLabels"}:
        return value, []
    inner = {name: with_novelties(each, f"{path}.{name}") for name, each in value.items()}
    novel = {**{name: each for name, (each, _) in inner.items()}, "novelty": {"a": [1]}}
    return novel, [f"{path}.novelty", *(field for _, fields in inner.values() for field in fields)]


@pytest.mark.parametrize("kind", GOOD)
def test_a_spec_of_a_newer_definition_is_read_as_if_nothing_were_new_in_it_and_what_is_new_is_named(kind: str):
    raw = GOOD[kind]()
    spec, fields = with_novelties(raw["spec"], "spec")
    newer = {**raw, "spec": spec}
    assert isinstance(parse(MODELS[kind], newer), list), "whoever writes it is told of a misspelt field"
    assert fields
    assert parse_served(MODELS[kind], newer) == (parse(MODELS[kind], raw), tuple(sorted(fields)))
    assert parse_served(MODELS[kind], raw) == (parse(MODELS[kind], raw), ())


def test_what_is_wrong_in_a_spec_of_a_newer_definition_is_told_without_what_is_new_in_it():
    raw = changed(workload(), {"spec.scaling": {"minReplicas": -1, "novelty": 1}, "spec.objective.novelty": 2})
    errors, fields = parse_served(InferenceWorkload, raw)
    assert isinstance(errors, list)
    assert [error.field for error in errors] == ["spec.scaling.minReplicas"]
    assert fields == ("spec.objective.novelty", "spec.scaling.novelty")


def test_fields_named_after_python_words_keep_their_names_outside():
    raw = {**workload(), "status": {"history": [PAST]}}
    read = parse(InferenceWorkload, raw)
    assert isinstance(read, InferenceWorkload)
    assert read.status.history[0].from_ == "a"
    written = read.to_raw()["status"]["history"][0]
    assert written == {**PAST, "reason": ""}


def test_a_whole_percentage_and_a_whole_budget_may_stand_without_quotes():
    whole = {"spec.objective.latency.0.percent": 95, "spec.rebalancing": {"exploration": {"budget": 5}}}
    read = parse(InferenceWorkload, changed(workload(), whole))
    assert isinstance(read, InferenceWorkload), read
    assert (read.spec.objective.latency[0].percent, read.spec.rebalancing.exploration.budget) == ("95", "5")


def test_a_quantity_may_be_a_number():
    read = parse(AcceleratorPool, GOOD["AcceleratorPool"]())
    assert isinstance(read, AcceleratorPool)
    assert read.spec.shapes[0].cpu == "4"


@pytest.mark.parametrize("raw", [{}, {"spec": None}, {"metadata": {"name": 3}}, {"spec": [], "metadata": "x"}])
def test_nonsense_is_refused_and_never_raises(raw: dict[str, object]):
    assert isinstance(parse(InferenceWorkload, raw), list)


def test_every_rule_between_fields_is_broken_by_some_row_of_the_table():
    told = {error.do for bad in BAD for error in found(bad)}
    rules = {
        rule["message"]
        for kind in KINDS
        for _, node in nodes(object_schema(kind), kind.name)
        for rule in node.get("x-kubernetes-validations", [])
        if "oldSelf" not in rule["rule"]
    }
    # A sentence with an example is that of a pattern, and one pattern is refused like another.
    assert {rule for rule in rules - told if " such as " not in rule} == set()


def found(bad: Bad) -> list[FieldError]:
    answer = parse(MODELS[bad.kind], bad.object)
    assert isinstance(answer, list)
    return answer


def test_what_is_remembered_of_a_placement_is_two_kibibytes_at_most():
    decimal, time = "123456789012.123456789", "2026-03-01T12:00:00Z"
    cost = {
        "value": decimal,
        "lower": decimal,
        "upper": decimal,
        "n": 2**53 - 1,
        "good": 2**53 - 1,
        "cost": decimal,
        "from": time,
        "to": time,
    }
    measured = {"lower": decimal, "upper": decimal, "requestsPerSecond": decimal, "n": 2**53 - 1}
    energy = {"joulesPerRequest": decimal, "watts": decimal, "wattsLower": decimal, "wattsUpper": decimal, "method": "Estimated"}
    placement = PlacementStatus.model_validate(
        {
            "pool": "p" * 20, "revision": "0" * 8, "artifactDigest": "sha256:" + "0" * 64, "goodPercent": decimal,
            **{f"p{percent}Milliseconds": 2**53 - 1 for percent in (50, 95, 99)},
            "capacityPerReplica": decimal, "capacityLower": decimal, "capacityUpper": decimal, "capacityBasis": "Measured",
            "capacityRequests": 2**53 - 1, "steady": True, "unitCost": {**cost, "basis": "Share"},
            "energy": {**energy, **measured}, "latency": {"percent": decimal, "milliseconds": decimal, **measured},
        }
    )  # fmt: skip
    assert len(json.dumps(placement.to_raw())) <= 2048


def test_importing_the_words_brings_neither_yaml_nor_the_generator():
    code = "import sys, steelyard.api; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "operator")}, capture_output=True, check=True, text=True
    ).stdout.split()
    assert not {"yaml", "kopf", "kubernetes", "numpy", "asyncio", "steelyard.api.crdgen"} & set(loaded)
