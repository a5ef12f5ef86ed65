"""What good requests cost, told to Karpenter and Cluster Autoscaler on a real API server: written, changed and withdrawn, once, and never over what is
somebody else's."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from apiserver.control.node_overlay_kind import DEFINITION
from cluster.waiting import wait_until
from patience import PATIENCE
from steelyard.app.config import Config
from steelyard.app.wiring import settings_of
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube.errors import NotFound
from steelyard.control.kube.resource import ACCELERATOR_POOLS, CONFIG_MAPS, NODE_OVERLAYS, Resource
from steelyard.control.kube.store import Store
from steelyard.control.reconcile.node_overlays import NodeOverlays
from steelyard.control.reconcile.pool import PoolReconciler
from steelyard.control.reconcile.priorities import Priorities
from steelyard.control.reconcile.publisher import Publisher
from steelyard.core.planning.relative_cost import RelativeCost
from steelyard.core.vocabulary.reading import Unknown
from steelyard.core.vocabulary.reason import Reason
from steelyard.render import label
from steelyard.render.priority_expander import NAME
from unit.api.objects import pool

pytestmark = pytest.mark.apiserver

ROOT = Path(__file__).parents[3]
DEFINITIONS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False)
OVERLAY = "steelyard-inf2.xlarge-on-demand"
OWN_PRICE = "0.7582"


def slower(cost: float = 1.5, replicas: float = 2.0) -> dict[str, RelativeCost]:
    return {"slow": RelativeCost(cost=cost, replicas=replicas, workloads=1), "quick": RelativeCost(cost=1.0, replicas=1.0, workloads=1)}


def put(api: Any, resource: Resource, manifest: dict[str, Any]) -> dict[str, Any]:
    """By a person."""
    where = resource.path(namespace=manifest["metadata"].get("namespace"), name=manifest["metadata"]["name"])
    status, body = api.request("PATCH", f"{where}?fieldManager=person&force=true", manifest, "application/apply-patch+yaml")
    assert status < 300, body
    made: dict[str, Any] = json.loads(body)
    return made


class Scene:
    """A publisher before a real API server, told how pools compare."""

    def __init__(self, client: Any, clock: Any, namespace: str, api: Any) -> None:
        self.client, self.clock, self.namespace, self.api = client, clock, namespace, api
        self.relative: Mapping[str, RelativeCost] | None = slower()
        self.began()

    def began(self) -> None:
        """As a process that starts: it remembers nothing."""
        self.store = Store(self.clock, index_labels=(label.POOL,))
        self.builder = SnapshotBuilder(
            self.store, settings_of(Config()), lambda *_: Unknown("nothing"), synced=lambda: True, clock_suspect=lambda: False
        )
        overlays, priorities = NodeOverlays(self.client, self.clock, "USD"), Priorities(self.client, self.clock, self.namespace)
        self.publisher = Publisher(self.store, self.builder, self, overlays, priorities)

    def relative_costs(self, _: datetime) -> Mapping[str, RelativeCost] | None:
        return self.relative

    def pool(self, name: str, **provisioner: Any) -> None:
        """Make it, or change it."""
        raw = copy.deepcopy(pool())
        raw["metadata"]["name"] = name
        raw["spec"] |= {"provisioner": {"publish": True, **provisioner}, "capacity": {"maxNodes": 4}}
        raw["spec"]["shapes"][0] |= {"priceClass": "Static"}
        self.store.observe(ACCELERATOR_POOLS, "MODIFIED", put(self.api, ACCELERATOR_POOLS, raw))

    async def look(self) -> frozenset[str]:
        return await self.publisher.look(self.clock.now())

    def told(self, name: str) -> tuple[bool | None, Reason, str]:
        found = next(each for each in self.builder.pools() if each.name == name)
        told = self.publisher.told(found)
        assert told is not None
        return told.holds, told.reason, told.message

    async def price(self, name: str = OVERLAY) -> str | None:
        try:
            return str((await self.client.get(NODE_OVERLAYS, None, name))["spec"]["price"])
        except NotFound:
            return None

    async def accept(self, status: str = "True", message: str = "") -> None:
        """As Karpenter does."""
        live = await self.client.get(NODE_OVERLAYS, None, OVERLAY)
        condition = {
            "type": "ValidationSucceeded",
            "status": status,
            "reason": "Conflict" if message else "ValidationSucceeded",
            "message": message,
        }
        where = {"version": live["metadata"]["resourceVersion"], "uid": live["metadata"]["uid"]}
        await self.client.patch_status(NODE_OVERLAYS, None, OVERLAY, {"conditions": [condition]}, **where)

    async def priorities(self) -> Any:
        return yaml.safe_load((await self.client.get(CONFIG_MAPS, self.namespace, NAME))["data"]["priorities"])


@pytest.fixture
def kind(control_plane: Any) -> Iterator[None]:
    put(control_plane.api, DEFINITIONS, DEFINITION)
    control_plane.until_established("crd", "nodeoverlays.karpenter.sh")
    yield
    where = DEFINITIONS.path(name=DEFINITION["metadata"]["name"])
    control_plane.api.delete(where)
    wait_until("the kind to be gone", lambda: control_plane.api.get(where) is None, seconds=PATIENCE)


@pytest.fixture
def scene(client: Any, clock: Any, namespace: str, control_plane: Any) -> Iterator[Scene]:
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    control_plane.until_established()
    yield Scene(client, clock, namespace, control_plane.api)
    for name in ("slow", "quick"):
        control_plane.api.delete(f"/apis/steelyard.dev/v1alpha1/acceleratorpools/{name}")


@pytest.mark.usefixtures("kind")
async def test_a_price_is_published_changed_and_withdrawn_when_it_is_not_known_any_more(scene: Scene) -> None:
    scene.pool("slow", type="Karpenter")
    scene.relative = None
    assert await scene.look() == frozenset()
    assert scene.told("slow")[:2] == (None, Reason.NOT_COMPARED) and await scene.price() is None
    scene.relative = slower()
    assert await scene.look() == {"slow"}
    assert await scene.price() == "1.516", "twice its own, as two replicas do the work of one"
    assert scene.told("slow")[:2] == (None, Reason.PUBLISHED), "Karpenter has not said anything"
    await scene.accept()
    assert await scene.look() == {"slow"}
    holds, reason, message = scene.told("slow")
    assert (holds, reason) == (True, Reason.PUBLISHED) and "inf2.xlarge at 1.516 USD an hour" in message
    scene.relative = slower(replicas=3.0)
    await scene.look()
    assert await scene.price() == "2.275"
    scene.relative = {}
    await scene.look()
    assert await scene.price() is None
    assert scene.told("slow")[:2] == (False, Reason.NOT_COMPARED)


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize("forgets", [False, True])
async def test_it_is_withdrawn_when_nobody_asks_for_it_whoever_wrote_it(scene: Scene, forgets: bool) -> None:
    scene.pool("slow", type="Karpenter")
    await scene.look()
    assert await scene.price() is not None
    if forgets:
        scene.began()
    scene.pool("slow", type="Karpenter", publish=False)
    await scene.look()
    assert await scene.price() is None
    assert scene.publisher.told(scene.builder.pools()[0]) is None


@pytest.mark.usefixtures("kind")
async def test_it_goes_with_its_pool(scene: Scene, control_plane: Any) -> None:
    scene.pool("slow", type="Karpenter")
    await scene.look()
    control_plane.api.delete("/apis/steelyard.dev/v1alpha1/acceleratorpools/slow")
    where = NODE_OVERLAYS.path(name=OVERLAY)
    wait_until("the overlay to go with its pool", lambda: control_plane.api.get(where) is None, seconds=PATIENCE)


@pytest.mark.usefixtures("kind")
async def test_at_rest_nothing_is_written_and_no_price_is_made_of_a_published_one(scene: Scene, audit: Any) -> None:
    scene.pool("slow", type="Karpenter")
    await scene.look()
    await scene.accept()
    for _ in range(3):
        await scene.look()
        scene.began()
        scene.pool("slow", type="Karpenter")
    await scene.look()
    assert await scene.price() == "1.516"
    reconciler = PoolReconciler(scene.client, scene.store, scene.builder, scene.clock, lambda *_: None, published=scene.publisher.told)
    await reconciler.reconcile("slow")
    status = (await scene.client.get(ACCELERATOR_POOLS, None, "slow"))["status"]
    assert status["price"]["value"] == OWN_PRICE
    assert next(c for c in status["conditions"] if c["type"] == "Published")["status"] == "True"
    mine = [w for w in audit.writes() if w.user == "operator-under-test" and w.resource == "nodeoverlays"]
    assert [w.verb for w in mine] == ["create"]


def theirs(name: str, *requirements: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "karpenter.sh/v1alpha1",
        "kind": "NodeOverlay",
        "metadata": {"name": name},
        "spec": {"requirements": list(requirements), **spec},
    }


def needs(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}


TYPE, CAPACITY = "node.kubernetes.io/instance-type", "karpenter.sh/capacity-type"


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize(
    ("overlay", "refused"),
    [
        (theirs("theirs", needs(TYPE, "In", "inf2.xlarge"), price="3"), True),
        (theirs("theirs", needs("karpenter.k8s.aws/instance-family", "In", "inf2"), priceAdjustment="-10%"), True),
        (theirs("theirs", needs(TYPE, "Exists"), priceAdjustment="-10%"), True),
        (theirs("theirs", needs(TYPE, "In", "inf2.xlarge"), needs(CAPACITY, "In", "spot"), price="3"), False),
        (theirs("theirs", needs(TYPE, "NotIn", "inf2.xlarge"), price="3"), False),
        (theirs("theirs", needs(TYPE, "In", "inf2.xlarge"), capacity={"example.com/fpga": "1"}), False),
    ],
)
async def test_there_are_never_two_prices_for_one_type(scene: Scene, control_plane: Any, overlay: dict[str, Any], refused: bool) -> None:
    scene.pool("slow", type="Karpenter")
    await scene.look()
    put(control_plane.api, NODE_OVERLAYS, overlay)
    await scene.look()
    assert (await scene.price() is None) == refused
    holds, reason, message = scene.told("slow")
    assert (holds is False, reason is Reason.PUBLISHED_ELSEWHERE, "theirs" in message) == (refused, refused, refused)
    control_plane.api.delete(NODE_OVERLAYS.path(name="theirs"))
    await scene.look()
    assert await scene.price() == "1.516"


@pytest.mark.usefixtures("kind")
async def test_an_object_of_that_name_that_is_somebody_elses_is_left_alone(scene: Scene, control_plane: Any) -> None:
    put(control_plane.api, NODE_OVERLAYS, theirs(OVERLAY, needs(TYPE, "In", "m5.large"), price="3"))
    scene.pool("slow", type="Karpenter")
    for _ in range(2):
        await scene.look()
    assert await scene.price() == "3"
    holds, reason, message = scene.told("slow")
    assert (holds, reason) == (False, Reason.PUBLISHED_ELSEWHERE) and "belongs to somebody else" in message
    scene.pool("slow", type="Karpenter", publish=False)
    await scene.look()
    assert await scene.price() == "3"
    control_plane.api.delete(NODE_OVERLAYS.path(name=OVERLAY))


@pytest.mark.usefixtures("kind")
async def test_a_price_that_somebody_else_has_taken_over_is_left_alone(scene: Scene, control_plane: Any) -> None:
    scene.pool("slow", type="Karpenter")
    await scene.look()
    status, body = control_plane.api.request(
        "PATCH", f"{NODE_OVERLAYS.path(name=OVERLAY)}?fieldManager=person", {"spec": {"price": "9"}}, "application/merge-patch+json"
    )
    assert status == 200, body
    for _ in range(2):
        await scene.look()
    assert await scene.price() == "9"
    holds, reason, message = scene.told("slow")
    assert (holds, reason) == (False, Reason.PUBLISHED_ELSEWHERE) and "person" in message


@pytest.mark.usefixtures("kind")
async def test_of_two_pools_with_the_same_instances_one_publishes_and_the_other_says_so(scene: Scene) -> None:
    scene.pool("slow", type="Karpenter")
    await scene.look()
    scene.pool("quick", type="Karpenter")
    await scene.look()
    assert await scene.price() == "1.516"
    assert scene.told("quick")[:2] == (False, Reason.PUBLISHED_ELSEWHERE)
    scene.pool("slow", type="Karpenter", publish=False)
    for _ in range(2):
        await scene.look()
    assert await scene.price() == OWN_PRICE


@pytest.mark.usefixtures("kind")
async def test_what_karpenter_does_not_accept_is_told_in_its_words(scene: Scene) -> None:
    scene.pool("slow", type="Karpenter")
    await scene.look()
    await scene.accept("False", "conflict with another overlay")
    await scene.look()
    holds, reason, message = scene.told("slow")
    assert (holds, reason) == (False, Reason.NOT_PUBLISHABLE) and "(Conflict): conflict with another overlay" in message


async def test_where_the_kind_is_not_served_the_condition_says_so(scene: Scene) -> None:
    scene.pool("slow", type="Karpenter")
    await scene.look()
    holds, reason, message = scene.told("slow")
    assert (holds, reason) == (False, Reason.NOT_PUBLISHABLE) and "does not serve NodeOverlays" in message


async def test_node_groups_get_the_order_of_their_cost_and_lose_it(scene: Scene, audit: Any) -> None:
    await scene.look()
    with pytest.raises(NotFound):
        await scene.priorities()
    for name in ("slow", "quick"):
        scene.pool(name, type="ClusterAutoscaler", nodeGroup=f"ng.{name}")
    assert await scene.look() == {"slow", "quick"}
    assert await scene.priorities() == {1: [".*"], 10: ["^ng\\.slow$"], 20: ["^ng\\.quick$"]}
    assert scene.told("slow")[:2] == (True, Reason.PUBLISHED) and "in place 2 of 2" in scene.told("slow")[2]
    scene.relative = {"slow": slower()["quick"]}
    scene.began()
    for name in ("slow", "quick"):
        scene.pool(name, type="ClusterAutoscaler", nodeGroup=f"ng.{name}")
    for _ in range(2):
        await scene.look()
    assert await scene.priorities() == {1: [".*"], 10: ["^ng\\.slow$"]}
    assert scene.told("quick")[:2] == (False, Reason.NOT_COMPARED)
    for name in ("slow", "quick"):
        scene.pool(name, type="ClusterAutoscaler", nodeGroup=f"ng.{name}", publish=False)
    for _ in range(2):
        await scene.look()
    assert await scene.priorities() == {1: [".*"]}, "without it some autoscalers add no node"
    mine = [w for w in audit.writes() if w.user == "operator-under-test" and w.resource == "configmaps"]
    assert [w.verb for w in mine][:1] == ["create"] and len(mine) == 4, "the first change is two writes"


async def test_an_order_of_somebody_elses_is_left_alone(scene: Scene, control_plane: Any) -> None:
    own = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": scene.namespace},
        "data": {"priorities": "5:\n- a\n"},
    }
    put(control_plane.api, CONFIG_MAPS, own)
    scene.pool("slow", type="ClusterAutoscaler", nodeGroup="ng.slow")
    await scene.look()
    assert await scene.priorities() == {5: ["a"]}
    assert scene.told("slow")[:2] == (False, Reason.PUBLISHED_ELSEWHERE)
    scene.pool("slow", type="ClusterAutoscaler", nodeGroup="ng.slow", publish=False)
    await scene.look()
    assert await scene.priorities() == {5: ["a"]}


async def test_an_order_that_somebody_has_taken_over_is_left_alone(scene: Scene, control_plane: Any) -> None:
    scene.pool("slow", type="ClusterAutoscaler", nodeGroup="ng.slow")
    await scene.look()
    where = f"{CONFIG_MAPS.path(namespace=scene.namespace, name=NAME)}?fieldManager=person"
    status, body = control_plane.api.request("PATCH", where, {"data": {"priorities": "5:\n- a\n"}}, "application/merge-patch+json")
    assert status == 200, body
    for _ in range(2):
        await scene.look()
    assert await scene.priorities() == {5: ["a"]}
    assert scene.told("slow")[:2] == (False, Reason.PUBLISHED_ELSEWHERE) and "person" in scene.told("slow")[2]
