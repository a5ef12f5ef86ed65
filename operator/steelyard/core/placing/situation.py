"""What the snapshot means: home, evidence, load, promise and options, derived once and read by every part of the decision."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from steelyard.core.compiling.candidate import Candidate, candidates
from steelyard.core.facts.memory import Known
from steelyard.core.facts.snapshot import Placement, PlacementKey, Snapshot, Traffic
from steelyard.core.facts.window import Window, constellation, since, totals, undisturbed
from steelyard.core.performance.capacity import broke, broken_at, carried, saturated
from steelyard.core.performance.evidence import evidence, latest, remember
from steelyard.core.planning.load import RECENT, Load, load
from steelyard.core.planning.option import EvidenceByPool, Option, options
from steelyard.core.statistics.sequential import Result, Test, violations
from steelyard.core.vocabulary.reading import Fresh, Reading, Unknown

SIZING_SAMPLE = 30
"""Good requests from which on sizing trusts a live figure of capacity; a cost decision asks for rebalancing.minGoodRequests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Derived facts. `home` None: nothing is placed yet. `promise`: over all of the last windows; `strain`: over those of them that tell
    whether the replicas are too few. `live`: evidence by placement from fresh windows only; `kept`: what is remembered
    once this pass is over, the figures that stay byte for byte at constant traffic."""

    snapshot: Snapshot
    now: datetime
    candidates: tuple[Candidate, ...]
    home: PlacementKey | None
    live: Mapping[PlacementKey, Known]
    kept: Mapping[PlacementKey, Known]
    load: Load | None
    promise: Test
    strain: Test
    options: tuple[Option, ...]

    def candidate(self, pool: str) -> Candidate | None:
        """The pool as a candidate."""
        return next((c for c in self.candidates if c.name == pool), None)

    def option(self, pool: str) -> Option | None:
        """The pool as an option."""
        return next((o for o in self.options if o.pool == pool), None)

    @property
    def missing(self) -> str:
        """Which pools the workload names that do not exist, as a sentence; empty where all do."""
        there = {pool.name for pool in self.snapshot.pools}
        gone = sorted(set(self.snapshot.workload.pools) - there)
        if not gone:
            return ""
        which = f"pool {gone[0]} does" if len(gone) == 1 else f"pools {', '.join(gone)} do"
        others = f"there are {', '.join(sorted(there))}" if there else "there is none"
        return f"{which} not exist ({others}): correct the name in spec.placement.pools, or create the pool"

    def shut(self, option: Option) -> bool:
        """Whether the pool could not deliver nodes lately, or failed with this revision."""
        until = option.candidate.pool.exhausted_until
        place = (option.pool, option.candidate.revision)
        return (until is not None and self.now < until) or any(
            (q.pool, q.revision) == place and self.now < q.until for q in self.snapshot.memory.quarantine
        )

    def traffic(self, key: PlacementKey) -> Reading[Traffic]:
        """The placement's reading."""
        return self.snapshot.traffic.get(key, Unknown(f"no serving replica of pool {key.pool} was read yet"))

    def every_window(self, key: PlacementKey) -> tuple[Window, ...]:
        """All windows of a fresh reading; none otherwise."""
        reading = self.traffic(key)
        return reading.value.windows if isinstance(reading, Fresh) else ()

    def windows(self, key: PlacementKey) -> tuple[Window, ...]:
        """Those of them that are evidence: a crash is told by itself, and says nothing of what a replica carries."""
        return undisturbed(self.every_window(key))

    def home_placement(self) -> Placement | None:
        """The home's Deployment, if it exists."""
        return self.snapshot.placement(self.home) if self.home else None

    def capacity(self, key: PlacementKey) -> float | None:
        """Requests per second and replica that sizing may rely on: remembered, else live; a claim does not size anything."""
        live, known = self.live.get(key), self.kept.get(key)
        now = live.capacity if live else None
        if known and known.capacity:
            if known.capacity.at_least:
                # The remembered figure was only the load of its day; carried is carried, in a steady window or not.
                return max(carried(self.windows(key), self.snapshot.workload.allowed) or 0.0, known.capacity.rate.point)
            return known.capacity.rate.point
        if now and now.n >= SIZING_SAMPLE:
            return now.rate.point
        return saturated(self.windows(key)[-RECENT:]) if self.strain.result is Result.FAIL else None

    def only_carried(self, key: PlacementKey) -> bool:
        """Whether the placement's capacity is only a load that was carried: the true one is there or above."""
        known = self.kept.get(key) or self.live.get(key)
        if self.strain.result is Result.FAIL:
            return False
        return bool(known and known.capacity and known.capacity.at_least)

    def broke_at(self, key: PlacementKey) -> float | None:
        """The smallest load per replica (requests per second) that broke the promise in any window still held, steady or not."""
        allowed = self.snapshot.workload.allowed
        broken = [w.offered / w.replica_seconds for w in self.windows(key) if broke(w, allowed)]
        return min(broken, default=None)

    def good(self, key: PlacementKey) -> int:
        """Good requests behind the placement's figures, live or remembered."""
        figures = (self.live.get(key), self.kept.get(key))
        return max((k.capacity.n for k in figures if k and k.capacity), default=0)

    def promise_at(self, placement: Placement) -> Test:
        """The promise over those of the last windows in which the replicas wanted now were running."""
        ran: list[Window] = []
        for window in reversed(of_load(self.every_window(placement.key)[-RECENT:])):
            if abs(window.replicas - placement.desired) > 0.5:
                break
            ran.append(window)
        good, bad = totals(ran)
        return violations(bad, good + bad, 0, 0, self.snapshot.workload.allowed)


