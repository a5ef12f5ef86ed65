"""The operator's own account is held to what the operator makes: everything that it renders is accepted, and what a thief of its token would
make is refused in words that say why."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from apiserver.control.node_overlay_kind import DEFINITION
from chart.helm import ROOT, Object, of_kind, outlasting, rendered
from chart.rendering import example_workloads, objects_of, settings_with
from cluster.bearer import Bearer
from cluster.cluster import Cluster
from cluster.fixtures import new_namespace
from cluster.waiting import wait_until
from patience import PATIENCE
from steelyard.control.kube import rbac
from steelyard.control.kube.resource import (
    ACCELERATOR_TRIALS,
    COMPILED_MODELS,
    CONFIG_MAPS,
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    JOBS,
    LEASES,
    NODE_OVERLAYS,
    PODS,
    SCALE_TARGETS,
    SERVICES,
    Resource,
)
from steelyard.render.node_overlay import Offering, node_overlay
from steelyard.render.priority_expander import NAME as EXPANDERS
from steelyard.render.priority_expander import priority_expander
from unit.core.test_published import pool

pytestmark = pytest.mark.apiserver

RESOURCES = {r.kind: r for r in (ACCELERATOR_TRIALS, COMPILED_MODELS, DEPLOYMENTS, DISRUPTION_BUDGETS, JOBS, SCALE_TARGETS, SERVICES)}
VLLM = {
    "serveImage": "registry.example.com/vllm:1",
    "compileImage": "registry.example.com/vllm:1",
    "versions": {"vllm": "1"},
    "target": "sm_90",
}
PUBLIC_KEY = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"
INSTALLATIONS: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "with every Secret": {
        "config": {
            "toolchains": {"vllm": VLLM},
            "store": {"secretName": "writes", "readSecretName": "reads", "endpoint": "http://minio.example:9000"},
            "signing": {"secretName": "signs", "publicKeys": PUBLIC_KEY},
            "hub": {"endpoint": "https://hub.example.com"},
            "cache": {"claimName": "near"},
            "publish": {"nodeOverlays": True, "priorityExpanderNamespace": "default"},
        }
    },
    "with claims and a folder of the node": {
        "config": {"toolchains": {"vllm": VLLM}, "store": {"uri": "pvc://artifacts/here"}, "cache": {"hostPath": "/var/cache/steelyard"}}
    },
}
PUBLISHES = "with every Secret"
SAYS = "Steelyard's account"
CUSTOM, CUSTOM_PROBE, CUSTOM_TRIAL = "Custom", "CustomProbe", "CustomTrial"
"""Of the users' own programs: Deployments, and the Jobs of probes and trials."""
OTHER_KINDS = {"Probe": "Job", "Trial": "Job", CUSTOM: "Deployment", CUSTOM_PROBE: "Job", CUSTOM_TRIAL: "Job"}
"""By names of their own, and what they are to Kubernetes."""


def _kind_of(made: Object) -> str:
    if made["kind"] not in {"Deployment", "Job"}:
        return str(made["kind"])
    labels, custom = made["metadata"]["labels"], "steelyard.dev/server" in made["spec"]["template"]["metadata"]["labels"]
    if made["kind"] == "Deployment":
        return CUSTOM if custom else "Deployment"
    if labels["steelyard.dev/role"] == "compile":
        return "Job"
    return ("Custom" if custom else "") + ("Trial" if "steelyard.dev/trial" in labels else "Probe")


@dataclass(frozen=True)
class Installed:
    """One installation, its operator's account, and a namespace to work in."""

    cluster: Cluster
    policies: list[str]
    operator: Bearer
    release: str
    """Its own namespace."""
    namespace: str
    made: list[Object]
    """What the operator makes for the examples in that namespace."""
    publishes: bool

    def create(self, manifest: Object, *, really: bool = False) -> tuple[int, str]:
        """What the API server says when the operator's account creates it."""
        where = RESOURCES[manifest["kind"]].path(namespace=manifest["metadata"]["namespace"])
        status, answer = self.operator.request("POST", where if really else f"{where}?dryRun=All", manifest)
        return status, str(answer.get("message", ""))

    def objects(self, kind: str) -> list[Object]:
        """What the operator makes of this kind; a Job compiles, and those of probes and of trials are kinds of their own."""
        return [each for each in of_kind(deepcopy(self.made), OTHER_KINDS.get(kind, kind)) if _kind_of(each) == kind]


