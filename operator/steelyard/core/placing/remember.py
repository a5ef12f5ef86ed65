"""What outlives this decision: the memory that status holds, and what is told of the change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from steelyard.core.facts.capacity import Capacity
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import HISTORY, BoardLine, Known, LastDecision, Memory, PastMove, Quarantine, VerdictWord
from steelyard.core.facts.rises import Rises
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.performance.ageing import measured_at
from steelyard.core.placing.analysis import Analysis, probe_of
from steelyard.core.placing.decision import Note
from steelyard.core.placing.intent import Intent
from steelyard.core.placing.outcome import Outcome
from steelyard.core.placing.quarantine import QUARANTINE_MOST, of_the_decision
from steelyard.core.placing.realised import measured
from steelyard.core.planning.count_rises import count_rises
from steelyard.core.planning.option import Option, line
from steelyard.core.rebalancing.claims import verdicts
from steelyard.core.statistics.significant import significant
from steelyard.core.vocabulary.reason import SETTLED, WISHED, Reason
from steelyard.core.vocabulary.verdict import Verdict

OF_THE_LOAD = frozenset({Reason.LIMIT_REACHED})
"""Why an option is refused that would do at another load."""
SHOWN = 32
"""Options, and claims, that a status has room for."""
KNOWN = 32
"""Placements whose evidence a status has room for."""
ALIKE = 1.25
"""Factor within which two start-ups are taken for the same."""
QUARANTINED = 16
"""Places in quarantine that a status has room for."""


def remember(seen: Analysis, outcome: Outcome) -> Memory:
    """The memory after this decision."""
    memory, workload = seen.snapshot.memory, seen.snapshot.workload
    if not seen.snapshot.synced:
        return memory  # What is not seen yet is not gone.
    quarantine = [q for q in memory.quarantine if seen.now < q.until + QUARANTINE_MOST]
    if (failed := of_the_decision(seen, outcome)) is not None:
        quarantine = [*(q for q in quarantine if (q.pool, q.revision) != (failed.pool, failed.revision)), failed]
    history = measured(seen, memory.history) if outcome.past is None else _latest((*memory.history, outcome.past))
    claims = verdicts(seen.options, workload.model.uri, workload.rebalancing.min_good_requests, memory.claims, workload.unit)[:SHOWN]
    return replace(
        memory,
        allocation=_holding(seen, outcome),
        move=outcome.move,
        known=_worth_keeping(seen),
        history=history,
        quarantine=_longest(quarantine),
        claims=claims,
        rises=_rises(seen),
    )


def _rises(seen: Analysis) -> Rises | None:
    before = seen.snapshot.memory.rises
    return before if seen.load is None else count_rises(before, seen.load.rates)


def _latest(history: tuple[PastMove, ...]) -> tuple[PastMove, ...]:
    """What a person's trials did crowds out nothing of what the workload did by itself: its rests and pauses are counted by that."""
    kept: list[PastMove] = []
    for past in reversed(history):
        if sum((each.trial is None) is (past.trial is None) for each in kept) < HISTORY:
            kept.append(past)
    return tuple(reversed(kept))


def _holding(seen: Analysis, outcome: Outcome) -> tuple[PlacementKey, ...]:
    """The placements that hold the load from now on, the one that was named first before it first, as long as it holds any."""
    passing = outcome.move.target if outcome.move is not None and not outcome.move.target_base else None
    drained = outcome.move.source if outcome.move is not None else None
    keys = [key for key, n in outcome.allocation.items() if key != passing and (n > 0 or key == drained)]
    return tuple(sorted(keys, key=lambda key: (key != seen.primary, -outcome.allocation[key], key)))


