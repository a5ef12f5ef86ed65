"""A source that loses everything at once looks like a fleet without traffic (the outage behind kubernetes/kubernetes#104387).

One workload may fall silent. That several busy ones do so in the same round is far likelier a fault of what reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from steelyard.core.facts.identity import WorkloadKey

WHY = "every workload's traffic dropped to zero in the same round: the source is suspect"
BUSY = 5.0
"""Requests a round, on average. By Poisson such a workload is silent for a round by chance in 0.7 % of rounds, three of them at once in
3e-7: once in two hundred days at 5 seconds a round."""
AT_LEAST = 3
"""Busy workloads that must fall silent together."""
TOGETHER = 2
"""Intervals that count as the same round: sources and scrapes have phases of their own."""
WEIGHT = 0.2
"""Of the newest round in the mean: about the last five rounds."""


@dataclass(slots=True)
class _Pace:
    mean: float
    last_traffic: datetime


class Suspicion:
    """Ends when any counter moves again; until then nothing voluntary is decided on an apparent silence."""

    def __init__(self) -> None:
        self._paces: dict[WorkloadKey, _Pace] = {}
        self.raised = False

    def look(self, asked: Mapping[WorkloadKey, int], known: frozenset[WorkloadKey], now: datetime, interval: timedelta) -> bool:
        """`asked`: requests of the workloads that were read in this round; `known`: all that exist. Returns whether to suspect."""
        self._paces = {key: pace for key, pace in self._paces.items() if key in known}
        for key, requests in asked.items():
            pace = self._paces.get(key)
            if requests and pace is None:
                self._paces[key] = _Pace(float(requests), now)
            elif requests and pace is not None:
                pace.mean, pace.last_traffic = (1 - WEIGHT) * pace.mean + WEIGHT * requests, now
            elif pace is not None and now - pace.last_traffic > TOGETHER * interval:
                pace.mean *= 1 - WEIGHT
        if any(asked.values()):
            self.raised = False
        elif asked and not self.raised:
            lately = (TOGETHER + 0.5) * interval
            silent = [key for key, pace in self._paces.items() if key in asked and pace.mean >= BUSY and now - pace.last_traffic <= lately]
            self.raised = len(silent) >= AT_LEAST
        return self.raised
