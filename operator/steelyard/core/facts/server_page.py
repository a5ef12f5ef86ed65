"""Where a server that is not ours says what it did, and what it is judged by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PageNames:
    """Metrics by name: requests that ended, those that failed beside them, and histograms of the times of a request; None where none is given.
    `per_second`: what the edges of the histograms count in."""

    requests: str
    errors: str | None = None
    status_label: str | None = None
    whole: str | None = None
    first: str | None = None
    between: str | None = None
    per_second: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPage:
    """By the profile of a known server, or by `names`. `promises`: the promised times (`LatencyObjective.metric`) with their seconds. `port`, `path`
    None: those of the profile; by names the path is `/metrics` then."""

    promises: tuple[tuple[str, float], ...]
    profile: str = ""
    names: PageNames | None = None
    port: int | None = None
    path: str | None = None