@pytest.fixture(scope="module", params=list(INSTALLATIONS))
def installed(control_plane: Cluster, request: pytest.FixtureRequest) -> Iterator[Installed]:
    """What the chart makes, in the shared control plane: it confines the account of this release alone."""
    values = {
        **INSTALLATIONS[request.param],
        "crds": {"install": False},
        "admissionPolicy": {
            "serviceAccounts": ["models", "models-compile"],
            "imagePrefixes": ["registry.example.com/team/"],
            "secretPrefixes": ["serving-"],
        },
    }
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    control_plane.until_established()
    with ExitStack() as stack:
        release = stack.enter_context(new_namespace(control_plane, "release"))
        namespace = stack.enter_context(new_namespace(control_plane))
        chart = rendered(values, namespace=release)
        control_plane.apply(yaml.safe_dump_all(chart))
        for one in outlasting(chart, release):
            stack.callback(control_plane.kubectl, "delete", *one, "--wait=false")
        policies = [each["metadata"]["name"] for each in of_kind(chart, "ValidatingAdmissionPolicy")]
        assert policies
        settings = settings_with(values)
        made = [each for workload in example_workloads(namespace) for each in objects_of(workload, settings)]
        found = Installed(
            control_plane, policies, Bearer.of(control_plane, release, "steelyard"), release, namespace, made, request.param == PUBLISHES
        )
        # Roles and policies are known to the API server a moment after they are stored.
        for kind in RESOURCES:
            manifest = found.objects(kind)[0]
            del manifest["metadata"]["ownerReferences"]
            wait_until("the policies to be known", lambda m=manifest: SAYS in found.create(m)[1], seconds=PATIENCE)
        yield found


@pytest.fixture
def first(installed: Installed) -> Callable[[str], Object]:
    return lambda kind: installed.objects(kind)[0]


def test_the_api_server_finds_no_fault_with_the_expressions(installed: Installed) -> None:
    for name in installed.policies:
        path = f"/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/{name}"

        def checked(path: str = path) -> Any:
            found = installed.cluster.api.get(path) or {}
            status = found.get("status") or {}
            return status if status.get("observedGeneration") == found["metadata"]["generation"] else None

        status = wait_until(f"the types of {name} to be checked", checked, seconds=PATIENCE)
        assert not (status.get("typeChecking") or {}).get("expressionWarnings"), status


def test_everything_that_the_operator_makes_for_the_examples_is_accepted(installed: Installed) -> None:
    for kind in (*RESOURCES, *OTHER_KINDS):
        made = installed.objects(kind)
        assert made, kind
        for manifest in made:
            assert installed.create(manifest) == (201, ""), manifest["metadata"]["name"]


@pytest.mark.parametrize(("kind", "owner"), [("Trial", "InferenceWorkload"), ("Trial", "CompiledModel"), ("Probe", "AcceleratorTrial")])
def test_a_job_goes_with_what_it_was_made_for_and_with_nothing_else(installed: Installed, kind: str, owner: str) -> None:
    job = installed.objects(kind)[0]
    job["metadata"]["ownerReferences"][0]["kind"] = owner
    code, said = installed.create(job)
    meant = {"Trial": "AcceleratorTrial", "Probe": "InferenceWorkload"}[kind]
    assert code == 422 and f"only with an owner of the kind {meant}" in said


def _pod(manifest: Object) -> Object:
    return manifest["spec"]["template"]["spec"]


def _mounts(**volume: Any) -> Callable[[Object], Any]:
    return lambda d: _pod(d)["volumes"].append({"name": "stolen", **volume})


def _container(**changes: Any) -> Callable[[Object], Any]:
    return lambda d: _pod(d)["containers"][0].update(changes)


def _security(**changes: Any) -> Callable[[Object], Any]:
    return lambda d: _pod(d)["containers"][0]["securityContext"].update(changes)


