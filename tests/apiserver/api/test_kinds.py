"""Our kinds at a real API server: accepted, explained, columns filled, bad objects refused with what to do."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.cluster import Cluster
from steelyard.api.crdgen.definition import definition, object_schema
from steelyard.api.crdgen.kinds import KINDS
from steelyard.api.kind import API_VERSION, Kind
from unit.api.objects import BAD, CUSTOM, GATEWAY, GONE, GOOD, PICKED, Bad, changed, compiled, pool, workload

pytestmark = pytest.mark.apiserver

ROOT = Path(__file__).parents[3]
BY_NAME = {kind.name: kind for kind in KINDS}
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def path(kind: Kind, namespace: str, name: str = "") -> str:
    where = f"/namespaces/{namespace}" if kind.scope == "Namespaced" else ""
    return f"/apis/{API_VERSION}{where}/{kind.plural}{'/' + name if name else ''}"


def create(cluster: Cluster, raw: dict[str, Any], namespace: str = "default", *, dry: bool = True) -> tuple[int, dict[str, Any]]:
    query = "?fieldValidation=Strict" + ("&dryRun=All" if dry else "")
    status, body = cluster.api.request("POST", path(BY_NAME[raw["kind"]], namespace) + query, raw)
    answer: dict[str, Any] = json.loads(body)
    return status, answer


def apply(cluster: Cluster, raw: dict[str, Any], namespace: str, manager: str = "somebody") -> dict[str, Any]:
    target = path(BY_NAME[raw["kind"]], namespace, raw["metadata"]["name"]) + f"?fieldManager={manager}"
    status, body = cluster.api.request("PATCH", target, raw, "application/apply-patch+yaml")
    assert status in (200, 201), body
    answer: dict[str, Any] = json.loads(body)
    return answer


# The definitions


@kinds
def test_the_definition_is_accepted_without_a_complaint(served: Cluster, kind: Kind):
    crd = served.api.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{kind.crd_name}")
    assert crd is not None
    conditions = {condition["type"]: condition for condition in crd["status"]["conditions"]}
    assert conditions["Established"]["status"] == "True"
    assert conditions["NamesAccepted"]["status"] == "True"
    assert "NonStructuralSchema" not in conditions
    assert crd["status"]["storedVersions"] == ["v1alpha1"]


@kinds
def test_the_api_server_keeps_the_definition_as_it_was_written(served: Cluster, kind: Kind):
    crd = served.api.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{kind.crd_name}")
    assert crd is not None
    [stored] = crd["spec"]["versions"]
    [written] = definition(kind)["spec"]["versions"]
    assert stored["schema"]["openAPIV3Schema"] == written["schema"]["openAPIV3Schema"]


def test_applying_the_definitions_twice_changes_nothing(served: Cluster):
    def versions() -> list[str]:
        found = (served.api.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{kind.crd_name}") for kind in KINDS)
        return [crd["metadata"]["resourceVersion"] for crd in found if crd]

    before = versions()
    served.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
    assert versions() == before


@kinds
def test_every_field_is_explained(served: Cluster, kind: Kind):
    for at, schema in objects(object_schema(kind), kind.plural):
        told = served.kubectl("explain", at).partition("FIELDS:")[2]
        for field in schema["properties"]:
            shown = re.search(rf"^  {re.escape(field)}\t<[^\n]*\n((?:    [^\n]*\n|  enum: [^\n]*\n)+)", told, re.MULTILINE)
            assert shown, f"{at}.{field}"
            words = [word for line in shown[1].splitlines() if line.startswith("    ") for word in line.split()]
            assert len(words) >= 6, f"{at}.{field}: {words}"


def objects(schema: dict[str, Any], at: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object with fields of its own, by the path that `kubectl explain` wants, where lists do not show."""
    if "properties" in schema and at.count("."):
        yield at, schema
    for name, child in schema.get("properties", {}).items():
        yield from objects(child, f"{at}.{name}")
        yield from objects(child.get("items", {}), f"{at}.{name}")


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("iwl.spec.rebalancing.cooldownSeconds", "Unit: seconds. Default: 21600. Example: 3600."),
        ("iwl.spec.objective.latency.percent", 'Default: "99"'),
        ("apool.spec.shapes.pricePerHour", "never taken for 0"),
        ("apool.spec.shapes.pricePerHour", 'Write it in quotes. Example: "0.7582".'),
        ("cmodel.status.failure.class", "OutOfMemory (retried with more memory)"),
    ],
)
def test_kubectl_explain_teaches(served: Cluster, field: str, words: str):
    assert words in " ".join(served.kubectl("explain", field).split())


