"""Install, upgrade, roll back and uninstall for real. Nothing that serves is touched by any of them."""

import threading
import urllib.request

import pytest
import yaml

from chart.bystander import API, Bystander, touching_what_serves
from chart.conftest import HELM_USER
from chart.helm import NAMESPACE, ROOT, template
from cluster.cluster import Cluster
from cluster.fixtures import new_namespace
from cluster.waiting import wait_until
from steelyard.control import rbac

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PLURALS = ("acceleratorpools", "compiledmodels", "inferenceworkloads")
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:steelyard"


def _served(cluster):
    for plural in PLURALS:
        wait_until(f"{plural} served", lambda plural=plural: cluster.api.request("GET", f"{API}/{plural}")[0] == 200, seconds=30)


def _definitions(cluster):
    found = [cluster.api.get(f"{CRDS}/{plural}.steelyard.dev") for plural in PLURALS]
    return [definition and definition["metadata"]["uid"] for definition in found]


def _deployment(cluster, namespace=NAMESPACE):
    return cluster.api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/steelyard")


def _configuration(cluster, namespace=NAMESPACE):
    found = cluster.api.get(f"/api/v1/namespaces/{namespace}/configmaps/steelyard-config")
    return yaml.safe_load(found["data"]["config.yaml"])


def _may(cluster, verb, group, resource, namespace="", name="", account=ACCOUNT):
    resource, _, subresource = resource.partition("/")
    attributes = {"verb": verb, "group": group, "resource": resource, "subresource": subresource, "namespace": namespace, "name": name}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": account, "resourceAttributes": attributes},
    }
    status, body = cluster.api.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    assert status == 201, body
    return yaml.safe_load(body)["status"]["allowed"]


@pytest.fixture
def empty_cluster():
    """A control plane of its own: the definitions of the shared one are not Helm's."""
    with Cluster.start("test-chart") as cluster:
        yield cluster


@pytest.mark.apiserver
def test_the_objects_come_change_and_go_and_what_serves_stays(empty_cluster, installer_in):
    cluster = empty_cluster
    installer = installer_in(cluster, NAMESPACE)
    audit = cluster.audit()

    notes = installer.install()
    assert "kubectl steelyard status" in notes
    _served(cluster)
    definitions = _definitions(cluster)
    assert all(definitions)
    # The namespace enforces the standard `restricted`; that pods exist says that they keep it.
    pods = f"/api/v1/namespaces/{NAMESPACE}/pods"
    wait_until("two pods of the operator", lambda: len(cluster.api.get(pods)["items"]) == 2, seconds=30)

    with new_namespace(cluster) as namespace:
        bystander = Bystander(cluster, namespace)
        before = bystander.state()

        installer.upgrade(values={"config": {"frozen": True}, "replicas": 3})
        assert _configuration(cluster)["frozen"] is True
        assert _deployment(cluster)["spec"]["replicas"] == 3
        assert bystander.state() == before

        installer.rollback("1")
        assert _configuration(cluster)["frozen"] is False
        assert _deployment(cluster)["spec"]["replicas"] == 2
        assert bystander.state() == before

        installer.uninstall()
        assert _deployment(cluster) is None
        assert cluster.api.get(f"/api/v1/namespaces/{NAMESPACE}/configmaps/steelyard-config") is None
        assert _definitions(cluster) == definitions
        assert bystander.state() == before

        installer.install()
        assert _definitions(cluster) == definitions, "a later installation takes over"
        assert bystander.state() == before

        writes = audit.writes(user=HELM_USER)
        assert {event.verb for event in writes} >= {"create", "patch", "delete"}
        assert touching_what_serves(writes, NAMESPACE) == []
        assert {event.namespace for event in writes} <= {"", NAMESPACE}


@pytest.mark.apiserver
def test_plain_kubectl_apply_works_too(empty_cluster):
    cluster = empty_cluster
    cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
    cluster.kubectl("create", "namespace", NAMESPACE)
    manifests = template({"crds": {"install": False}})
    cluster.kubectl("apply", "--server-side", "--validate=strict", "-f", "-", stdin=manifests)
    _served(cluster)
    assert _deployment(cluster)["spec"]["replicas"] == 2
    again = cluster.kubectl("apply", "--server-side", "--dry-run=server", "-o", "name", "-f", "-", stdin=manifests)
    assert "deployment.apps/steelyard" in again
    before = _deployment(cluster)["metadata"]["generation"]
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=manifests)
    assert _deployment(cluster)["metadata"]["generation"] == before

    # The definitions as the chart has them: with everything in one file, and without Helm.
    whole = [d for d in yaml.safe_load_all(template()) if d and d["kind"] == "CustomResourceDefinition"]
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", "-", stdin=yaml.safe_dump_all(whole))


