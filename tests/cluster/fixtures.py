"""pytest fixtures: `pytest_plugins = ["cluster.fixtures"]`.

`control_plane` is shared by the whole session and has no nodes; `namespace` is one test's own place in it, and `audit` what was done
there since the test began. `nodes_cluster` has real nodes, and is paid for only by those who use it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cluster.audit import Audit
from cluster.cluster import Cluster
from cluster.control_plane import ExtraFlags
from cluster.node_spec import PRESETS
from cluster.waiting import wait_until
from patience import PATIENCE

NO_ENDPOINTS = ExtraFlags(controllers=("--controllers=*,-endpoints-controller,-endpointslice-controller",))
"""Pods that are played have addresses of the loopback range, which the API server takes for no endpoint: these controllers would write them for ever, with
an event about each refusal."""


@contextmanager
def new_namespace(cluster: Cluster, prefix: str = "test") -> Iterator[str]:
    """A namespace with its default service account in any cluster; deleted afterwards, without waiting for that."""
    name = f"{prefix}-{uuid.uuid4().hex[:8]}"
    cluster.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
    wait_until(f"the service account of {name}", lambda: cluster.api.get(account), seconds=PATIENCE)
    try:
        yield name
    finally:
        cluster.api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture(scope="session")
def control_plane() -> Iterator[Cluster]:
    """etcd, API server, scheduler and controllers, but for those of endpoints; no nodes."""
    with Cluster.start("test-control-plane", flags=NO_ENDPOINTS) as cluster:
        yield cluster


@pytest.fixture
def namespace(control_plane: Cluster) -> Iterator[str]:
    """A namespace of this test's own in the shared control plane."""
    with new_namespace(control_plane) as name:
        yield name


@pytest.fixture
def audit(control_plane: Cluster) -> Audit:
    """A reader of the shared control plane's audit log, from the start of this test on."""
    return control_plane.audit()


@pytest.fixture(scope="session")
def nodes_cluster() -> Iterator[Cluster]:
    """A cluster with the nodes general, pool-a and pool-b and an object store, shared by the session."""
    with Cluster.start("test-nodes", PRESETS["demo"]) as cluster:
        assert cluster.s3
        yield cluster


@pytest.fixture
def node_namespace(nodes_cluster: Cluster) -> Iterator[str]:
    """A namespace of this test's own in the shared cluster with nodes."""
    with new_namespace(nodes_cluster) as name:
        yield name
