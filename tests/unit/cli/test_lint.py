"""`steelyard lint` says before anything is applied what the API server would refuse, and where a name leads nowhere."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from steelyard.cli.main import main
from unit.api.objects import BAD, GONE, GOOD, Bad, changed, pool, trial, workload

ROOT = Path(__file__).parents[3]
WRITTEN = ("InferenceWorkload", "AcceleratorPool", "AcceleratorTrial")


@pytest.fixture
def linted(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def lint(*objects: Any, code: int = 0) -> str:
        (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(objects, sort_keys=False))
        assert main(["lint", str(tmp_path)]) == code
        return capsys.readouterr().out

    return lint


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_good_object_has_no_finding(linted, kind: str):
    assert linted(GOOD[kind]()) == "1 object(s) of Steelyard looked at: 0 error(s), 0 doubt(s)\n"


@pytest.mark.parametrize("bad", [bad for bad in BAD if bad.kind in WRITTEN], ids=lambda bad: f"{bad.kind}: {bad.sentence}")
def test_what_the_api_server_refuses_is_an_error_with_what_to_do(linted, bad: Bad):
    first, *_ = linted(bad.object, code=1).splitlines()
    assert f": error: {bad.kind} " in first
    assert "must" in first


def test_the_line_of_each_object_is_told(linted):
    lines = linted(workload(), changed(workload(), {"spec.model": {}}), code=1).splitlines()
    begin = len(yaml.safe_dump(workload()).splitlines()) + 2
    assert lines[0].partition(": ")[0].endswith(f"all.yaml:{begin}")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kind": "InferenceWorkloads"}, "kind: must be InferenceWorkload (found 'InferenceWorkloads')"),
        ({"kind": "CompiledModel"}, "kind: must be one of InferenceWorkload, AcceleratorPool, AcceleratorTrial"),
        ({"apiVersion": "steelyard.dev/v1"}, "apiVersion: must be steelyard.dev/v1alpha1"),
    ],
)
def test_an_object_that_nobody_writes_so_is_an_error(linted, changes: dict[str, Any], says: str):
    assert says in linted(changed(workload(), changes), code=1)


def test_samples_that_the_files_do_not_have_are_a_doubt_where_they_have_other_config_maps(linted):
    asks = changed(workload(), {"spec.traffic": {"samples": {"configMap": {"name": "samples"}}}})
    space = asks["metadata"].get("namespace")

    def kept(name: str, *keys: str, namespace: str | None = space) -> dict[str, Any]:
        meta = {"name": name} if namespace is None else {"name": name, "namespace": namespace}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": dict.fromkeys(keys, "{}")}

    def doubts(*beside: dict[str, Any]) -> list[str]:
        return [line.partition("doubt: ")[2] for line in linted(asks, *beside, code=1).splitlines() if "doubt: " in line]

    assert doubts() == doubts(kept("samples", "requests.jsonl")) == doubts(kept("other", namespace="elsewhere")) == []
    (missing,) = doubts(kept("sample", "requests.jsonl"))
    assert missing.endswith("spec.traffic.samples.configMap.name: ConfigMap samples is in none of these files; sample is")
    (other,) = doubts(kept("samples", "peak.jsonl"))
    assert other.endswith("configMap.key: ConfigMap samples has no key requests.jsonl in these files, and has peak.jsonl")


@pytest.mark.parametrize("odd", [{"data": 3}, {"data": "text"}, {"data": None}, {"data": ["a"]}, {"metadata": {"name": ["a"]}}])
def test_a_config_map_that_is_none_and_samples_by_odd_keys_end_nothing(linted, odd: dict[str, Any]):
    asks = changed(workload(), {"spec.traffic": {"samples": {"configMap": {"name": "samples", "key": ["a"]}}}})
    named = changed(asks, {"spec.traffic.samples.configMap.key": "peak.jsonl", "metadata.name": "other"})
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {**asks["metadata"], "name": "samples"}, **odd}
    assert "doubt: " in linted(asks, named, made, code=1)


def test_a_pool_that_the_files_do_not_have_is_a_doubt_where_they_have_others(linted):
    asks = changed(workload(), {"spec.placement": {"pools": [{"name": "inf2-xlarg"}]}})
    assert "0 doubt(s)" in linted(asks)
    told = linted(asks, pool())
    assert "doubt: InferenceWorkload embedder: spec.placement.pools[0].name: AcceleratorPool inf2-xlarg is in none of these files" in told
    assert "inf2-xlarge is\n" in told


def test_a_trial_is_held_against_the_workloads_and_pools_beside_it(linted):
    asked = trial()
    named = {asked["spec"]["workloadName"], *asked["spec"]["pools"]}
    there = [changed(pool(), {"metadata.name": each}) for each in asked["spec"]["pools"]]
    mine = changed(workload(), {"metadata.name": asked["spec"]["workloadName"]})
    assert "0 doubt(s)" in linted(asked, mine, *there), named
    elsewhere = changed(mine, {"metadata.namespace": "another"})
    assert "0 doubt(s)" in linted(asked, elsewhere, *there), "a workload of another namespace says nothing of this one"
    assert "spec.workloadName: InferenceWorkload" in linted(changed(asked, {"spec.workloadName": "other"}), mine, *there)


def test_a_variant_on_a_pool_is_that_pool(linted):
    asked = changed(trial(), {"spec.pools": ["inf2-xlarge.int8"], "spec.claims": GONE})
    assert "0 doubt(s)" in linted(asked, pool())


def test_objects_of_other_kinds_are_left_alone(linted):
    assert linted({"apiVersion": "v1", "kind": "Service", "spec": 3}, workload()).startswith(
        "1 object(s) of Steelyard looked at; 1 of other"
    )


def test_a_list_is_looked_at_item_by_item(linted):
    assert linted({"apiVersion": "v1", "kind": "List", "items": [workload(), pool()]}).startswith("2 object(s)")


def test_manifests_come_on_standard_input_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    class Piped:
        def read(self) -> str:
            return json.dumps(changed(workload(), {"spec.model": {}}))

    monkeypatch.setattr("sys.stdin", Piped())
    assert main(["lint", "-", "-o", "json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["objects"], told["findings"][0]["weight"]) == ("Lint", 1, "error")


@pytest.mark.parametrize(
    ("text", "says"),
    [("a: [", "is no YAML"), ("- 1\n", "there is no object"), ("{{ .Values }}: x\n", "is no YAML")],
)
def test_a_file_that_holds_no_objects_is_told_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, says: str):
    file = tmp_path / "one.yaml"
    file.write_text(text)
    assert main(["lint", str(file)]) == 2
    told = capsys.readouterr().err
    assert says in told
    assert "try: " in told


def test_a_file_that_is_not_there_and_an_empty_folder_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["lint", str(tmp_path / "none.yaml")]) == 2
    assert main(["lint", str(tmp_path)]) == 2
    assert "holds no manifest" in capsys.readouterr().err


def test_our_own_examples_are_clean(capsys: pytest.CaptureFixture[str]):
    examples = [str(file) for file in sorted((ROOT / "examples").glob("*.yaml"))]
    assert main(["lint", *examples]) == 0
    assert "0 error(s)" in capsys.readouterr().out


def test_a_field_beside_spec_belongs_into_it_and_one_that_nobody_has_goes(linted):
    strange = {**workload(), "rebalancing": {"mode": "Auto"}, "speck": {}}
    strange["metadata"] = {**strange["metadata"], "lables": {}}
    told = linted(strange, code=1)
    assert "rebalancing: must stand in spec: indent it" in told
    assert "speck: must be removed: there is no such field here, only apiVersion, kind, metadata, spec, status" in told
    assert "metadata.lables: must be removed" in told
    assert "3 error(s)" in told


def written(tmp_path: Path, text: str) -> str:
    (tmp_path / "one.yaml").write_text(text)
    return str(tmp_path / "one.yaml")


def test_a_field_that_is_there_twice_is_an_error_at_its_second_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    text = yaml.safe_dump(workload(), sort_keys=False)
    once = len(text.splitlines())
    file = written(tmp_path, f"{text}  objective:\n    unit: GoodRequests\n")
    assert main(["lint", file]) == 1
    assert f"{file}:{once + 1}: error: InferenceWorkload" in (told := capsys.readouterr().out)
    assert "spec.objective: must be there once" in told


def test_a_date_that_there_is_not_is_an_error_of_its_field_and_others_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (shape,) = pool()["spec"]["shapes"]
    text = yaml.safe_dump_all([changed(pool(), {"spec.shapes": [{**shape, "asOf": "THE-DATE"}]}), changed(workload(), {"spec.model": {}})])
    assert main(["lint", written(tmp_path, text.replace("THE-DATE", "2026-02-30"))]) == 1
    told = capsys.readouterr().out
    assert "spec.shapes[0].asOf: must be" in told
    assert "error: InferenceWorkload" in told


@pytest.mark.parametrize(
    ("text", "says"),
    [("a: !!int no", "the object at line 1"), ("[" * 5000 + "]" * 5000, "nested too deeply")],
    ids=["a tag that its value has not", "depth"],
)
def test_what_no_manifest_has_is_told_in_two_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, says: str):
    assert main(["lint", written(tmp_path, text)]) == 2
    assert says in (told := capsys.readouterr().err)
    assert len(told.splitlines()) == 2


def test_an_entry_that_is_wrong_is_not_counted_as_one_that_lacks(linted):
    told = linted(changed(workload(), {"spec.objective.latency": [{"metric": "e2e", "milliseconds": 0, "percent": "99"}]}), code=1)
    assert "at least 1 entries" not in told
    assert "1 error(s)" in told


def test_a_field_that_replaces_a_merged_one_is_there_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {<<: {one: a}, one: b}\n---\n" + yaml.safe_dump(workload())
    merging = text.replace("spec:\n", "spec:\n  <<: {mode: x}\n  mode: y\n")
    main(["lint", written(tmp_path, merging)])
    assert "must be there once" not in capsys.readouterr().out
