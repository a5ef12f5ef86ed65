"""What the processes of a gateway have counted of one placement, round by round.

Which requests were late is known some seconds after they were counted: as many of the next ones are handed out as slow (`Counts.after`).

What a process counts between its last scrape and its end is told nowhere. So a window is of one set of processes, none of which began anew: where one
comes, goes or counts from zero, the running window is thrown away, and the next one begins with those that are there then.
"""

from __future__ import annotations

from collections.abc import Mapping

from steelyard.core.statistics.histogram import Buckets, added, growth
from steelyard.observe.failure import Failure
from steelyard.observe.gateway_source import AtGateway
from steelyard.observe.leaps import Leaps
from steelyard.observe.sample import ZERO, Counts, Kept, Sample, Tally, seconds_since

FORGIVEN = 1
"""Rounds in a row without news of a process that break no window: one lost scrape is no outage."""
MISSED = 3
"""Rounds without any news from which on something is wrong, and not only late."""


class GatewayRecord:
    """Changed by one round after the other, never by a clock."""

    def __init__(self) -> None:
        self.total = ZERO
        """Requests since each process was met, as far as they were told."""
        self._last: Mapping[str, Sample] = {}
        self._met: dict[str, Counts] = {}
        """What each process had counted when it was met."""
        self._kept: dict[str, Kept] = {}
        """What it told of its promises since then."""
        self._leaps: dict[str, Leaps] = {}
        self._misses: Mapping[str, int] = {}
        self._unread, self._why = 0, ""
        self._has_changed = False
        self._tally: Tally = ZERO
        self._latencies: Buckets | None = {}
        self._took: float | None = 0.0

    def take(self, answer: AtGateway) -> None:
        """One round's news."""
        self._has_changed = False
        if isinstance(answer, Failure):
            self._why, self._unread = answer.why, self._unread + 1
            self._misses = {process: count + 1 for process, count in self._misses.items()}
            return
        last, self._last, self._unread = self._last, answer, 0
        news = {process for process, new in answer.items() if process not in last or new.at > last[process].at}
        self._misses = {process: 0 if process in news else self._misses.get(process, 0) + 1 for process in answer}
        if late := sorted(answer.keys() - news):
            self._why = f"Prometheus has nothing newer of the gateway's {late[0]} than in the last round"
        if last and answer.keys() != last.keys():
            self._change("processes of the gateway came or went")
        for process in sorted(news):
            self._grow(process, answer[process], last.get(process))

    @property
    def obstacle(self) -> tuple[str, bool] | None:
        """Why this round cannot be relied on, and whether nothing more could have been read by now."""
        if not self._last:
            return self._why, self._unread < MISSED
        if self._has_changed or max(self._misses.values()) > FORGIVEN:
            return self._why, False
        return None

    def baseline(self) -> None:
        """From here on: what was counted until now belongs to no window."""
        self._tally, self._latencies, self._took = ZERO, {}, 0.0

    def stretch(self) -> tuple[Tally, Buckets | None, float | None]:
        """Requests, their latencies and the sum of these since the last call: each is handed out once."""
        handed = self._tally, self._latencies, self._took
        self.baseline()
        return handed

    def _grow(self, process: str, new: Sample, old: Sample | None) -> None:
        if old is None:
            self._leaps[process] = Leaps()
        leapt = self._leaps[process].look(new)
        if old is None or leapt:
            self._met[process], self._kept[process] = new.counts, ()
            if leapt:
                self._change(f"the gateway's counters leapt, by {leapt}")
            return
        counts, buckets, seconds = old.counts, old.buckets, old.took_seconds
        if new.shrank(old):
            counts, buckets, seconds = Counts(), {}, 0.0
            self._met[process], self._kept[process] = counts, ()
            self._change("the gateway's counters went back: a process of it began anew")
        grown, self._kept[process] = new.counts.after(counts, self._met[process], self._kept[process])
        self.total, self._tally = self.total + grown, self._tally + grown
        self._latencies = added(self._latencies, growth(new.buckets, buckets))
        took = seconds_since(new.took_seconds, seconds)
        self._took = None if self._took is None or took is None else self._took + took

    def _change(self, why: str) -> None:
        self._has_changed, self._why = True, why
