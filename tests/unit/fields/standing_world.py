"""The small world around a server that exists already: its owner has put replicas on two pools, and nobody else makes or takes any."""

from __future__ import annotations

from dataclasses import dataclass, replace

from steelyard.core.compiling.revision import revision_of_existing
from steelyard.core.facts.existing import Found
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.snapshot import Snapshot
from unit.core.world import NODE, Pods
from unit.fields.asked_world import AskedWorld

REPLICAS = 2
STANDS_ON = ("cheap", "dear")
LONG_AGO = 99


@dataclass
class StandingWorld(AskedWorld):
    """The pools are those of every world, and perhaps one more."""

    def __post_init__(self) -> None:
        super().__post_init__()
        revision = revision_of_existing(self.gathered.workload, "template")
        self.deployments = {
            PlacementKey(name, revision): Pods(desired=REPLICAS, asked="", ages=[LONG_AGO] * REPLICAS) for name in STANDS_ON
        }

    def snapshot(self) -> Snapshot:
        """With what was found of it."""
        return replace(super().snapshot(), found=Found(resources=NODE), has_front=False)
