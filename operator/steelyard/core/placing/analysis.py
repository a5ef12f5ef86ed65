"""What the snapshot means: who holds the load, evidence, load, promise and options, derived once and read by every question."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from steelyard.core.compiling.candidate import Candidate, candidates
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Known, Step
from steelyard.core.facts.probe import Probe
from steelyard.core.facts.snapshot import Placement, Snapshot, Traffic
from steelyard.core.facts.unit_cost import PER
from steelyard.core.facts.window import Window, constellation, seeing, since, undisturbed
from steelyard.core.performance.ageing import measured_at
from steelyard.core.performance.capacity import at_its_load, broke, broken_at, carried, left_over, saturated, without_backlog
from steelyard.core.performance.evidence import LATEST, Shown, evidence, latest, remember
from steelyard.core.performance.floor import never, remember_floor
from steelyard.core.performance.kept import kept as promise_kept
from steelyard.core.performance.kept import kept_lately
from steelyard.core.performance.ramp import probe_evidence, with_probe
from steelyard.core.placing.outcome import Allocation
from steelyard.core.placing.risk import risk
from steelyard.core.planning.counting import Counting, counting
from steelyard.core.planning.load import RECENT, START, Load, load
from steelyard.core.planning.option import Asked, Eligible, EvidenceByPool, Option, Refused, options
from steelyard.core.statistics.sequential import Result, Test
from steelyard.core.statistics.significant import significant
from steelyard.core.vocabulary.reading import Fresh, Reading, Unknown, last_known
from steelyard.core.vocabulary.reason import ASKED_IN_VAIN

REMEMBERED = timedelta(minutes=15)
"""How long replicas do not go back to a number that has broken the promise; what they carry was learnt by then."""
LATELY = timedelta(minutes=10)
"""How long ago the newest window of a placement may have ended for its replicas to have served lately."""
LONGEST_START = 1800.0
"""Seconds; what took longer was not a start: a pod that was ready before and is again does not tell which."""
SIZING_SAMPLE = 30
"""Good requests from which on sizing trusts a live figure of capacity; a cost decision asks for rebalancing.minGoodRequests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """Derived facts. `members`: the placements that hold the load outside of the move under way, in order of key. `live`: evidence by placement from
    fresh windows only; `kept`: what is remembered once this pass is over, the figures that stay byte for byte at constant traffic. `read`: the
    windows of each fresh reading; `sound`: those of them that are evidence: a crash is told by itself, and says nothing of what a replica carries;
    nor does what had piled up, or what nobody sees. `promise`: over all of the last windows, with what is missed steadily, and `tightest` which of several promises that test is of; `kept_at_best`: the same if all requests were good that may have been;
    `strain`: over those of them that tell whether the replicas are too few."""

    snapshot: Snapshot
    now: datetime
    candidates: tuple[Candidate, ...]
    read: Mapping[PlacementKey, tuple[Window, ...]]
    sound: Mapping[PlacementKey, tuple[Window, ...]]
    members: tuple[Placement, ...]
    live: Mapping[PlacementKey, Known]
    kept: Mapping[PlacementKey, Known]
    load: Load | None
    counting: Counting
    promise: Test
    tightest: str | None
    kept_at_best: Test
    strain: Test
    options: tuple[Option, ...]
    by_pool: Mapping[str, Option]
    """The same: they are asked for by name some hundred times."""

    @property
    def allocation(self) -> Allocation:
        """Replicas wanted now."""
        return {p.key: p.desired for p in self.members}

    @property
    def primary(self) -> PlacementKey | None:
        """Of several placements that hold the load, the one that is named first: the same as before, as long as it holds any."""
        keys = {p.key for p in self.members}
        before = next((key for key in self.snapshot.memory.allocation if key in keys), None)
        most = max(self.members, key=lambda p: (p.ready, p.desired, p.key), default=None)
        return before or (most.key if most else None)

    @property
    def carrying(self) -> tuple[Placement, ...]:
        """The placements that hold the load: once the source of a move has no replica left, its target."""
        return self.members or tuple(p for p in self.snapshot.placements if p.desired > 0)

    def candidate(self, pool: str) -> Candidate | None:
        """The pool as a candidate."""
        found = self.by_pool.get(pool)
        return found.candidate if found is not None else None

    def option(self, pool: str) -> Option | None:
        """The pool as an option."""
        return self.by_pool.get(pool)

    @property
    def eligible(self) -> tuple[Eligible, ...]:
        """Those that may take all of the load."""
        return tuple(o for o in self.options if isinstance(o, Eligible))

    @property
    def refused(self) -> tuple[Refused, ...]:
        """Those that may not."""
        return tuple(o for o in self.options if isinstance(o, Refused))

    @property
    def missing(self) -> str:
        """Which pools the workload names that do not exist, as a sentence; empty where all do."""
        there = {pool.name for pool in self.snapshot.pools}
        gone = sorted(set(self.snapshot.workload.pools) - there)
        if not gone:
            return ""
        which = f"pool {gone[0]} does" if len(gone) == 1 else f"pools {', '.join(gone)} do"
        others = f"there are {', '.join(sorted(there))}" if there else "there is none"
        return f"{which} not exist{self.labelled} ({others}): correct the name in spec.placement.pools, or create the pool"

    @property
    def labelled(self) -> str:
        """The labels that this installation's pools have, as the end of a sentence; empty where all are its own."""
        asked = self.snapshot.settings.pool_labels
        return f" with the labels {', '.join(f'{key}={value}' for key, value in asked.items())} of config.poolLabels" if asked else ""

    def is_ours(self, placement: Placement) -> bool:
        """Whether Steelyard writes the placement's replicas; how many there are may be for somebody else to say (`wished`)."""
        return placement.replicas_owner is None and self.snapshot.workload.existing is None

    def wished(self, pool: str) -> int:
        """Replicas on a pool, of all revisions, that somebody else asks for where it is theirs to say; where no ScaleTarget says it yet, as many as
        stand. Both ends of a roll-out carry the load, so the larger one counts."""
        told = self.snapshot.scale_targets.get(pool)
        if told is not None:
            return told
        stand = [p.desired for p in self.snapshot.placements if p.key.pool == pool]
        move = self.snapshot.memory.move
        both = move is not None and move.source.pool == move.target.pool == pool
        return max(stand, default=0) if both else sum(stand)

    def is_exhausted(self, pool: str) -> bool:
        """Whether the pool could not deliver nodes lately."""
        found = self.snapshot.pool(pool)
        return found is not None and found.exhausted_until is not None and self.now < found.exhausted_until

    def why_exhausted(self, pool: str) -> str:
        """What was said when it could not; empty where it could."""
        found = self.snapshot.pool(pool)
        return found.exhaustion.reason if found is not None and found.exhaustion is not None and self.is_exhausted(pool) else ""

    def is_quarantined(self, key: PlacementKey) -> bool:
        """Whether the placement failed and is left alone for a while."""
        return any((q.pool, q.revision) == key and self.now < q.until for q in self.snapshot.memory.quarantine)

    def asked_in_vain(self, key: PlacementKey) -> bool:
        """Whether replicas there had no quota lately, or were refused nodes, and others do their work."""
        lately = (q for q in self.snapshot.memory.quarantine if (q.pool, q.revision) == key and self.now < q.until)
        return any(q.reason in ASKED_IN_VAIN for q in lately)

    def is_closed(self, option: Option) -> bool:
        """Whether the pool could not deliver nodes lately, or failed with the revision that would be made there."""
        return self.is_exhausted(option.pool) or self.is_quarantined(PlacementKey(option.pool, option.candidate.revision or ""))

    def traffic(self, key: PlacementKey) -> Reading[Traffic]:
        """The placement's reading."""
        return self.snapshot.traffic.get(key, Unknown(f"no serving replica of pool {key.pool} was read yet"))

    @property
    def blind(self) -> str:
        """Which promised times the servers that hold the load tell no more than a mean of, and what would make them known; empty where all are told."""
        return next((told.blind for p in self.members if (told := last_known(self.traffic(p.key))) is not None and told.blind), "")

    @property
    def each_request(self) -> str:
        """What requests cost, good or not, over all windows, as the end of a sentence; empty where the cost or their number is not known."""
        lately = [w for p in self.members for w in self.every_window(p.key)]
        costs, answered = [w.cost for w in lately if w.cost is not None], sum(w.good + w.slow for w in lately)
        if not costs or len(costs) < len(lately) or not answered:
            return ""
        each = significant(PER * sum(costs) / answered, 2)
        return f"; {PER:,.0f} requests cost {each:g}, good or not, so that {PER:,.0f} good ones cost that or more"

    def doubts(self, key: PlacementKey) -> tuple[str, ...]:
        """What of the names of its metrics may not be meant so."""
        told = last_known(self.traffic(key))
        return () if told is None else told.doubts

    def every_window(self, key: PlacementKey) -> tuple[Window, ...]:
        """All windows of a fresh reading; none otherwise."""
        return self.read.get(key, ())

    def windows(self, key: PlacementKey) -> tuple[Window, ...]:
        """Those of them that are evidence (`sound`)."""
        return self.sound.get(key, ())

    def served_lately(self, placement: Placement) -> int:
        """Replicas of it that served in its newest window, if that ended within LATELY."""
        newest = (self.read.get(placement.key) or self.snapshot.past.get(placement.key, ()))[-1:]
        return max((round(w.replicas) for w in newest if self.now - w.end <= LATELY), default=0)

    def capacity(self, key: PlacementKey) -> float | None:
        """Requests per second and replica that sizing may rely on: remembered, else live; a claim does not size anything."""
        live, known = self.live.get(key), self.kept.get(key)
        now = live.capacity if live else None
        if known and known.capacity:
            if known.capacity.at_least:
                return max(self._carried(key, known), self._carried_before(key))
            return known.capacity.rate.point
        if now and now.n >= SIZING_SAMPLE:
            return max(now.rate.point, self._carried_before(key)) if now.at_least else now.rate.point
        return saturated(self.windows(key)[-RECENT:]) if self.strain.result is Result.FAIL else None

    def _carried(self, key: PlacementKey, known: Known) -> float:
        """The remembered figure was only the load of its day; carried is carried, in a steady window or not."""
        remembered = known.capacity.rate.point if known.capacity else 0.0
        return max(carried(self.windows(key), self.snapshot.workload.allowed) or 0.0, remembered)

    def _carried_before(self, key: PlacementKey) -> float:
        """Requests per second and replica that the last revision before this one carried on the same pool: the part of the load that a new one carries
        beside it shows nothing less (performance/epoch.py). 0 where there was none, or where the promise is broken now."""
        older = [k for place, k in sorted(self.kept.items()) if place.pool == key.pool and place != key and k.capacity]
        last = max(older, key=_ended, default=None)
        if last is None or self.strain.result is Result.FAIL:
            return 0.0
        return self._carried(PlacementKey(last.pool, last.revision), last)

    def only_carried(self, key: PlacementKey) -> bool:
        """Whether the placement's capacity is only a load that was carried: the true one is there or above."""
        known = self.kept.get(key) or self.live.get(key)
        if self.strain.result is Result.FAIL:
            return False
        return bool(known and known.capacity and known.capacity.at_least)

    def share(self, placement: Placement) -> float:
        """Requests per second that each of its ready replicas gets: an equal part of the load, or by weights an equal part of its placement's; 0 where
        none is ready or no load is known."""
        route = self.snapshot.route
        if self.load is not None and placement.ready > 0 and route is not None and self.snapshot.weighted:
            return self.load.now * route.part(placement.key) / placement.ready
        serving = sum(p.ready for p in self.carrying)
        return self.load.now / serving if self.load is not None and serving and placement.ready > 0 else 0.0

    def claimed(self, pool: str) -> float | None:
        """Requests per second that a replica there is taken to carry before anything is measured."""
        option = self.option(pool)
        return option.capacity.rate.point if option is not None and option.capacity is not None else None

    def is_guessed(self, placement: Placement) -> bool:
        """Whether the load that it carries is all that is known of its capacity: then any forecast is beyond it, and says nothing."""
        if self.capacity(placement.key):
            known = self.kept.get(placement.key) or self.live.get(placement.key)
            return known is not None and known.capacity is not None and known.capacity.at_least
        return placement.ready > 0 and self.share(placement) >= (self.claimed(placement.key.pool) or 0.0)

    def is_hopeless(self, key: PlacementKey) -> bool:
        """Whether the promise is known to be kept there at no load, so that more replicas of the same do not help."""
        known = self.kept.get(key)
        return never(known.floor if known else None, self.snapshot.workload.allowed, self.now)

    @property
    def is_a_guess(self) -> bool:
        """Whether a capacity that the load rests on is guessed."""
        return any(self.is_guessed(p) or self.is_hopeless(p.key) for p in self.carrying)

    @property
    def asked(self) -> float:
        """Requests per second that must be carried; 0 where no load is known."""
        if self.load is None:
            return 0.0
        return self.load.now if self.is_a_guess else self.load.soon

    def broke_at(self, key: PlacementKey) -> float | None:
        """The smallest load per replica (requests per second) that broke the promise within REMEMBERED, steady or not."""
        allowed = self.snapshot.workload.allowed
        windows = self.windows(key)
        lately = [w for w in windows if windows[-1].end - w.end < REMEMBERED]
        broken = [w.offered / w.replica_seconds for w in lately if broke(w, allowed)]
        return min(broken, default=None)

    def good(self, key: PlacementKey) -> int:
        """Good requests behind the placement's figures, live or remembered."""
        figures = (self.live.get(key), self.kept.get(key))
        return max((k.capacity.n for k in figures if k and k.capacity), default=0)


