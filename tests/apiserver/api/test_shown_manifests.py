"""What README, documentation and examples show is accepted by a real API server, with a strict check of every field."""

import json

import pytest

from cluster.cluster import Cluster
from unit.docs.shown import Document, manifests

pytestmark = pytest.mark.apiserver

PATHS = {
    "AcceleratorPool": "/apis/steelyard.dev/v1alpha1/acceleratorpools",
    "AcceleratorTrial": "/apis/steelyard.dev/v1alpha1/namespaces/default/acceleratortrials",
    "InferenceWorkload": "/apis/steelyard.dev/v1alpha1/namespaces/default/inferenceworkloads",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
    "DaemonSet": "/apis/apps/v1/namespaces/default/daemonsets",
    "Service": "/api/v1/namespaces/default/services",
    "ConfigMap": "/api/v1/namespaces/default/configmaps",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
}
OF_OTHERS = {
    "ClusterQueue",
    "EC2NodeClass",
    "Gateway",
    "LocalQueue",
    "NodeOverlay",
    "NodePool",
    "ResourceFlavor",
    "ScaledObject",
    "TriggerAuthentication",
}
"""Kinds whose definitions are not installed here."""
SHOWN = [(where, document) for where, document in manifests() if document["kind"] not in OF_OTHERS]


@pytest.mark.parametrize(("where", "document"), SHOWN, ids=lambda value: value if isinstance(value, str) else value["kind"])
def test_a_server_side_dry_run_applies_it(served: Cluster, where: str, document: Document):
    metadata = {key: value for key, value in document["metadata"].items() if key != "namespace"}
    path = f"{PATHS[document['kind']]}/{metadata['name']}?fieldManager=somebody&dryRun=All&fieldValidation=Strict"
    status, body = served.api.request("PATCH", path, {**document, "metadata": metadata}, "application/apply-patch+yaml")
    answer = json.loads(body)
    assert status in (200, 201), f"{where}: {answer.get('message')}"
