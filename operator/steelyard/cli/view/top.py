"""The view of `steelyard top`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from steelyard.cli.facts.compile import compile_of
from steelyard.cli.facts.pool import Pool, pool
from steelyard.cli.facts.workload import workload
from steelyard.cli.gathered import Gathered
from steelyard.cli.view.line import Line, line


@dataclass(frozen=True, slots=True, kw_only=True)
class TopView:
    """Workloads that move or are unwell first."""

    now: datetime = field(metadata={"json": False})
    namespace: str | None
    """Null: all namespaces."""
    workloads: tuple[Line, ...]
    pools: tuple[Pool, ...] | None
    """Null: they may not be read."""
    notes: tuple[str, ...]


def top(seen: Gathered) -> TopView:
    """From raw objects."""
    compiles = tuple(compile_of(m) for m in seen.models or ())
    lines = [line(workload(w), compiles) for w in seen.workloads]
    return TopView(
        now=seen.now,
        namespace=seen.namespace,
        workloads=tuple(sorted(lines, key=lambda one: (one.healthy, one.move is None, one.namespace, one.name))),
        pools=None if seen.pools is None else tuple(sorted((pool(p) for p in seen.pools), key=lambda p: p.name)),
        notes=seen.notes,
    )