def _variable(**variable: Any) -> Callable[[Object], Any]:
    return lambda d: _pod(d)["containers"][0]["env"].append(variable)


def _helped_by(**container: Any) -> Callable[[Object], Any]:
    def add(manifest: Object) -> None:
        server = _pod(manifest)["containers"][0]
        helper = {**deepcopy(server), "name": "first", **container}
        for field in ("startupProbe", "readinessProbe", "livenessProbe", "lifecycle"):
            helper.pop(field, None)
        _pod(manifest)["initContainers"] = [helper]

    return add


KEY = {"secretKeyRef": {"name": "of-another", "key": "password"}}
CREDENTIAL = {"secretKeyRef": {"name": "of-another", "key": "AWS_SECRET_ACCESS_KEY"}}
TOKEN = {"sources": [{"serviceAccountToken": {"path": "token"}}]}
OWNER = {"apiVersion": "apps/v1", "kind": "InferenceWorkload", "name": "a", "uid": "1"}
STOLEN: dict[str, tuple[Callable[[Object], Any], str]] = {
    "a folder of the node": (_mounts(hostPath={"path": "/etc"}), "mounts only"),
    "a Secret": (_mounts(secret={"secretName": "of-another"}), "mounts only"),
    "a ConfigMap": (_mounts(configMap={"name": "of-another"}), "mounts only"),
    "a token as a volume": (_mounts(projected=TOKEN), "mounts only"),
    "a token": (lambda d: _pod(d).update(automountServiceAccountToken=True), "without an API token"),
    "the namespace's word on the token": (lambda d: _pod(d).pop("automountServiceAccountToken"), "without an API token"),
    "another account": (lambda d: _pod(d).update(serviceAccountName="of-another"), "admissionPolicy.serviceAccounts"),
    "the node's network": (lambda d: _pod(d).update(hostNetwork=True), "network, process or IPC"),
    "the node's processes": (lambda d: _pod(d).update(hostPID=True), "network, process or IPC"),
    "the node's IPC": (lambda d: _pod(d).update(hostIPC=True), "network, process or IPC"),
    "a node past the scheduler": (lambda d: _pod(d).update(nodeName="control-plane"), "past the scheduler"),
    "a port of the node": (_container(ports=[{"containerPort": 80, "hostPort": 80}]), "on a port of the node"),
    "privileges": (_security(privileged=True, allowPrivilegeEscalation=None), "without privileges"),
    "escalation": (_security(allowPrivilegeEscalation=True), "without privileges"),
    "a capability": (_security(capabilities={"add": ["NET_RAW"]}), "added capabilities"),
    "root": (_security(runAsNonRoot=False), "as another user than root"),
    "a foreign image": (
        _container(image="registry.example.com/miner:1"),
        "these in config.toolchains or admissionPolicy.imagePrefixes: registry",
    ),
    "a foreign image that begins": (_helped_by(image="registry.example.com/miner:1"), "registry.example.com/miner:1"),
    "a command": (_container(command=["sh", "-c", "env"]), "only the entry point"),
    "a command as a probe": (_container(livenessProbe={"exec": {"command": ["sh"]}}), "only the entry point"),
    "a command as a hook": (_container(lifecycle={"preStop": {"exec": {"command": ["sh"]}}}), "only the entry point"),
    "code by a variable": (_variable(name="PYTHONPATH", value="/tmp"), "sets only its own variables"),
    "a key of a Secret that is no credential": (_variable(name="AWS_REGION", valueFrom=KEY), "only credentials from Secrets"),
    "a credential under another name": (_variable(name="STEELYARD_X", valueFrom=CREDENTIAL), "each under its own name"),
    "a Secret as a whole": (_container(envFrom=[{"secretRef": {"name": "of-another"}}]), "none from a Secret or ConfigMap as a whole"),
    "no label of ours": (lambda d: d["metadata"].update(labels={"app": "shop"}), "label app.kubernetes.io/managed-by"),
    "no owner": (lambda d: d["metadata"].pop("ownerReferences"), "with an owner of the kind"),
    "an owner of another kind": (lambda d: d["metadata"].update(ownerReferences=[OWNER]), "with an owner of the kind"),
    "kube-system": (lambda d: d["metadata"].update(namespace="kube-system"), "in protected namespaces"),
}


