import pytest

from steelyard.control.kube.covers import covers

LIVE = {
    "spec": {
        "type": "ClusterIP",
        "clusterIP": "10.0.0.1",
        "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}],
        "containers": [
            {"name": "server", "args": ["a", "b"], "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}, "stdin": False},
            {"name": "sidecar"},
        ],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}],
    }
}


@pytest.mark.parametrize(
    "wanted",
    [
        {"spec": {"type": "ClusterIP"}},
        {"spec": {"ports": [{"port": 80, "protocol": "TCP"}]}},
        {"spec": {"containers": [{"name": "server", "args": ["a", "b"]}]}},
        {"spec": {"containers": [{"name": "server", "resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}}}]}},
        {"spec": {"volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1073741824"}}]}},
        {"spec": {"externalIPs": [], "unset": None}},
    ],
)
def test_what_is_already_said_is_covered(wanted):
    assert covers(LIVE, wanted)


@pytest.mark.parametrize(
    "wanted",
    [
        {"spec": {"type": "NodePort"}},
        {"spec": {"ports": [{"port": 81, "protocol": "TCP"}]}},
        {"spec": {"containers": [{"name": "server", "args": ["b", "a"]}]}},
        {"spec": {"containers": [{"name": "server", "args": ["a"]}]}},
        {"spec": {"containers": [{"name": "other"}]}},
        {"spec": {"containers": [{"name": "server", "stdin": 0}]}},
        {"spec": {"containers": [{"name": "server", "resources": {"requests": {"cpu": "1001m"}}}]}},
        {"spec": {"type": {"a": 1}}},
        {"spec": {"missing": {}}},
        {"spec": {"missing": [{"name": "x"}]}},
    ],
)
def test_what_differs_is_not(wanted):
    assert not covers(LIVE, wanted)


def test_labels_that_look_like_quantities_are_compared_as_text():
    assert not covers({"labels": {"v": "1"}}, {"labels": {"v": "1000m"}})


@pytest.mark.parametrize(("a", "b"), [("1", "1000m"), ("1e3", "1k"), ("0.5", "500m"), ("1Ei", "1024Pi"), ("2E", "2000P"), (2, "2")])
def test_quantities_are_compared_by_value(a, b):
    assert covers({"limits": {"x": a}}, {"limits": {"x": b}})
    assert covers({"limits": {"x": b}}, {"limits": {"x": a}})
