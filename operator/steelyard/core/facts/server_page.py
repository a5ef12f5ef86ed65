"""Where a server that is not ours says what it did, and what it is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

LabelValues: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
"""By label, the values that are meant; no label: all series."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageNames:
    """Metrics by name: requests that ended, those that failed or were refused beside them, histograms of the times of a request, and counters of tokens;
    None where none is given. `labels`: which series of all of these are meant; of requests, errors, refusals and histograms also those of their own.
    `per_second`: what the edges of the histograms count in."""

    requests: str
    errors: str | None = None
    status_label: str | None = None
    whole: str | None = None
    first: str | None = None
    between: str | None = None
    per_second: float = 1.0
    refused: str | None = None
    prompt: str | None = None
    cached: str | None = None
    output: str | None = None
    labels: LabelValues = ()
    request_labels: LabelValues = ()
    error_labels: LabelValues = ()
    refused_labels: LabelValues = ()
    histogram_labels: LabelValues = ()


SINCE_FIRST = frozenset(
    {
        "refused",
        "prompt",
        "cached",
        "output",
        "labels",
        "request_labels",
        "error_labels",
        "refused_labels",
        "histogram_labels",
        "allowed",
        "at_gateway",
    }
)
"""Fields that earlier versions did not know: who gives none of them has the revision that these made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPage:
    """By the profile of a known server, or by `names`. `promises`: the promised times (`LatencyObjective.metric`) with their seconds. `allowed`: of each
    of them the fraction of requests that may miss it. `port`, `path` None: those of the profile; by names the path is `/metrics` then. `at_gateway`:
    a gateway tells of its requests, and the page of the rest."""

    promises: tuple[tuple[str, float], ...]
    profile: str = ""
    names: PageNames | None = None
    port: int | None = None
    path: str | None = None
    allowed: tuple[float, ...] = ()
    at_gateway: bool = False