OF_A_PROBE = (
    "makes a probe only of one server and one generator of load, once and with a deadline",
    "the node's folder of config.cache.hostPath in serving pods",
)


@pytest.mark.parametrize("what", STOLEN)
@pytest.mark.parametrize("kind", ["Deployment", "Job", "Probe"])
def test_what_the_operator_never_makes_is_refused_to_its_account(installed: Installed, first: Any, what: str, kind: str) -> None:
    change, words = STOLEN[what]
    manifest = first(kind)
    change(manifest)
    status, said = installed.create(manifest)
    assert status == 422, said
    assert f"ValidatingAdmissionPolicy '{installed.policies[0].rsplit('-', 1)[0]}" in said
    # What several policies refuse of a probe is told by one of them, whichever the API server comes to first.
    told = (words, *OF_A_PROBE) if kind == "Probe" else (words,)
    assert SAYS in said and any(each in said for each in told)


OF_OURS = {
    "a command",
    "a command as a hook",
    "code by a variable",
    "a key of a Secret that is no credential",
    "a credential under another name",
    "a Secret as a whole",
}
"""What a user's own program may have, or is told otherwise."""


@pytest.mark.parametrize("what", [each for each in STOLEN if each not in OF_OURS])
def test_a_custom_server_reaches_no_more_of_node_and_account_than_any_other(installed: Installed, first: Any, what: str) -> None:
    change, words = STOLEN[what]
    manifest = first(CUSTOM)
    change(manifest)
    status, said = installed.create(manifest)
    assert status == 422 and SAYS in said
    assert words in said or "one container of its pod" in said, said


def _sees_the_claim(deployment: Object) -> None:
    _pod(deployment)["containers"][0]["volumeMounts"].append({"name": "stolen", "mountPath": "/stolen"})
    _mounts(persistentVolumeClaim={"claimName": "of-another"})(deployment)


def _fetcher(**changes: Any) -> Callable[[Object], Any]:
    return lambda d: _pod(d)["initContainers"][0].update(changes)


CONFIG_MAP = {"configMapKeyRef": {"name": "serving-a", "key": "b"}}
CUSTOM_ONES: dict[str, tuple[Callable[[Object], Any], str]] = {
    "a command as a hook": (_container(lifecycle={"preStop": {"exec": {"command": ["sh"]}}}), "no lifecycle hook but the kubelet's own sleep"),
    "a hook at its start": (_container(lifecycle={"postStart": {"sleep": {"seconds": 1}}}), "no lifecycle hook but the kubelet's own sleep"),
    "a Secret that is not for servers": (_variable(name="KEY", valueFrom=KEY), "only Secrets that admissionPolicy.secretPrefixes of its chart names: "),
    "an entry of a ConfigMap": (_variable(name="A", valueFrom=CONFIG_MAP), "admissionPolicy.secretPrefixes"),
    "a Secret as a whole": (_container(envFrom=[{"secretRef": {"name": "serving-a"}}]), "none from a Secret or ConfigMap as a whole"),
    "a claim": (_sees_the_claim, "gives a custom server only empty folders"),
    "another container": (lambda d: _pod(d)["containers"].append({**deepcopy(_pod(d)["containers"][0]), "name": "b", "ports": []}), "the one container of its pod"),
    "another that begins": (lambda d: _pod(d)["initContainers"].append({**deepcopy(_pod(d)["initContainers"][0]), "name": "b"}), "the one container of its pod"),
    "a command for what fetches": (_fetcher(command=["sh"]), "only the entry point"),
    "no credential for what fetches": (_fetcher(env=[{"name": "AWS_REGION", "valueFrom": KEY}]), "only credentials from Secrets"),
}  # fmt: skip


@pytest.mark.parametrize("what", CUSTOM_ONES)
def test_a_custom_server_is_held_to_what_its_spec_can_say(installed: Installed, first: Any, what: str) -> None:
    change, words = CUSTOM_ONES[what]
    manifest = first(CUSTOM)
    change(manifest)
    status, said = installed.create(manifest)
    assert (status, words in said) == (422, True), said


