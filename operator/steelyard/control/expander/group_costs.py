"""Which of the node groups that are asked for is the cheapest, by the pools that name them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.reconcile.fleet import Fleet
from steelyard.core.planning.published import cheapest_groups, ranked_groups


class GroupCosts:
    """Of all pools with a `nodeGroup`, whether they publish or not: to ask is to want to know."""

    def __init__(self, fleet: Fleet, snapshots: SnapshotBuilder, now: Callable[[], datetime]) -> None:
        self._fleet = fleet
        self._snapshots = snapshots
        self._now = now

    def cheapest(self, groups: Sequence[str]) -> Sequence[str]:
        """Those on which good requests cost least; all of them where that is known of none, or not yet."""
        relative = self._fleet.relative_costs(self._now())
        return cheapest_groups(groups, ranked_groups(self._snapshots.pools(), relative or {}))
