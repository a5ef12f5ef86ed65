"""What is remembered of pools and nodes between two looks is what a first look would find."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from steelyard.app.config import Config
from steelyard.app.wiring import settings_of
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube.resource import ACCELERATOR_POOLS, NODES
from steelyard.control.kube.store import Store
from steelyard.core.vocabulary.reading import Unknown
from unit.api.objects import pool
from unit.control.virtual_time import ManualClock

NAMES = ["a", "b"]
MADE = "2026-01-05T08:00:00Z"

nodes = st.fixed_dictionaries(
    {
        "pool": st.sampled_from(["p", "q", "none"]),
        "ready": st.sampled_from(["True", "False", "Unknown"]),
        "since": st.sampled_from([MADE, "2026-01-05T09:00:00Z"]),
    }
)
nodes_change = st.tuples(st.just(NODES), st.sampled_from(NAMES), st.none() | nodes)
pools_change = st.tuples(
    st.just(ACCELERATOR_POOLS),
    st.sampled_from(["p", "q"]),
    st.none() | st.tuples(st.sampled_from(["1.00", "2.00"]), st.booleans(), st.booleans()),
)


def a_world(store: Store) -> SnapshotBuilder:
    return SnapshotBuilder(store, settings_of(Config()), lambda *_: Unknown(""), synced=lambda: True, clock_suspect=lambda: False)


def node(name: str, version: int, has: dict[str, str]) -> dict[str, Any]:
    condition = {"type": "Ready", "status": has["ready"], "lastTransitionTime": has["since"]}
    meta = {"name": name, "uid": f"u-{name}", "resourceVersion": str(version), "labels": {"pool": has["pool"]}, "creationTimestamp": MADE}
    return {"metadata": meta, "status": {"conditions": [condition], "heartbeat": version}}


def a_pool(name: str, version: int, has: tuple[str, bool, bool]) -> dict[str, Any]:
    price, unready, shares = has
    made = pool()
    shape = {**made["spec"]["shapes"][0], "pricePerHour": price, "priceClass": "Static", "asOf": "2026-01-01"}
    meta = {"name": name, "uid": f"u-{name}", "resourceVersion": str(version), "generation": version}
    status = {"unreadyNodes": {"startedTime": MADE}} if unready else {}
    return {
        **made,
        "metadata": meta,
        "spec": {**made["spec"], "nodes": {"selector": {"pool": "p" if shares else name}}, "shapes": [shape]},
        "status": status,
    }


@given(st.lists(st.tuples(nodes_change | pools_change, st.sampled_from([True, True, False])), min_size=2, max_size=20))
def test_a_second_look_finds_what_a_first_one_would(changes: list[tuple[tuple[Any, str, Any], bool]]) -> None:
    store, held = Store(ManualClock()), {}
    world = a_world(store)
    for version, ((resource, name, has), looked) in enumerate(changes, 1):
        if has is None:
            if (known := held.pop((resource, name), None)) is not None:
                store.observe(resource, "DELETED", known)
        else:
            # What was deleted never comes back under its uid.
            made = (node if resource == NODES else a_pool)(name, version, has)
            made["metadata"]["uid"] += f"-{sum(1 for (r, n, h), _ in changes[:version] if (r, n, h) == (resource, name, None))}"
            known = held.get((resource, name))
            if known is not None and known.get("spec") == made.get("spec") and "generation" in made["metadata"]:
                made["metadata"]["generation"] = known["metadata"]["generation"]
            held[resource, name] = made
            store.observe(resource, "MODIFIED", made)
        if looked:
            assert world.pools() == a_world(store).pools()
    assert world.pools() == a_world(store).pools()


def test_what_a_kubelet_writes_every_few_seconds_costs_no_count() -> None:
    store = Store(ManualClock())
    world = a_world(store)
    store.observe(ACCELERATOR_POOLS, "ADDED", a_pool("p", 1, ("1.00", False, False)))
    here = {"pool": "p", "ready": "True", "since": MADE}
    store.observe(NODES, "ADDED", node("a", 1, here))
    (before,) = world.pools()
    assert (before.nodes, before.unready_nodes) == (1, 0)
    store.observe(NODES, "MODIFIED", node("a", 2, here))
    assert world.pools()[0] is before
    store.observe(NODES, "MODIFIED", node("a", 3, {**here, "ready": "False"}))
    assert world.pools()[0].unready_nodes == 1