def _worth_keeping(seen: Analysis) -> tuple[Known, ...]:
    """Evidence of what stands or would be made now; where a pool has none of that, its latest: an artifact may come back, and an older
    revision's figure is the next one's prior. What is known of a pool goes with the pool."""
    standing = {p.key for p in seen.snapshot.placements} | {PlacementKey(c.name, c.revision) for c in seen.candidates if c.revision}
    current = {key for key in seen.kept if key in standing}
    for candidate in seen.candidates:
        rest = [key for key in sorted(seen.kept) if key.pool == candidate.name]
        if rest and not any(key in current and key.revision == (candidate.revision or key.revision) for key in rest):
            current.add(max(rest, key=lambda key: (_until(seen.kept[key]), key)))
    if len(current) > KNOWN:
        current = set(sorted(current, key=lambda key: (key in standing, _until(seen.kept[key]), key))[-KNOWN:])
    starts = {p.key: p.start_seconds for p in seen.snapshot.placements}
    if (probe := probe_of(seen.snapshot)) is not None and starts.get(probe.key) is None:
        starts[probe.key] = probe.ready_seconds
    return tuple(_started(seen.kept[key], _start(seen.snapshot.memory.of(*key), starts.get(key))) for key in sorted(current))


def _started(known: Known, seconds: float | None) -> Known:
    return known if known.start_seconds == seconds else replace(known, start_seconds=seconds)


def _start(before: Known | None, now: float | None) -> float | None:
    """The measured start-up to remember, with two significant digits: another one only where it differs by more than the noise of starts."""
    known = before.start_seconds if before is not None else None
    if now is None or now <= 0 or (known is not None and known / ALIKE <= now <= known * ALIKE):
        return known
    return significant(now, 2)


def _longest(quarantine: Iterable[Quarantine]) -> tuple[Quarantine, ...]:
    """Those that last longest, as many as there is room for: what is forgotten may be tried again a little early, and fails again."""
    kept = sorted(quarantine, key=lambda q: (q.until, q.pool, q.revision))[-QUARANTINED:]
    return tuple(sorted(kept, key=lambda q: (q.pool, q.revision)))


def _until(known: Known) -> str:
    at = measured_at(known)
    return at.isoformat() if at else ""


def words(outcome: Outcome) -> tuple[Reason, str]:
    """The one reason and sentence that status shows."""
    if outcome.notes and outcome.verdict in {Verdict.PLACE, Verdict.DONE}:
        return outcome.notes[-1].reason, outcome.notes[-1].message
    if outcome.refusal is not None:
        return outcome.refusal.reason, outcome.refusal.message
    if outcome.move is not None:
        return outcome.move.reason, outcome.move.message
    return Reason.PLACED, "replicas are where the plan wants them"


def last_decision(seen: Analysis, outcome: Outcome, memory: Memory, reason: Reason, message: str) -> LastDecision:
    """The decision as it last changed: at constant inputs it stays byte for byte, numbers in its message included."""
    move = memory.move
    step = f"{move.id}/{'Ask' if move.asking else move.step.value}/{move.target_replicas}/{move.source_replicas}" if move else ""
    known = ",".join(f"{k.pool}/{k.revision}/{k.unit_cost}/{k.capacity}/{k.floor}" for k in memory.known)
    claims = ",".join(f"{c.pool}/{c.name}/{c.verdict.value}/{c.n}" for c in memory.claims)
    # Which of the reasons to stay comes first turns with the noise; that staying is right does not.
    why = "balanced" if reason in SETTLED else f"{reason.value}|{outcome.target}"
    wanted = ",".join(f"{key.pool}/{key.revision}={count}" for key, count in sorted(outcome.allocation.items()))
    # What a pool lacks by itself. What the load makes of it is left out: that turns with the noise.
    lacking = ((o.pool, o.refusal) for o in seen.refused if o.candidate.pool.selected and o.refusal.reason not in OF_THE_LOAD)
    closed = ",".join(f"{pool}:{refusal.reason.value}:{refusal.message}" for pool, refusal in lacking)
    unit = seen.snapshot.workload.unit
    subject = f"{outcome.verdict}|{why}|{memory.allocation}|{step}|{wanted}|{known}|{claims}|{len(memory.history)}|{closed}|{unit.value}"
    digest = hashlib.sha256(subject.encode()).hexdigest()[:16]
    old = seen.snapshot.memory.last
    if old is not None and old.digest == digest:
        return old
    costed = [o for o in seen.eligible if o.cost is not None]
    cheapest = min(costed, key=lambda o: (o.cost.point if o.cost else 0.0, o.pool)) if costed else None
    return LastDecision(
        time=seen.now,
        verdict=outcome.verdict,
        reason=reason.value,
        message=message,
        digest=digest,
        board=tuple(
            BoardLine(
                gate=f.gate,
                passed=f.refusal is None,
                reason=f.refusal.reason.value if f.refusal else "",
                message=f.refusal.message if f.refusal else "",
            )
            for f in (outcome.review.findings if outcome.review else ())
        ),
        options=tuple(line(o, cheapest) for o in _weighed(seen, outcome)),
        unit=unit,
    )