# Objects


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: f"{bad.kind}: {bad.sentence}")
def test_a_bad_object_is_refused_with_what_to_do(served: Cluster, bad: Bad):
    status, answer = create(served, bad.object)
    assert status in (400, 422), answer
    assert bad.answer in answer["message"], answer["message"]
    if bad.field and status == 422:
        causes = answer["details"].get("causes", [])
        # A rule names the key of a map in brackets.
        named = {re.sub(r"\[([a-z]+)\]", r".\1", cause.get("field", "")) for cause in causes}
        assert any(name.startswith(bad.field) for name in named), named


@pytest.mark.parametrize("bad", [b for b in BAD if b.answer.startswith("must be") and "of type" not in b.answer], ids=lambda b: b.sentence)
def test_a_value_that_is_written_wrong_is_answered_with_its_sentence_alone(served: Cluster, bad: Bad):
    _, answer = create(served, bad.object)
    causes = [cause["message"] for cause in answer["details"].get("causes", [])]
    assert not [message for message in causes if "should match" in message], causes


@pytest.mark.parametrize("changes", [{"spec.objective.latency.0.percent": 95}, {"spec.rebalancing": {"exploration": {"budget": 5}}}])
def test_a_whole_percentage_and_a_whole_budget_need_no_quotes(served: Cluster, changes: dict[str, Any]):
    status, answer = create(served, changed(workload(), changes))
    assert status == 201, answer


@pytest.mark.parametrize("kind", GOOD)
def test_a_good_object_is_accepted(served: Cluster, kind: str):
    status, answer = create(served, GOOD[kind]())
    assert status == 201, answer


def test_a_trial_may_ask_for_a_part_of_the_users_requests(served: Cluster):
    status, answer = create(served, changed(GOOD["AcceleratorTrial"](), {"spec.load": {"mode": "Live"}}))
    assert status == 201, answer
    assert answer["spec"]["load"]["mode"] == "Live"


def test_a_trial_may_ask_for_other_lengths_of_requests(served: Cluster):
    status, answer = create(served, changed(GOOD["AcceleratorTrial"](), {"spec.load": {"lengthFactors": ["0.5", "2"]}}))
    assert status == 201, answer
    assert answer["spec"]["load"] == {"mode": "Synthetic", "lengthFactors": ["0.5", "2"]}


@pytest.mark.parametrize("file", sorted(ROOT.glob("examples/*.yaml")), ids=lambda file: file.name)
def test_every_example_is_accepted(served: Cluster, file: Path):
    for document in yaml.safe_load_all(file.read_text()):
        status, answer = create(served, document)
        assert status == 201, answer


def test_the_defaults_that_the_api_server_stores_are_those_of_the_models(served: Cluster):
    from steelyard.api import InferenceWorkload, parse

    _, stored = create(served, workload())
    read = parse(InferenceWorkload, workload())
    assert isinstance(read, InferenceWorkload)
    assert parse(InferenceWorkload, stored).spec == read.spec  # type: ignore[union-attr]
    assert stored["spec"]["rebalancing"]["windowSeconds"] == 60
    assert stored["spec"]["server"] == {"steelyard": {}}


@pytest.mark.parametrize("make", [workload, pool, compiled])
def test_applying_an_object_twice_changes_nothing(served: Cluster, namespace: str, make: Any):
    raw = make()
    first = apply(served, raw, namespace)
    second = apply(served, raw, namespace)
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert second["metadata"]["generation"] == 1
    served.api.delete(path(BY_NAME[raw["kind"]], namespace, raw["metadata"]["name"]))


def test_two_people_may_each_own_one_pool_of_a_placement(served: Cluster, namespace: str):
    apply(served, changed(workload(), {"spec.placement": {"pools": [{"name": "a", "maxReplicas": 2}]}}), namespace, "first")
    other = {**workload(), "spec": {"placement": {"pools": [{"name": "b", "maxReplicas": 3}]}}}
    both = apply(served, other, namespace, "second")
    assert [entry["name"] for entry in both["spec"]["placement"]["pools"]] == ["a", "b"]


def test_the_port_of_a_custom_server_stays_while_inference_pools_are_asked_for(served: Cluster, namespace: str):
    made = changed(workload(), {"spec.server": CUSTOM, "spec.compile": GONE, "spec.traffic": {**GATEWAY, **PICKED}})
    status, answer = create(served, made, namespace, dry=False)
    assert status == 201, answer
    at, port = path(BY_NAME["InferenceWorkload"], namespace, made["metadata"]["name"]), {"server": {"custom": {"port": 9001}}}
    status, body = served.api.request("PATCH", at, {"spec": port}, "application/merge-patch+json")
    assert status == 422
    assert "must stay as it is while traffic.inferencePools is given" in body.decode()
    status, body = served.api.request("PATCH", at, {"spec": {**port, "traffic": {"inferencePools": None}}}, "application/merge-patch+json")
    assert status == 200, body