def test_no_image_of_the_configuration_becomes_a_custom_server_and_no_job_is_one(installed: Installed, first: Any) -> None:
    """Else a command would run beside the runtime's credentials."""
    manifest = first(CUSTOM)
    _pod(manifest)["containers"][0].pop("lifecycle")
    _container(image=_pod(first("Deployment"))["containers"][0]["image"], env=[])(manifest)
    assert "an image that is none of config.toolchains" in installed.create(manifest)[1]
    job = first("Job")
    job["spec"]["template"]["metadata"]["labels"]["steelyard.dev/server"] = "custom"
    _container(image="registry.example.com/team/ranker@sha256:1", command=["sh"])(job)
    assert "only the entry point" in installed.create(job)[1]


def _sidecar(**changes: Any) -> Callable[[Object], Any]:
    return lambda d: _pod(d)["initContainers"][0].update(changes)


def _pods_that_serve(job: Object) -> None:
    template = job["spec"]["template"]["metadata"]
    template["labels"] = {**template["labels"], "steelyard.dev/role": "serving"}


def _that_ends(job: Object) -> None:
    for field in ("restartPolicy", "startupProbe", "readinessProbe", "livenessProbe"):
        _pod(job)["initContainers"][0].pop(field)


def _samples_for_the_server(job: Object) -> None:
    _pod(job)["initContainers"][-1]["volumeMounts"].append({"name": "samples", "mountPath": "/samples"})


def _other_config_map(job: Object) -> None:
    _pod(job)["volumes"].append({"name": "other", "configMap": {"name": "kube-root-ca.crt"}})


CUSTOM_PROBES: dict[str, tuple[Callable[[Object], Any], str]] = {
    "samples for the server": (_samples_for_the_server, "gives a custom server only empty folders"),
    "another ConfigMap": (_other_config_map, "the ConfigMap of samples beside a custom server"),
    "a command for what asks": (_container(command=["sh"]), "only the entry point"),
    "what asks is theirs too": (_container(image="registry.example.com/team/ranker@sha256:1", command=["sh"]), "only the entry point"),
    "a Secret for what asks": (_variable(name="HF_TOKEN", valueFrom=KEY), "only credentials from Secrets"),
    "two servers": (
        lambda j: _pod(j)["initContainers"].append({**deepcopy(_pod(j)["initContainers"][-1]), "name": "second"}),
        "one server and one generator|beside the one that asks it",
    ),
    "a second that ends": (
        lambda j: _pod(j)["initContainers"].insert(0, {**deepcopy(_pod(j)["initContainers"][0]), "name": "second"}),
        "one server and one generator|beside the one that asks it",
    ),
    "a Secret that is not for servers": (
        lambda j: _pod(j)["initContainers"][-1]["env"].append({"name": "KEY", "valueFrom": KEY}),
        "only Secrets that admissionPolicy.secretPrefixes of its chart names: ",
    ),
}


@pytest.mark.parametrize("what", CUSTOM_PROBES)
@pytest.mark.parametrize("kind", [CUSTOM_PROBE, CUSTOM_TRIAL])
def test_beside_a_custom_server_nothing_runs_but_what_fetches_its_model_and_what_asks_it(
    installed: Installed, first: Any, kind: str, what: str
) -> None:
    change, words = CUSTOM_PROBES[what]
    manifest = first(kind)
    change(manifest)
    status, said = installed.create(manifest)
    assert status == 422 and re.search(words, said), said


def test_no_other_probe_mounts_a_config_map(installed: Installed, first: Any) -> None:
    manifest = first("Probe")
    _mounts(configMap={"name": "asked"})(manifest)
    assert "mounts only" in installed.create(manifest)[1]


