"""What part of a node's devices a pod holds, where devices are handed out in parts: MIG, time slices, Neuron cores.

A node's parts share its devices by size, so what it offers together is all its devices, and time-sliced or MIG devices cost their fraction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

_SEVENTHS = {compute: compute / 7 for compute in (1, 2, 3, 4, 7)}
_QUARTERS = {1: 1 / 4, 2: 2 / 4, 4: 4 / 4}

MIG_PROFILES: Mapping[str, float] = MappingProxyType(
    {
        # A30 and RTX PRO 6000 Blackwell have four compute slices. The latter's 1g.24gb is named like a seventh of an H100 with 96 GB and
        # stands there: sizes are compared within one node only.
        **{f"{compute}g.{memory}gb": _QUARTERS[compute] for compute, memory in ((1, 6), (2, 12), (4, 24), (2, 48), (4, 96))},
        **{
            f"{compute}g.{memory}gb": _SEVENTHS[compute]
            for compute, memory in (
                *((1, 5), (1, 10), (2, 10), (3, 20), (4, 20), (7, 40)),  # A100 40 GB
                *((1, 20), (2, 20), (3, 40), (4, 40), (7, 80)),  # A100 and H100 80 GB, with 1g.10gb
                *((1, 12), (1, 24), (2, 24), (3, 47), (4, 47), (7, 94), (3, 48), (7, 96)),  # H100 94 GB, and H100, H20 and GH200 96 GB
                *((1, 18), (1, 35), (2, 35), (3, 71), (4, 71), (7, 141)),  # H200
                *((1, 23), (1, 45), (2, 45), (3, 90), (4, 90), (7, 180)),  # B200
            )
        },
    }
)
"""Fraction of a device's compute slices by profile. Source: NVIDIA Multi-Instance GPU User Guide, Supported MIG Profiles, Fraction of SMs."""

_MIG = re.compile(r"^nvidia\.com/mig-(?P<profile>(?P<compute>\d+)g\.\d+gb)")
_WHOLE = re.compile(r"^nvidia\.com/gpu(\.shared)?$")


def size(resource_name: str) -> float:
    """Of one unit of the resource, in devices: a MIG profile's fraction, 1 for all else. A profile of a newer device counts in sevenths."""
    found = _MIG.match(resource_name)
    if found is None:
        return 1.0
    return MIG_PROFILES.get(found["profile"], int(found["compute"]) / 7)


def device_part(resource_name: str, units: float, offered: Mapping[str, float], devices: float) -> float:
    """How many of the node's `devices` a pod holds that asked for `units` of the resource.

    offered: units that the node has, by resource name (its capacity). devices: as the pool's shape counts them; whether it counts
    devices or their parts makes no difference to the share. A unit is never more than one device of the shape, and one that the node does
    not offer is one.
    """
    mine = offered.get(resource_name, 0.0)
    if mine <= 0 or devices <= 0:
        return units
    # Profiles and whole devices exist side by side on one node; other vendors' names are two views of the same devices.
    beside = (name for name in sorted(offered) if name != resource_name and (_MIG.match(name) or _WHOLE.match(name)))
    total = mine * size(resource_name) + sum(offered[name] * size(name) for name in beside)
    return units * min(1.0, devices * size(resource_name) / total)
