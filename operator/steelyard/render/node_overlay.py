"""Karpenter's NodeOverlay for one instance type on one kind of capacity: the one price that it is to count with."""

from __future__ import annotations

import re
from typing import NamedTuple

from steelyard.core.facts.snapshot import Pool
from steelyard.render import label
from steelyard.render.manifest import Manifest, owner

INSTANCE_TYPE, CAPACITY_TYPE = "node.kubernetes.io/instance-type", "karpenter.sh/capacity-type"
OWNER = "AcceleratorPool"
_NOT_IN_A_NAME = re.compile("[^a-z0-9.-]")


class Offering(NamedTuple):
    """What a NodeOverlay of ours is about, as labels of nodes have it."""

    instance_type: str
    capacity_type: str


def offering(pool: Pool, instance_type: str) -> Offering:
    """Of a pool whose nodes are not paid in any case."""
    return Offering(instance_type, "spot" if pool.spot else "on-demand")


def node_overlay(pool: Pool, uid: str, of: Offering, per_hour: float) -> Manifest:
    """Owned by the pool, with which it goes; its name is that of the offering alone, so that no second pool makes another for it. Without a weight:
    whoever gives one comes first."""
    return {
        "apiVersion": "karpenter.sh/v1alpha1",
        "kind": "NodeOverlay",
        "metadata": {
            "name": f"steelyard-{_NOT_IN_A_NAME.sub('-', of.instance_type.lower())}-{of.capacity_type}",
            "labels": {label.MANAGED_BY: label.MANAGER, label.POOL: pool.name},
            # It does not hold up the deletion of its pool, which would take a right to the pool's finalizers.
            "ownerReferences": [{**owner(OWNER, pool.name, uid, controller=False), "controller": True}],
        },
        "spec": {
            "requirements": [
                {"key": INSTANCE_TYPE, "operator": "In", "values": [of.instance_type]},
                {"key": CAPACITY_TYPE, "operator": "In", "values": [of.capacity_type]},
            ],
            "price": _decimal(per_hour),
        },
    }


def _decimal(value: float) -> str:
    """Without an exponent, which Karpenter does not take."""
    return f"{value:.12f}".rstrip("0").rstrip(".")
