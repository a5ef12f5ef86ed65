"""Against a real API server: what people see when the cluster says no, and when it answers."""

import copy
import json
from pathlib import Path

import pytest
import yaml

from cluster.cluster import Cluster
from cluster.fixtures import new_namespace
from cluster.recorded import until_recorded
from cluster.waiting import wait_until
from patience import PATIENCE
from steelyard.cli.main import main
from unit.cli.situations import SITUATIONS, balanced, compiling, held, pools
from unit.cli.trials import TRIALS

pytestmark = pytest.mark.apiserver

CRDS = Path(__file__).parents[3] / "crds"
ROOT = "/apis/steelyard.dev/v1alpha1"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def definitions():
    """The kinds as they are installed, with room for whatever status a newer operator writes."""
    for file in sorted(CRDS.glob("*.yaml")):
        found = yaml.safe_load(file.read_text())
        for version in found["spec"]["versions"]:
            version["schema"] = {
                "openAPIV3Schema": {
                    "type": "object",
                    "properties": {k: {"type": "object", "x-kubernetes-preserve-unknown-fields": True} for k in ("spec", "status")},
                }
            }
            version.pop("additionalPrinterColumns", None)
            version.pop("selectableFields", None)
        yield found


@pytest.fixture(scope="module")
def control_plane():
    """One of its own: kinds come and go here, and other tests of the session must not lose theirs."""
    with Cluster.start("test-cli") as cluster:
        yield cluster


@pytest.fixture
def namespace(control_plane):
    with new_namespace(control_plane) as name:
        yield name


@pytest.fixture
def audit(control_plane):
    return control_plane.audit()


def install(control_plane, found):
    for definition in found:
        control_plane.apply(json.dumps(definition))  # As YAML the property `n` would be read as false.
    names = [f"crd/{d['metadata']['name']}" for d in found]
    control_plane.until_established(*names)
    wait_until("the kinds to be served", lambda: control_plane.api.request("GET", f"{ROOT}/acceleratorpools")[0] == 200, seconds=PATIENCE)


@pytest.fixture(scope="module")
def kinds(control_plane):
    """Installed when the first test asks for them: the test of their absence stands before all others."""
    install(control_plane, list(definitions()))


@pytest.fixture
def priced(control_plane, kinds):
    """The pools of the situations; they are the cluster's, so they are taken away again."""
    for pool in pools():
        create(control_plane, pool, "acceleratorpools")
    yield
    for pool in pools():
        control_plane.api.delete(f"{ROOT}/acceleratorpools/{pool['metadata']['name']}")


def create(control_plane, raw, plural, namespace=None):
    """The object and its status, as two writes: status is a subresource."""
    raw = copy.deepcopy(raw)
    status = raw.pop("status", None)
    metadata = raw["metadata"]
    for key in ("uid", "generation", "creationTimestamp", "namespace"):
        metadata.pop(key, None)
    path = f"{ROOT}/namespaces/{namespace}/{plural}" if namespace else f"{ROOT}/{plural}"
    code, body = control_plane.api.request("POST", path, raw)
    assert code == 201, body
    if status is not None:
        control_plane.api.patch(f"{path}/{metadata['name']}/status", {"status": status})


