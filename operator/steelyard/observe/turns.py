"""Whose turn it is: a large fleet is not read whole in every round, but each placement as a whole, and none less than each third round.

All pods of a placement are read in one round, so that what they counted is of one time. What became different since the last round
(a replica came, became ready or left) is read at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.observe.observed_pod import ObservedPod

Key = tuple[WorkloadKey, PlacementKey]
Groups = Mapping[Key, Sequence[ObservedPod]]

AT_MOST = 3
"""Rounds until everybody was read."""
EACH_ROUND = 1_000
"""Pods up to which all are read in every round."""


class Turns:
    """Remembers when each placement was read, and as what."""

    def __init__(self, each_round: int = EACH_ROUND) -> None:
        self._each_round = each_round
        self._number = 0
        self._read: dict[Key, int] = {}
        self._seen: dict[Key, Sequence[ObservedPod]] = {}
        self.rounds = 1
        """Between two reads of a placement that stays as it is."""

    def next(self, groups: Groups) -> Sequence[Key]:
        """Those to read now, in order; who waited longest comes first, and all are read by the last of `rounds`."""
        self._number += 1
        pods = sum(map(len, groups.values()))
        self.rounds = max(1, min(AT_MOST, ceil(pods / self._each_round)))
        share, chosen, count = ceil(pods / self.rounds), set[Key](), 0
        named = sorted(groups)
        for key in sorted(named, key=lambda key: self._read.get(key, 0)):
            known = key in self._read
            overdue = known and self._number - self._read[key] >= self.rounds
            if overdue or count < share or (known and self._seen[key] != groups[key]):
                chosen.add(key)
                count += len(groups[key])
        self._read = {key: self._read[key] for key in groups if key in self._read} | dict.fromkeys(chosen, self._number)
        self._seen = {key: groups[key] for key in self._read}
        return [key for key in named if key in chosen]