def of_load(recent: tuple[Window, ...]) -> tuple[Window, ...]:
    """Those of the last RECENT windows that tell what the load does: one crash is not too much load. Servers that crash in all of them may
    well have too much."""
    sound = undisturbed(recent)
    return sound if sound or len(recent) < RECENT else recent


def holding(snapshot: Snapshot) -> tuple[Placement, ...]:
    """The placements that hold the load outside of the move under way, by what exists and not by what is remembered, in order of key: a status
    that is lost loses none of them."""
    move = snapshot.memory.move
    passing = move.target if move is not None and not move.target_base else None
    return tuple(sorted((p for p in snapshot.placements if p.desired > 0 and p.key != passing), key=lambda p: p.key))


def analysis(snapshot: Snapshot, now: datetime) -> Analysis:
    """Derive everything once."""
    workload = snapshot.workload
    found, members = candidates(snapshot), holding(snapshot)
    tables = {key: r.value.windows for key, r in sorted(snapshot.traffic.items()) if isinstance(r, Fresh)}
    fresh = {key: tuple(windows) for key, windows in tables.items()}
    sound = {key: without_backlog(undisturbed(seeing(windows)), workload.allowed) for key, windows in fresh.items()}
    live, kept = _evidence(snapshot, sound)
    keys = [p.key for p in sorted(snapshot.placements, key=lambda p: p.key) if p.key in fresh]
    serving = [fresh[key] for key in keys]
    misses = risk(workload, {p.key: fresh[p.key] for p in snapshot.placements if p.key in fresh}, sound, {**live, **kept})
    asked = load([tables[key] for key in keys], snapshot.past.values(), misses, _start(members), snapshot.memory.rises)
    lately = [w for windows in serving for w in windows[-RECENT:]]
    remembered = [w for windows in serving for w in windows]
    promise = kept_lately(lately, remembered, workload.allowed)
    strained = [w for windows in serving for w in of_load(windows[-RECENT:])]
    known = _evidence_by_pool(snapshot, found, members, live, kept)
    counted = _counting(snapshot, [sound[key] for key in keys])
    seen = options(found, snapshot, known, Asked(asked, counted), {p.key.pool for p in members}, now)
    return Analysis(
        snapshot=snapshot,
        now=now,
        candidates=found,
        read=fresh,
        sound=sound,
        members=members,
        live=live,
        kept=kept,
        load=asked,
        counting=counted,
        promise=promise.test,
        tightest=promise.metric,
        kept_at_best=kept_lately(lately, remembered, workload.allowed, at_best=True).test,
        strain=promise_kept(strained, workload.allowed).test,
        options=seen,
        by_pool={option.pool: option for option in seen},
    )


