"""What the snapshot means: home, evidence, load, promise and options, derived once and read by every part of the decision."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from steelyard.core.compiling.candidate import Candidate, candidates
from steelyard.core.memory import Known
from steelyard.core.performance.evidence import evidence
from steelyard.core.performance.window import Window, since, totals
from steelyard.core.planning.load import RECENT, Load, load
from steelyard.core.planning.option import Option, options
from steelyard.core.reading import Fresh, Reading, Unknown
from steelyard.core.rebalancing.verdict import Test, violations
from steelyard.core.snapshot import Placement, PlacementKey, Snapshot, Traffic

SIZING_SAMPLE = 30
"""Good requests from which on sizing trusts a live figure of capacity; a cost decision asks for rebalancing.minGoodRequests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Derived facts. `home` None: nothing is placed yet. `live`: evidence by placement from fresh windows only."""

    snapshot: Snapshot
    now: datetime
    candidates: tuple[Candidate, ...]
    home: PlacementKey | None
    live: Mapping[PlacementKey, Known]
    load: Load | None
    promise: Test
    options: tuple[Option, ...]

    def candidate(self, pool: str) -> Candidate | None:
        """The pool as a candidate."""
        return next((c for c in self.candidates if c.name == pool), None)

    def option(self, pool: str) -> Option | None:
        """The pool as an option."""
        return next((o for o in self.options if o.pool == pool), None)

    def traffic(self, key: PlacementKey) -> Reading[Traffic]:
        """The placement's reading."""
        return self.snapshot.traffic.get(key, Unknown(f"no serving replica of pool {key.pool} was read yet"))

    def windows(self, key: PlacementKey) -> tuple[Window, ...]:
        """Windows of a fresh reading; none otherwise."""
        reading = self.traffic(key)
        return reading.value.windows if isinstance(reading, Fresh) else ()

    def home_placement(self) -> Placement | None:
        """The home's Deployment, if it exists."""
        return self.snapshot.placement(self.home) if self.home else None

    def capacity(self, key: PlacementKey) -> float | None:
        """Requests per second and replica that sizing may rely on: live, else remembered; a claim does not size anything."""
        live, known = self.live.get(key), self.snapshot.memory.of(*key)
        if live and live.capacity and live.capacity.n >= SIZING_SAMPLE:
            return live.capacity.rate.point
        return known.capacity.rate.point if known and known.capacity else None


def situation(snapshot: Snapshot, now: datetime) -> Situation:
    """Derive everything once."""
    memory, workload = snapshot.memory, snapshot.workload
    found = candidates(snapshot)
    home = _home(snapshot)
    fresh = {key: r.value.windows for key, r in sorted(snapshot.traffic.items()) if isinstance(r, Fresh)}
    settled = max((m.time for m in memory.history), default=None)
    live: dict[PlacementKey, Known] = {}
    for key, windows in fresh.items():
        calm = memory.move is None
        used = windows if settled is None else since(windows, settled)
        if calm:
            used = tuple(w for w in used if w.steady)
        chance = random.Random(f"{workload.uid}/{key.pool}/{key.revision}/{used[-1].end.isoformat() if used else ''}")
        known = evidence(key.pool, key.revision, used, workload.allowed, chance, steady=calm)
        if known is not None:
            live[key] = known
    serving = [fresh[p.key] for p in snapshot.placements if p.key in fresh]
    asked = load(serving)
    recent = [w for windows in serving for w in windows[-RECENT:]]
    good, bad = totals(recent)
    least = workload.rebalancing.min_good_requests
    by_pool = {k.pool: v for k, v in live.items() if v.capacity and v.capacity.n >= least and _counts(snapshot, k)}
    return Situation(
        snapshot=snapshot,
        now=now,
        candidates=found,
        home=home,
        live=live,
        load=asked,
        promise=violations(bad, good + bad, 0, 0, workload.allowed),
        options=options(found, workload, memory, by_pool, asked.busiest if asked else None, now),
    )


def _counts(snapshot: Snapshot, key: PlacementKey) -> bool:
    """Evidence of an old revision must not stand for the pool while a new one replaces it there."""
    move = snapshot.memory.move
    return not (move and move.source_pool == move.target_pool and key.revision != move.target_revision)


def _home(snapshot: Snapshot) -> PlacementKey | None:
    """What status says; else what exists (adopted: most ready first); else nothing."""
    memory = snapshot.memory
    if memory.home_pool is not None and memory.home_revision is not None:
        return PlacementKey(memory.home_pool, memory.home_revision)
    standing = sorted(snapshot.placements, key=lambda p: (-p.ready, -p.desired, p.key))
    return standing[0].key if standing else None