@pytest.mark.apiserver
def test_definitions_that_were_applied_by_hand_can_be_handed_over(empty_cluster, installer_in):
    """The two commands of docs/how-to/install.md."""
    cluster = empty_cluster
    cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
    before = _definitions(cluster)
    installer = installer_in(cluster, NAMESPACE)
    with pytest.raises(AssertionError, match="invalid ownership metadata"):
        installer.install()
    ours = ("crd", "-l", "app.kubernetes.io/part-of=steelyard", "--overwrite")
    cluster.kubectl("label", *ours, "app.kubernetes.io/managed-by=Helm")
    cluster.kubectl("annotate", *ours, "meta.helm.sh/release-name=steelyard", f"meta.helm.sh/release-namespace={NAMESPACE}")
    installer.install("--force-conflicts")
    assert _definitions(cluster) == before
    installer.uninstall()
    assert _definitions(cluster) == before


@pytest.mark.apiserver
def test_the_definitions_go_when_that_is_asked_for(empty_cluster, installer_in):
    installer = installer_in(empty_cluster, NAMESPACE)
    installer.install(values={"crds": {"keep": False}})
    _served(empty_cluster)
    installer.uninstall()
    wait_until("the end of the definitions", lambda: _definitions(empty_cluster) == [None, None, None], seconds=30)


@pytest.mark.apiserver
def test_the_api_server_grants_the_table_and_no_more(empty_cluster, installer_in):
    cluster = empty_cluster
    installer_in(cluster, NAMESPACE).install()
    for p in rbac.IN_NAMESPACES:
        for verb in p.verbs:
            assert _may(cluster, verb, p.group, p.resource, "any"), (verb, p.resource)
    for p in rbac.CLUSTER_SCOPED:
        for verb in p.verbs:
            assert _may(cluster, verb, p.group, p.resource), (verb, p.resource)
    leases = "coordination.k8s.io", "leases"
    assert _may(cluster, "create", *leases, NAMESPACE)
    assert _may(cluster, "update", *leases, NAMESPACE, rbac.LEASE_NAME)
    assert not _may(cluster, "update", *leases, NAMESPACE, "another")
    assert not _may(cluster, "update", *leases, "kube-system", rbac.LEASE_NAME)
    for verb, group, resource in (
        ("get", "", "secrets"),
        ("list", "", "secrets"),
        ("get", "", "configmaps"),
        ("create", "", "pods"),
        ("delete", "", "pods"),
        ("create", "", "pods/exec"),
        ("patch", "", "nodes"),
        ("create", "", "serviceaccounts/token"),
        ("update", "apps", "deployments"),
        ("patch", "steelyard.dev", "inferenceworkloads"),
        ("delete", "steelyard.dev", "inferenceworkloads"),
        ("create", "steelyard.dev", "acceleratorpools"),
        ("create", "rbac.authorization.k8s.io", "rolebindings"),
        ("patch", "apiextensions.k8s.io", "customresourcedefinitions"),
    ):
        assert not _may(cluster, verb, group, resource, "any"), (verb, resource)


@pytest.mark.apiserver
def test_people_get_the_kinds_through_the_roles_they_have(empty_cluster, installer_in):
    cluster = empty_cluster
    installer_in(cluster, NAMESPACE).install()
    with new_namespace(cluster) as namespace:
        for role in ("view", "edit", "admin"):
            cluster.kubectl("create", "rolebinding", role, f"--clusterrole={role}", f"--user={role}er", "-n", namespace)

        def may(user, verb, resource):
            return _may(cluster, verb, "steelyard.dev", resource, namespace, account=user)

        wait_until(
            "the aggregation",
            lambda: may("adminer", "delete", "compiledmodels") and may("editer", "create", "inferenceworkloads"),
            seconds=30,
        )
        assert may("viewer", "list", "inferenceworkloads")
        assert may("editer", "list", "inferenceworkloads")
        assert may("adminer", "create", "inferenceworkloads")
        assert not may("viewer", "create", "inferenceworkloads")
        assert not may("editer", "delete", "compiledmodels")
        assert not may("adminer", "create", "acceleratorpools")
        assert not may("adminer", "patch", "inferenceworkloads/status")


