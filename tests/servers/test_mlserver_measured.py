"""MLServer as its owner runs it in a cluster: Steelyard is installed to measure alone, and one object of ten lines tells what it costs."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from cluster.fixtures import new_namespace
from cluster.waiting import wait_until
from demo import checker
from e2e.ground import OWN
from patience import PATIENCE
from servers.asker import Asker
from servers.ground import Servers
from servers.real_server import tensor
from steelyard.app.catalogue import shipped
from steelyard.cli.main import main

pytestmark = [pytest.mark.servers, pytest.mark.nodes]

NAME, NODE = "sleeper", "pool-a"
FAST, LATE, FAIL = 5, 1500, -1
ASKED = (*(FAST,) * 10, LATE, FAIL)
LIMIT_MILLISECONDS = 500
RATE = 6.0
CPU, MEMORY = "500m", "768Mi"
EDGE_SECONDS = 6.5
"""The operator's windows begin and end with a reading, every 5 s by the chart, and of a busy machine later."""
TOLERANCE = 0.1
"""Of the unit cost against the client's own: what the edges are of two windows."""


class Standing:
    """The server with its Service, and the workload that measures it."""

    def __init__(self, servers: Servers, namespace: str) -> None:
        self.servers, self.cluster, self.namespace = servers, servers.ground.cluster, namespace
        self.cluster.apply(yaml.safe_dump_all([self._deployment(), self._service()]))
        self.cluster.kubectl("rollout", "status", f"deployment/{NAME}", "--namespace", namespace, f"--timeout={PATIENCE:.0f}s")

    def _deployment(self) -> dict[str, Any]:
        container = {
            "name": "mlserver",
            "image": self.servers.mlserver.reference,
            "imagePullPolicy": "Never",
            "resources": {"requests": {"cpu": CPU, "memory": MEMORY}, "limits": {"memory": MEMORY}},
            "readinessProbe": {"httpGet": {"path": "/v2/health/ready", "port": 8080}, "periodSeconds": 2},
        }
        pod = {"nodeSelector": {"steelyard.dev/pool": NODE}, "containers": [container]}
        template = {"metadata": {"labels": {"app": NAME}}, "spec": pod}
        spec = {"replicas": 1, "selector": {"matchLabels": {"app": NAME}}, "template": template}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": NAME, "namespace": self.namespace}, "spec": spec}

    def _service(self) -> dict[str, Any]:
        spec = {"selector": {"app": NAME}, "ports": [{"port": 80, "targetPort": 8080}]}
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME, "namespace": self.namespace}, "spec": spec}

    def listed(self, group: str, plural: str) -> list[dict[str, Any]]:
        """Objects of the namespace: `listed("apis/apps/v1", "deployments")`."""
        return list((self.cluster.api.get(f"/{group}/namespaces/{self.namespace}/{plural}") or {}).get("items", ()))

    def status(self) -> dict[str, Any]:
        found = self.cluster.api.get(f"{OWN}/namespaces/{self.namespace}/inferenceworkloads/{NAME}") or {}
        return found.get("status") or {}

    def placement(self) -> dict[str, Any]:
        return next(iter(self.status().get("placements", ())), {})

    def condition(self, kind: str) -> dict[str, Any]:
        return next((c for c in self.status().get("conditions", ()) if c["type"] == kind), {})

    def hourly(self) -> float:
        """Money: the list price of its node, and its part of that by what it requests."""
        node = self.cluster.api.get(f"/api/v1/nodes/{NODE}")
        assert node is not None
        price = shipped().instance_types[node["metadata"]["labels"]["node.kubernetes.io/instance-type"]].price
        assert price is not None
        room = node["status"]["capacity"]
        return float(price.per_hour) * checker.weight(CPU, MEMORY) / checker.weight(room["cpu"], room["memory"])


