"""The control plane that all tests of the shell share: its controllers work, and its audit log tells who did what."""

import json

import pytest

from cluster.audit import Audit
from cluster.cluster import Cluster
from cluster.errors import ClusterError
from cluster.recorded import until_recorded
from cluster.waiting import wait_until
from patience import PATIENCE

pytestmark = pytest.mark.apiserver

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: app, namespace: {namespace}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: app}}}}
  template:
    metadata: {{labels: {{app: app}}}}
    spec: {{containers: [{{name: app, image: nowhere/app}}]}}
---
apiVersion: batch/v1
kind: Job
metadata: {{name: job, namespace: {namespace}}}
spec:
  template:
    spec: {{restartPolicy: Never, containers: [{{name: job, image: nowhere/job}}]}}
"""


def pods(cluster: Cluster, namespace: str) -> list[str]:
    found = json.loads(cluster.kubectl("-n", namespace, "get", "pods", "-o", "json"))["items"]
    return [pod["metadata"]["name"] for pod in found]


def test_controllers_create_pods_and_collect_garbage(control_plane: Cluster, namespace: str) -> None:
    control_plane.apply(DEPLOYMENT.format(namespace=namespace))
    wait_until(
        "two pods of the deployment and one of the job", lambda: len(pods(control_plane, namespace)) == 3, seconds=PATIENCE, every=0.2
    )
    control_plane.kubectl("-n", namespace, "delete", "deployment/app", "job/job")
    wait_until("the pods to be collected", lambda: not pods(control_plane, namespace), seconds=PATIENCE, every=0.2)


def test_the_audit_log_tells_who_wrote_what(control_plane: Cluster, namespace: str, audit: Audit) -> None:
    config = control_plane.kubeconfig_for("somebody", "system:masters")
    control_plane.kubectl(f"--kubeconfig={config}", "-n", namespace, "create", "configmap", "note", "--from-literal=text=hello")
    until_recorded(control_plane, audit)
    (write,) = audit.writes(user="somebody")
    assert (write.verb, write.resource, write.namespace, write.name, write.code) == ("create", "configmaps", namespace, "note", 201)
    assert write.request["data"] == {"text": "hello"}
    audit.mark()
    control_plane.kubectl(f"--kubeconfig={config}", "-n", namespace, "get", "configmap", "note")
    until_recorded(control_plane, audit)
    assert not audit.writes(user="somebody")
    assert [event.verb for event in audit.events(lambda event: event.user == "somebody" and event.resource == "configmaps")] == ["get"]


def test_a_user_without_rights_is_told_so(control_plane: Cluster, namespace: str) -> None:
    config = control_plane.kubeconfig_for("stranger")
    with pytest.raises(ClusterError, match="forbidden"):
        control_plane.kubectl(f"--kubeconfig={config}", "-n", namespace, "get", "pods")


def test_the_version_is_the_one_that_was_pinned(control_plane: Cluster) -> None:
    version = control_plane.api.get("/version")
    assert version
    assert version["gitVersion"] == "v1.37.2"
    assert (version["major"], version["minor"]) == ("1", "37")
