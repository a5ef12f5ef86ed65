"""Counters that leap: what a page says more than the one before, held against what any replica can do and against what this one ever told.

Each request was under way for the lower edge of its bucket or longer. So a histogram says how many there were at once, at least (Little's law), and
a page cannot claim many slow requests in little time. Of quick ones it can: there only the figure itself is left to hold against.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator

from steelyard.core.statistics.histogram import Buckets, growth
from steelyard.observe.sample import Sample

UP_TO_DATE = 10.0
"""Seconds in which a server brings its counters up to date (Ray Serve's ten): what grew at once may have come in so long."""
TIMES = 100
"""What is more than so many times all that a server told before is no burst of it, where it is also more than these at once or a second."""
AT_ONCE, REQUESTS, TOKENS = 1_000, 10_000, 1_000_000
AT_ONCE_AT_MOST, REQUESTS_AT_MOST, TOKENS_AT_MOST = 10_000, 50_000, 100_000_000
"""Of any replica, whatever it told before. Chosen: one proxy has ports for 28,000 connections to it, and models answer thousands a second."""
LEVEL = 3
"""Pages within which a leap that comes again is the level that the server is at."""


class Leaps:
    """Of one process after the other of one pod, or of a gateway. Changed by each page, believed or not."""

    def __init__(self) -> None:
        self._last: Sample | None = None
        self._most = 0.0, 0.0
        """Requests and tokens a second: the most that it told, leaps left out."""
        self._lately: deque[tuple[float, float]] = deque(maxlen=LEVEL)

    def look(self, new: Sample, lived: float = math.inf) -> str:
        """What cannot be so of a page, in words; empty where all can. lived: seconds since there can have been a first request, where none was read."""
        old, self._last = self._last, new
        seconds = lived if old is None else (new.at - old.at).total_seconds()
        if old is not None and (new.start != old.start or 2 * _requests(new) < _requests(old)):
            old = None  # A process that began since then.
        requests, tokens = _requests(new) - (_requests(old) if old else 0), _tokens(new) - (_tokens(old) if old else 0)
        stretch = max(UP_TO_DATE, seconds)
        at_once = _at_once(growth(new.buckets, old.buckets if old else {}), stretch) if requests > AT_ONCE else 0.0
        before = self._before(requests / stretch, tokens / stretch)
        rates = requests / max(1.0, seconds), tokens / max(1.0, seconds)
        self._lately.append(rates)
        why = next(_why(requests / stretch, tokens / stretch, at_once, before), "")
        if not why:
            self._most = max(before[0], rates[0]), max(before[1], rates[1])
            return ""
        more = f"{requests:,} requests" if new.tokens is None else f"{requests:,} requests and {tokens:,} tokens"
        return f"{more} more than {seconds:.0f} s before, {why}"

    def _before(self, requests: float, tokens: float) -> tuple[float, float]:
        """What it told before: what it is at for the second time in a row is told as well."""
        again = [max((each[n] for each in self._lately), default=0.0) for n in range(2)]
        return max(self._most[0], min(requests, again[0])), max(self._most[1], min(tokens, again[1]))


def _why(requests: float, tokens: float, at_once: float, before: tuple[float, float]) -> Iterator[str]:
    """What speaks against so many a second, the surest first."""
    if at_once > AT_ONCE_AT_MOST:
        yield f"of which by its histogram more than {AT_ONCE_AT_MOST:,} were under way at once, which no replica has"
    if requests > REQUESTS_AT_MOST:
        yield f"which are more than {REQUESTS_AT_MOST:,} requests a second, which no replica answers"
    if tokens > TOKENS_AT_MOST:
        yield f"which are more than {TOKENS_AT_MOST:,} tokens a second, which no replica has"
    if requests > TIMES * before[0] > 0 and (at_once > AT_ONCE or requests > REQUESTS):
        yield f"which are more than {TIMES} times the {before[0]:,.3g} requests a second that it told at most until then"
    if tokens > max(TOKENS, TIMES * before[1]) and before[1] > 0:
        yield f"which are more than {TIMES} times the {before[1]:,.3g} tokens a second that it told at most until then"


def _at_once(grown: Buckets | None, seconds: float) -> float:
    """Requests that were under way together, at least: those that took as long as the stretch may all have begun before it."""
    below, edge_below, result = 0, 0.0, 0.0
    for edge, count in sorted((grown or {}).items()):
        result += max(0, count - below) * min(1.0, max(0.0, edge_below) / seconds)
        below, edge_below = count, edge
    return result


def _requests(sample: Sample) -> int:
    return sample.counts.answered + sample.counts.error + sample.counts.shed


def _tokens(sample: Sample) -> int:
    return 0 if sample.tokens is None else sample.tokens.every.input + sample.tokens.every.output