def test_the_spec_of_a_compiled_model_never_changes(served: Cluster, namespace: str):
    status, answer = create(served, compiled(), namespace, dry=False)
    assert status == 201, answer
    at = path(BY_NAME["CompiledModel"], namespace, compiled()["metadata"]["name"])
    status, body = served.api.request("PATCH", at, {"spec": {"target": "trn2"}}, "application/merge-patch+json")
    assert status == 422
    assert "must not change: the spec is what the compile key was made from" in body.decode()


def test_the_accelerator_of_a_pool_never_changes_and_its_price_does(served: Cluster):
    status, answer = create(served, pool(), dry=False)
    assert status == 201, answer
    at = path(BY_NAME["AcceleratorPool"], "", pool()["metadata"]["name"])
    for field in ("family", "model"):
        status, body = served.api.request("PATCH", at, {"spec": {"accelerator": {field: "another"}}}, "application/merge-patch+json")
        assert status == 422
        assert "must not change: what was compiled and measured for this pool is of its accelerator" in body.decode()
    shapes = [{**shape, "pricePerHour": "9.99"} for shape in answer["spec"]["shapes"]]
    status, body = served.api.request("PATCH", at, {"spec": {"shapes": shapes}}, "application/merge-patch+json")
    assert status == 200, body
    served.api.delete(at)


def test_status_is_written_apart_and_does_not_change_the_generation(served: Cluster, namespace: str):
    kind = BY_NAME["InferenceWorkload"]
    status, _ = create(served, workload(), namespace, dry=False)
    assert status == 201
    at = path(kind, namespace, "embedder")
    written = {"status": full_status()}
    status, body = served.api.request("PATCH", f"{at}/status", written, "application/merge-patch+json")
    assert status == 200, body
    stored = json.loads(body)
    assert stored["metadata"]["generation"] == 1
    assert stored["status"] == full_status()

    from steelyard.api import InferenceWorkload, parse

    read = parse(InferenceWorkload, stored)
    assert isinstance(read, InferenceWorkload), read
    assert read.status.to_raw() == {**read.status.to_raw(), **full_status()}


def test_columns_are_filled_and_fit_a_hundred_characters(served: Cluster, namespace: str):
    raw = changed(workload(), {"metadata.name": "reranker-europe"})
    assert create(served, raw, namespace, dry=False)[0] == 201
    at = path(BY_NAME["InferenceWorkload"], namespace, "reranker-europe")
    served.api.request("PATCH", f"{at}/status", {"status": full_status()}, "application/merge-patch+json")
    lines = served.kubectl("get", "iwl", "-n", namespace).splitlines()
    assert lines[0].split() == ["NAME", "MODEL", "READY", "POOL", "COST", "SLO", "REASON", "AGE"]
    assert max(len(line.rstrip()) for line in lines) <= 100
    assert "0.0193 EUR ±4%" in lines[1]
    assert "inf2-xlarge+1" in lines[1]
    wide = served.kubectl("get", "iwl", "-n", namespace, "-o", "wide").splitlines()
    assert "hf://org/model" in wide[1]


def test_our_kinds_are_listed_by_category_and_not_under_all(served: Cluster, namespace: str):
    assert create(served, workload(), namespace, dry=False)[0] == 201
    assert "inferenceworkload.steelyard.dev/embedder" in served.kubectl("get", "steelyard", "-n", namespace, "-o", "name")
    assert "steelyard" not in served.kubectl("get", "all", "-n", namespace, "-o", "name")


def test_workloads_are_found_by_a_field(served: Cluster, namespace: str):
    assert create(served, workload(), namespace, dry=False)[0] == 201
    found = served.kubectl("get", "iwl", "-n", namespace, "--field-selector", "spec.rebalancing.mode=Recommend", "-o", "name")
    assert found.split() == ["inferenceworkload.steelyard.dev/embedder"]
    assert served.kubectl("get", "iwl", "-n", namespace, "--field-selector", "spec.rebalancing.mode=Auto", "-o", "name").split() == []