PROBES: dict[str, tuple[Callable[[Object], Any], str]] = {
    "pods that would join a Service": (_pods_that_serve, "pods have the Job's own label"),
    "a compile's owner": (
        lambda j: j["metadata"]["ownerReferences"][0].update(kind="CompiledModel"),
        "owner of the kind InferenceWorkload",
    ),
    "a server that ends": (_that_ends, "one server and one generator"),
    "no server": (lambda j: _pod(j).pop("initContainers"), "one server and one generator"),
    "two servers": (
        lambda j: _pod(j)["initContainers"].append({**deepcopy(_pod(j)["initContainers"][0]), "name": "second"}),
        "one server and one generator",
    ),
    "no deadline": (lambda j: j["spec"].pop("activeDeadlineSeconds"), "once and with a deadline"),
    "more than one try": (lambda j: j["spec"].update(backoffLimit=3), "once and with a deadline"),
    "several at once": (lambda j: j["spec"].update(parallelism=3, completions=3), "once and with a deadline"),
    "a sidecar's hook": (_sidecar(lifecycle={"preStop": {"exec": {"command": ["sh"]}}}), "only the entry point"),
}


@pytest.mark.parametrize("what", PROBES)
def test_a_probe_is_a_server_that_joins_no_service_and_what_asks_it(installed: Installed, first: Any, what: str) -> None:
    change, words = PROBES[what]
    manifest = first("Probe")
    change(manifest)
    status, said = installed.create(manifest)
    assert (status, words in said) == (422, True), said


