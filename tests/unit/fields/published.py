"""Pairs of specs of a pool that differ in what is published of it: what is written for whoever makes its nodes, and what is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

from steelyard.api.accelerator_pool import AcceleratorPool
from steelyard.core.planning.relative_cost import RelativeCost
from unit.api.objects import changed
from unit.control.published_stage import Stage
from unit.fields.asked_world import asked, taken
from unit.fields.scene import Pair, pool, values

KARPENTER = {"type": "Karpenter", "nodePool": "gpu"}

PUBLISHED: dict[str, Pair] = {
    "provisioner.publish": values({**KARPENTER, "publish": False}, {**KARPENTER, "publish": True}, at="provisioner"),
}


def play(changes: Mapping[str, Any]) -> Iterator[str]:
    """With these changes of a pool that is compared with another."""
    raw = taken(AcceleratorPool, asked("AcceleratorPool", "cheap", changed(pool("cheap", "0.50"), changes)))
    stage = Stage(raw, relative={"cheap": RelativeCost(cost=1.5, replicas=2.0, workloads=1)})
    yield str(asyncio.run(stage.look()))
    yield json.dumps(stage.server.made)