def _counting(snapshot: Snapshot, serving: list[tuple[Window, ...]]) -> Counting:
    """What requests count for now, over all that serves."""
    workload = snapshot.workload
    windows = sorted((w for each in serving for w in each[-LATEST:]), key=lambda w: (w.end, w.start))
    ended = windows[-1].end.isoformat() if windows else ""
    return counting(workload.unit, windows, random.Random(f"{workload.uid}/counting/{ended}"))


def _start(members: tuple[Placement, ...]) -> float:
    """Seconds from the order of a replica until it is ready, where that takes longest."""
    return min(LONGEST_START, max((p.start_seconds for p in members if p.start_seconds is not None), default=START))


def _evidence(
    snapshot: Snapshot, sound: Mapping[PlacementKey, tuple[Window, ...]]
) -> tuple[dict[PlacementKey, Known], dict[PlacementKey, Known]]:
    """(live, kept)."""
    memory, workload = snapshot.memory, snapshot.workload
    settled = max((m.time for m in memory.history), default=None)
    live: dict[PlacementKey, Known] = {}
    kept = {PlacementKey(k.pool, k.revision): k for k in memory.known}
    probe = probe_of(snapshot)
    if probe is not None and (found := probe_evidence(probe, workload.allowed, workload.latency)) is not None:
        kept[probe.key] = with_probe(kept.get(probe.key), found)
    calm, least = memory.move is None, workload.rebalancing.min_good_requests
    for key, windows in sound.items():
        told, left = at_its_load(windows, workload.allowed), left_over(windows, workload.allowed)
        used, served = (each if settled is None else since(each, settled) for each in (windows, told))
        if calm:
            used = constellation(tuple(w for w in used if w.steady))
            served = tuple(w for w in told if w.steady)
        ran = tuple(w for w in served if w.end not in left)
        chance = random.Random(f"{workload.uid}/{key.pool}/{key.revision}/{used[-1].end.isoformat() if used else ''}")
        known = evidence(
            key,
            Shown(windows=used, ran=ran, served=served, steady=calm, least=least, objective=workload.whole_request),
            workload.promise,
            chance,
        )
        if known is None:
            continue
        live[key] = known
        newest = latest(ran, least)
        before = kept.get(key)
        worth = remember(before, known, least, carried(newest, workload.allowed), broken_at(newest, workload.allowed))
        floor = remember_floor(before.floor if before else None, known.floor, workload.allowed, least)
        if worth is not None or floor is not None:
            kept[key] = replace(worth or Known(pool=key.pool, revision=key.revision), floor=floor)
    return live, kept