@pytest.mark.parametrize("role", [{"steelyard.dev/role": "serving"}, {}], ids=["serving", "none"])
def test_no_job_says_that_it_serves(installed: Installed, first: Any, role: dict[str, str]) -> None:
    manifest = first("Job")
    manifest["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "steelyard", **role}
    _pods_that_serve(manifest)
    assert "only Jobs of compiles and probes" in installed.create(manifest)[1]


def test_a_probe_runs_no_image_of_a_compile(installed: Installed, first: Any) -> None:
    """It has a compiler, and may have more than that."""
    serve = {each["image"] for made in installed.objects("Deployment") for each in _pod(made)["containers"]}
    image = next(image for made in installed.objects("Job") if (image := _pod(made)["containers"][0]["image"]) not in serve)
    manifest = first("Probe")
    _sidecar(image=image)(manifest)
    assert "probes only the images of config.toolchains that serve" in installed.create(manifest)[1]


@pytest.mark.parametrize("serves", ["Deployment", "Probe"])
def test_serving_pods_get_no_secret_of_a_tenant(installed: Installed, first: Any, serves: str) -> None:
    """Compile pods do: which Secret a model needs is the tenant's word, and the policy cannot look it up."""
    serving, compiling = first(serves), first("Job")
    for manifest in (serving, compiling):
        _container(env=[{"name": "AWS_SECRET_ACCESS_KEY", "valueFrom": CREDENTIAL}])(manifest)
    assert "only the Secret that its configuration names" in installed.create(serving)[1]
    assert installed.create(compiling) == (201, "")


@pytest.mark.parametrize("serves", ["Deployment", "Probe"])
def test_serving_pods_mount_no_claim_of_a_tenant(installed: Installed, first: Any, serves: str) -> None:
    manifest = first(serves)
    _mounts(persistentVolumeClaim={"claimName": "of-another"})(manifest)
    assert "mounts only" in installed.create(manifest)[1]


CHOOSES = {
    "a Service of other pods": ("Service", lambda s: s["spec"].update(selector={"app": "shop"}), "only Services for serving pods"),
    "a Service to the outside": ("Service", lambda s: s["spec"].update(type="LoadBalancer"), "only Services inside"),
    "a Service that takes an address": ("Service", lambda s: s["spec"].update(externalIPs=["192.0.2.1"]), "only Services inside"),
    "a budget for other pods": (
        "PodDisruptionBudget",
        lambda b: b["spec"].update(selector={"matchLabels": {"app": "shop"}}),
        "only PodDisruptionBudgets for serving pods",
    ),
}


@pytest.mark.parametrize("what", CHOOSES)
def test_services_and_budgets_choose_serving_pods_only(installed: Installed, first: Any, what: str) -> None:
    kind, change, words = CHOOSES[what]
    manifest = first(kind)
    change(manifest)
    status, said = installed.create(manifest)
    assert (status, words in said) == (422, True), said


def _made_by_somebody_else(installed: Installed, resource: Resource, manifest: Object) -> str:
    """The path of an object that an administrator made."""
    where = resource.path(namespace=installed.namespace)
    status, body = installed.cluster.api.request("POST", where, manifest)
    assert status == 201, body.decode()
    return f"{where}/{manifest['metadata']['name']}"


def test_what_others_made_is_neither_scaled_nor_changed_nor_deleted(installed: Installed, first: Any) -> None:
    deployment, service = first("Deployment"), first("Service")
    labels = {"app": "shop"}
    deployment["metadata"] = {"name": "shop", "namespace": installed.namespace}
    deployment["spec"] |= {"replicas": 1, "selector": {"matchLabels": labels}}
    deployment["spec"]["template"]["metadata"] = {"labels": labels}
    theirs = _made_by_somebody_else(installed, DEPLOYMENTS, deployment)
    answers = [
        installed.operator.request("PATCH", f"{theirs}/scale", {"spec": {"replicas": 0}}, "application/merge-patch+json"),
        installed.operator.request("DELETE", theirs),
    ]
    owners, ours = service["metadata"].pop("ownerReferences"), {**service["metadata"], "name": "shop"}
    theirs = _made_by_somebody_else(installed, SERVICES, {**service, "metadata": ours})
    answers.append(installed.operator.request("PATCH", theirs, {"metadata": {"ownerReferences": owners}}, "application/merge-patch+json"))
    # Its account may delete trials, and those of people are no exit drills.
    trial = first("AcceleratorTrial")
    theirs = _made_by_somebody_else(
        installed, ACCELERATOR_TRIALS, {**trial, "metadata": {"name": "shop", "namespace": installed.namespace}}
    )
    answers.append(installed.operator.request("DELETE", theirs))
    words = (
        "scales only Deployments of serving pods",
        "changes and deletes deployments only",
        "changes and deletes services only",
        "changes and deletes acceleratortrials only",
    )
    for (status, said), expected in zip(answers, words, strict=True):
        assert status == 422 and expected in said["message"], said


def _annotated(**annotations: str | None) -> Object:
    return {"metadata": {"annotations": annotations}}


LEFT_ALONE = {
    "karpenter.sh/do-not-disrupt": "600s",
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
    "steelyard.dev/protected-for": "m-1",
}
POD_CHANGES: dict[str, Object] = {
    "another annotation": _annotated(**{"team": "shop"}),
    "an annotation that is there": _annotated(kept="no"),
    "an annotation less": _annotated(kept=None),
    "a label": {"metadata": {"labels": {"steelyard.dev/workload": "shop"}}},
    "an owner": {"metadata": {"ownerReferences": [OWNER]}},
    "a finalizer": {"metadata": {"finalizers": ["example.com/stay"]}},
    "an image": {"spec": {"containers": [{"name": "server", "image": "registry.example.com/miner:1"}]}},
    "a deadline": {"spec": {"activeDeadlineSeconds": 1}},
}


def test_of_pods_it_changes_what_autoscalers_read_and_nothing_else(installed: Installed) -> None:
    def made(called: str, labels: Object) -> str:
        meta = {"name": called, "namespace": installed.namespace, "labels": labels, "annotations": {"kept": "yes"}}
        container = {"name": "server", "image": "stub"}
        return _made_by_somebody_else(
            installed, PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": [container]}}
        )

    ours = made("serving", {"app.kubernetes.io/managed-by": "steelyard", "steelyard.dev/role": "serving", "steelyard.dev/workload": "w"})
    theirs = made("shop", {"app": "shop"})

    def patch(path: str, change: Object) -> tuple[int, str]:
        kind = "strategic-merge-patch" if "spec" in change else "merge-patch"
        status, answer = installed.operator.request("PATCH", path, change, f"application/{kind}+json")
        return status, str(answer.get("message", ""))

    assert patch(ours, _annotated(**LEFT_ALONE)) == (200, "")
    for what, change in POD_CHANGES.items():
        status, said = patch(ours, change)
        assert status == 422 and "changes nothing of a pod but the annotations" in said, f"{what}: {said}"
    assert patch(ours, _annotated(**dict.fromkeys(LEFT_ALONE, None))) == (200, "")
    status, said = patch(theirs, _annotated(**LEFT_ALONE))
    assert status == 422 and "annotates only serving pods of a workload" in said, said


def test_of_leases_it_makes_its_leaders_and_that_of_all_installations(installed: Installed) -> None:
    own = installed.release

    def make(namespace: str, name: str) -> tuple[int, str]:
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"namespace": namespace, "name": name}}
        status, answer = installed.operator.request("POST", f"{LEASES.path(namespace=namespace)}?dryRun=All", lease)
        return status, str(answer.get("message", ""))

    assert make(own, rbac.LEASE_NAME)[0] == 201
    # There it is already, if another test's operator runs.
    assert make(rbac.CLAIMS_NAMESPACE, rbac.CLAIMS_NAME)[0] in {201, 409}
    for namespace, name in ((own, "another"), (rbac.CLAIMS_NAMESPACE, "another"), (rbac.CLAIMS_NAMESPACE, rbac.LEASE_NAME)):
        status, said = make(namespace, name)
        assert status == 422 and "makes only the Lease steelyard" in said, said