def _weighed(seen: Analysis, outcome: Outcome) -> tuple[Option, ...]:
    """The pools that this workload may use, and those where it runs: as many as a status has room for. A cluster has pools for others too."""
    first = {*(key.pool for key in outcome.allocation), outcome.target}
    mine = [o for o in seen.options if o.candidate.pool.selected or o.pool in first]
    kept = sorted(mine, key=lambda o: (o.pool not in first, o.pool))[:SHOWN]
    return tuple(sorted(kept, key=lambda o: o.pool))


def hold_notes(last: LastDecision | None, outcome: Outcome) -> tuple[Note, ...]:
    """One event when a hold begins or changes its reason, and one when it ends; not one a pass."""
    refusal = outcome.held
    if refusal is not None and refusal.reason is Reason.NOT_SYNCED:
        return ()  # Nothing is remembered of such a pass, so that the next one would tell it again.
    if refusal is not None:
        known = last is not None and last.verdict == Verdict.HOLD and last.reason == refusal.reason.value
        return () if known else (Note(refusal.reason, f"held: {refusal.message}", warning=refusal.reason not in WISHED),)
    if last is not None and last.verdict == Verdict.HOLD:
        return (Note(Reason.NOT_HELD, f"no longer held by {last.reason}"),)
    return ()


def order_notes(snapshot: Snapshot, outcome: Outcome, intent: Intent) -> tuple[Note, ...]:
    """An event for each removal, and for each other order where nothing else tells of any (invariant I6)."""
    told = [] if outcome.notes else [Note(Reason.PLACING, f"{o.replicas} replica(s) on pool {o.key.pool}") for o in intent.create]
    if not outcome.notes:
        before = {p.key: p.desired for p in snapshot.placements}
        scale = sorted((intent.scale or {}).items())
        told += [Note(Reason.SCALED, f"{before[key]} to {count} replicas on pool {key.pool}") for key, count in scale]
    return (*told, *(Note(Reason.REMOVED, f"nothing needs {key.revision} on pool {key.pool} any more") for key in intent.gone))


def probe_notes(old: Memory, new: Memory) -> tuple[Note, ...]:
    """One event for each probe's figure that live traffic has replaced."""
    return tuple(
        Note(
            Reason.PROBE_CONTRADICTED,
            f"pool {k.pool}: {_rate(before.capacity)} as probed, and {_rate(k.capacity)} by live traffic",
            warning=True,
        )
        for k in new.known
        if (before := old.of(k.pool, k.revision)) is not None
        and before.probed is not None
        and k.probed is None
        and before.capacity
        and k.capacity
    )


def _rate(capacity: Capacity) -> str:
    rate = capacity.rate
    if capacity.at_least:
        return f"at least {rate.point:.3g} requests/s and replica"
    return f"{rate.point:.3g} [{rate.lower:.3g}, {rate.upper:.3g}] requests/s and replica"


def claim_notes(old: Memory, new: Memory) -> tuple[Note, ...]:
    """One event for each claim whose verdict has changed."""
    before = {(v.pool, v.name): v.verdict for v in old.claims}
    reasons = {
        VerdictWord.CONFIRMED: Reason.CLAIM_CONFIRMED,
        VerdictWord.REFUTED: Reason.CLAIM_REFUTED,
        VerdictWord.INCONCLUSIVE: Reason.CLAIM_INCONCLUSIVE,
    }
    return tuple(
        Note(reasons[v.verdict], f"claim {v.name} of pool {v.pool}: {v.message}")
        for v in new.claims
        if before.get((v.pool, v.name), VerdictWord.INCONCLUSIVE) is not v.verdict
    )