def run(capsys, control_plane, *arguments, kubeconfig=None):
    code = main(["--kubeconfig", str(kubeconfig or control_plane.kubeconfig), *arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return code, out, err


def test_without_the_kinds_it_says_how_to_install_them(control_plane, namespace, capsys):
    for arguments in (["status"], ["status", "-A"], ["explain", "minilm"], ["report", "minilm"], ["top", "--once"], ["trial", "list"]):
        code, out, err = run(capsys, control_plane, "-n", namespace, *arguments)
        assert (code, out) == (2, "")
        assert "of steelyard.dev/v1alpha1 is not installed" in err
        assert "kubectl apply -f crds/" in err


def test_a_namespace_without_workloads_is_said_to_be_empty(control_plane, namespace, kinds, capsys):
    code, out, _ = run(capsys, control_plane, "-n", namespace, "status")
    assert code == 0
    assert f"There is no InferenceWorkload in namespace {namespace}." in out
    assert "there is no AcceleratorPool" in out


def test_a_workload_is_shown_and_explained(control_plane, namespace, priced, capsys):
    create(control_plane, balanced().workloads[0], "inferenceworkloads", namespace)
    code, out, err = run(capsys, control_plane, "-n", namespace, "status")
    assert (code, err) == (0, "")
    assert "0.00381 [0.00369, 0.00394]" in out
    code, out, _ = run(capsys, control_plane, "-n", namespace, "status", "minilm", "-o", "json")
    (line,) = json.loads(out)["workloads"]
    assert (line["namespace"], line["unitCost"], line["pool"]) == (namespace, "0.00381", "cpu-avx")
    code, out, _ = run(capsys, control_plane, "-n", namespace, "explain", "minilm")
    assert code == 0
    assert "minilm runs on pool cpu-avx with 2 of 2 replicas ready." in out
    code, out, _ = run(capsys, control_plane, "-n", namespace, "explain", "minilm", "-o", "json")
    told = json.loads(out)
    assert told["kind"] == "Explanation"
    assert [row["pool"] for row in told["pools"]] == ["cpu-avx", "cpu-amx", "inf2"]
    code, out, _ = run(capsys, control_plane, "-n", namespace, "report", "minilm", "--to", "-")
    assert code == 0
    assert "cpu-amx: claimed 0.5 of cpu-avx's unit cost, measured 0.911 [0.85, 0.98]: Refuted." in out
    code, out, _ = run(capsys, control_plane, "top", "-A", "--once")
    assert code == 0
    assert f"{namespace}/minilm" in out
    code, out, _ = run(capsys, control_plane, "top", "-A", "--once", "-o", "json")
    assert len(out.splitlines()) == 1
    assert json.loads(out)["kind"] == "Top"


def test_events_of_the_workload_are_shown_as_the_operator_posts_them_and_those_of_others_are_not(control_plane, namespace, kinds, capsys):
    create(control_plane, balanced().workloads[0], "inferenceworkloads", namespace)
    uid = control_plane.api.get(f"{ROOT}/namespaces/{namespace}/inferenceworkloads/minilm")["metadata"]["uid"]
    for name, of, note in (("one", uid, "told of it"), ("other", "another-uid", "told of one that had its name")):
        event = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "eventTime": "2026-03-01T11:59:00.000000Z",
            "reportingController": "steelyard.dev/operator",
            "reportingInstance": "operator-1",
            "action": "Decide",
            "reason": "StepStarted",
            "type": "Normal",
            "note": note,
            "regarding": {
                "apiVersion": "steelyard.dev/v1alpha1",
                "kind": "InferenceWorkload",
                "namespace": namespace,
                "name": "minilm",
                "uid": of,
            },
        }
        code, body = control_plane.api.request("POST", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events", event)
        assert code == 201, body
    code, out, _ = run(capsys, control_plane, "-n", namespace, "explain", "minilm", "-o", "json")
    assert code == 0
    assert [(each["type"], each["reason"], each["message"]) for each in json.loads(out)["events"]] == [
        ("Normal", "StepStarted", "told of it")
    ]
    assert "told of it" in run(capsys, control_plane, "-n", namespace, "explain", "minilm")[1]


def test_what_is_held_or_not_ready_ends_with_1(control_plane, namespace, kinds, capsys):
    create(control_plane, held().workloads[0], "inferenceworkloads", namespace)
    code, out, _ = run(capsys, control_plane, "-n", namespace, "status")
    assert (code, "Held: ObservationsStale" in out) == (1, True)
    control_plane.api.delete(f"{ROOT}/namespaces/{namespace}/inferenceworkloads/minilm")
    seen = compiling()
    create(control_plane, seen.workloads[0], "inferenceworkloads", namespace)
    for model in seen.models:
        create(control_plane, {"apiVersion": "steelyard.dev/v1alpha1", "kind": "CompiledModel", **model}, "compiledmodels", namespace)
    code, out, _ = run(capsys, control_plane, "-n", namespace, "status", "-v")
    assert code == 1
    assert "compile onnxruntime for avx512: Compiling 40 %, 95s left" in out


def test_a_workload_that_is_not_there_is_answered_with_near_names(control_plane, namespace, kinds, capsys):
    create(control_plane, balanced().workloads[0], "inferenceworkloads", namespace)
    code, _, err = run(capsys, control_plane, "-n", namespace, "explain", "minilmm")
    assert code == 2
    assert f"there is no InferenceWorkload 'minilmm' in namespace '{namespace}'" in err
    assert "did you mean minilm?" in err
    _, _, err = run(capsys, control_plane, "-n", "default", "explain", "minilm")
    assert "it exists in namespace" in err and namespace in err and "add -n" in err
    _, _, err = run(capsys, control_plane, "-n", namespace, "status", "zzz")
    assert "the namespace has: minilm" in err


def test_who_may_not_look_is_told_which_right_is_missing(control_plane, namespace, kinds, capsys):
    stranger = control_plane.kubeconfig_for("stranger", "nobodies")
    code, _, err = run(capsys, control_plane, "-n", namespace, "status", kubeconfig=stranger)
    assert code == 2
    assert 'User "stranger" cannot list resource "inferenceworkloads"' in err
    assert f'in the namespace "{namespace}"' in err
    code, _, err = run(capsys, control_plane, "-n", namespace, "explain", "minilm", kubeconfig=stranger)
    assert 'cannot get resource "inferenceworkloads"' in err


def test_who_may_only_read_workloads_gets_them_and_is_told_what_is_left_out(control_plane, namespace, kinds, capsys):
    create(control_plane, balanced().workloads[0], "inferenceworkloads", namespace)
    control_plane.kubectl("create", "role", "reader", "--verb=get,list", "--resource=inferenceworkloads.steelyard.dev", "-n", namespace)
    control_plane.kubectl("create", "rolebinding", "reader", "--role=reader", "--user=reader", "-n", namespace)
    reader = control_plane.kubeconfig_for("reader", "readers")
    wait_until(
        "the role to be known",
        lambda: "yes" in control_plane.kubectl("auth", "can-i", "list", "inferenceworkloads.steelyard.dev", "--as=reader", "-n", namespace),
        seconds=PATIENCE,
    )
    code, out, _ = run(capsys, control_plane, "-n", namespace, "explain", "minilm", kubeconfig=reader)
    assert code == 0
    assert "0.00381" in out
    assert 'prices of pools and their claims are not shown: acceleratorpools.steelyard.dev is forbidden: User "reader" cannot list' in out
    assert 'its events are not shown: events is forbidden: User "reader" cannot list' in out
    code, out, _ = run(capsys, control_plane, "-n", namespace, "status", "-o", "json", kubeconfig=reader)
    assert (code, json.loads(out)["operator"]["state"]) == (0, "Unknown")


def test_a_bad_credential_is_said_to_be_one(control_plane, capsys):
    wrong = control_plane.kubeconfig_with_token("not-a-token", "wrong")
    code, _, err = run(capsys, control_plane, "status", kubeconfig=wrong)
    assert code == 2
    assert "does not accept your credentials" in err


def test_it_only_reads(control_plane, namespace, kinds, capsys, audit):
    create(control_plane, balanced().workloads[0], "inferenceworkloads", namespace)
    watcher = control_plane.kubeconfig_for("onlooker", "system:masters")
    for arguments in (["status", "-A"], ["explain", "minilm"], ["top", "--once"], ["trial", "list"]):
        assert run(capsys, control_plane, "-n", namespace, *arguments, kubeconfig=watcher)[0] in {0, 1}
    until_recorded(control_plane, audit)
    done = audit.events(lambda event: event.user == "onlooker")
    assert {event.verb for event in done} == {"get", "list"}
    read = {"inferenceworkloads", "acceleratorpools", "compiledmodels", "deployments", "acceleratortrials", "namespaces", "events"}
    assert {event.resource for event in done} == read


def test_a_trial_is_all_that_is_written(control_plane, namespace, priced, capsys, audit):
    create(control_plane, balanced().workloads[0], "inferenceworkloads", namespace)
    trier = control_plane.kubeconfig_for("trier", "system:masters")
    start = ("trial", "start", "--workload", "minilm", "--pools", "cpu-amx,cpu-avx", "--budget", "2.00", "--name", "half", "--no-follow")
    for arguments in (start, ("trial", "stop", "half"), ("trial", "show", "half")):
        assert run(capsys, control_plane, "-n", namespace, *arguments, kubeconfig=trier)[0] == 0
    code, _, err = run(capsys, control_plane, "-n", namespace, *start)
    assert (code, "there is a trial 'half' in namespace" in err) == (2, True)
    until_recorded(control_plane, audit)
    done = audit.events(lambda event: event.user == "trier" and event.verb not in {"get", "list"})
    assert [(event.verb, event.resource) for event in done] == [("create", "acceleratortrials"), ("patch", "acceleratortrials")]


def test_many_workloads_are_read_page_by_page(control_plane, namespace, kinds, capsys, monkeypatch):
    monkeypatch.setattr("steelyard.cli.connection.PAGE", 2)
    for number in range(5):
        raw = copy.deepcopy(balanced().workloads[0])
        raw["metadata"]["name"] = f"w{number}"
        create(control_plane, raw, "inferenceworkloads", namespace)
    _, out, _ = run(capsys, control_plane, "-n", namespace, "status", "-o", "json")
    assert [line["name"] for line in json.loads(out)["workloads"]] == [f"w{number}" for number in range(5)]


def lost(written, read, path=""):
    """Paths of fields that the schema pruned."""
    if isinstance(written, dict):
        return [p for k, v in written.items() for p in ([f"{path}.{k}"] if k not in (read or {}) else lost(v, read[k], f"{path}.{k}"))]
    if isinstance(written, list):
        return [p for one, two in zip(written, read, strict=True) for p in lost(one, two, f"{path}[]")]
    return []


@pytest.mark.parametrize("situation", [name for name in SITUATIONS if name != "unseen"])
def test_the_installed_schema_keeps_every_field_that_is_shown(control_plane, namespace, generated, situation):
    one = SITUATIONS[situation]().workloads[0]
    task = "text-generation" if "vllm" in one["spec"].get("server", {}) else "feature-extraction"
    bare = {**one, "metadata": {"name": "minilm"}, "spec": {**one["spec"], "model": {**one["spec"]["model"], "task": task}}}
    keeps(control_plane, f"{ROOT}/namespaces/{namespace}/inferenceworkloads", bare)


@pytest.fixture(scope="module")
def generated(control_plane, kinds):
    """Only for tests at the end of the file: it replaces the kinds by the generated ones."""
    install(control_plane, [yaml.safe_load(file.read_text()) for file in sorted(CRDS.glob("*.yaml"))])


def keeps(control_plane, path, one):
    """The API server takes the object and its status, and drops no field."""
    status = one["status"]
    code, body = control_plane.api.request("POST", path, {key: value for key, value in one.items() if key != "status"})
    assert code == 201, body
    name = one["metadata"]["name"]
    code, body = control_plane.api.request("PATCH", f"{path}/{name}/status", {"status": status}, "application/merge-patch+json")
    assert code == 200, body
    assert lost(status, json.loads(body)["status"]) == []


@pytest.mark.parametrize("situation", [name for name, seen in TRIALS.items() if "status" in seen().trial])
def test_the_installed_schema_keeps_every_field_of_a_trial_that_is_shown(control_plane, namespace, generated, situation):
    one = TRIALS[situation]().trial
    keeps(control_plane, f"{ROOT}/namespaces/{namespace}/acceleratortrials", {**one, "metadata": {"name": "half"}})


def test_a_trial_is_taken_by_the_installed_schema_and_its_refusals_say_what_to_write(control_plane, namespace, generated, capsys):
    """Who may not read workloads and pools, so that the API server alone answers."""
    control_plane.kubectl(
        "create", "role", "trier", "--verb=create,get,patch", "--resource=acceleratortrials.steelyard.dev", "-n", namespace
    )
    control_plane.kubectl("create", "rolebinding", "trier", "--role=trier", "--user=only-trials", "-n", namespace)
    config = control_plane.kubeconfig_for("only-trials", "nobodies")
    wait_until(
        "the role to be known",
        lambda: (
            "yes"
            in control_plane.kubectl("auth", "can-i", "create", "acceleratortrials.steelyard.dev", "--as=only-trials", "-n", namespace)
        ),
        seconds=PATIENCE,
    )

    def start(*words, pools="a,b"):
        words = ("trial", "start", "--workload", "minilm", "--pools", pools, "--budget", "2.00", "--no-follow", *words)
        return run(capsys, control_plane, "-n", namespace, *words, kubeconfig=config)

    claims = ("--claim", "unit cost 0.5 of b", "--claim", "on b: throughput 120 RequestsPerSecond at saturation", "--duration", "20m")
    assert start("--name", "half", *claims)[0] == 0
    code, _, err = start("--duration", "3h")
    assert (code, "spec.durationSeconds: must not be more than deadlineSeconds" in err) == (2, True)
    code, _, err = start(pools="A,b")
    assert (code, "spec.pools[0]: must be the name of an AcceleratorPool" in err) == (2, True)
    assert run(capsys, control_plane, "-n", namespace, "trial", "stop", "half", kubeconfig=config)[0] == 0
    _, told = control_plane.api.request("GET", f"{ROOT}/namespaces/{namespace}/acceleratortrials/half")
    assert json.loads(told)["spec"]["stop"] is True
