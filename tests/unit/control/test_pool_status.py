"""A pool's status is written when it differs from what is seen, and by whoever comes first."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from steelyard.app.config import Config
from steelyard.app.wiring import settings_of
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube.errors import Conflict
from steelyard.control.kube.resource import ACCELERATOR_POOLS, DEPLOYMENTS, INFERENCE_WORKLOADS, NODES, PODS
from steelyard.control.kube.store import Store
from steelyard.control.reconcile.pool import PoolReconciler
from steelyard.core.economics.replica_price import lines_to_add, replica_price, unknown_types
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Pool
from steelyard.core.placing.decision import Note
from steelyard.core.vocabulary.reading import Unknown
from steelyard.core.vocabulary.reason import Reason
from steelyard.render import label, name
from unit.api.objects import pool
from unit.control.virtual_time import ManualClock

NAME = pool()["metadata"]["name"]
NODE = {
    "metadata": {"name": "n", "uid": "u-n", "resourceVersion": "1", "labels": pool()["spec"]["nodes"]["selector"]},
    "status": {"conditions": [{"type": "Ready", "status": "True"}], "allocatable": {"aws.amazon.com/neuron": "1"}},
}


class Server:
    """Keeps the status that it is sent; or refuses it, where another has written meanwhile."""

    def __init__(self) -> None:
        self.pool: dict[str, Any] = pool()
        self.pool["metadata"] |= {"uid": "u-p", "resourceVersion": "1", "generation": 1}
        self.written, self.another_was_first = 0, False
        self.told: list[Note] = []

    def tell(self, about: dict[str, Any], notes: tuple[Note, ...]) -> None:
        assert about["metadata"]["name"] == NAME
        self.told += notes

    async def patch_status(self, _: object, __: None, name: str, status: dict[str, Any], *, version: str, uid: str) -> dict[str, Any]:
        assert (name, version, uid) == (NAME, self.pool["metadata"]["resourceVersion"], "u-p")
        if self.another_was_first:
            raise Conflict("the object has been modified", status=409)
        self.written += 1
        changed = {**self.pool["metadata"], "resourceVersion": str(int(version) + 1)}
        merged = {**self.pool.get("status", {}), **status}
        self.pool = {**self.pool, "metadata": changed, "status": {key: value for key, value in merged.items() if value is not None}}
        return self.pool


def scene(others_seen: Callable[[], bool] = lambda: True, **settings: Any) -> tuple[Server, Store, PoolReconciler]:
    clock = ManualClock()
    store, server = Store(clock, index_labels=(label.POOL,)), Server()
    store.observe(ACCELERATOR_POOLS, "ADDED", server.pool)
    store.observe(NODES, "ADDED", NODE)
    world = SnapshotBuilder(
        store, settings_of(Config(**settings)), lambda *_: Unknown("nothing"), synced=lambda: True, clock_suspect=lambda: False
    )
    return server, store, PoolReconciler(server, store, world, clock, server.tell, others_seen=others_seen)  # type: ignore[arg-type]


def test_what_is_seen_is_written_once():
    server, _, pools = scene()
    assert asyncio.run(pools.reconcile(NAME)) == 60.0
    assert server.pool["status"]["nodes"] == 1
    assert server.pool["status"]["devices"] == {"total": 1, "used": 0, "idle": 1}
    asyncio.run(pools.reconcile(NAME))
    assert server.written == 1


def test_whoever_comes_second_looks_again_soon_and_has_nothing_left_to_write():
    server, store, pools = scene()
    another, _, theirs = scene()
    server.another_was_first = True
    again = asyncio.run(pools.reconcile(NAME))
    assert again is not None
    assert again < 5
    asyncio.run(theirs.reconcile(NAME))
    store.observe(ACCELERATOR_POOLS, "MODIFIED", another.pool)
    server.another_was_first = False
    assert asyncio.run(pools.reconcile(NAME)) == 60.0
    assert server.written == 0


def test_a_pool_that_grows_does_not_have_too_many_unready_nodes():
    server, store, pools = scene()
    for number in range(9):
        meta = {**NODE["metadata"], "name": f"new-{number}", "uid": f"u-{number}", "creationTimestamp": "2026-01-05T08:00:00Z"}
        status = {"conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-05T08:00:04Z"}]}
        store.observe(NODES, "ADDED", {**NODE, "metadata": meta, "status": status if number else {}})
    asyncio.run(pools.reconcile(NAME))
    assert server.pool["status"]["nodes"] == 1
    assert "unreadyNodes" not in server.pool["status"]
    lost = {"conditions": [{"type": "Ready", "status": "Unknown", "lastTransitionTime": "2026-01-05T09:00:00Z"}]}
    store.observe(NODES, "MODIFIED", {**NODE, "metadata": {**meta, "resourceVersion": "2"}, "status": lost})
    asyncio.run(pools.reconcile(NAME))
    assert "unreadyNodes" in server.pool["status"], "one of the two that were ever ready"


def test_too_many_unready_nodes_are_written_down_once_when_there_are_and_once_when_there_are_not_and_forgotten_after_ten_minutes():
    clock = ManualClock()
    store, server = Store(clock, index_labels=(label.POOL,)), Server()
    store.observe(ACCELERATOR_POOLS, "ADDED", server.pool)
    world = SnapshotBuilder(store, settings_of(Config()), lambda *_: Unknown("nothing"), synced=lambda: True, clock_suspect=lambda: False)
    pools = PoolReconciler(server, store, world, clock, server.tell)  # type: ignore[arg-type]

    def pass_minutes(ready: str, minutes: int) -> dict[str, Any] | None:
        version = str(server.written + 100 + minutes)
        store.observe(
            NODES,
            "ADDED",
            {
                **NODE,
                "metadata": {**NODE["metadata"], "resourceVersion": version},
                "status": {"conditions": [{"type": "Ready", "status": ready}]},
            },
        )
        for _ in range(minutes):
            asyncio.run(pools.reconcile(NAME))
            clock.seconds += 60
        return server.pool["status"].get("unreadyNodes")

    assert pass_minutes("True", 2) is None
    began = pass_minutes("False", 5)
    assert began is not None
    assert set(began) == {"startedTime"}
    writes = server.written
    ended = pass_minutes("True", 9)
    assert ended is not None
    assert ended["startedTime"] == began["startedTime"]
    assert ended["endedTime"] > began["startedTime"]
    assert server.written == writes + 1
    assert pass_minutes("True", 3) is None
    assert server.written == writes + 2


def test_a_price_has_the_currency_of_the_installation():
    server, _, pools = scene(currency="EUR")
    asyncio.run(pools.reconcile(NAME))
    assert server.pool["status"]["price"]["currency"] == "EUR"


def priced(**changes: Any) -> dict[str, Any]:
    """The condition Priced of a pool whose only shape has these fields instead; None leaves one out."""
    server, store, pools = scene()
    [shape] = server.pool["spec"]["shapes"]
    shape = {key: value for key, value in {**shape, **changes}.items() if value is not None}
    server.pool["spec"] = {**server.pool["spec"], "shapes": [shape]}
    server.pool["metadata"] = {**server.pool["metadata"], "resourceVersion": "2"}
    store.observe(ACCELERATOR_POOLS, "MODIFIED", server.pool)
    asyncio.run(pools.reconcile(NAME))
    return next(c for c in server.pool["status"]["conditions"] if c["type"] == "Priced")


def test_a_price_that_is_too_old_says_so_with_its_day_and_what_to_do():
    day = (ManualClock().now() - timedelta(days=330)).date()
    condition = priced(asOf=day.isoformat())
    assert (condition["status"], condition["reason"]) == ("False", "PriceSuspect")
    assert condition["message"] == (
        f"inf2.xlarge: the price is of {day}, 330 days ago, and one of class List is good for 270 days: "
        "read it again, and set pricePerHour and asOf in spec.shapes[] together"
    )


def test_a_price_of_next_year_says_that_its_day_is_yet_to_come():
    day = (ManualClock().now() + timedelta(days=365)).date()
    condition = priced(asOf=day.isoformat())
    assert (condition["status"], condition["reason"]) == ("False", "PriceSuspect")
    assert f"the price is of {day}, a day that is yet to come: correct spec.shapes[].asOf" in condition["message"]


def test_a_price_that_is_missing_says_which_fields_to_set():
    condition = priced(pricePerHour=None, priceClass=None, asOf=None)
    assert condition["message"] == "inf2.xlarge: no price is given: set pricePerHour, priceClass and asOf of it in spec.shapes[]"


def test_a_price_of_yesterday_is_a_price():
    day = (ManualClock().now() - timedelta(days=1)).date()
    condition = priced(asOf=day.isoformat())
    assert (condition["status"], condition["reason"], condition["message"]) == ("True", "Priced", "every shape has a price")


def test_of_several_shapes_the_message_counts_and_explains_the_first():
    server, store, pools = scene()
    [shape] = server.pool["spec"]["shapes"]
    old = (ManualClock().now() - timedelta(days=330)).date().isoformat()
    shapes = [{**shape, "instanceType": f"inf2.{size}", "asOf": old} for size in ("a", "b")]
    server.pool["spec"] = {**server.pool["spec"], "shapes": [{**shape, "asOf": ManualClock().now().date().isoformat()}, *shapes]}
    server.pool["metadata"] = {**server.pool["metadata"], "resourceVersion": "2"}
    store.observe(ACCELERATOR_POOLS, "MODIFIED", server.pool)
    asyncio.run(pools.reconcile(NAME))
    [message] = [c["message"] for c in server.pool["status"]["conditions"] if c["type"] == "Priced"]
    assert message.startswith("2 of 3 instance types have no usable price; inf2.a: the price is of ")


def with_nodes(*types: str, shapes: tuple[tuple[str, str], ...]) -> tuple[dict[str, Any], Pool]:
    """The status of a pool with nodes of these types and shapes of these types and prices, and the pool as decisions see it."""
    server, store, pools = scene()
    [shape] = server.pool["spec"]["shapes"]
    selector = {"pool": "p"}
    server.pool["spec"] = {
        **server.pool["spec"],
        "nodes": {"selector": selector},
        "shapes": [
            {**shape, "instanceType": kind, "pricePerHour": price, "asOf": ManualClock().now().date().isoformat()} for kind, price in shapes
        ],
    }
    server.pool["metadata"] = {**server.pool["metadata"], "resourceVersion": "2", "generation": 2}
    store.observe(ACCELERATOR_POOLS, "MODIFIED", server.pool)
    for at, kind in enumerate(types):
        room = {"cpu": "7910m", "memory": "31000000Ki", "aws.amazon.com/neuron": "1", "pods": "58"}
        store.observe(
            NODES,
            "ADDED",
            {
                "metadata": {
                    "name": f"n{at}",
                    "uid": f"u-n{at}",
                    "resourceVersion": "1",
                    "labels": {**selector, "node.kubernetes.io/instance-type": kind},
                },
                "status": {**NODE["status"], "allocatable": room, "capacity": {**room, "cpu": "8", "memory": "32000000Ki"}},
            },
        )
    asyncio.run(pools.reconcile(NAME))
    return server.pool["status"], next(p for p in pools._snapshots.pools() if p.name == NAME)


def condition_of(status: dict[str, Any]) -> dict[str, Any]:
    return next(c for c in status["conditions"] if c["type"] == "Priced")


def test_a_pools_price_follows_the_types_that_its_nodes_have():
    shapes = (("inf2.small", "0.5"), ("inf2.mid", "0.9"), ("inf2.large", "9"))
    status, pool_seen = with_nodes("inf2.mid", shapes=shapes)
    assert status["price"]["value"] == "0.9"
    price = replica_price(pool_seen, Resources(1.0, 1.0, 1.0))
    assert price is not None
    assert (price.shape.instance_type, price.shape.standing, price.shape.pods) == ("inf2.mid", 1, 58)
    status, pool_seen = with_nodes(shapes=shapes)
    assert status["price"]["value"] == "9"
    price = replica_price(pool_seen, Resources(1.0, 1.0, 1.0))
    assert price is not None
    assert price.shape.instance_type == "inf2.small"


def test_a_type_that_no_shape_names_has_no_price_and_says_which_line_to_add():
    status, pool_seen = with_nodes("inf2.8xlarge", "inf2.8xlarge", shapes=(("inf2.xlarge", "0.9"),))
    condition = condition_of(status)
    assert (condition["status"], condition["reason"]) == ("False", "PriceSuspect")
    assert condition["message"].startswith(
        "1 of 2 instance types have no usable price; 2 nodes are of type inf2.8xlarge, which no shape names, so what they cost is not known: "
        'add {instanceType: inf2.8xlarge, devices: 1, cpu: 8, memory: 31Gi, pricePerHour: "...", priceClass: ..., asOf: "..."} to spec.shapes'
    )
    assert unknown_types(pool_seen) == lines_to_add(pool_seen) != ""


def test_a_pool_of_which_some_nodes_are_named_has_their_price_and_says_what_is_missing():
    status, pool_seen = with_nodes("inf2.xlarge", "other", shapes=(("inf2.xlarge", "0.9"),))
    assert "1 node is of type other" in condition_of(status)["message"]
    assert unknown_types(pool_seen) == ""


def overlapping(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = next(c for c in server.pool["status"]["conditions"] if c["type"] == "Overlapping")
    return found


def test_pools_that_share_a_node_say_so_with_the_node_and_the_other_pool_and_warn_once():
    server, store, pools = scene()
    asyncio.run(pools.reconcile(NAME))
    assert (overlapping(server)["status"], overlapping(server)["reason"], server.told) == ("False", "NotOverlapping", [])
    other = pool()
    other["metadata"] |= {
        "name": "other",
        "uid": "u-o",
        "resourceVersion": "9",
        "generation": 1,
        "creationTimestamp": "2026-01-05T08:00:00Z",
    }
    store.observe(ACCELERATOR_POOLS, "ADDED", other)
    asyncio.run(pools.reconcile(NAME))
    said = overlapping(server)
    assert (said["status"], said["reason"]) == ("True", "Overlapping")
    assert said["message"].startswith("shares node n with pool other, which is newer: ")
    assert [(note.reason, note.warning) for note in server.told] == [(Reason.OVERLAPPING, True)]
    writes = server.written
    asyncio.run(pools.reconcile(NAME))
    assert (server.written, len(server.told)) == (writes, 1)
    store.observe(ACCELERATOR_POOLS, "DELETED", other)
    asyncio.run(pools.reconcile(NAME))
    assert overlapping(server)["status"] == "False"


class Installation:
    """One of two that show the same pool: each sees what the server holds, and its own pods."""

    def __init__(self, server: Server, clock: ManualClock, *, everywhere: bool, currency: str = "USD") -> None:
        self.server, self.store = server, Store(clock, index_labels=(label.POOL,))
        config = Config(currency=currency)
        world = SnapshotBuilder(self.store, settings_of(config), lambda *_: Unknown(""), synced=lambda: True, clock_suspect=lambda: False)
        self.store.observe(NODES, "ADDED", NODE)
        self.pools = PoolReconciler(server, self.store, world, clock, server.tell, counts_devices=everywhere)  # type: ignore[arg-type]

    def look(self) -> None:
        self.store.observe(ACCELERATOR_POOLS, "MODIFIED", self.server.pool)
        asyncio.run(self.pools.reconcile(NAME))


def test_who_sees_some_namespaces_counts_no_devices_so_that_two_of_them_show_the_same():
    clock, server = ManualClock(), Server()
    both = [Installation(server, clock, everywhere=False) for _ in range(2)]
    both[0].store.observe(PODS, "ADDED", {"metadata": {"name": "p", "uid": "u-pod", "resourceVersion": "1"}, "spec": {"nodeName": "n"}})
    for _ in range(10):
        for one in both:
            one.look()
    assert server.written == 1
    assert "devices" not in server.pool["status"]


def test_installations_that_see_a_pool_otherwise_write_its_status_ever_more_seldom():
    clock, server = ManualClock(), Server()
    both = [Installation(server, clock, everywhere=True, currency=currency) for currency in ("USD", "EUR")]
    counts = []
    for _ in range(4):
        before = server.written
        for _ in range(720):
            # Each write wakes the other at once.
            for one in both:
                one.look()
            clock.seconds += 5
        counts.append(server.written - before)
    assert counts[0] < 60
    assert counts[-1] <= 10, "each about twice an hour"


def test_an_attempt_that_came_second_is_no_reason_to_wait():
    server, _store, pools = scene()
    server.another_was_first = True
    for _ in range(5):
        assert asyncio.run(pools.reconcile(NAME)) == 1.0
    server.another_was_first = False
    asyncio.run(pools.reconcile(NAME))
    assert server.written == 1


def test_a_status_that_changes_and_changes_back_is_written_at_once():
    server, store, pools = scene()
    for number in range(2, 8):
        ready = {**NODE["status"], "conditions": [{"type": "Ready", "status": "True" if number % 2 else "False"}]}
        store.observe(NODES, "MODIFIED", {**NODE, "metadata": {**NODE["metadata"], "resourceVersion": str(number)}, "status": ready})
        asyncio.run(pools.reconcile(NAME))
        assert server.pool["status"].get("nodes", 0) == number % 2
        store.observe(ACCELERATOR_POOLS, "MODIFIED", server.pool)


def test_until_others_were_looked_at_the_devices_that_were_counted_before_stay():
    seen: list[bool] = []
    server, store, pools = scene(others_seen=lambda: bool(seen))
    before = {"total": 1, "used": 1, "idle": 0}
    server.pool = {**server.pool, "metadata": {**server.pool["metadata"], "resourceVersion": "2"}, "status": {"devices": before}}
    store.observe(ACCELERATOR_POOLS, "MODIFIED", server.pool)
    asyncio.run(pools.reconcile(NAME))
    assert server.pool["status"]["devices"] == before
    store.observe(ACCELERATOR_POOLS, "MODIFIED", server.pool)
    seen.append(True)
    asyncio.run(pools.reconcile(NAME))
    assert server.pool["status"]["devices"] == {"total": 1, "used": 0, "idle": 1}


def test_a_pod_of_a_stranger_and_one_that_has_ended_hold_no_device():
    server, store, pools = scene()
    owner = {"kind": "InferenceWorkload", "name": "w", "uid": "u-w", "controller": True}
    labels = {label.WORKLOAD: "w", label.POOL: NAME, label.REVISION: "r", label.ROLE: label.SERVING, "pod-template-hash": "h"}
    store.observe(INFERENCE_WORKLOADS, "ADDED", {"metadata": {"name": "w", "namespace": "ns", "uid": "u-w", "resourceVersion": "1"}})
    called = name.placement(WorkloadKey("ns", "w"), PlacementKey(NAME, "r"))
    meta = {"name": called, "namespace": "ns", "uid": "u-d", "resourceVersion": "1", "labels": labels, "ownerReferences": [owner]}
    store.observe(DEPLOYMENTS, "ADDED", {"metadata": meta})

    def pod(number: int, phase: str, **more: Any) -> None:
        meta = {"name": f"p-{number}", "namespace": "ns", "uid": f"u-{number}", "resourceVersion": "1", "labels": labels, **more}
        asked = {"resources": {"requests": {"aws.amazon.com/neuron": "1"}}}
        store.observe(PODS, "ADDED", {"metadata": meta, "spec": {"nodeName": "n", "containers": [asked]}, "status": {"phase": phase}})

    mine = [{"kind": "ReplicaSet", "name": f"{called}-h", "uid": "u-rs", "controller": True}]
    pod(1, "Running")
    pod(2, "Failed", ownerReferences=mine)
    asyncio.run(pools.reconcile(NAME))
    assert server.pool["status"]["devices"] == {"total": 1, "used": 0, "idle": 1}
    pod(3, "Running", ownerReferences=mine)
    store.observe(ACCELERATOR_POOLS, "MODIFIED", server.pool)
    asyncio.run(pools.reconcile(NAME))
    assert server.pool["status"]["devices"] == {"total": 1, "used": 1, "idle": 0}
