"""The chart grants exactly the operator's table, in both kinds of installation, and nothing wide."""

import re
from collections import defaultdict
from itertools import product

import pytest

from chart.helm import NAMESPACE, ROOT, of_kind, rendered
from chart.values import MATRIX
from steelyard.control.kube import rbac
from steelyard.control.kube.resource import CLUSTER_EVENTS_NAMESPACE
from steelyard.render.priority_expander import NAME

WATCHED = ["team-a", "team-b"]


def _granted(role):
    """One set of verbs for each (group, resource, names)."""
    table = defaultdict(set)
    for rule in role["rules"]:
        if "nonResourceURLs" in rule:
            assert rule == {"nonResourceURLs": ["/metrics"], "verbs": ["get"]}
            continue
        assert set(rule) <= {"apiGroups", "resources", "verbs", "resourceNames"}
        for group, resource in product(rule["apiGroups"], rule["resources"]):
            table[group, resource, tuple(rule.get("resourceNames", ()))] |= set(rule["verbs"])
    return dict(table)


def _wanted(permissions):
    table = defaultdict(set)
    for p in permissions:
        table[p.group, p.resource, p.names] |= set(p.verbs)
    return dict(table)


def _operators(objects):
    """The roles that a binding gives to the operator's account: {(namespace or None, name): role}."""
    account = {"kind": "ServiceAccount", "name": "steelyard", "namespace": NAMESPACE}
    roles = {}
    for binding in of_kind(objects, "RoleBinding") + of_kind(objects, "ClusterRoleBinding"):
        assert binding["subjects"] == [account]
        where, reference = binding["metadata"].get("namespace"), binding["roleRef"]
        assert reference["kind"] == ("Role" if where else "ClusterRole")
        [role] = [
            r
            for r in of_kind(objects, reference["kind"])
            if (r["metadata"].get("namespace"), r["metadata"]["name"]) == (where, reference["name"])
        ]
        roles[where, reference["name"]] = role
    return roles


def test_in_the_whole_cluster():
    objects = rendered()
    roles = _operators(objects)
    assert _granted(roles.pop((None, "steelyard-system-steelyard"))) == _wanted(rbac.cluster_role())
    assert _granted(roles.pop((NAMESPACE, "steelyard-lease"))) == _wanted(rbac.IN_OWN_NAMESPACE)
    assert _granted(roles.pop((rbac.CLAIMS_NAMESPACE, "steelyard-system-steelyard-claim"))) == _wanted(rbac.OF_CLAIMS)
    assert _granted(roles.pop((CLUSTER_EVENTS_NAMESPACE, "steelyard-system-steelyard-events"))) == _wanted(rbac.OF_KARPENTER)
    assert roles == {}
    assert len(of_kind(objects, "Role")) == 3


def test_in_some_namespaces():
    roles = _operators(rendered({"config": {"watchNamespaces": WATCHED}}))
    assert _granted(roles.pop((None, "steelyard-system-steelyard"))) == _wanted(rbac.cluster_role(WATCHED))
    assert _granted(roles.pop((NAMESPACE, "steelyard-lease"))) == _wanted(rbac.IN_OWN_NAMESPACE)
    assert _granted(roles.pop((rbac.CLAIMS_NAMESPACE, "steelyard-system-steelyard-claim"))) == _wanted(rbac.OF_CLAIMS)
    assert _granted(roles.pop((CLUSTER_EVENTS_NAMESPACE, "steelyard-system-steelyard-events"))) == _wanted(rbac.OF_KARPENTER)
    for namespace in WATCHED:
        assert _granted(roles.pop((namespace, "steelyard-system-steelyard"))) == _wanted(rbac.IN_NAMESPACES)
    assert roles == {}


def test_who_publishes_is_granted_what_that_takes_and_nobody_else():
    publish = {"nodeOverlays": True, "priorityExpanderNamespace": "autoscaling"}
    roles = _operators(rendered({"config": {"publish": publish}}))
    assert _granted(roles.pop((None, "steelyard-system-steelyard"))) == _wanted(rbac.cluster_role() + rbac.OF_OVERLAYS)
    assert _granted(roles.pop(("autoscaling", "steelyard-system-steelyard-priorities"))) == _wanted(rbac.OF_PRIORITIES)
    assert len(roles) == 3


@pytest.mark.parametrize("watched", [[], WATCHED])
def test_what_is_read_of_cluster_autoscaler_and_asked_of_it_is_granted_where_it_is_switched_on(watched):
    given = {"readStatus": True, "namespace": "autoscaler", "provisioningRequests": True}
    roles = _operators(rendered({"config": {"watchNamespaces": watched, "clusterAutoscaler": given}}))
    assert _granted(roles["autoscaler", "steelyard-system-steelyard-node-groups"]) == _wanted(rbac.OF_CLUSTER_AUTOSCALER)
    for where in watched or [None]:
        rest = () if watched else rbac.CLUSTER_SCOPED + rbac.REVIEWS
        assert _granted(roles[where, "steelyard-system-steelyard"]) == _wanted(rbac.IN_NAMESPACES + rbac.OF_REQUESTS + rest)


