"""Prices by what good requests cost, with the real Karpenter, which accepts them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import datetime
from typing import Any

import pytest

from cluster.cluster import Cluster
from cluster.fixtures import new_namespace
from cluster.waiting import wait_until
from fault.move_run import MoveRun
from integrations.karpenter import CPU, MEMORY, NODE_CLASS, Karpenter, Kubelets, apply_node_pool, definitions, instance_type, start
from patience import PATIENCE
from steelyard.app.config import Config
from steelyard.app.wiring import settings_of
from steelyard.control.clock import AnchoredClock
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube.api_client import ApiClient
from steelyard.control.kube.credentials import Kubeconfig
from steelyard.control.kube.resource import ACCELERATOR_POOLS, CONFIG_MAPS, NODE_OVERLAYS
from steelyard.control.kube.store import Store
from steelyard.control.reconcile.node_overlays import NodeOverlays
from steelyard.control.reconcile.publisher import Publisher
from steelyard.core.facts.publication import Publication
from steelyard.core.planning.relative_cost import RelativeCost
from steelyard.core.vocabulary.reading import Unknown
from steelyard.render.priority_expander import NAME, priority_expander
from unit.docs.shown import ROOT, documents

pytestmark = pytest.mark.integrations
PROGRAMS = ("karpenter",)
MIXED = "mixed"
PRICES = {"slow": "0.20", "quick": "0.40"}
COMPARED = {"slow": RelativeCost(cost=2.0, replicas=4.0, workloads=1), "quick": RelativeCost(cost=1.0, replicas=1.0, workloads=1)}
"""A replica on a quick node does the work of four on slow ones."""
_PAGE = {each["kind"]: each for each in documents(ROOT / "docs/how-to/karpenter.md")}


@pytest.fixture
def karpenter() -> Iterator[Karpenter]:
    with Cluster.start("published") as cluster:
        cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        definitions(cluster)
        with Kubelets(cluster) as kubelets:
            types = [instance_type(f"{name}.large", float(price)) for name, price in PRICES.items()]
            yield start(cluster, kubelets, types, gates="NodeOverlay=true")


def pools(cluster: Cluster, *, publish: bool) -> list[dict[str, Any]]:
    """One for each type of the same NodePool."""
    made = []
    for name, price in PRICES.items():
        raw = deepcopy(_PAGE["AcceleratorPool"])
        raw["metadata"]["name"] = name
        priced = {"pricePerHour": price, "priceClass": "Static", "asOf": "2026-01-01"}
        raw["spec"] |= {
            "accelerator": {"family": "cpu", "model": "generic-x86-64"},
            "backends": [{"name": "openvino"}],
            "nodes": {"selector": {"node.kubernetes.io/instance-type": f"{name}.large"}},
            "provisioner": {"type": "Karpenter", "nodePool": MIXED, "publish": publish},
            "shapes": [{"instanceType": f"{name}.large", "devices": 0, "cpu": CPU, "memory": MEMORY, **priced}],
        }
        where = f"{ACCELERATOR_POOLS.path(name=name)}?fieldManager=person&force=true"
        status, body = cluster.api.request("PATCH", where, raw, "application/apply-patch+yaml")
        assert status < 300, body
        made.append(json.loads(body))
    return made


class Compared:
    def relative_costs(self, _: datetime) -> Mapping[str, RelativeCost]:
        return COMPARED


async def looked(cluster: Cluster, *, publish: bool) -> dict[str, Publication | None]:
    """One look of the publisher, and what it tells of each pool."""
    clock = AnchoredClock()
    store = Store(clock)
    for raw in pools(cluster, publish=publish):
        store.observe(ACCELERATOR_POOLS, "ADDED", raw)
    builder = SnapshotBuilder(store, settings_of(Config()), lambda *_: Unknown("nothing"), synced=lambda: True, clock_suspect=lambda: False)
    async with await ApiClient.connect(Kubeconfig(cluster.kubeconfig_for("publisher", "system:masters")), clock=clock) as client:
        publisher = Publisher(store, builder, Compared(), NodeOverlays(client, clock, "USD"), None)
        await publisher.look(clock.now())
        return {pool.name: publisher.told(pool) for pool in builder.pools()}


def test_karpenter_accepts_the_prices_of_both_pools(karpenter: Karpenter) -> None:
    cluster = karpenter.cluster
    node_pool = deepcopy(_PAGE["NodePool"])
    node_pool["metadata"]["name"] = MIXED
    template = node_pool["spec"]["template"]["spec"]
    template["nodeClassRef"] = NODE_CLASS
    template["requirements"][0]["values"] = [f"{name}.large" for name in PRICES]
    apply_node_pool(cluster, node_pool)

    def told() -> dict[str, Publication | None] | None:
        found = asyncio.run(looked(cluster, publish=True))
        return found if all(one is not None and one.holds for one in found.values()) else None

    print(wait_until("Karpenter to accept the prices", told, seconds=PATIENCE, check=cluster.supervisor.check))
    listed = cluster.api.get(NODE_OVERLAYS.path())
    assert listed is not None
    assert {each["metadata"]["name"]: each["spec"]["price"] for each in listed["items"]} == {
        "steelyard-slow.large-on-demand": "0.8",
        "steelyard-quick.large-on-demand": "0.4",
    }
    asyncio.run(looked(cluster, publish=False))
    assert (cluster.api.get(NODE_OVERLAYS.path()) or {})["items"] == []


def test_a_whole_operator_tells_the_order_of_node_groups_that_it_has_measured(control_plane: Cluster) -> None:
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    with new_namespace(control_plane, "move") as namespace, MoveRun(control_plane, namespace, small=True, ask="CheckCapacity") as run:
        run.start_operator(watchNamespaces=[], publish={"priorityExpanderNamespace": namespace})
        run.apply()
        run.until_moved()
        for pool in (run.dear, run.cheap):
            control_plane.api.patch(ACCELERATOR_POOLS.path(name=pool), {"spec": {"provisioner": {"publish": True}}})
        wanted = priority_expander(namespace, [[f"asg-{run.cheap}"], [f"asg-{run.dear}"]])["data"]
        written = CONFIG_MAPS.path(namespace=namespace, name=NAME)
        run.until("the cheaper node group to come first", lambda _: (control_plane.api.get(written) or {}).get("data") == wanted)
        assert run.world.lost == 0