def of_load(recent: tuple[Window, ...]) -> tuple[Window, ...]:
    """Those of the last RECENT windows that tell what the load does: one crash is not too much load. Servers that crash in all of them may
    well have too much."""
    sound = undisturbed(recent)
    return sound if sound or len(recent) < RECENT else recent


def situation(snapshot: Snapshot, now: datetime) -> Situation:
    """Derive everything once."""
    memory, workload = snapshot.memory, snapshot.workload
    found = candidates(snapshot)
    home = _home(snapshot)
    fresh = {key: r.value.windows for key, r in sorted(snapshot.traffic.items()) if isinstance(r, Fresh)}
    settled = max((m.time for m in memory.history), default=None)
    live: dict[PlacementKey, Known] = {}
    kept = {PlacementKey(k.pool, k.revision): k for k in memory.known}
    calm, least = memory.move is None, workload.rebalancing.min_good_requests
    for key, windows in ((key, undisturbed(every)) for key, every in fresh.items()):
        used = ran = windows if settled is None else since(windows, settled)
        if calm:
            used = constellation(tuple(w for w in used if w.steady))
            ran = tuple(w for w in windows if w.steady)
        chance = random.Random(f"{workload.uid}/{key.pool}/{key.revision}/{used[-1].end.isoformat() if used else ''}")
        known = evidence(key.pool, key.revision, used, workload.allowed, chance, steady=calm, least=least, ran=ran)
        if known is not None:
            live[key] = known
            newest = latest(ran, least)
            top, broken = carried(newest, workload.allowed), broken_at(newest, workload.allowed)
            worth = remember(kept.get(key), known, least, top, broken)
            if worth is not None:
                kept[key] = worth
    serving = [fresh[p.key] for p in sorted(snapshot.placements, key=lambda p: p.key) if p.key in fresh]
    asked = load(serving, workload.allowed)
    recent = [w for windows in serving for w in windows[-RECENT:]]
    good, bad = totals(recent)
    borne, missed = totals(w for windows in serving for w in of_load(windows[-RECENT:]))
    standing = {pool for pool, _ in (*((home,) if home else ()), *memory.beside)}
    evidence_by_pool = _evidence_by_pool(snapshot, found, home, live, kept)
    return Situation(
        snapshot=snapshot,
        now=now,
        candidates=found,
        home=home,
        live=live,
        kept=kept,
        load=asked,
        promise=violations(bad, good + bad, 0, 0, workload.allowed),
        strain=violations(missed, borne + missed, 0, 0, workload.allowed),
        options=options(found, snapshot, evidence_by_pool, asked, standing, now),
    )


def _evidence_by_pool(
    snapshot: Snapshot,
    found: tuple[Candidate, ...],
    home: PlacementKey | None,
    live: Mapping[PlacementKey, Known],
    kept: Mapping[PlacementKey, Known],
) -> EvidenceByPool:
    """The figures of home and of what is beside it are those of what runs there, whatever a newer image would be called: a claim never
    displaces them.
    """
    known: dict[str, Known] = {}
    before: dict[str, Known] = {}
    move, least = snapshot.memory.move, snapshot.workload.rebalancing.min_good_requests
    beside = sorted(PlacementKey(*key) for key in snapshot.memory.beside)
    for candidate in found:
        revision = next((key.revision for key in beside if key.pool == candidate.name), candidate.revision)
        if home is not None and home.pool == candidate.name:
            revision = home.revision
        if move is not None and move.target_pool == candidate.name:
            revision = move.target_revision
        key = PlacementKey(candidate.name, revision or "")
        now = live.get(key)
        # A move is judged on its own minutes; outside of moves the remembered figure keeps noise out.
        best = now if move is not None and now and now.capacity and now.capacity.n >= least else kept.get(key)
        older = [k for place, k in sorted(kept.items()) if place.pool == candidate.name and place != key and k.capacity]
        if best is not None and best.capacity is not None:
            known[candidate.name] = best
        elif older:
            before[candidate.name] = max(older, key=_ended)
    return EvidenceByPool(known, before)


def _ended(known: Known) -> tuple[bool, str]:
    return known.unit_cost is not None, known.unit_cost.end.isoformat() if known.unit_cost else ""


def _home(snapshot: Snapshot) -> PlacementKey | None:
    """What status says; else what exists (adopted: most ready first); else nothing."""
    memory = snapshot.memory
    if memory.home_pool is not None and memory.home_revision is not None:
        return PlacementKey(memory.home_pool, memory.home_revision)
    standing = sorted(snapshot.placements, key=lambda p: (-p.ready, -p.desired, p.key))
    return standing[0].key if standing else None