@pytest.fixture(scope="module")
def standing(servers: Servers) -> Iterator[Standing]:
    """Installed with the values of the tutorial alone."""
    servers.install()
    with new_namespace(servers.ground.cluster, "team") as namespace:
        yield Standing(servers, namespace)


@pytest.fixture(scope="module")
def asker(standing: Standing) -> Iterator[Asker]:
    bodies = [tensor(milliseconds) for milliseconds in ASKED]
    image = standing.servers.mlserver.reference
    with Asker(standing.cluster, image, standing.namespace, NAME, NAME, RATE, LIMIT_MILLISECONDS, bodies) as asker:
        yield asker


def test_an_mlserver_gets_its_cost_by_one_object_of_ten_lines(standing: Standing, asker: Asker, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["-n", standing.namespace, "--kubeconfig", str(standing.cluster.kubeconfig)]
    (before,) = standing.listed("apis/apps/v1", "deployments")
    assert main(["observe", f"deployment/{NAME}", "--objective", f"e2e={LIMIT_MILLISECONDS}ms:75", *where]) == 0
    written = capsys.readouterr().out
    assert len(written.splitlines()) <= 10
    assert yaml.safe_load(written)["spec"]["server"]["existing"]["metrics"] == {"profile": "mlserver"}
    standing.cluster.apply(written)
    wait_until("a cost of good requests", lambda: standing.placement().get("unitCost"), seconds=PATIENCE, every=1.0)
    place = standing.placement()
    assert (place["pool"], place["pricedBy"], place["readyReplicas"]) == ("c7i-large", "Catalogue", 1)
    agrees(standing, asker, place["unitCost"])
    assert standing.condition("Ready").get("status") == "True"
    assert standing.condition("SLOMet").get("status") == "True", "five of six requests are good"
    assert main(["explain", NAME, *where]) == 0
    assert standing.placement()["unitCost"]["value"][:4] in capsys.readouterr().out
    for group, plural in (
        ("apis/batch/v1", "jobs"),
        ("apis/policy/v1", "poddisruptionbudgets"),
        ("apis/steelyard.dev/v1alpha1", "compiledmodels"),
    ):
        assert standing.listed(group, plural) == [], plural
    (after,) = standing.listed("apis/apps/v1", "deployments")
    assert (after["metadata"]["uid"], after["metadata"]["generation"]) == (before["metadata"]["uid"], before["metadata"]["generation"])


def agrees(standing: Standing, asker: Asker, told: dict[str, Any]) -> None:
    """Assert that n, money and their ratio are what the client's log and the node's price say of the same minutes."""
    start, end = checker.seconds(told["from"]), checker.seconds(told["to"])
    done = sorted(entry["done"] for entry in asker.entries() if entry["outcome"] == "good")

    def good(shorter: float) -> int:
        return bisect(done, end - shorter) - bisect(done, start + shorter)

    money = standing.hourly() * (end - start) / 3600
    seen = (told, money, good(0), end - start)
    assert good(EDGE_SECONDS) <= told["good"] <= good(-EDGE_SECONDS), seen
    assert float(told["cost"]) == pytest.approx(money, rel=0.03), seen
    assert float(told["value"]) == pytest.approx(1000 * money / good(0), rel=TOLERANCE), seen
    assert float(told["lower"]) <= float(told["value"]) <= float(told["upper"]), seen
    assert int(told["n"]) > 0, seen


def test_the_server_is_its_owners_to_the_end(standing: Standing, asker: Asker) -> None:
    standing.cluster.kubectl("delete", "iwl", NAME, "--namespace", standing.namespace)
    sent = asker.sent()
    wait_until("requests after that", lambda: asker.sent() > sent + 5 * len(ASKED), seconds=PATIENCE)
    asker.stop()
    assert [entry for entry in asker.failed() if ASKED[entry["asked"]] != FAIL] == []
    (deployment,) = standing.listed("apis/apps/v1", "deployments")
    assert deployment["status"]["readyReplicas"] == 1
