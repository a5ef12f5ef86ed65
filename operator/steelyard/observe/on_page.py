"""What a page says under one name, each value checked: a count, a sum, a histogram. What is not there is None, or refused where it is needed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache

from steelyard.core.facts.batches import LARGEST, SIZES
from steelyard.core.statistics.histogram import Buckets, Histogram
from steelyard.observe.exposition import EDGES, SERIES, Exposition, Labels
from steelyard.observe.failure import Reason, RejectedError

MOST = 2**53
"""Above it a float no longer counts one by one."""
MOST_TOKENS = 2**30
"""Of one request; no model takes as many."""
ENOUGH, TIMES = 20, 20.0
"""Observations from which on the sum of a histogram is held against its buckets, and how many times it may be off."""
LAYOUTS = 64
"""Histograms whose edges and labels are remembered, of whichever pod: all replicas have the same."""


def whole(name: str, value: float) -> int:
    """A count."""
    if value != math.floor(value) or value > MOST:
        raise RejectedError(Reason.NOT_WHOLE, f"says a count of {name} that is not a whole number")
    return int(value)


def wholes(name: str, values: list[float]) -> list[int]:
    """Counts."""
    counts = list(map(int, values))
    return counts if counts == values and max(counts, default=0) <= MOST else [whole(name, value) for value in values]


def single(seen: Exposition, name: str) -> float | None:
    """The one series of the metric; None without any."""
    series = seen.series.get(name)
    if series is None:
        return None
    if len(series) != 1:
        raise RejectedError(Reason.DUPLICATE, f"has more than one series of {name}")
    return next(iter(series.values()))


def whole_sum(seen: Exposition, name: str) -> int | None:
    """A count over all series of the metric; None without any."""
    series = seen.series.get(name)
    return whole(name, sum(whole(name, value) for value in series.values())) if series else None


def first_sum(seen: Exposition, names: Iterable[str]) -> float | None:
    """Of several metrics that tell the same, the first that is there: over all of its series."""
    return next((sum(series.values()) for name in names if (series := seen.series.get(name))), None)


def first_mean(seen: Exposition, names: Iterable[str]) -> float | None:
    """The same of parts of a whole, of which each of its series has an equal one."""
    return next((sum(series.values()) / len(series) for name in names if (series := seen.series.get(name))), None)


def timed(seen: Exposition, names: Iterable[str]) -> tuple[int, float] | None:
    """(how many, seconds in all) of the first of these histograms that is there."""
    told = ((whole_sum(seen, f"{name}_count"), first_sum(seen, (f"{name}_sum",))) for name in names)
    return next(((count, seconds) for count, seconds in told if count is not None and seconds is not None), None)


def first_told(seen: Exposition, names: Iterable[str]) -> int | None:
    """Of several metrics that tell the same, the first that is there."""
    return next((count for count in (whole_sum(seen, name) for name in names) if count is not None), None)


def by_size(seen: Exposition, name: str) -> dict[int, float]:
    """Series of the metric by their label `size`."""
    series = seen.series.get(name, {})
    return dict(zip(_sizes(name, tuple(series)), series.values(), strict=True))


@lru_cache(maxsize=LAYOUTS)
def _sizes(name: str, series: tuple[Labels, ...]) -> tuple[int, ...]:
    found: dict[int, None] = {}
    for labels in series:
        text = dict(labels).get("size", "")
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST)) and 1 <= int(text) <= LARGEST):
            raise RejectedError(Reason.LABEL, f"has {name} with a size that is not a number from 1 to {LARGEST}")
        if int(text) in found:
            raise RejectedError(Reason.DUPLICATE, f"has {name} twice for the size {int(text)}")
        found[int(text)] = None
        if len(found) > SIZES:
            raise RejectedError(Reason.TOO_MANY, f"has more than {SIZES} sizes of {name}: let the server compile fewer batch sizes")
    return tuple(found)


def http_status(text: str | None, label: str) -> int:
    """Of "404" or "4xx"."""
    if text is not None and len(text) == 3 and text.isascii() and text[0] in "12345" and (text[1:].isdigit() or text[1:] in {"xx", "XX"}):
        return int(text[0]) * 100 if text[1] in "xX" else int(text)
    raise RejectedError(Reason.LABEL, f"has a request counter whose label {label} is not an HTTP status")


def buckets_of(seen: Exposition, name: str) -> Buckets:
    """Buckets summed over all label sets, each checked first."""
    series = seen.series.get(f"{name}_bucket")
    if series is not None:
        return histogram(name, series)
    if name in seen.declared:
        return {}
    raise RejectedError(Reason.MISSING, f"has no histogram {name}")


def histogram(name: str, series: Mapping[Labels, float]) -> Histogram:
    """The same of these series of it, at least one."""
    layout = _layout if len(series) <= EDGES else _layout.__wrapped__
    edges, places = layout(name, tuple(series))
    counts = wholes(name, list(series.values()))
    sets = [[counts[place] for place in of_set] for of_set in places]
    for of_set in sets:
        if sorted(of_set) != of_set:
            raise RejectedError(Reason.BUCKETS, f"has a histogram {name} whose buckets are not cumulative")
    return Histogram(edges, sets[0] if len(sets) == 1 else list(map(sum, zip(*sets, strict=True))))


def plausible(name: str, told: Histogram, total: float) -> None:
    """RejectedError where the sum of what was observed cannot be that of the buckets: one of the two counts in another unit. A page is written while
    requests end, so that a few of them, and less than TIMES, say nothing."""
    counts, edges = told.counts, told.edges
    if not counts or counts[-1] < ENOUGH:
        return
    least, most, before = 0.0, 0.0, 0
    for at, (edge, count) in enumerate(zip(edges, counts, strict=True)):
        in_it, before = count - before, count
        if in_it:
            least += in_it * max(0.0, edges[at - 1] if at else 0.0)
            most += in_it * edge
    if total * TIMES < least or total > TIMES * most:
        raise RejectedError(
            Reason.BUCKETS,
            f"has a histogram {name} whose sum cannot be that of its buckets: one of the two counts in another unit, so that neither is believed",
        )


@lru_cache(maxsize=LAYOUTS)
def _layout(name: str, series: tuple[Labels, ...]) -> tuple[tuple[float, ...], tuple[tuple[int, ...], ...]]:
    """(edges, rising; for each set of other labels the places of their counts among the series). RejectedError if it is no histogram."""
    by_set: dict[Labels, dict[float, int]] = {}
    for place, labels in enumerate(series):
        rest = tuple(pair for pair in labels if pair[0] != "le")
        edge = _edge(name, dict(labels).get("le"))
        of_set = by_set.setdefault(rest, {})
        if edge in of_set:
            raise RejectedError(Reason.DUPLICATE, f"has the same bucket of {name} twice")
        of_set[edge] = place
        if len(by_set) > SERIES:
            raise RejectedError(Reason.TOO_MANY, f"has more than {SERIES} series of {name}: let the server give it fewer labels")
        if len(of_set) > EDGES:
            raise RejectedError(Reason.TOO_MANY, f"has a histogram {name} of more than {EDGES} buckets: let the server have fewer")
    edges = {frozenset(each) for each in by_set.values()}
    if len(edges) != 1 or math.inf not in next(iter(edges)):
        raise RejectedError(Reason.BUCKETS, f"has a histogram {name} without the same edges up to +Inf in all its series")
    rising = tuple(sorted(next(iter(edges))))
    return rising, tuple(tuple(each[edge] for edge in rising) for each in by_set.values())


def tokens_of_each(seen: Exposition, names: Iterable[str]) -> Buckets | None:
    """The first of these histograms that is there."""
    name = next((each for each in names if f"{each}_bucket" in seen.series), None)
    if name is None:
        return None
    buckets = buckets_of(seen, name)
    if not _are_tokens(tuple(buckets)):
        raise RejectedError(Reason.BUCKETS, f"has a histogram {name} with an edge that is no number of tokens")
    return buckets or None


@lru_cache(maxsize=LAYOUTS)
def _are_tokens(edges: tuple[float, ...]) -> bool:
    return all(edge == math.inf or (1 <= edge <= MOST_TOKENS and edge == math.floor(edge)) for edge in edges)


def _edge(name: str, text: str | None) -> float:
    try:
        edge = float(text or "nan")
    except ValueError:
        edge = math.nan
    if math.isnan(edge):
        raise RejectedError(Reason.LABEL, f"has a bucket of {name} without an edge")
    return edge


def first_of(better: float | None, other: float | None) -> float | None:
    """The better figure where the server has it."""
    return other if better is None else better
