"""What replicas cost as a choice: one law for every question of a workload, so that what each does alone is what the fleet wants together.

A replica costs what the bill changes by. Beyond those to which the fleet's plan gives a pool's scarce nodes it also costs what its part of a
node is worth to the workloads that get none for it. At these prices a plan that is the best for the fleet is the best for each of its workloads:
every other allocation costs the workload as much or more.
"""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.core.facts.snapshot import FleetTarget


@dataclass(frozen=True, slots=True)
class ChoicePrice:
    """Money per hour. each: what the bill changes by with one replica. worth: what its part of a node is worth to others; `allotted` replicas
    do not pay that."""

    each: float
    worth: float = 0.0
    allotted: int = 0

    def of(self, replicas: int) -> float:
        """All of so many together."""
        return charged(replicas, self.each, self.worth, self.allotted)

    def between(self, fewer: int, more: int) -> float:
        """One of those that are added to `fewer` to make it `more`, on average."""
        return (self.of(more) - self.of(fewer)) / (more - fewer) if more > fewer else self.each


def charged(replicas: int, each: float, worth: float, allotted: int) -> float:
    """The law: money per hour of `replicas`."""
    return replicas * each + max(0, replicas - allotted) * worth


def choice_price(each: float, node_part: float, pool: str, target: FleetTarget | None, standing: int) -> ChoicePrice:
    """On a pool, for one workload. each: money per hour. node_part: of a node that a replica takes. standing: replicas there now, which count as
    allotted where the plan has no answer for the workload."""
    if target is None:
        return ChoicePrice(each)
    allotted = standing if target.replicas is None else target.replicas.get(pool, 0)
    return ChoicePrice(each, target.scarcity.get(pool, 0.0) * node_part, allotted)
