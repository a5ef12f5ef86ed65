"""The view of `steelyard top`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from steelyard.cli.facts.compile import compile_of
from steelyard.cli.facts.event import Event, newest_first
from steelyard.cli.facts.pool import Pool, pool
from steelyard.cli.facts.workload import Workload, workload
from steelyard.cli.gathered import Gathered
from steelyard.cli.view.claim_row import claim_rows, written_by
from steelyard.cli.view.line import Line, line
from steelyard.cli.view.rollout import Rollout, rollout
from steelyard.cli.view.trials import TrialLine, running
from steelyard.status.raw import Raw
from steelyard.status.read.field import part, text

LATEST = 2
"""Events of a workload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopView:
    """Workloads that move or are unwell first."""

    now: datetime = field(metadata={"json": False})
    namespace: str | None
    """Null: all namespaces."""
    workloads: tuple[Line, ...]
    moves: tuple[Rollout, ...]
    """Of the workloads that move, in the same order."""
    events: tuple[tuple[Event, ...], ...] | None
    """Of each of them the last that were told of it, the newest first. Null: they may not be read."""
    trials: tuple[TrialLine, ...] | None
    """AcceleratorTrials that go on, the newest first. Null: they may not be read."""
    pools: tuple[Pool, ...] | None
    """Null: they may not be read."""
    notes: tuple[str, ...]

    def each_move(self) -> Iterator[tuple[Rollout, tuple[Event, ...]]]:
        """With what was told of its workload."""
        return zip(self.moves, self.events or ((),) * len(self.moves), strict=True)


def top(seen: Gathered) -> TopView:
    """From raw objects."""
    compiles = tuple(compile_of(m) for m in seen.models or ())
    facts = [workload(w) for w in seen.workloads]
    lines = [(line(one, compiles), one) for one in facts]
    lines.sort(key=lambda both: (both[0].healthy, both[0].move is None, both[0].namespace, both[0].name))
    pools = None if seen.pools is None else tuple(sorted((pool(p) for p in seen.pools), key=lambda p: p.name))
    written, moving = written_by(pools or ()), [one for _, one in lines if one.move is not None]
    return TopView(
        now=seen.now,
        namespace=seen.namespace,
        workloads=tuple(shown for shown, _ in lines),
        moves=tuple(rollout(one, claim_rows(one.claims, written), seen.now) for one in moving),
        events=() if not moving else _told(seen.events, moving),
        trials=running(seen.trials),
        pools=pools,
        notes=seen.notes,
    )


def _told(events: tuple[Raw, ...] | None, moving: Sequence[Workload]) -> tuple[tuple[Event, ...], ...] | None:
    if events is None:
        return None
    of = defaultdict[tuple[str | None, str | None], list[Raw]](list)
    for each in events:
        about = part(each, "involvedObject")
        of[text(about, "namespace"), text(about, "name")].append(each)
    return tuple(newest_first(tuple(of[one.namespace, one.name]))[:LATEST] for one in moving)
