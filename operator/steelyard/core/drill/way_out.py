"""Which pool of another accelerator family a drill tries: of those that could take the workload now, one of the family whose proof is oldest."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf

from steelyard.core.drill.reserve import reserve
from steelyard.core.facts.exit_drill import DrillMemory, ExitDrill
from steelyard.core.placing.analysis import Analysis
from steelyard.core.planning.option import Option, refusal_of
from steelyard.core.trials.place import full, unpriced
from steelyard.core.vocabulary.reason import AWAITED, Reason, Refusal

NEVER = datetime.min.replace(tzinfo=UTC)
TOLD = 4
"""Pools of which it is said why they cannot be tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WayOut:
    """What a drill would try, with so many seconds of load. `compares`: whether the pool in use has room for one replica more, to be measured beside
    it."""

    source: Option
    target: Option
    compares: bool
    seconds: int


def families_in_use(seen: Analysis) -> frozenset[str]:
    """Of the pools that hold the load and are there."""
    found = (seen.candidate(p.key.pool) for p in seen.members)
    return frozenset(each.pool.family for each in found if each is not None)


def way_out(seen: Analysis, memory: DrillMemory, asked: ExitDrill) -> WayOut | Refusal:
    """The pool to try, or why there is none. memory: with a family in use."""
    source = seen.option(seen.primary.pool) if seen.primary is not None else None
    if source is None:
        return Refusal(Reason.PLACING, "no replica is wanted on a pool that is there: a drill is made once the workload serves")
    target = _target(seen, memory)
    if isinstance(target, Refusal):
        return target
    compares = why_not(seen, source) is None
    paid = reserve(seen, [source, target] if compares else [target], asked.budget)
    return paid if isinstance(paid, Refusal) else WayOut(source=source, target=target, compares=compares, seconds=paid)


def _target(seen: Analysis, memory: DrillMemory) -> Option | Refusal:
    """The pool whose turn it is, of those of another family that could take the workload now."""
    used = families_in_use(seen)
    others = [o for o in seen.options if o.candidate.pool.family not in used and o.candidate.pool.selected]
    if not others:
        return _alone(seen, used)
    why = {o.pool: refusal for o in others if (refusal := why_not(seen, o)) is not None}
    able = [o for o in others if o.pool not in why]
    return min(able, key=lambda option: _rank(option, memory)) if able else _together(why)


def why_not(seen: Analysis, option: Option) -> Refusal | None:
    """Why the pool could not take the workload's load, or a replica to be tried, now."""
    return _steady(option) or unpriced(option) or full(seen, option)


def _steady(option: Option) -> Refusal | None:
    """Without the number of replicas, which follows the load: a drill that waits is no reason to write."""
    why = refusal_of(option)
    if why is None or why.reason is not Reason.LIMIT_REACHED:
        return why
    return Refusal(
        Reason.LIMIT_REACHED,
        f"the load needs more replicas there than the {option.most} that are allowed: raise spec.scaling.maxReplicas, "
        "spec.placement.pools[].maxReplicas or the pool's spec.capacity.maxNodes",
    )


def _rank(option: Option, memory: DrillMemory) -> tuple[bool, datetime, float, float, str]:
    """What failed last comes last, so that it keeps no other from its turn; then the family whose proof is oldest; of one family the cheapest
    pool."""
    family, last = option.candidate.pool.family, memory.last
    failed = last is not None and last.target == option.pool and last.reason != Reason.EXIT_PROVEN.value
    proven = next((p.time for p in memory.proofs if (p.source_family, p.target_family) == (memory.family, family)), NEVER)
    return failed, proven, option.cost.point if option.cost is not None else inf, option.listed or inf, option.pool


def _alone(seen: Analysis, used: Set[str]) -> Refusal:
    unselected = sorted(o.pool for o in seen.options if o.candidate.pool.family not in used)
    todo = f"allow {', '.join(unselected[:TOLD])} in spec.placement" if unselected else "create a pool of another family"
    return Refusal(
        Reason.NO_OTHER_FAMILY, f"every pool that the workload may use is of a family in use ({', '.join(sorted(used)) or 'none'}): {todo}"
    )


def _together(why: dict[str, Refusal]) -> Refusal:
    """What comes by itself is told first: it is what is waited for."""
    first = sorted(why.items(), key=lambda each: (each[1].reason not in AWAITED, each[0]))
    told = "; ".join(f"pool {pool}: {refusal.message}" for pool, refusal in first[:TOLD])
    return Refusal(first[0][1].reason, told)
