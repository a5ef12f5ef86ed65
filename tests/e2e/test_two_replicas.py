"""A pair of replicas under load: pods are deleted and evicted, every request is answered and counted, and a corrupt artifact is refused and mended.

In this order, for each test begins with what the one before it has left: two replicas that serve.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.client import Client
from e2e.reckoning import agrees
from e2e.tenant import Tenant

pytestmark = pytest.mark.nodes

RATE = 4.0
REFUSED = 3
"""Exit code of a server whose artifact is not what its manifest says."""


@pytest.fixture(scope="module")
def pair(a_tenant: Callable[[], Tenant], beside_the_rest: None) -> Iterator[Tenant]:
    """Two replicas on one pool, and nowhere to move to."""
    with a_tenant() as tenant:
        tenant.ground.give_artifacts(tenant.namespace)
        tenant.pool("only", "pool-b", "openvino", "0.20")
        tenant.start_operator()
        tenant.apply(replicas=2, most=2, mode="Observe")
        tenant.until_serving(2)
        yield tenant


@pytest.fixture(scope="module")
def client(pair: Tenant) -> Iterator[Client]:
    """One client for the whole file: what it counts and what the operator counts must agree in the end."""
    with pair.client(RATE) as sending:
        yield sending


def test_the_cost_is_that_of_the_lifetimes_which_were_recorded(pair: Tenant, client: Client) -> None:
    (pool,) = pair.pools()
    pair.until("a cost of the pair", lambda: pair.placement(pool).get("unitCost", {}).get("good", 0) > 60, 90)
    agrees(pair, pool, client)


@pytest.mark.parametrize("way", ["deleted", "evicted"])
def test_no_request_fails_while_a_pod_under_load_is(way: str, pair: Tenant, client: Client) -> None:
    leaving: Callable[[str], None] = {"deleted": pair.delete_pod, "evicted": pair.evict}[way]
    victim = pair.ready()[0]
    before = client.by_pod()[victim]
    pair.until("answers from it", lambda: client.by_pod()[victim] > before, 30)
    leaving(victim)
    pair.until("its end", lambda: victim not in {p["metadata"]["name"] for p in pair.serving()}, 90)
    pair.until_serving(2, seconds=90)
    newest = pair.ready()
    pair.until("answers from both", lambda: all(client.by_pod()[pod] > 5 for pod in newest), 60)
    assert client.failed() == []


def test_the_operator_counts_every_request_though_pods_went(pair: Tenant, client: Client) -> None:
    (pool,) = pair.pools()
    client.stop()
    answered = Counter(entry["outcome"] for entry in client.entries())
    total = sum(answered.values())

    def all_counted() -> bool:
        return sum(pair.counted().get(pool, Counter()).values()) >= total

    pair.until("the last counters", all_counted, 30)
    counted = pair.counted()
    assert counted.keys() == {pool}
    # Each side judges good and slow by its own clock; what was answered is answered.
    assert counted[pool]["good"] + counted[pool]["slow"] == answered["good"] + answered["slow"] == total
    assert counted[pool]["error"] == counted[pool]["shed"] == 0


def flip_one_bit(folder: Path) -> None:
    """In the middle of the largest file of every artifact in a folder."""
    blobs = list(folder.glob("*/blobs"))
    assert blobs
    for each in blobs:
        with max(each.iterdir(), key=lambda path: path.stat().st_size).open("r+b") as file:
            file.seek(0, 2)
            file.seek(file.tell() // 2)
            (byte,) = file.read(1)
            file.seek(-1, 1)
            file.write(bytes([byte ^ 1]))


def test_a_corrupt_artifact_is_refused_and_compiled_again_while_those_that_serve_go_on(pair: Tenant) -> None:
    serving = pair.ready()
    with pair.client(RATE) as client:
        flip_one_bit(pair.ground.artifacts_of(pair.namespace))
        pair.apply(replicas=3, most=3, mode="Observe")
        pair.until("a server that refuses", lambda: REFUSED in exit_codes(pair), 60)
        pair.until(
            "what the pods said, in the CompiledModel", lambda: any(c["status"].get("corruptions") for c in compiled_models(pair)), 60
        )
        assert pair.ready() == serving
        pair.until_serving(3, seconds=400)
        assert client.failed() == []
    assert [condition(c) for c in compiled_models(pair)] == ["True"], "the store is whole again"


def compiled_models(tenant: Tenant) -> list[dict[str, Any]]:
    """Of the tenant's namespace."""
    return tenant.listed("apis/steelyard.dev/v1alpha1", "compiledmodels")


def condition(compiled: dict[str, Any]) -> str:
    """Whether its artifact stands."""
    return next(str(c["status"]) for c in compiled["status"]["conditions"] if c["type"] == "Ready")


def exit_codes(tenant: Tenant) -> set[int]:
    """Of all servers that have ended."""
    found = set()
    for pod in tenant.serving():
        for container in pod["status"].get("containerStatuses", ()):
            for state in (container.get("state") or {}, container.get("lastState") or {}):
                if "terminated" in state:
                    found.add(state["terminated"]["exitCode"])
    return found
