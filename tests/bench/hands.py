"""The hands of a policy that is not the operator: Deployments in the simulator's cluster, made and scaled without a decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.placing.intent import Intent, PlacementIntent
from steelyard.simulate.facts import key_of, replica_of
from steelyard.simulate.world import World

REVISION = "r0"


def deploy(world: World, workload: str, pools: Iterable[str], replicas: int = 0) -> None:
    """A Deployment of so many replicas on each of these pools."""
    entry = world.tenants[workload].entry
    known = {pool.name: pool for pool in world.scenario.pools}
    orders = tuple(
        PlacementIntent(
            key=PlacementKey(pool, REVISION),
            asked="",
            replicas=replicas,
            backend="",
            image="image",
            artifact_uri="",
            artifact_digest="",
            model_name="",
            task="",
            latency=(),
            batch_sizes=(),
            resources=replica_of(known[pool], entry),
            resource_name=None,
            family="",
            node_selector={},
            tolerations=(),
            scheduler=None,
        )
        for pool in pools
    )
    world.cluster.obey(workload, Intent(workload=key_of(entry), workload_uid="", create=orders))


def scale(world: World, workload: str, wanted: Mapping[str, int]) -> None:
    """Its replicas by pool."""
    changed = {
        PlacementKey(pool, REVISION): many
        for pool, many in wanted.items()
        if world.cluster.deployments[workload, PlacementKey(pool, REVISION)].desired != many
    }
    if changed:
        entry = world.tenants[workload].entry
        world.cluster.obey(workload, Intent(workload=key_of(entry), workload_uid="", scale=changed))


def wanted(world: World, workload: str) -> dict[str, int]:
    """What is asked for by pool, whoever asked."""
    found: dict[str, int] = {}
    for key in world.cluster.of(workload):
        found[key.pool] = found.get(key.pool, 0) + world.cluster.deployments[workload, key].desired
    return found
