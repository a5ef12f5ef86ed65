"""Install, upgrade, roll back and uninstall for real. Nothing that serves is touched by any of them."""

import re

import pytest
import yaml

from chart.bystander import API, Bystander, touching_what_serves
from chart.conftest import HELM_USER, installer_for
from chart.helm import NAMESPACE, ROOT, template
from chart.placement import WORKLOAD, Placement, called_otherwise, give, values_of
from chart.scraper import Scraper
from cluster.cluster import Cluster
from cluster.fixtures import new_namespace
from cluster.waiting import wait_until
from e2e.client import Client
from patience import PATIENCE
from steelyard.control.kube import rbac
from steelyard.control.kube.resource import CLUSTER_EVENTS_NAMESPACE

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PLURALS = ("acceleratorpools", "acceleratortrials", "compiledmodels", "inferenceworkloads")
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:steelyard"


def _served(cluster):
    for plural in PLURALS:
        wait_until(f"{plural} served", lambda plural=plural: cluster.api.request("GET", f"{API}/{plural}")[0] == 200, seconds=PATIENCE)


def _definitions(cluster):
    found = [cluster.api.get(f"{CRDS}/{plural}.steelyard.dev") for plural in PLURALS]
    return [definition and definition["metadata"]["uid"] for definition in found]


def _deployment(cluster, namespace=NAMESPACE):
    return cluster.api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/steelyard")


def _configuration(cluster, namespace=NAMESPACE):
    found = cluster.api.get(f"/api/v1/namespaces/{namespace}/configmaps/steelyard-config")
    return yaml.safe_load(found["data"]["config.yaml"])


def _certificate(cluster, namespace=NAMESPACE):
    return cluster.api.get(f"/api/v1/namespaces/{namespace}/secrets/steelyard-metrics-certificate")["data"]


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


@pytest.fixture(scope="module")
def installed():
    """The chart as it is, in a control plane whose roles the tests only ask about."""
    with Cluster.start("test-chart-roles") as cluster:
        installer_for(cluster, NAMESPACE).install()
        # Helm returns when the roles are stored; the API server's authorizer learns of them a moment later.
        _granted(cluster, ("update", "coordination.k8s.io", "leases", NAMESPACE, rbac.LEASE_NAME), ("list", "", "nodes"))
        yield cluster


def _granted(cluster, *wanted):
    for each in wanted:
        wait_until(f"the right to {' '.join(each)}", lambda each=each: _may(cluster, *each), seconds=PATIENCE)


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
    wait_until("two pods of the operator", lambda: len(cluster.api.get(pods)["items"]) == 2, seconds=PATIENCE)

    with new_namespace(cluster) as namespace:
        bystander = Bystander(cluster, namespace)
        before, certificate = bystander.state(), _certificate(cluster)

        installer.upgrade(values={"config": {"frozen": True}, "replicas": 3})
        assert _certificate(cluster) == certificate, "who scrapes trusts it"
        assert _configuration(cluster)["frozen"] is True
        assert _deployment(cluster)["spec"]["replicas"] == 3
        assert bystander.state() == before

        installer.rollback("1")
        assert _certificate(cluster) == certificate
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
        assert {event.namespace for event in writes} <= {"", NAMESPACE, rbac.CLAIMS_NAMESPACE, CLUSTER_EVENTS_NAMESPACE}


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
    wait_until("the end of the definitions", lambda: not any(_definitions(empty_cluster)), seconds=PATIENCE)


@pytest.mark.apiserver
def test_the_api_server_grants_the_table_and_no_more(installed):
    cluster = installed
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
    assert _may(cluster, "update", *leases, rbac.CLAIMS_NAMESPACE, rbac.CLAIMS_NAME)
    assert not _may(cluster, "update", *leases, rbac.CLAIMS_NAMESPACE, "another")
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
        ("patch", "apps", "deployments"),
        ("patch", "steelyard.dev", "inferenceworkloads"),
        ("delete", "steelyard.dev", "inferenceworkloads"),
        ("create", "steelyard.dev", "acceleratorpools"),
        ("create", "rbac.authorization.k8s.io", "rolebindings"),
        ("patch", "apiextensions.k8s.io", "customresourcedefinitions"),
    ):
        assert not _may(cluster, verb, group, resource, "any"), (verb, resource)


@pytest.mark.apiserver
def test_people_get_the_kinds_through_the_roles_they_have(installed):
    cluster = installed
    with new_namespace(cluster) as namespace:
        for role in ("view", "edit", "admin"):
            cluster.kubectl("create", "rolebinding", role, f"--clusterrole={role}", f"--user={role}er", "-n", namespace)

        def may(user, verb, resource):
            return _may(cluster, verb, "steelyard.dev", resource, namespace, account=user)

        wait_until(
            "the aggregation",
            lambda: (
                may("viewer", "list", "inferenceworkloads")
                and may("editer", "create", "inferenceworkloads")
                and may("adminer", "delete", "compiledmodels")
            ),
            seconds=PATIENCE,
        )
        assert may("editer", "list", "inferenceworkloads")
        assert may("adminer", "create", "inferenceworkloads")
        assert may("editer", "patch", "acceleratortrials") and not may("viewer", "create", "acceleratortrials")
        assert not may("viewer", "create", "inferenceworkloads")
        assert not may("editer", "delete", "compiledmodels")
        assert not may("adminer", "create", "acceleratorpools")
        assert not may("adminer", "patch", "inferenceworkloads/status")