def probe_of(snapshot: Snapshot) -> Probe | None:
    """The probe of the move under way, while that stands at its probe; another one is of the past."""
    move, probe = snapshot.memory.move, snapshot.probe
    if move is None or probe is None or move.step is not Step.PROBE or probe.move != move.id:
        return None
    return probe if probe.key in {move.source, move.target} else None


def _evidence_by_pool(
    snapshot: Snapshot,
    found: tuple[Candidate, ...],
    members: tuple[Placement, ...],
    live: Mapping[PlacementKey, Known],
    kept: Mapping[PlacementKey, Known],
) -> EvidenceByPool:
    """The figures of a pool are those of what runs there, whatever a newer image would be called: a claim never displaces them."""
    known: dict[str, Known] = {}
    before: dict[str, Known] = {}
    move, least = snapshot.memory.move, snapshot.workload.rebalancing.min_good_requests
    # Of two revisions on a pool the one with more ready replicas is written over the other.
    runs = {p.key.pool: p.key.revision for p in sorted(members, key=lambda p: (p.ready, p.key))}
    if move is not None:
        runs[move.target.pool] = move.target.revision
    for candidate in found:
        key = PlacementKey(candidate.name, runs.get(candidate.name, candidate.revision or ""))
        now = live.get(key)
        # A move is judged on its own minutes; outside of moves the remembered figure keeps noise out.
        best = now if move is not None and now and now.capacity and now.capacity.n >= least else kept.get(key)
        probed = kept.get(key)
        if best is not None and probed is not None and probed.probed is not None:
            # Over the minutes of a move live traffic shows a load that was carried, and a probe what may be.
            best = replace(best, capacity=probed.capacity, saturation=probed.saturation, probed=probed.probed)
        older = [k for place, k in sorted(kept.items()) if place.pool == candidate.name and place != key and k.capacity]
        if best is not None:
            # A floor is of all that was seen there, in a move or not.
            floor = kept[key].floor if key in kept else None
            known[candidate.name] = best if best.floor == floor else replace(best, floor=floor)
        if (best is None or best.capacity is None) and older:
            before[candidate.name] = max(older, key=_ended)
    return EvidenceByPool(known, before)


def _ended(known: Known) -> tuple[bool, str]:
    at = measured_at(known)
    return at is not None, at.isoformat() if at else ""
