"""Does what is ready or surely coming carry the load, keep the promise, and meet the user's minimum and families? If not, what is missing is added
in the cheapest way that is open now, on any pool.

First placement, a node that is gone, a pool that is too small, one that delivers nothing, a broken promise, a family that is owed: one rule. No
gate stops it but fences: frozen and paused stop what is voluntary.

When a node dies, its replicas wait for another one, and this happens, by what `supply.py` counts on:

1. While what is ready is not overloaded, they are coming (`coming`): what stands is enough with them, and nothing is added.
2. While it is overloaded, they are `displaced`: as many as are missing are added at once on pools that were measured, and nothing is let go of, since
   the node may be back in a minute (docs/adr/0037-what-lost-its-nodes-is-replaced-at-once.md).
3. Once they have waited for `exhaustion.DEADLINE`, or it is said that no node comes, they are `lost`: what is missing is added on any pool that is open,
   and what waits in vain is let go of when others do its work.
4. Where no pool is open, what stands stays. A workload that the fleet's plan leaves out is told so (`go_without.py`), and one of which nothing serves,
   why, pool by pool (`nowhere.py`).

While a move is under way it is the same; the move goes on with its own ends (`go_on.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from steelyard.core.facts.memory import Quarantine
from steelyard.core.facts.snapshot import Placement
from steelyard.core.placing import go_without
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.decision import Note
from steelyard.core.placing.fresh import unread
from steelyard.core.placing.nowhere import nowhere
from steelyard.core.placing.outcome import Allocation, Outcome
from steelyard.core.placing.quarantine import quarantined
from steelyard.core.placing.requirement import needed, promise_now
from steelyard.core.placing.room import awaited, claimed_unit_cost, key_of, known_or_owed, openings, rules_of, standing
from steelyard.core.placing.supply import displaced, lost, never_came, why_lost, without_quota
from steelyard.core.planning.enough import Rules, Stand, filled, outgrown, suffices, without_slower
from steelyard.core.statistics.sequential import Test
from steelyard.core.vocabulary.reason import Reason, Refusal


@dataclass(frozen=True, kw_only=True)
class Shortage:
    """What must be carried (requests per second) under which rules, by what stands. `promise`: as it is kept now by as many replicas."""

    seen: Analysis
    load: float
    promise: Test
    rules: Rules
    standing: tuple[Stand, ...]

    @cached_property
    def openings(self) -> tuple[Stand, ...]:
        """What may be opened; looked for where it is asked for, which is seldom."""
        return openings(self.seen)

    @cached_property
    def enough(self) -> bool:
        """Whether nothing is missing. What nobody could open is not missing."""
        rules = replace(self.rules, families=self._families_owed)
        carried = suffices(self.standing, self.load, rules) or without_slower(self.standing, self.load, rules) is not None
        return carried and self._least_met

    @property
    def _families_owed(self) -> int:
        """Of those that there are."""
        here, owed = _families(self.standing), self.rules.families
        return owed if owed <= len(here) else min(owed, len(here | _families(self.openings)))

    @property
    def _least_met(self) -> bool:
        owed = any(choice.minimum for choice in self.seen.snapshot.workload.pools.values())
        return not owed or all(s.least == 0 for s in self.openings)


def repair(seen: Analysis, short: Shortage) -> Outcome | None:
    """What to add, and why; None where nothing is missing, or where another manager writes the replicas."""
    if not all(seen.is_ours(p) for p in seen.members):
        return None
    if seen.members and short.enough:
        return None
    cheaper = _worth_waiting_for(seen, short)
    if cheaper is not None:
        return Outcome.wait({}, cheaper)
    wanted = addition(seen, short)
    if wanted == seen.allocation:
        return go_without.told(seen) or (None if seen.members else nowhere(seen))
    return _added(seen, wanted)


def is_short(seen: Analysis, short: Shortage) -> bool:
    """Whether something is missing that no open pool has room for. Where somebody else sizes, or a queue has no quota, nothing would come of room that
    others make."""
    workload = seen.snapshot.workload
    if workload.deleting or workload.sized_elsewhere or not all(seen.is_ours(p) for p in seen.members):
        return False
    if any(without_quota(seen, p) for p in seen.members):
        return False
    return not (seen.members and short.enough) and addition(seen, short) == seen.allocation


def shortage(seen: Analysis) -> Shortage:
    """The question, with all that it rests on."""
    stands, promise = standing(seen), promise_now(seen)
    return Shortage(seen=seen, load=needed(seen, stands, promise), promise=promise, rules=rules_of(seen), standing=stands)


def _families(stands: Iterable[Stand]) -> frozenset[str]:
    """Those that a replica is on, or may be."""
    return frozenset(s.family for s in stands if s.replicas or s.most)


def addition(seen: Analysis, short: Shortage) -> Allocation:
    """The allocation with what is missing: on pools that were measured before those that were not. Replicas that do not come are let go of once
    others do their work."""
    known, hedged = known_or_owed(seen, short.openings), any(displaced(seen, p) for p in seen.members)
    tried = (known, short.openings) if seen.members else (short.openings,)
    if hedged:  # what may be back in a minute is no reason to try an unknown pool
        tried = (known,)
    for opened in tried:
        stands = (*short.standing, *opened)
        counts = outgrown(stands, short.load, short.rules) if stands else None
        if counts is not None:
            found = _allocation(stands, counts)
            # What is not read may be serving, and what lost its node may come back: nothing is let go of.
            return found if unread(seen) is None and not hedged else _kept(seen, found)
    stands = (*short.standing, *tried[-1])
    return _kept(seen, _allocation(stands, filled(stands, short.load, short.rules)))


def _kept(seen: Analysis, found: Allocation) -> Allocation:
    return {**found, **{p.key: max(found.get(p.key, 0), p.desired) for p in seen.members}}


def _allocation(stands: Sequence[Stand], counts: Sequence[int]) -> Allocation:
    members = {key_of(s): n for s, n in zip(stands, counts, strict=True)}
    return {key: n for key, n in members.items() if n > 0 or key in {key_of(s) for s in stands if s.most == s.replicas}}


def _worth_waiting_for(seen: Analysis, short: Shortage) -> Refusal | None:
    """At the first placement: the refusal of a pool that still compiles where a request is taken to cost less than on any that is open."""
    if seen.members or seen.load is not None or seen.snapshot.memory.allocation:
        return None
    waiting = min(awaited(seen), key=claimed_unit_cost, default=None)
    open_ = {key_of(s).pool for s in short.openings}
    best = min((o for o in seen.options if o.pool in open_), key=claimed_unit_cost, default=None)
    if waiting is None or (best is not None and claimed_unit_cost(best) <= claimed_unit_cost(waiting)):
        return None
    return waiting.refusal


def _added(seen: Analysis, wanted: Allocation) -> Outcome:
    failed = next((p for p in seen.members if never_came(seen, p) and wanted.get(p.key, 0) == 0), None)
    quarantine: Quarantine | None = (
        quarantined(seen, failed.key, Reason.TARGET_CRASHED) if failed is not None else _asked_in_vain(seen, wanted)
    )
    missing = [p for p in seen.members if lost(seen, p)]
    more = {key: n - seen.allocation.get(key, 0) for key, n in sorted(wanted.items()) if n > seen.allocation.get(key, 0)}
    where = " and ".join(f"{n} replica(s) on pool {key.pool}" for key, n in more.items()) or "no more are needed"
    if missing:
        worst = max(missing, key=lambda p: (lost(seen, p), p.key))
        note = Note(why_lost(seen, worst).reason, f"{why_lost(seen, worst).message}: {where}", warning=True)
        return Outcome.place(wanted, note, target=_largest(more), quarantine=quarantine)
    if not seen.members:
        return Outcome.place(wanted, _first(seen, where), target=_largest(more))
    return Outcome.scale(wanted, unread(seen) or settling(seen.members), scaled(seen, wanted))


def _asked_in_vain(seen: Analysis, wanted: Allocation) -> Quarantine | None:
    """The place where replicas are let go of since there was no quota for them, or nodes were refused: it is asked again after a pause."""
    left = next((p for p in seen.members if _is_refused(seen, p) and wanted.get(p.key, 0) < p.desired), None)
    if left is None:
        return None
    return quarantined(seen, left.key, Reason.POOL_EXHAUSTED if left.refused_nodes else Reason.WAITING_FOR_QUOTA)


def _is_refused(seen: Analysis, placement: Placement) -> bool:
    return bool(placement.refused_nodes) or without_quota(seen, placement) > 0


def _first(seen: Analysis, where: str) -> Note:
    before = [key.pool for key in seen.snapshot.memory.allocation]
    if before:
        return Note(Reason.PLACING, f"the Deployment on pool {' and '.join(before)} is missing: {where}", warning=True)
    priced = any(o.each for o in seen.options)
    return Note(Reason.PLACING, f"starting {where}: {'cheapest as claimed' if priced else 'no price is known'}")


def _largest(more: Allocation) -> str | None:
    return max(more, key=lambda key: (more[key], key)).pool if more else None


def settling(members: Sequence[Placement]) -> Refusal:
    """Sizing first, then cost."""
    pools = " and ".join(p.key.pool for p in members)
    return Refusal(Reason.WAITING, f"the replicas on pool {pools} follow the load first: what they cost is measured after that")


def scaled(seen: Analysis, wanted: Allocation) -> tuple[Note, ...]:
    """One note for each pool whose number of replicas follows the load."""
    before: Allocation = seen.allocation
    rate = f" for {seen.load.now:.3g} requests/s" if seen.load else ""
    changed = sorted(key for key in {*before, *wanted} if before.get(key, 0) != wanted.get(key, 0))
    return tuple(Note(Reason.SCALED, f"{before.get(k, 0)} to {wanted.get(k, 0)} replicas on pool {k.pool}{rate}") for k in changed)