@pytest.mark.apiserver
def test_an_installation_for_some_namespaces_stays_in_them(empty_cluster, installer_in):
    cluster = empty_cluster
    with new_namespace(cluster) as watched, new_namespace(cluster) as other:
        policies = {"enabled": True, "workloads": {"enabled": True}}
        installer_in(cluster, NAMESPACE).install(values={"config": {"watchNamespaces": [watched]}, "networkPolicy": policies})
        _granted(cluster, ("list", "", "pods", watched), ("get", "", "namespaces", "", watched))
        for p in rbac.IN_NAMESPACES:
            for verb in p.verbs:
                assert _may(cluster, verb, p.group, p.resource, watched)
                assert not _may(cluster, verb, p.group, p.resource, other)
                assert not _may(cluster, verb, p.group, p.resource)
        for p in rbac.cluster_role([watched]):
            for verb in p.verbs:
                assert _may(cluster, verb, p.group, p.resource, name=watched if p.names else "")
        assert not _may(cluster, "get", "", "namespaces", name=other)


@pytest.fixture(scope="session")
def light_images():
    """Built before the nodes start, they are on them from the first moment."""
    from cluster import images

    return images.build("operator"), images.build("runtime-serve")


@pytest.mark.nodes
def test_a_placement_serves_on_untouched_while_the_operator_comes_changes_and_goes(
    light_images, nodes_cluster, node_namespace, installer_in, tmp_path
):
    """The placement is the operator's own. In one namespace only, so that other tests of the shared cluster have their own operator."""
    cluster, release = nodes_cluster, f"{node_namespace}-system"
    for image in light_images:
        give(cluster, image)
    operator, serve = light_images
    next_operator, next_serve = (called_otherwise(cluster, image) for image in light_images)
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    _served(cluster)
    definitions = _definitions(cluster)
    installer = installer_in(cluster, release)
    placement = Placement(cluster, node_namespace, tmp_path / "artifact")
    account = f"system:serviceaccount:{release}:steelyard"
    values = values_of(operator, serve, **placement.configuration)

    def until_it_decides(image):
        """Wait until replicas of this image are all there are, and their leader has looked at the workload a few times."""

        def cycles():
            pods = cluster.api.get(f"/api/v1/namespaces/{release}/pods")["items"]
            if any(p["spec"]["containers"][0]["image"] != image.reference for p in pods):
                return False
            lease = cluster.api.get(f"/apis/coordination.k8s.io/v1/namespaces/{release}/leases/{rbac.LEASE_NAME}") or {}
            leader = [p for p in pods if ((lease.get("spec") or {}).get("holderIdentity") or "").startswith(f"{p['metadata']['name']}_")]
            if not leader:
                return False
            status, page = scraper.ask(leader[0]["status"]["podIP"], 8443)
            if status != 200:
                return False
            told = re.search(r"^steelyard_decision_cycle_seconds_count (\S+)", page, re.MULTILINE)
            return told and float(told[1]) >= 3

        wait_until(f"decisions by {image.reference}", cycles, seconds=PATIENCE, every=0.5)

    def refused():
        return [*audit.events(lambda e: e.user == account and e.code == 403)]

    audit = cluster.audit()
    try:
        installer.install("--wait", "--timeout=180s", values=values)
        scraper = Scraper(cluster, release)
        scraper.allow()
        scraper.trust()
        assert _deployment(cluster, release)["status"]["readyReplicas"] == 2
        placement.until_it_serves()
        before = placement.state()
        assert len(placement.pods()) == 1
        assert refused() == [], "the operator asks for nothing that its roles do not grant"
        audit.mark()
        with Client(cluster, serve.reference, node_namespace, "client", WORKLOAD, 20) as client:
            # What a release may change: the operator's image, the image that serves, how both are pulled, and how a server is told to behave.
            newer = {**placement.configuration, "imagePullPolicy": "Always", "connectionMaxAgeSeconds": 99}
            installer.upgrade("--wait", "--timeout=180s", values=values_of(next_operator, next_serve, **newer))
            assert _configuration(cluster, release)["connectionMaxAgeSeconds"] == 99
            until_it_decides(next_operator)
            assert placement.state() == before

            installer.rollback("1", "--wait", "--timeout=180s")
            until_it_decides(operator)
            assert placement.state() == before
            assert refused() == []

            installer.uninstall("--timeout=180s")
            assert _deployment(cluster, release) is None
            assert placement.state() == before

            installer.install("--wait", "--timeout=180s", values=values_of(next_operator, next_serve, **placement.configuration))
            scraper.trust()
            until_it_decides(next_operator)
            assert placement.state() == before, "who finds what serves leaves it as it is"
    except BaseException:
        print(cluster.kubectl("get", "pods,events", "-n", release))
        print(cluster.kubectl("get", "pods,jobs,iwl,cmodel,events", "-n", node_namespace))
        print(cluster.kubectl("logs", "-n", release, "-l", "app.kubernetes.io/component=operator", "--prefix", "--tail=50"))
        raise
    finally:
        placement.remove()
    scraper.forbid()
    installer.uninstall("--timeout=180s")
    assert _definitions(cluster) == definitions
    assert placement.state() == before
    assert client.failed() == []
    assert client.sent() > 200
    assert touching_what_serves([*audit.writes(user=HELM_USER), *audit.writes(user=account)], release) == []