def test_a_condition_of_another_name_cannot_be_written(served: Cluster, namespace: str):
    assert create(served, workload(), namespace, dry=False)[0] == 201
    condition = {"type": "Progressing", "status": "True", "reason": "A", "lastTransitionTime": "2026-03-01T12:00:00Z"}
    at = path(BY_NAME["InferenceWorkload"], namespace, "embedder")
    status, body = served.api.request("PATCH", f"{at}/status", {"status": {"conditions": [condition]}}, "application/merge-patch+json")
    assert status == 422
    assert 'supported values: \\"Ready\\"' in body.decode()


def full_status() -> dict[str, Any]:
    """Every part of a workload's status at once."""
    return {
        "observedGeneration": 1,
        "conditions": [
            {"type": kind, "status": "True", "reason": "Serving", "message": "ok", "observedGeneration": 1, "lastTransitionTime": "2026-03-01T12:00:00Z"}
            for kind in ("Ready", "Compiled", "Placed", "SLOMet", "Observed", "Balanced", "Held")
        ],
        "summary": {"model": "all-MiniLM-L6-v2", "pool": "inf2-xlarge+1", "unitCost": "0.0193 EUR ±4%"},
        "currency": "EUR",
        "endpoint": "embedder",
        "placements": [
            {
                "pool": "inf2-xlarge",
                "revision": "3f9a01bc",
                "desiredReplicas": 3,
                "readyReplicas": 3,
                "artifactDigest": "sha256:" + "0a" * 32,
                "capacityPerReplica": "38.5",
                "capacityLower": "36.1",
                "capacityUpper": "41.0",
                "unitCost": {
                    "value": "0.0193", "lower": "0.0187", "upper": "0.0201", "n": 60, "cost": "1.52", "good": 78_700, "basis": "Measured",
                    "from": "2026-03-01T11:00:00Z", "to": "2026-03-01T12:00:00Z",
                },
                "capacityBasis": "Measured", "capacityRequests": 1200, "goodPercent": "99.4", "p99Milliseconds": 180, "startSeconds": "95", "steady": True,
                "energy": {
                    "joulesPerRequest": "4.3", "lower": "4.2", "upper": "4.45", "watts": "172", "wattsLower": "169", "wattsUpper": "175",
                    "requestsPerSecond": "40", "n": 38_400, "method": "Measured",
                },
                "latency": {"percent": "99", "milliseconds": "84", "lower": "50", "upper": "100", "requestsPerSecond": "31", "n": 38_400},
            },
            {"pool": "cpu-a", "revision": "77c0de12", "desiredReplicas": 1, "readyReplicas": 1, "capacityRequests": 0},
        ],
        "claims": [
            {
                "pool": "inf2-xlarge", "name": "vendor", "verdict": "Refuted", "n": 1200, "claimed": "0.3", "measured": "0.41",
                "lower": "0.38", "upper": "0.44", "message": "no", "reason": "", "relativeTo": "cpu-a", "price": "2.06", "relativePrice": "1.03",
            }
        ],
        "move": {
            "id": "m1", "kind": "Rebalance", "from": "cpu-a", "to": "inf2-xlarge", "fromRevision": "77c0de12", "toRevision": "3f9a01bc",
            "step": "Shift", "targetReplicas": 3, "sourceReplicas": 1, "targetGoal": 3, "sourceGoal": 0, "targetBase": 0, "startedTime": "2026-03-01T12:00:00Z",
            "stepTime": "2026-03-01T12:20:00Z", "deadlineTime": "2026-03-01T13:20:00Z",
            "reason": "StepStarted", "message": "replica 3 of 3", "backReason": "ViolatesSLO", "reserved": "0.25", "asking": True,
        },
        "quarantine": [{"pool": "cpu-a", "revision": "00000000", "until": "2026-03-02T12:00:00Z", "failures": 1, "reason": "SLOAtRisk"}],
        "history": [
            {"from": "cpu-b", "to": "cpu-a", "toRevision": "77c0de12", "time": "2026-03-01T10:00:00Z", "outcome": "Moved", "reason": "Moved"}
        ],
        "lastDecision": {
            "time": "2026-03-01T12:00:00Z", "verdict": "Move", "reason": "", "message": "m", "digest": "0a" * 8,
            "options": [
                {
                    "pool": "cpu-a", "feasible": True, "reason": "", "message": "", "replicas": 2, "costPerHour": "1.5", "unitCost": "0.02",
                    "lower": "0.01", "upper": "0.03", "basis": "Measured", "n": 1200, "cheapestBelow": "0.6",
                    "costBasis": "Nodes",
                }
            ],
            "board": [{"gate": "Frozen", "passed": True, "reason": "", "message": ""}],
        },
    }  # fmt: skip