def test_who_secures_no_metrics_asks_for_no_reviews():
    roles = _operators(rendered({"metrics": {"secure": False}}))
    assert _granted(roles[None, "steelyard-system-steelyard"]) == _wanted(rbac.IN_NAMESPACES + rbac.CLUSTER_SCOPED)


def test_a_namespaced_installation_only_reads_the_cluster_and_patches_the_status_of_pools():
    writes = {(p.group, p.resource): p.verbs for p in rbac.cluster_role(WATCHED) if not set(p.verbs) <= {"get", "list", "watch"}}
    reviews = {(p.group, p.resource): ("create",) for p in rbac.REVIEWS}
    assert writes == {("steelyard.dev", "acceleratorpools/status"): ("patch",), **reviews}


@pytest.mark.parametrize("case", MATRIX)
def test_nothing_is_wide(case):
    objects = rendered(MATRIX[case])
    for role in of_kind(objects, "Role") + of_kind(objects, "ClusterRole"):
        for (group, resource, names), verbs in _granted(role).items():
            assert "*" not in {group, resource, *verbs, *names}
            assert resource.split("/")[0] not in {"secrets", "serviceaccounts"}
            assert resource.split("/")[0] != "configmaps" or names in {(NAME,), (rbac.STATUS_NAME,)} or verbs == {"create"}
            assert names != (rbac.STATUS_NAME,) or verbs == {"get"}
            assert group not in {"rbac.authorization.k8s.io", "admissionregistration.k8s.io"}
            assert not verbs & {"impersonate", "escalate", "bind", "approve", "sign"}
            assert resource not in {"pods/exec", "pods/attach", "pods/ephemeralcontainers", "pods/portforward", "nodes/proxy"}
            if resource in {"nodes", "namespaces"}:
                assert verbs <= {"get", "list", "watch"}
            if resource == "pods":
                assert verbs <= {"get", "list", "watch", "patch"}


def test_every_line_of_the_table_says_why():
    everywhere = rbac.IN_NAMESPACES + rbac.CLUSTER_SCOPED + rbac.REVIEWS + rbac.OF_REQUESTS
    lines = everywhere + rbac.IN_OWN_NAMESPACE + rbac.OF_CLAIMS + rbac.OF_KARPENTER + rbac.OF_CLUSTER_AUTOSCALER
    lines += rbac.OF_OVERLAYS + rbac.OF_PRIORITIES
    assert all(len(line.why) > 15 for line in lines)
    assert len({(line.group, line.resource, line.verbs, line.why) for line in lines}) == len(lines)


def test_no_roles_when_somebody_else_makes_them():
    objects = rendered({"rbac": {"create": False}})
    assert of_kind(objects, "Role") + of_kind(objects, "RoleBinding") + of_kind(objects, "ClusterRoleBinding") == []
    assert all(
        "aggregate-to" in str(r) or r["metadata"]["name"].endswith(("pool-admin", "metrics-reader"))
        for r in of_kind(objects, "ClusterRole")
    )


def test_no_roles_at_all_when_nothing_is_asked_for():
    objects = rendered({"rbac": {"create": False, "aggregate": False}})
    assert [o["metadata"]["name"] for o in objects if o["apiVersion"].startswith("rbac.")] == []


def test_every_right_stands_in_the_table_of_the_how_to():
    rows = [line.split("|")[1:3] for line in (ROOT / "docs/how-to/install.md").read_text().splitlines() if line.startswith("| ")]
    told = defaultdict(set)
    for resources, verbs in rows:
        words = set(re.findall("[a-z]+", verbs))
        for resource in re.findall(r"`([^`]+)`", resources):
            told[f"{resource}/status" if resources.startswith(" `/status` of") else resource] |= words
    everywhere = rbac.IN_NAMESPACES + rbac.CLUSTER_SCOPED + rbac.REVIEWS + rbac.OF_REQUESTS + rbac.IN_OWN_NAMESPACE + rbac.OF_CLAIMS
    lines = everywhere + rbac.OF_KARPENTER + rbac.OF_CLUSTER_AUTOSCALER + rbac.OF_OVERLAYS + rbac.OF_PRIORITIES
    untold = {p.resource: set(p.verbs) - told[p.resource] for p in lines}
    assert {resource: verbs for resource, verbs in untold.items() if verbs} == {}


def test_people_get_the_kinds_by_aggregation():
    by_label = {
        label.rsplit("-", 1)[1]: _granted(role)
        for role in of_kind(rendered(), "ClusterRole")
        for label in role["metadata"]["labels"]
        if label.startswith("rbac.authorization.k8s.io/aggregate-to-")
    }
    assert set(by_label) == {"view", "edit", "admin"}
    for resource in ("inferenceworkloads", "compiledmodels", "acceleratorpools", "acceleratortrials", "scaletargets"):
        assert by_label["view"]["steelyard.dev", resource, ()] == {"get", "list", "watch"}
    assert by_label["view"]["steelyard.dev", "scaletargets/scale", ()] == {"get"}, (
        "as of Deployments: kubectl scale --current-replicas asks"
    )
    written = {resource for role in ("edit", "admin") for _, resource, _ in by_label[role]}
    assert "acceleratorpools" not in written, "who may edit a namespace may not spend on nodes"
    assert {resource for resource in written if "/" in resource} == {"scaletargets/scale"}, "status is the operator's"