@pytest.mark.apiserver
def test_an_installation_for_some_namespaces_stays_in_them(empty_cluster, installer_in):
    cluster = empty_cluster
    with new_namespace(cluster) as watched, new_namespace(cluster) as other:
        installer_in(cluster, NAMESPACE).install(values={"config": {"watchNamespaces": [watched]}})
        for p in rbac.IN_NAMESPACES:
            for verb in p.verbs:
                assert _may(cluster, verb, p.group, p.resource, watched)
                assert not _may(cluster, verb, p.group, p.resource, other)
                assert not _may(cluster, verb, p.group, p.resource)
        for p in rbac.cluster_role([watched]):
            for verb in p.verbs:
                assert _may(cluster, verb, p.group, p.resource, name=watched if p.names else "")
        assert not _may(cluster, "get", "", "namespaces", name=other)


class _Client(threading.Thread):
    """Asks a server without a pause, and keeps what went wrong."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self.url = url
        self.answered = 0
        self.failures = []
        self._end = threading.Event()

    def run(self):
        while not self._end.wait(0.02):
            try:
                with urllib.request.urlopen(self.url, timeout=5) as answer:
                    answer.read()
                self.answered += 1
            except OSError as error:
                self.failures.append(repr(error))

    def stop(self):
        self._end.set()
        self.join()


@pytest.mark.nodes
def test_the_operator_comes_changes_and_goes_while_a_client_asks(nodes_cluster, node_namespace, installer_in):
    """With pods that run. In one namespace only, so that other tests of the shared cluster have their own operator."""
    from cluster import images
    from cluster.image_store import box

    if not (ROOT / "Dockerfile").exists():
        pytest.skip("there is no Dockerfile to build the operator's image from")
    cluster = nodes_cluster
    operator = images.build("operator")
    cluster.nodes.load(operator)
    image = {"repository": operator.name, "tag": operator.tag, "pullPolicy": "IfNotPresent"}
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    _served(cluster)
    definitions = _definitions(cluster)
    bystander = Bystander(cluster, node_namespace, box().reference, ("serve", ":8080"))
    cluster.kubectl("rollout", "status", "deployment/embedder-cpu-0a1b2c3d", "-n", node_namespace, "--timeout=60s", seconds=90)
    before, pods = bystander.state(), bystander.pods()
    address = cluster.api.get(f"/api/v1/namespaces/{node_namespace}/services/embedder")["spec"]["clusterIP"]

    release = f"{node_namespace}-system"
    installer = installer_in(cluster, release)
    values = {"image": image, "crds": {"install": False}, "config": {"watchNamespaces": [node_namespace]}}
    audit = cluster.audit()
    client = _Client(f"http://{address}:8080/")
    client.start()
    try:
        installer.install("--wait", "--timeout=120s", values=values)
        lease = f"/apis/coordination.k8s.io/v1/namespaces/{release}/leases/{rbac.LEASE_NAME}"
        wait_until("a leader", lambda: ((cluster.api.get(lease) or {}).get("spec") or {}).get("holderIdentity"), seconds=30)
        assert _deployment(cluster, release)["status"]["readyReplicas"] == 2
        assert (bystander.state(), bystander.pods()) == (before, pods)

        installer.upgrade("--wait", "--timeout=120s", values={**values, "config": {**values["config"], "frozen": True}})
        wait_until("a leader", lambda: ((cluster.api.get(lease) or {}).get("spec") or {}).get("holderIdentity"), seconds=30)
        assert (bystander.state(), bystander.pods()) == (before, pods)

        installer.rollback("1", "--wait", "--timeout=120s")
        assert _configuration(cluster, release)["frozen"] is False
        assert (bystander.state(), bystander.pods()) == (before, pods)

        installer.uninstall("--timeout=120s")
        assert _deployment(cluster, release) is None
    except BaseException:
        print(cluster.kubectl("get", "events", "-n", release))
        print(cluster.kubectl("logs", "-n", release, "-l", "app.kubernetes.io/component=operator", "--prefix", "--tail=50"))
        raise
    finally:
        client.stop()
    assert _definitions(cluster) == definitions
    assert (bystander.state(), bystander.pods()) == (before, pods)
    assert client.failures == []
    assert client.answered > 100

    account = f"system:serviceaccount:{release}:steelyard"
    writes = [*audit.writes(user=HELM_USER), *audit.writes(user=account)]
    assert touching_what_serves(writes, release) == []
    refused = audit.events(lambda e: e.user == account and e.code == 403)
    assert refused == [], "the operator asks for nothing that its roles do not grant"
