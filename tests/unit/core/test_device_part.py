"""Devices that are handed out in parts cost their part."""

import pytest

from steelyard.core.economics.attribution import share
from steelyard.core.economics.device_part import MIG_PROFILES, device_part, size
from steelyard.core.facts.resources import Resources

GPU, SHARED = "nvidia.com/gpu", "nvidia.com/gpu.shared"
SMALL, HALF = "nvidia.com/mig-1g.10gb", "nvidia.com/mig-3g.40gb"


def test_a_whole_device_is_one() -> None:
    assert device_part(GPU, 2, {GPU: 8}, 8) == 2
    assert device_part("aws.amazon.com/neuron", 1, {"aws.amazon.com/neuron": 16, "aws.amazon.com/neuroncore": 32}, 16) == 1


def test_a_profile_is_its_compute_slices() -> None:
    assert size(SMALL) == pytest.approx(1 / 7)
    assert size(HALF) == pytest.approx(3 / 7)
    assert size("nvidia.com/mig-1g.10gb.me") == pytest.approx(1 / 7), "media extensions are no compute"
    assert size("nvidia.com/mig-1g.6gb") == pytest.approx(1 / 4), "an A30 has four slices"
    assert size("nvidia.com/mig-2g.99gb") == pytest.approx(2 / 7), "of a device that is newer than the table"
    assert all(0 < fraction <= 1 for fraction in MIG_PROFILES.values())


def test_partitions_of_one_device_share_it_by_their_size() -> None:
    offered = {GPU: 0, HALF: 1, SMALL: 4, "cpu": 26}
    assert device_part(SMALL, 1, offered, 1) == pytest.approx(1 / 7)
    assert device_part(HALF, 1, offered, 1) + 4 * device_part(SMALL, 1, offered, 1) == pytest.approx(1)


def test_a_node_may_have_whole_and_partitioned_devices() -> None:
    assert device_part(SMALL, 1, {GPU: 1, SMALL: 7}, 2) == pytest.approx(1 / 7)
    assert device_part(GPU, 1, {GPU: 1, SMALL: 7}, 2) == pytest.approx(1)


@pytest.mark.parametrize("resource", [GPU, SHARED, SMALL, "aws.amazon.com/neuroncore"])
@pytest.mark.parametrize("devices", [2, 14])
def test_parts_that_are_alike_share_the_node_evenly_however_the_shape_counts(resource: str, devices: float) -> None:
    """A shape may count the devices of the node, or the parts that it offers."""
    part = device_part(resource, 1, {resource: 14}, devices)
    assert share(Resources(0, 0, part), Resources(0, 0, devices)) == pytest.approx(1 / 14)


def test_another_view_of_the_same_devices_is_not_counted_beside_them() -> None:
    offered = {"aws.amazon.com/neuron": 1, "aws.amazon.com/neuroncore": 2}
    assert device_part("aws.amazon.com/neuroncore", 1, offered, 1) == pytest.approx(1 / 2)


def test_a_unit_is_never_more_than_a_device() -> None:
    assert device_part(GPU, 1, {GPU: 4}, 8) == 1, "what the node should have and does not offer stays idle"
    assert device_part(GPU, 1, {}, 8) == 1
