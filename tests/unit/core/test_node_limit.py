"""What a NodePool's limits allow a pool: the lowest of them in nodes, and nothing where none bounds nodes."""

from __future__ import annotations

from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Shape
from steelyard.core.planning.node_limit import NodeLimit, node_limit

GIB = 2**30
SMALL = Shape(instance_type="inf2.xlarge", resources=Resources(4.0, 16.0, 1.0), price=None)
LARGE = Shape(instance_type="inf2.24xlarge", resources=Resources(96.0, 384.0, 6.0), price=None)
NEURON = "aws.amazon.com/neuron"


def test_a_limit_of_nodes_is_taken_as_it_is() -> None:
    assert node_limit({"nodes": 7.0}, [SMALL], NEURON) == NodeLimit(7, "nodes 7")


def test_a_limit_of_devices_processors_or_memory_is_one_of_whole_nodes_and_the_lowest_counts() -> None:
    assert node_limit({NEURON: 9.0}, [SMALL], NEURON) == NodeLimit(9, f"{NEURON} 9")
    assert node_limit({"cpu": 11.0, NEURON: 9.0}, [SMALL], NEURON) == NodeLimit(2, "cpu 11")
    assert node_limit({"memory": 40.0 * GIB}, [SMALL], NEURON) == NodeLimit(2, "memory 40Gi")


def test_of_several_types_the_largest_counts_so_that_the_limit_holds_whatever_is_bought() -> None:
    assert node_limit({NEURON: 13.0}, [SMALL, LARGE], NEURON) == NodeLimit(2, f"{NEURON} 13")


def test_what_does_not_bound_nodes_of_the_pool_is_no_limit() -> None:
    assert node_limit({}, [SMALL], NEURON) is None
    assert node_limit({"nvidia.com/gpu": 8.0}, [SMALL], NEURON) is None
    assert node_limit({NEURON: 8.0}, [SMALL], None) is None


def test_parts_of_a_processor_are_counted_as_people_do() -> None:
    tenth = Shape(instance_type="tiny", resources=Resources(0.1, 1.0), price=None)
    found = node_limit({"cpu": 0.3}, [tenth], None)
    assert found is not None
    assert found.nodes == 3