def test_of_config_maps_it_makes_that_of_the_priority_expander_where_it_publishes(installed: Installed) -> None:
    def make(name: str) -> tuple[int, str]:
        made = priority_expander("default", [])
        renamed = {**made, "metadata": {**made["metadata"], "name": name}}
        status, answer = installed.operator.request("POST", f"{CONFIG_MAPS.path(namespace='default')}?dryRun=All", renamed)
        return status, str(answer.get("message", ""))

    assert make(EXPANDERS)[0] == (201 if installed.publishes else 403)
    status, said = make("another")
    assert (status, "makes only the ConfigMap" in said) == ((422, True) if installed.publishes else (403, False)), said


@pytest.fixture
def node_overlays(control_plane: Cluster) -> Iterator[None]:
    definition = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    status, body = control_plane.api.request("POST", definition, DEFINITION)
    assert status == 201, body
    control_plane.until_established("crd", DEFINITION["metadata"]["name"])
    yield
    control_plane.api.delete(f"{definition}/{DEFINITION['metadata']['name']}")
    wait_until("the kind to be gone", lambda: control_plane.api.get(NODE_OVERLAYS.path()) is None, seconds=PATIENCE)


OVERLAY_CHANGES: dict[str, Callable[[Object], Any]] = {
    "": lambda _: None,
    "only with an owner of the kind AcceleratorPool": lambda made: made["metadata"].pop("ownerReferences"),
    "with the price of one instance type": lambda made: made["spec"]["requirements"].pop(),
    "with the price of one instance type on": lambda made: made["spec"].update(weight=10),
    "price of one instance type": lambda made: made["spec"].update(capacity={"example.com/fpga": "1"}),
    "of one instance type": lambda made: made["spec"]["requirements"][0]["values"].append("m5.large"),
}


@pytest.mark.usefixtures("node_overlays")
def test_of_node_overlays_it_makes_prices_of_a_pool_where_it_publishes(installed: Installed) -> None:
    for words, change in OVERLAY_CHANGES.items():
        made = node_overlay(pool("a", 1.0), "00000000-0000-0000-0000-000000000002", Offering("inf2.xlarge", "on-demand"), 1.5)
        change(made)
        status, answer = installed.operator.request("POST", f"{NODE_OVERLAYS.path()}?dryRun=All", made)
        said = str(answer.get("message", ""))
        assert status == (403 if not installed.publishes else 422 if words else 201), said
        assert not installed.publishes or words in said


def test_nobody_else_is_confined(installed: Installed, first: Any) -> None:
    manifest = first("Deployment")
    for change, _ in (STOLEN["a folder of the node"], STOLEN["a foreign image"], STOLEN["no owner"], STOLEN["no label of ours"]):
        change(manifest)
    path = DEPLOYMENTS.path(namespace=installed.namespace)
    status, body = installed.cluster.api.request("POST", f"{path}?dryRun=All", manifest)
    assert status == 201, body.decode()
