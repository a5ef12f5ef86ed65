"""What one replica asks for where nobody says, and that what stands is not replaced because the default became another."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from steelyard.core.compiling.candidate import Candidate, candidates
from steelyard.core.compiling.default_request import ONE_DEVICE, in_proportion, resources_of
from steelyard.core.economics.replica_price import replica_price
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Pool, PoolChoice, Shape, Snapshot
from unit.core.world import Ground, World

G6 = Resources(4.0, 16.0, 1.0)
G6_12 = Resources(48.0, 192.0, 4.0)
P4D = Resources(96.0, 1152.0, 8.0)


def pool(*nodes: Resources, said: Resources | None = None) -> Pool:
    shapes = tuple(Shape(instance_type=f"x{at}", resources=each, price=None) for at, each in enumerate(nodes))
    return Pool(
        name="p",
        family="nvidia",
        resource_name="nvidia.com/gpu",
        backends=(),
        node_selector={},
        shapes=shapes,
        provisioned=True,
        default_resources=said,
    )


@pytest.mark.parametrize(
    ("nodes", "devices", "cpu", "memory"),
    [((G6,), 1, 3.5, 13.25), ((P4D,), 1, 11.9, 140.25), ((P4D,), 4, 47.6, 561.0), ((P4D,), 8, 95.2, 1122.0), ((G6, G6_12), 1, 3.5, 13.25)],
)
def test_a_replica_asks_for_its_devices_part_of_what_replicas_can_have_of_a_node(nodes, devices, cpu, memory):
    assert in_proportion(pool(*nodes), devices) == Resources(cpu, memory, devices)


@pytest.mark.parametrize("node", [G6, G6_12, P4D, Resources(8.0, 32.0, 1.0), Resources(192.0, 768.0, 16.0)])
def test_as_many_such_replicas_fit_on_a_node_as_it_has_devices(node):
    price = replica_price(pool(node), in_proportion(pool(node), 1.0))
    assert price is not None
    assert price.fitting == node.devices


def test_where_no_shape_has_the_devices_it_is_refused_for_them_and_not_for_its_memory():
    assert in_proportion(pool(G6), 2.0) == replace(ONE_DEVICE, devices=2.0)


def test_what_the_pool_or_the_workload_says_goes_before(world_with_devices):
    said = Resources(2.0, 8.0)
    workload = world_with_devices().workload
    assert resources_of(workload, pool(P4D, said=said)) == replace(said, devices=1.0)
    asks = replace(workload, pools={"p": PoolChoice(resources=Resources(3.0, 9.0), devices=2)})
    assert resources_of(asks, pool(P4D, said=said)) == Resources(3.0, 9.0, 2.0)


@dataclass
class WithDevices(World):
    """Its nodes have devices, of which nobody says what a replica takes beside them. shapes: of each pool."""

    shapes: tuple[Resources, ...] = (P4D,)

    def pool(self, name: str, ground: Ground) -> Pool:
        plain = super().pool(name, ground)
        shapes = tuple(replace(plain.shapes[0], instance_type=f"x{at}", resources=each) for at, each in enumerate(self.shapes))
        return replace(plain, resource_name="example.com/device", shapes=shapes, default_resources=None)

    def candidate(self) -> Candidate:
        seen: Snapshot = self.snapshot()
        (found,) = candidates(seen)
        return found


@pytest.fixture
def world_with_devices():
    return lambda: WithDevices({"a": Ground()}, rate=20.0)


def written_before(world: WithDevices) -> None:
    """As an operator that gave every replica 1 CPU and 4 GiB has left what stands."""
    now = world.candidate()
    (old,) = now.asked_before - {now.asked}
    for pods in world.deployments.values():
        pods.asked = old


def test_what_stands_since_a_version_with_another_default_is_not_replaced(world_with_devices):
    world = world_with_devices()
    world.tick(20)
    written_before(world)
    before = set(world.deployments)
    # The default is another one: what would be made today is another revision.
    world.shapes = (G6,)
    assert world.candidate().revision not in {key.revision for key in before}
    world.tick(40)
    assert set(world.deployments) == before
    assert world.memory.move is None


def test_a_shape_that_is_added_replaces_nothing_and_what_the_user_writes_does_even_if_it_is_the_former_default(world_with_devices):
    world = world_with_devices()
    world.tick(20)
    before = set(world.deployments)
    world.shapes = (P4D, G6)
    world.tick(40)
    assert set(world.deployments) == before
    world.pools = {"a": PoolChoice(resources=ONE_DEVICE)}
    world.tick(60)
    assert not before & set(world.deployments)
