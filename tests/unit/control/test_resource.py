import pytest

from steelyard.control.kube.resource import DEPLOYMENTS, NODES, PODS


def test_paths():
    assert DEPLOYMENTS.path(namespace="n", name="d", subresource="scale") == "/apis/apps/v1/namespaces/n/deployments/d/scale"
    assert PODS.path() == "/api/v1/pods"
    assert NODES.path(name="a/b") == "/api/v1/nodes/a%2Fb"


def test_a_scope_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="cluster-scoped"):
        NODES.path(namespace="n", name="x")
    with pytest.raises(ValueError, match="namespace"):
        PODS.path(name="x")


def test_keys_name_objects():
    assert str(DEPLOYMENTS.key_of({"metadata": {"namespace": "n", "name": "d"}})) == "deployments.apps n/d"
    assert str(NODES.key(None, "x")) == "nodes x"
